//! Another instance before AWS takes one back: one for each, and the old one only after it.

use super::money::{WEST, ids, interrupt, launched, with};
use super::*;
use crate::app::Action;
use crate::config::{Budget, Replace};

/// Two run in the west, of both AWS says that it recommends to rebalance them where so many are.
fn two(change: impl FnOnce(&mut Config), recommended: u32) -> Model {
    let replace = Replace { on_rebalance: true, ..Replace::default() };
    let mut model = Model::new(with(|config| {
        config.replace = replace;
        change(config);
    }));
    survey(&mut model, WEST, ids(1..=2));
    survey(&mut model, REGIONS[1], Vec::new());
    for number in 1..=2 {
        enter(&mut model, &format!("i-{number}"), Phase::Ready);
    }
    for number in 1..=recommended {
        let vitals = Vitals { rebalance: Some(at(0).to_string()), ..Vitals::default() };
        let news = InstanceNews::Vitals(Box::new(vitals));
        let key = key(&model, &format!("i-{number}"));
        report(&mut model, 0, News::Instance(key, news));
    }
    model
}

fn key(model: &Model, id: &str) -> InstanceKey {
    model.fleet.by_id(&id.into()).unwrap().key.clone()
}

fn enter(model: &mut Model, id: &str, phase: Phase) {
    let key = key(model, id);
    report(model, 0, News::Instance(key, InstanceNews::Entered(phase)));
}

fn tick(model: &mut Model, second: i64) -> Vec<Effect> {
    send(model, second, Message::Clock)
}

/// How many are launched by these.
fn count(effects: &[Effect]) -> usize {
    launched(effects).unwrap_or_default().iter().map(|(_, count)| count).sum()
}

/// What was launched runs from now on as this instance.
fn comes(model: &mut Model, effects: &[Effect], id: &str) -> u64 {
    let launched = effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Create(launches)) => Some((job.0, launches[0].keys[0].clone())),
        _ => None,
    });
    let (job, key) = launched.unwrap();
    let seen = InstanceNews::Seen(Box::new(running(id).1));
    report(model, job, News::Instance(key, seen));
    job
}

fn ends(effects: &[Effect]) -> Vec<&str> {
    let ends = effects.iter().filter_map(|effect| match effect {
        Effect::Start(_, Job::Destroy(DestroyScope::Instances(ends))) => Some(ends),
        _ => None,
    });
    ends.flat_map(|it| it.values()).flatten().map(|it| it.id.as_str()).collect()
}

fn drain(effects: &[Effect]) -> Option<u64> {
    effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Drain(_)) => Some(job.0),
        _ => None,
    })
}

fn said(model: &Model, text: &str) -> usize {
    model.log.events().lines().filter(|line| line.text.contains(text)).count()
}

#[test]
fn the_old_one_is_drained_and_ended_once_the_new_one_is_ready() {
    for is_keeper in [false, true] {
        let mut model = two(|_| (), 1);
        if is_keeper {
            survey(&mut model, REGIONS[1], vec![machine("i-8", REGIONS[1], Ec2State::Running)]);
            command(&mut model, Command::Keep);
        }
        let effects = tick(&mut model, 1);
        assert_eq!(count(&effects), 1, "{}", last_line(&model));
        assert!(matches!(effects.first(), Some(Effect::Persist)), "{effects:?}");
        let create = comes(&mut model, &effects, "i-9");
        let effects = tick(&mut model, 2);
        assert_eq!((count(&effects), ends(&effects).len(), drain(&effects)), (0, 0, None));
        enter(&mut model, "i-9", Phase::Ready);
        end(&mut model, create, Outcome::Done);
        let effects = tick(&mut model, 3);
        assert!(ends(&effects).is_empty(), "it is drained first: {effects:?}");
        let drain = drain(&effects).unwrap();
        assert!(ends(&tick(&mut model, 4)).is_empty());
        end(&mut model, drain, Outcome::Partly { failed: 1 });
        assert_eq!(ends(&tick(&mut model, 5)), ["i-1"], "drained or not");
        assert!(ends(&tick(&mut model, 6)).is_empty(), "once");
        enter(&mut model, "i-1", Phase::Terminating);
        report(&mut model, 0, News::Region(WEST.into(), RegionNews::Vanished(vec!["i-1".into()])));
        for second in 7..200 {
            let effects = tick(&mut model, second);
            assert_eq!((count(&effects), ends(&effects).len()), (0, 0), "{effects:?}");
        }
        assert!(model.upkeep.replacements().is_empty());
        assert_eq!(model.upkeep.wanted(&WEST.into()), is_keeper.then_some(2));
    }
}

#[test]
fn it_is_off_by_default_and_nothing_for_what_stays() {
    let mut model =
        two(|config| config.replace = Replace { enabled: true, ..Replace::default() }, 2);
    assert_eq!(count(&tick(&mut model, 1)), 0);
    let mut model = two(|config| config.regions[0].lifecycle = Lifecycle::PersistentSpot, 2);
    assert_eq!(count(&tick(&mut model, 1)), 0, "EC2 starts it again itself");
    let mut model = two(|_| (), 0);
    let machine = running("i-7").1;
    let birth = Birth { machine: Some("dev".into()), ..machine.birth };
    survey(&mut model, WEST, vec![Machine { birth, ..machine }]);
    enter(&mut model, "i-7", Phase::Ready);
    let vitals = Vitals { rebalance: Some(at(0).to_string()), ..Vitals::default() };
    let key = key(&model, "i-7");
    report(&mut model, 0, News::Instance(key, InstanceNews::Vitals(Box::new(vitals))));
    assert_eq!(count(&tick(&mut model, 1)), 0, "a machine is itself");
}

#[test]
fn a_notice_that_comes_meanwhile_launches_no_second_one() {
    let mut model = two(|config| config.replace.enabled = true, 1);
    let effects = tick(&mut model, 1);
    assert_eq!(count(&effects), 1);
    assert_eq!(count(&interrupt(&mut model, "i-1")), 0);
    comes(&mut model, &effects, "i-9");
    assert_eq!(count(&tick(&mut model, 2)), 0);
    // Nothing comes of it: then the one that was taken back is owed as ever.
    let failure = Failure::new(FailureKind::Unreachable, Step::Connect, "no", "");
    enter(&mut model, "i-9", Phase::Failed(failure));
    assert_eq!(count(&tick(&mut model, 3)), 1, "{}", last_line(&model));
    assert_eq!(count(&tick(&mut model, 4)), 0);
}

#[test]
fn where_the_new_one_fails_or_is_taken_back_the_old_one_stays() {
    let failure = || Failure::new(FailureKind::Unreachable, Step::Connect, "no", "");
    for is_taken in [false, true] {
        let mut model = two(|config| config.replace.enabled = true, 1);
        let effects = tick(&mut model, 1);
        comes(&mut model, &effects, "i-9");
        if is_taken {
            assert_eq!(count(&interrupt(&mut model, "i-9")), 0, "two still work");
        } else {
            enter(&mut model, "i-9", Phase::Failed(failure()));
        }
        for second in 2..100 {
            let effects = tick(&mut model, second);
            assert_eq!((count(&effects), ends(&effects).len()), (0, 0), "{effects:?}");
        }
        assert_eq!(said(&model, "it stays"), 1, "{}", last_line(&model));
    }
}

#[test]
fn brake_and_budget_hold_it_and_that_is_said_once() {
    let mut model = two(|config| config.replace.at_most = 1, 2);
    assert_eq!(count(&tick(&mut model, 1)), 1);
    for second in 2..600 {
        assert_eq!(count(&tick(&mut model, second)), 0, "one in ten minutes is the most");
    }
    assert_eq!(said(&model, "1 in 10 minutes are the most"), 1);
    assert_eq!(count(&tick(&mut model, 601)), 1);
    let budget = Budget { max_instances: Some(2), ..Budget::default() };
    let mut model = two(|config| config.budget = budget, 1);
    for second in 1..100 {
        let effects = tick(&mut model, second);
        assert_eq!((count(&effects), ends(&effects).len()), (0, 0));
    }
    assert_eq!(said(&model, "budget.max_instances is 2"), 1, "{}", last_line(&model));
    assert!(model.upkeep.replacements().is_empty());
}

#[test]
fn a_cancel_lowers_no_count_and_a_retry_of_it_is_refused() {
    let mut model = two(|_| (), 1);
    model.upkeep.raise(&WEST.into(), 2);
    let effects = tick(&mut model, 1);
    let create = comes(&mut model, &effects, "i-9");
    let scope = Scope::Instances(vec![key(&model, "i-1")]);
    assert_eq!(count(&command(&mut model, Command::Act(Action::Retry, scope))), 0);
    assert!(last_line(&model).contains("on its way already"), "{}", last_line(&model));
    end(&mut model, create, Outcome::Cancelled);
    assert_eq!(model.upkeep.wanted(&WEST.into()), Some(2));
    assert_eq!(count(&tick(&mut model, 2)), 0, "who cancels it does not want it");
}

#[test]
fn another_process_goes_on_with_it_and_launches_none_twice() {
    let mut model = two(|_| (), 1);
    let (id, _) = launched(&tick(&mut model, 1)).unwrap().remove(0);
    // The file is all that is left of it.
    let upkeep: Upkeep =
        serde_json::from_str(&serde_json::to_string(&model.upkeep).unwrap()).unwrap();
    let again = |machines: Vec<Machine>| {
        let replace = Replace { on_rebalance: true, ..Replace::default() };
        let upkeep = upkeep.clone();
        let mut model =
            Model::new(Opening { upkeep, ..with(|config| config.replace = replace.clone()) });
        let before = tick(&mut model, 2);
        assert!(count(&before) == 0 && ends(&before).is_empty(), "nobody has told yet");
        survey(&mut model, WEST, machines);
        model
    };
    let fresh = running("i-9").1;
    let birth = Birth { launch: Some(id.request(1, 0)), ..fresh.birth };
    let fresh = Machine { birth, ..fresh };
    let mut model = again(ids(1..=2).into_iter().chain([fresh]).collect());
    let (effects, third) = (tick(&mut model, 3), tick(&mut model, 4));
    assert_eq!((count(&effects), drain(&effects), count(&third)), (0, None, 0));
    enter(&mut model, "i-9", Phase::Ready);
    assert!(drain(&tick(&mut model, 5)).is_some(), "{}", last_line(&model));
    // It was killed before it launched anything: that begins anew when it is recommended again.
    let mut model = again(ids(1..=2));
    tick(&mut model, 3);
    assert!(model.upkeep.replacements().is_empty());
}
