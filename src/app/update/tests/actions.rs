//! The table of actions is kept: each is asked for, confirmed, refused and started as it says.

use std::sync::Arc;

use jiff::SignedDuration;
use strum::IntoEnumIterator;

use super::*;
use crate::app::action::{Bill, Confirm};
use crate::app::{Action, Aim, LogLine, ScreenCommand, TableCommand};
use crate::config::{IdleStop, MachineConfig};
use crate::fleet::{Kept, KeptKind, Retention};

/// A model with one instance that runs, one that failed, and what an action may be meant for.
fn model_for_actions() -> (Model, InstanceKey) {
    let mut model = model();
    let there = |id| {
        let mut machine = running(id).1;
        machine.seen.public_ip = "192.0.2.1".parse().ok();
        machine
    };
    survey(&mut model, REGIONS[0], vec![there("i-1"), there("i-2")]);
    let failed = Phase::Failed(Failure::new(FailureKind::Aws, Step::Verify, "no", ""));
    report(&mut model, 9, News::Instance("i-2".into(), InstanceNews::Entered(failed)));
    report(&mut model, 9, News::Job(account()));
    model.pending_creates = vec![money::pending(3)];
    (model, "i-1".into())
}

/// A machine of the configuration that runs, or one that has ended and keeps its disk.
fn a_machine(model: &mut Model, phase: Phase) -> InstanceKey {
    let mut config = config();
    let place = RegionConfig { instances_per_region: Some(1), ..config.regions[0].clone() };
    let machine = MachineConfig {
        name: "dev".into(),
        place,
        keeps_root: true,
        swaps_running: false,
        keeps_address: false,
        home: None,
        instance_store: None,
        idle: Some(IdleStop { after: SignedDuration::from_hours(12), cpu_below: 5 }),
        snapshots: None,
    };
    config.machines.push(machine);
    model.config = Some(Arc::new(config));
    let mut machine = running("i-3").1;
    machine.birth.machine = Some("dev".into());
    machine.seen.public_ip = "192.0.2.3".parse().ok();
    survey(model, REGIONS[0], vec![machine]);
    report(model, 9, News::Instance("i-3".into(), InstanceNews::Entered(phase)));
    let root = Kept {
        machine: "dev".into(),
        kind: KeptKind::Root,
        id: "vol-1".into(),
        zone: None,
        gib: Some(30),
        address: None,
        instance: None,
        host_key: None,
        since: None,
        snapshot: None,
        aside_of: None,
    };
    report(model, 9, News::Region(REGIONS[0].into(), RegionNews::Kept(vec![root])));
    "i-3".into()
}

/// An instance that can be stopped and started.
fn one_that_stays(model: &mut Model, state: Ec2State) -> InstanceKey {
    let mut machine = running("i-3").1;
    machine.birth.lifecycle = Lifecycle::PersistentSpot;
    machine.seen.state = state;
    survey(model, REGIONS[0], vec![machine]);
    "i-3".into()
}

#[test]
fn what_is_done_beside_another_machines_keeper_says_who_it_is_and_a_launch_is_refused() {
    let holder = LockHolder {
        pid: "4711".into(),
        host: "attic".into(),
        purpose: "keep".into(),
        since: "2026-11-28T21:04:00Z".parse().ok(),
        ..LockHolder::default()
    };
    for action in [
        Action::Up("dev".into()),
        Action::Stop,
        Action::Start,
        Action::Reboot,
        Action::Recreate,
        Action::Drain,
        Action::Retry,
        Action::Create(Some(counts(1))),
    ] {
        let (mut model, key) = model_for_actions();
        let key = match action {
            Action::Stop => one_that_stays(&mut model, Ec2State::Running),
            Action::Start => one_that_stays(&mut model, Ec2State::Stopped),
            Action::Up(_) => a_machine(&mut model, Phase::Stopped),
            Action::Recreate => a_machine(&mut model, Phase::Running),
            _ => key,
        };
        Arc::make_mut(model.config.as_mut().unwrap()).lock = true;
        let standing = LockStanding::Other(holder.clone());
        report(&mut model, 9, News::Job(JobNews::Lock(standing.clone())));
        let said = model.log.events().next();
        let effects =
            command(&mut model, Command::Act(action.clone(), Scope::Instances(vec![key])));
        let launches = matches!(action, Action::Retry | Action::Create(_));
        if launches {
            assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::Lock(_))]), "{effects:?}");
            let Effect::Start(JobId(job), _) = effects[0] else { unreachable!() };
            report(&mut model, job, News::Job(JobNews::Lock(standing)));
            assert_eq!(end(&mut model, job, Outcome::Done), [], "{action:?}");
        } else {
            assert!(effects.iter().any(|it| matches!(it, Effect::Start(..))), "{action:?}");
        }
        // What matters comes first: lines are cut.
        let begin = if launches {
            "nothing is launched here: kept by"
        } else {
            "who keeps the fleet goes on:"
        };
        let told = format!("{begin} process 4711 on attic since Nov 28, 21:04 UTC (keep)");
        let more: Vec<&LogLine> = model.log.events().since(said).collect();
        let telling = more.iter().filter(|line| line.text.contains(&told)).count();
        assert_eq!(telling, 1, "{action:?}: {more:?}");
    }
}

#[test]
fn each_action_is_confirmed_as_the_table_says_and_starts_its_job() {
    for action in Action::iter() {
        let entry = action.entry();
        let is_asked = !matches!(entry.confirm, Confirm::Never | Confirm::OwnDialog);
        assert!(!entry.verb.is_empty(), "{action:?}");
        assert!(!is_asked || !entry.ways.is_empty(), "{action:?}");
        let action = match action {
            Action::Create(_) => Action::Create(Some(counts(1))),
            Action::Exec(_) => Action::Exec("uptime".into()),
            action => action,
        };
        for way in entry.ways {
            assert!(!way.help.is_empty() && way.question.ends_with('?'), "{action:?}");
            let (mut model, key) = model_for_actions();
            let key = match action {
                Action::Stop => one_that_stays(&mut model, Ec2State::Running),
                Action::Start => one_that_stays(&mut model, Ec2State::Stopped),
                Action::Awake(_) | Action::Recreate | Action::Snapshot { .. } => {
                    a_machine(&mut model, Phase::Running)
                }
                Action::Discard(_) => a_machine(&mut model, Phase::Terminated),
                _ => key,
            };
            command(&mut model, Command::Table(TableCommand::Select(key.clone())));
            let mut effects = command(&mut model, Command::Ask(action.clone(), way.aim));
            let asked = model.dialog.is_some();
            let ends = entry.bill == Bill::Frees;
            assert!(asked || !ends, "{action:?} ends something unasked");
            if let Some(Dialog::Confirm(form)) = &model.dialog {
                let (confirmed, scope) = (form.action.clone(), form.scope.clone());
                model.dialog = None;
                effects = command(&mut model, Command::Act(confirmed, scope));
            } else if asked {
                model.dialog = None;
                effects = command(&mut model, Command::Act(action.clone(), Scope::All));
            }
            let job = effects.iter().find_map(|effect| match effect {
                Effect::Start(_, job) if job.kind() == entry.job => Some(job),
                _ => None,
            });
            let job = job.unwrap_or_else(|| panic!("{action:?} started no {:?}", entry.job));
            assert!(entry.bill == Bill::Same || job.is_mutating(), "{action:?}: asked at quit");
        }
    }
}

#[test]
fn each_action_is_refused_where_nothing_may_be_changed() {
    for action in Action::iter() {
        let entry = action.entry();
        assert!(entry.bill == Bill::Same || entry.refused.is_some(), "{action:?}");
        let (mut model, key) = model_for_actions();
        model.read_only = Some("locked".into());
        let Some(refused) = entry.refused else { continue };
        for way in entry.ways {
            assert_eq!(command(&mut model, Command::Ask(action.clone(), way.aim)), []);
            assert!(model.dialog.is_none());
            assert_eq!(last_line(&model), format!("read-only, {refused}"));
        }
        let scope = Scope::Instances(vec![key]);
        assert_eq!(command(&mut model, Command::Act(action, scope)), []);
        assert_eq!(last_line(&model), format!("read-only, {refused}: locked"));
    }
}

#[test]
fn a_recreate_launches_when_the_old_instance_has_ended_and_not_else() {
    let recreate = |outcome| {
        let (mut model, _) = model_for_actions();
        let key = a_machine(&mut model, Phase::Running);
        let scope = Scope::Instances(vec![key]);
        let effects = command(&mut model, Command::Act(Action::Recreate, scope));
        let [Effect::Start(check, Job::CheckMachines(_))] = effects.as_slice() else {
            panic!("{effects:?}");
        };
        let effects = end(&mut model, check.0, Outcome::Done);
        let ends = effects.iter().find_map(|effect| match effect {
            Effect::Start(job, Job::Destroy(_)) => Some(*job),
            _ => None,
        });
        let effects = [
            report(
                &mut model,
                9,
                News::Instance("i-3".into(), InstanceNews::Entered(Phase::Terminated)),
            ),
            end(&mut model, ends.unwrap().0, outcome),
        ];
        effects.concat().iter().any(|effect| {
            let launched = |job: &Job| match job {
                Job::Create(launches) => launches[0].machine.as_deref() == Some("dev"),
                _ => false,
            };
            matches!(effect, Effect::Start(_, job) if launched(job))
        })
    };
    assert!(recreate(Outcome::Done));
    assert!(!recreate(Outcome::Partly { failed: 1 }));
}

#[test]
fn a_recreate_that_would_be_refused_ends_nothing() {
    let scope = || Scope::Instances(vec!["i-3".into()]);
    let recreate = |model: &mut Model| command(model, Command::Act(Action::Recreate, scope()));
    let set_up = |most: f64| {
        let (mut model, _) = model_for_actions();
        a_machine(&mut model, Phase::Running);
        let config = Arc::make_mut(model.config.as_mut().unwrap());
        config.budget.max_hourly_usd = Some(most);
        model
    };
    // A price that the budget needs is asked for first, and is not told.
    let mut model = set_up(9.0);
    let effects = recreate(&mut model);
    let [Effect::Start(asked, Job::Prices(of))] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(of[&REGIONS[0].into()].contains(&"t3.medium".into()), "{of:?}");
    assert_eq!(end(&mut model, asked.0, Outcome::Done), []);
    assert!(last_line(&model).contains("is not known"), "{}", last_line(&model));
    // It is told: there is room for one in the place of the old one beside the two others, or not.
    for (most, is_refused) in [(0.08, true), (0.10, false)] {
        let mut model = set_up(most);
        money::all_priced(&mut model);
        let effects = recreate(&mut model);
        assert_eq!(effects.is_empty(), is_refused, "{effects:?}");
        let said = last_line(&model);
        assert_eq!(said.contains("budget.max_hourly_usd"), is_refused, "{said}");
    }
    // AWS would refuse it.
    let (mut model, _) = model_for_actions();
    a_machine(&mut model, Phase::Running);
    let effects = recreate(&mut model);
    let [Effect::Start(check, _)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(end(&mut model, check.0, Outcome::Partly { failed: 1 }), []);
    assert_eq!(last_line(&model), "nothing was ended");
}

#[test]
fn a_start_asks_for_the_prices_that_the_budget_needs() {
    let (mut model, _) = model_for_actions();
    let key = one_that_stays(&mut model, Ec2State::Stopped);
    Arc::make_mut(model.config.as_mut().unwrap()).budget.max_hourly_usd = Some(9.0);
    let scope = Scope::Instances(vec![key]);
    let effects = command(&mut model, Command::Act(Action::Start, scope));
    let [Effect::Start(asked, Job::Prices(_))] = effects.as_slice() else { panic!("{effects:?}") };
    money::all_priced(&mut model);
    let effects = end(&mut model, asked.0, Outcome::Done);
    assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::Start(_))]), "{effects:?}");
}

#[test]
fn a_machine_whose_set_up_failed_is_taken_up_again() {
    let (mut model, _) = model_for_actions();
    let failed = Phase::Failed(Failure::new(FailureKind::Node, Step::Configure, "no", ""));
    a_machine(&mut model, failed);
    let effects = command(&mut model, Command::Act(Action::Up("dev".into()), Scope::All));
    assert!(matches!(effects.as_slice(), [Effect::Start(_, Job::Resume(_))]), "{effects:?}");
    let effects = command(&mut model, Command::Act(Action::Up("dev".into()), Scope::All));
    assert_eq!(effects, [], "it is at work");
}

#[test]
fn a_machine_that_is_there_twice_is_not_brought_up() {
    let (mut model, _) = model_for_actions();
    a_machine(&mut model, Phase::Ready);
    let mut twin = running("i-4").1;
    twin.birth.machine = Some("dev".into());
    let one = model.fleet.by_id(&"i-3".into()).unwrap().machine.clone().unwrap();
    survey(&mut model, REGIONS[0], vec![one, twin]);
    let effects = command(&mut model, Command::Act(Action::Up("dev".into()), Scope::All));
    assert_eq!(effects, []);
    let said = last_line(&model);
    assert!(said.contains("there twice") && said.contains("i-3") && said.contains("i-4"), "{said}");
}

#[test]
fn who_keeps_the_fleet_makes_the_snapshots_that_are_due() {
    let due = |is_keeper: bool| {
        let mut model = Model::new(opening(false));
        report(&mut model, 9, News::Job(account()));
        model.holding.is_keeper = is_keeper;
        let key = a_machine(&mut model, Phase::Ready);
        let config = Arc::make_mut(model.config.as_mut().unwrap());
        config.machines[0].snapshots = Some(Retention { daily: 7, weekly: 4 });
        let machine = model.fleet.get(&key).unwrap().machine.clone().unwrap();
        survey(&mut model, REGIONS[0], vec![machine])
    };
    let makes = |effect: &Effect| matches!(effect, Effect::Start(_, Job::Snapshot(_)));
    assert!(due(true).iter().any(makes));
    assert!(!due(false).iter().any(makes), "a command makes none by itself");
}

#[test]
fn what_a_machine_keeps_is_deleted_only_once_that_has_ended() {
    let (mut model, _) = model_for_actions();
    let named = vec![("us-west-2".into(), "vol-1".into())];
    let discard = Command::Act(Action::Discard(named), Scope::All);
    a_machine(&mut model, Phase::Running);
    assert_eq!(command(&mut model, discard.clone()), []);
    assert!(last_line(&model).contains("destroy it first"), "{}", last_line(&model));
    report(&mut model, 9, News::Instance("i-3".into(), InstanceNews::Entered(Phase::Terminated)));
    let effects = command(&mut model, discard);
    let [Effect::Start(_, Job::Discard(named))] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(named[0].1.id, "vol-1");
}

#[test]
fn only_what_was_shown_to_be_kept_is_deleted() {
    let (mut model, _) = model_for_actions();
    let key = a_machine(&mut model, Phase::Terminated);
    command(&mut model, Command::Table(TableCommand::Select(key)));
    command(&mut model, Command::Ask(Action::Discard(Vec::new()), Aim::Chosen));
    let Some(Dialog::Confirm(form)) = model.dialog.take() else { panic!("{}", last_line(&model)) };
    assert_eq!(form.targets.len(), 1);
    // A volume in another region, and one more in this, come up while the question stands.
    let shown = model.fleet.kept().next().map(|(_, it)| it.clone()).unwrap();
    let another = |id: &str| Kept { id: id.into(), ..shown.clone() };
    for (region, kept) in
        [(REGIONS[0], vec![shown.clone(), another("vol-2")]), (REGIONS[1], vec![another("vol-3")])]
    {
        report(&mut model, 9, News::Region(region.into(), RegionNews::Kept(kept)));
    }
    let effects = command(&mut model, Command::Act(form.action, form.scope));
    let [Effect::Start(_, Job::Discard(named))] = effects.as_slice() else { panic!("{effects:?}") };
    let ids: Vec<&str> = named.iter().map(|(_, it)| it.id.as_str()).collect();
    assert_eq!(ids, ["vol-1"]);
}

#[test]
fn a_retry_ends_the_old_one_when_the_fresh_one_is_ready_and_not_before() {
    let (mut model, key) = model_for_actions();
    let retry = |model: &mut Model, key: &InstanceKey| {
        let scope = Scope::Instances(vec![key.clone()]);
        command(model, Command::Act(Action::Retry, scope))
    };
    let effects = retry(&mut model, &key);
    let [Effect::Persist, .., Effect::Start(job, Job::Create(launches))] = effects.as_slice()
    else {
        panic!("{effects:?}");
    };
    assert_eq!(launches.iter().map(|launch| launch.keys.len()).sum::<usize>(), 1);
    let effects = end(&mut model, job.0, Outcome::Done);
    let ends = |effects: &[Effect]| {
        effects.iter().any(|effect| matches!(effect, Effect::Start(_, Job::Destroy(_))))
    };
    assert!(ends(&effects), "{effects:?}");

    let (mut model, key) = model_for_actions();
    let effects = retry(&mut model, &key);
    let Some(Effect::Start(job, _)) = effects.last() else { panic!("{effects:?}") };
    let effects = end(&mut model, job.0, Outcome::Partly { failed: 1 });
    assert!(!ends(&effects), "{effects:?}");
    assert!(last_line(&model).contains("the old instance is kept"));
}

#[test]
fn a_retry_that_cannot_launch_ends_nothing() {
    let (mut model, key) = model_for_actions();
    let mut config = config();
    config.regions.retain(|region| region.region.as_str() != REGIONS[0]);
    model.config = Some(Arc::new(config));
    let scope = Scope::Instances(vec![key.clone()]);
    assert_eq!(command(&mut model, Command::Act(Action::Retry, scope)), []);
    assert!(last_line(&model).contains("is not in the configuration"));
    assert!(model.fleet.get(&key).unwrap().is_alive());
}

#[test]
fn create_asks_for_what_is_missing_and_begins_at_the_cursors_region() {
    let (mut model, key) = model_for_actions();
    command(&mut model, Command::Table(TableCommand::Select(key)));
    command(&mut model, Command::Ask(Action::Create(None), Aim::Deployment));
    let Some(Dialog::Create(form)) = &model.dialog else { panic!() };
    // Two are wanted there: one runs, one failed.
    assert_eq!(form.rows, [(REGIONS[0].into(), 1), (REGIONS[1].into(), 1)]);
    assert_eq!(form.at, 0);
}

#[test]
fn a_question_about_all_counts_what_is_alive() {
    let (mut model, _) = model_for_actions();
    report(&mut model, 9, News::Instance("i-2".into(), InstanceNews::Entered(Phase::Terminated)));
    command(&mut model, Command::Ask(Action::Destroy, Aim::Deployment));
    let Some(Dialog::Confirm(form)) = &model.dialog else { panic!("nothing was asked") };
    let labels: Vec<_> = form.targets.iter().map(|target| target.label.as_str()).collect();
    assert_eq!(labels.len(), 1, "{labels:?}");
    assert!(labels[0].starts_with("i-1"), "{labels:?}");
}

#[test]
fn a_large_paste_changes_nothing_and_is_answered_in_words() {
    let mut model = model();
    command(&mut model, Command::Screen(ScreenCommand::Filter));
    send(&mut model, 0, Message::Input(Input::Paste("us-west".into())));
    send(&mut model, 0, Message::Input(Input::Paste("x".repeat(1_000_000))));
    assert_eq!(model.table.query().text(), "us-west");
    assert!(model.flash.as_ref().unwrap().text.contains("nothing was pasted: 1000 kB"));
}

#[test]
fn the_last_filter_is_looked_for_where_all_rows_are_shown() {
    let mut model = model();
    let ids = ["i-1", "i-2", "i-3"];
    survey(&mut model, REGIONS[0], ids.map(|id| running(id).1).to_vec());
    command(&mut model, Command::Screen(ScreenCommand::Filter));
    send(&mut model, 0, Message::Input(Input::Paste("i-3".into())));
    command(&mut model, Command::Press(Press::Back));
    assert_eq!(model.table.len(), 3);
    command(&mut model, Command::Press(Press::Move(Motion::First)));
    command(&mut model, Command::Table(TableCommand::FindNext));
    assert_eq!(model.table.cursor(), Some(&"i-3".into()));
}

#[test]
fn what_cannot_be_seen_cannot_be_confirmed() {
    let ends = |columns, rows| {
        let (mut model, key) = model_for_actions();
        command(&mut model, Command::Table(TableCommand::Select(key)));
        send(&mut model, 9, Message::Input(Input::Resize(columns, rows)));
        let mut effects = Vec::new();
        for code in [KeyCode::Char('d'), KeyCode::Right, KeyCode::Enter] {
            let key = KeyEvent::new(code, KeyModifiers::NONE);
            effects.extend(send(&mut model, 9, Message::Input(Input::Key(key))));
        }
        effects.iter().any(|effect| matches!(effect, Effect::Start(_, Job::Destroy(_))))
    };
    assert!(ends(80, 24));
    assert!(!ends(20, 5), "20 by 5 show no question");
}
