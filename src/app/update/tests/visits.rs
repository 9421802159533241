//! Looking elsewhere: what is asked first, where it leads, and how one comes back.

use super::*;
use crate::app::dialog::Leave;
use crate::app::{Choose, Left, Turn, Visit, VisitCommand, Visits};
use crate::fleet::DeploymentSeen;

fn visit(profile: Option<&str>, deployment: Option<&str>) -> Visit {
    Visit {
        profile: profile.map(str::to_owned),
        deployment: deployment.map(Into::into),
        home: "spot-7f3a".into(),
    }
}

/// A dashboard of `spot-7f3a` with the profile `home`, which looks there now.
fn looking(now: Option<Visit>) -> Model {
    let mut opening = opening(true);
    if let Some(visit) = &now {
        opening.read_only = Some("a visit".into());
        opening.deployment = visit.deployment.clone().unwrap_or_else(|| "-".into());
    }
    let profiles = ["home", "work"].map(str::to_owned).to_vec();
    opening.visits = Some(Visits::new(profiles, Some("home".into()), now));
    let mut model = Model::new(opening);
    command(&mut model, Command::Refresh);
    report(&mut model, 1, News::Job(account()));
    model
}

fn profile(model: &mut Model, name: Option<&str>) -> Vec<Effect> {
    command(model, Command::Visit(VisitCommand::Profile(name.map(str::to_owned))))
}

fn deployment(model: &mut Model, id: Option<&str>) -> Vec<Effect> {
    command(model, Command::Visit(VisitCommand::Deployment(id.map(Into::into))))
}

fn gone(effects: &[Effect]) -> Option<&Visit> {
    match effects {
        [.., Effect::Turn(Turn::Visit(visit))] => visit.as_deref(),
        _ => panic!("{effects:?}"),
    }
}

fn found(ids: &[&str]) -> News {
    let seen = |id: &&str| DeploymentSeen {
        deployment: (**id).into(),
        creator: Some("bob".into()),
        alive: 1,
        newest: None,
    };
    News::Job(JobNews::Deployments(ids.iter().map(seen).collect()))
}

fn menu(model: &Model) -> Vec<&str> {
    let Some(Dialog::Menu(menu)) = &model.dialog else { panic!("{:?}", model.dialog) };
    menu.items.iter().map(|(name, ..)| name.as_ref()).collect()
}

#[test]
fn a_profile_is_looked_with_and_left_again() {
    let mut model = looking(None);
    assert_eq!(gone(&profile(&mut model, Some("work"))), Some(&visit(Some("work"), None)));
    assert_eq!(profile(&mut model, Some("home")), []);
    assert_eq!(last_line(&model), "home is in use");
    assert_eq!(profile(&mut model, Some("wrok")), []);
    assert_eq!(last_line(&model), "there is no wrok; there are: home, work");
    profile(&mut model, None);
    assert_eq!(menu(&model), ["home", "work"]);

    for back in [None, Some("home")] {
        let mut model = looking(Some(visit(Some("work"), None)));
        assert_eq!(gone(&profile(&mut model, back)), None, "{back:?}");
    }
    let mut model = looking(Some(visit(Some("work"), None)));
    assert_eq!(gone(&deployment(&mut model, None)), None);
}

#[test]
fn a_deployment_is_looked_at_and_left_again() {
    let mut model = looking(None);
    assert_eq!(gone(&deployment(&mut model, Some("spot-2"))), Some(&visit(None, Some("spot-2"))));
    assert_eq!(deployment(&mut model, Some("spot-7f3a")), []);
    assert_eq!(last_line(&model), "spot-7f3a is what is shown");
    for back in [None, Some("spot-7f3a")] {
        let mut model = looking(Some(visit(None, Some("spot-2"))));
        assert_eq!(gone(&deployment(&mut model, back)), None, "{back:?}");
    }
    // What is called so in another account is not ours.
    let mut model = looking(Some(visit(Some("work"), Some("spot-2"))));
    let there = visit(Some("work"), Some("spot-7f3a"));
    assert_eq!(gone(&deployment(&mut model, Some("spot-7f3a"))), Some(&there));
}

#[test]
fn the_tags_tell_what_can_be_chosen() {
    let mut model = looking(None);
    let effects = deployment(&mut model, None);
    assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::FindDeployments)]), "{effects:?}");
    report(&mut model, 2, found(&["spot-7f3a", "spot-2"]));
    assert_eq!(menu(&model), ["spot-7f3a", "spot-2"]);
    model.dialog = None;
    assert_eq!(deployment(&mut model, Some("spot-3")), []);
    assert_eq!(last_line(&model), "the tags of this account tell of no spot-3");

    // What nobody asked for opens nothing; what is to be known to go on does.
    report(&mut model, 2, found(&["spot-2"]));
    assert!(model.dialog.is_none());
    let mut model = looking(Some(visit(Some("work"), None)));
    report(&mut model, 1, found(&["spot-2", "spot-3"]));
    assert_eq!(menu(&model), ["spot-2", "spot-3"]);
    let effects = command(&mut model, Command::Press(Press::Accept));
    assert_eq!(gone(&effects), Some(&visit(Some("work"), Some("spot-2"))));
}

#[test]
fn whoever_types_a_deployment_is_offered_those_that_there_are() {
    let mut model = looking(None);
    command(&mut model, Command::Screen(ScreenCommand::Palette));
    let effects = send(&mut model, 0, Message::Input(Input::Paste("deployment".into())));
    assert_eq!(effects, []);
    let space = Command::Press(Press::Edit(crate::app::Edit::InsertChar(' ')));
    let effects = command(&mut model, space.clone());
    assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::FindDeployments)]), "{effects:?}");
    report(&mut model, 2, found(&["spot-2"]));
    end(&mut model, 2, Outcome::Done);
    let Some(Dialog::Palette(palette)) = &model.dialog else { panic!("{:?}", model.dialog) };
    let proposals = palette.proposals(&model.words());
    assert_eq!(proposals[0].line, "deployment spot-2");
    assert_eq!(proposals[0].help, "by bob, 1 alive");
    assert_eq!(command(&mut model, space), [], "once is enough");
}

#[test]
fn with_a_create_under_way_the_question_comes_first() {
    for (choice, cancels) in [(Leave::Wait, 0), (Leave::Cancel, 1)] {
        let mut model = looking(None);
        command(&mut model, Command::create(Some(counts(1))));
        assert_eq!(profile(&mut model, Some("work")), []);
        let Some(Dialog::Quit(form)) = &model.dialog else { panic!("{:?}", model.dialog) };
        assert_eq!(form.jobs, ["#2 create in us-west-2"]);
        assert!(matches!(form.to, Left::Turn(Turn::Visit(Some(_)))));
        let at = Leave::ALL.iter().position(|leave| *leave == choice).unwrap();
        let effects = command(&mut model, Command::Press(Press::Pick(at)));
        let cancelled = effects.iter().filter(|it| matches!(it, Effect::Cancel(_))).count();
        assert_eq!(cancelled, cancels, "{effects:?}");
        assert!(!effects.iter().any(|it| matches!(it, Effect::Turn(_))), "not yet: {effects:?}");
        let effects = end(&mut model, 2, Outcome::Done);
        assert_eq!(gone(&effects), Some(&visit(Some("work"), None)), "{choice:?}");
    }
    let mut model = looking(None);
    command(&mut model, Command::create(Some(counts(1))));
    profile(&mut model, Some("work"));
    command(&mut model, Command::Press(Press::Choose(Choose::No)));
    assert!(model.dialog.is_none() && model.leaving.is_none());
}

#[test]
fn a_visit_writes_nothing_and_changes_nothing() {
    let mut model = looking(Some(visit(Some("work"), None)));
    report(&mut model, 1, News::Job(JobNews::Deployment("spot-2".into())));
    let seen = survey(&mut model, REGIONS[0], vec![running("i-1").1]);
    assert_eq!(seen, [], "nothing is written down");
    assert_eq!(model.fleet.len(), 1);
    let what = "READ-ONLY: a visit to spot-2 (profile work); :deployment goes back";
    let keep = "spot-tui recover --profile work --deployment spot-2 --state FILE takes it over";
    model.size = (80, 24);
    assert_eq!(model.banner().1, [what, keep]);
    assert_eq!(model.layout().banner, 2);
    model.size = (200, 60);
    assert_eq!(model.banner().1, [format!("{what}; {keep}")]);
    assert_eq!(command(&mut model, Command::destroy(Scope::All)), []);
    assert!(last_line(&model).starts_with("read-only, "), "{}", last_line(&model));
}

#[test]
fn a_demo_has_nowhere_else_to_go() {
    let mut model = model();
    assert_eq!(profile(&mut model, Some("work")), []);
    assert_eq!(last_line(&model), "the demo is one account with one deployment");
}
