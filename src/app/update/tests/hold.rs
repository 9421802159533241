//! The wanted count: what raises it, what lowers it, and what is launched to hold it.

use super::money::{WEST, create, ids, interrupt, launched, pending, with};
use super::*;
use crate::app::Action;
use crate::config::{Budget, Lease, Replace, ReplaceIn};
use crate::fleet::{Launch, LockStanding};

fn replacing() -> Opening {
    with(|config| config.replace = Replace { enabled: true, ..Replace::default() })
}

fn wanted(model: &Model) -> Option<u32> {
    model.upkeep.wanted(&WEST.into())
}

fn destroy(model: &mut Model, id: &str) -> Vec<Effect> {
    let key = model.fleet.by_id(&id.into()).unwrap().key.clone();
    command(model, Command::destroy(Scope::Instances(vec![key])))
}

/// Six were created, and run.
fn six(opening: Opening) -> Model {
    let mut model = Model::new(opening);
    let effects = command(&mut model, create(6));
    let [Effect::Persist, Effect::Start(job, Job::Create(launches))] = effects.as_slice() else {
        panic!("the count is on the disk before anything is launched: {effects:?}")
    };
    for (key, machine) in launches[0].keys.iter().zip(ids(1..=6)) {
        report(
            &mut model,
            job.0,
            News::Instance(key.clone(), InstanceNews::Seen(Box::new(machine))),
        );
    }
    end(&mut model, job.0, Outcome::Done);
    assert_eq!(model.tally.total, 6);
    model
}

#[test]
fn what_is_created_raises_the_count_and_only_what_is_destroyed_by_hand_lowers_it() {
    let mut model = six(opening(true));
    assert_eq!(wanted(&model), Some(6));
    interrupt(&mut model, "i-1");
    let gone = RegionNews::Vanished(vec!["i-2".into()]);
    report(&mut model, 0, News::Region(WEST.into(), gone));
    assert_eq!(wanted(&model), Some(6), "an interruption and an end from outside do not");
    let effects = destroy(&mut model, "i-3");
    assert!(matches!(effects.as_slice(), [Effect::Persist, Effect::Start(..)]), "{effects:?}");
    assert_eq!(wanted(&model), Some(5));
    destroy(&mut model, "i-3");
    assert_eq!(wanted(&model), Some(5), "once");
    // Three are there: two more come in the place of those that were lost.
    command(&mut model, Command::more(counts(2)));
    assert_eq!(wanted(&model), Some(5));
}

#[test]
fn a_cancelled_create_is_not_wanted_any_more() {
    let mut model = six(opening(true));
    let effects = command(&mut model, create(2));
    let Some(Effect::Start(job, _)) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(wanted(&model), Some(8));
    end(&mut model, job.0, Outcome::Cancelled);
    assert_eq!(wanted(&model), Some(6));
}

#[test]
fn a_retry_changes_no_count() {
    let mut model = six(opening(true));
    // The row of i-1 has the key that it was planned under.
    let key = model.fleet.by_id(&"i-1".into()).unwrap().key.clone();
    let retry = Command::Act(Action::Retry, Scope::Instances(vec![key]));
    let effects = command(&mut model, retry);
    let Some(Effect::Start(job, Job::Create(_))) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(wanted(&model), Some(6));
    let effects = end(&mut model, job.0, Outcome::Done);
    let ends = |effect: &Effect| matches!(effect, Effect::Start(_, Job::Destroy(_)));
    assert!(effects.iter().any(ends), "{effects:?}");
    assert_eq!(wanted(&model), Some(6));
}

#[test]
fn machines_and_persistent_spot_instances_are_in_no_count() {
    let mut model = Model::new(with(|config| {
        config.regions[0].lifecycle = Lifecycle::PersistentSpot;
    }));
    command(&mut model, create(2));
    assert_eq!(wanted(&model), None, "EC2 starts them again itself");
    let mut model = six(opening(true));
    let dev = |id: &str| {
        let machine = running(id).1;
        Machine { birth: Birth { machine: Some("dev".into()), ..machine.birth }, ..machine }
    };
    survey(&mut model, WEST, vec![dev("i-7")]);
    destroy(&mut model, "i-7");
    assert_eq!(wanted(&model), Some(6));
}

#[test]
fn no_more_is_replaced_than_is_wanted() {
    let one = Replace { enabled: true, at_most: 1, ..Replace::default() };
    let mut model = six(with(|config| config.replace = one));
    assert!(launched(&interrupt(&mut model, "i-1")).is_some());
    assert_eq!(launched(&interrupt(&mut model, "i-2")), None, "the brake holds it");
    assert_eq!(model.upkeep.owed().len(), 1);
    // Somebody makes up for it by hand before the brake lets the program do so.
    command(&mut model, Command::more(counts(1)));
    assert_eq!(wanted(&model), Some(6));
    assert_eq!(launched(&send(&mut model, 700, Message::Clock)), None, "six are there");
}

#[test]
fn the_brake_outlives_the_process() {
    let mut model = six(replacing());
    for id in ["i-1", "i-2", "i-3", "i-4", "i-5"] {
        assert_eq!(launched(&interrupt(&mut model, id)).unwrap()[0].1, 1);
    }
    let mut model = Model::new(Opening { upkeep: model.upkeep.clone(), ..replacing() });
    survey(&mut model, WEST, ids(6..=11));
    assert_eq!(launched(&interrupt(&mut model, "i-6")), None, "five in ten minutes are the most");
    let effects = send(&mut model, 600, Message::Clock);
    assert_eq!(launched(&effects).unwrap()[0].1, 1, "the debt is remembered");
    assert!(model.upkeep.owed().is_empty());
}

#[test]
fn what_is_refused_by_the_budget_leaves_an_open_order_as_it_is() {
    let opening = with(|config| {
        config.replace = Replace { enabled: true, ..Replace::default() };
        config.budget = Budget { max_hourly_usd: Some(0.001), ..Budget::default() };
    });
    // Of five, three were made before an earlier run was killed.
    let mut model = Model::new(Opening { pending_creates: vec![pending(5)], ..opening });
    survey(&mut model, WEST, ids(1..=3));
    for second in 1..4 {
        assert_eq!(launched(&interrupt(&mut model, "i-1")), None);
        assert_eq!(launched(&send(&mut model, second, Message::Clock)), None);
    }
    assert_eq!(model.upkeep.owed().len(), 1, "{}", last_line(&model));
    assert_eq!(model.pending_creates[0].count, 5, "each tick is refused, and nothing is launched");
}

#[test]
fn a_destroy_of_everything_ends_the_count_and_one_of_a_region_leaves_none_there() {
    let mut model = six(opening(true));
    command(&mut model, Command::destroy(Scope::Region(WEST.into())));
    assert_eq!(wanted(&model), Some(0));
    let mut model = six(opening(true));
    command(&mut model, Command::destroy(Scope::All));
    assert!(model.upkeep.is_empty());
}

/// A keeper of two in the west and one in the second region, which both have told what they have.
fn keeper(machines: Vec<Machine>) -> Model {
    keeper_of(opening(true), machines)
}

fn keeper_of(opening: Opening, machines: Vec<Machine>) -> Model {
    let mut model = Model::new(Opening { dashboard: false, ..opening });
    survey(&mut model, WEST, machines);
    survey(&mut model, REGIONS[1], Vec::new());
    command(&mut model, Command::Keep);
    model
}

fn counts_of(effects: &[Effect]) -> Vec<usize> {
    launched(effects).unwrap_or_default().into_iter().map(|(_, count)| count).collect()
}

fn ended(effects: &[Effect]) -> usize {
    let ends = effects.iter().filter_map(|effect| match effect {
        Effect::Start(_, Job::Destroy(DestroyScope::Instances(ends))) => Some(ends),
        _ => None,
    });
    ends.flat_map(|ends| ends.values()).map(Vec::len).sum()
}

#[test]
fn a_keeper_fills_what_was_never_there_without_a_brake() {
    let mut model = keeper(ids(1..=1));
    assert_eq!((wanted(&model), model.upkeep.total()), (Some(2), 3));
    let effects = send(&mut model, 1, Message::Clock);
    assert_eq!(counts_of(&effects), [1, 1]);
    assert!(matches!(effects.first(), Some(Effect::Persist)), "{effects:?}");
    assert_eq!(model.upkeep.allowed(at(1), 5, jiff::SignedDuration::from_mins(10)), 5);
    assert_eq!(counts_of(&send(&mut model, 2, Message::Clock)).len(), 0, "once");
    assert!(last_line(&model).contains("are launched"), "{}", last_line(&model));
}

#[test]
fn a_keeper_launches_nothing_where_nobody_has_told_what_is_there() {
    let mut model = Model::new(Opening { dashboard: false, ..opening(true) });
    command(&mut model, Command::Keep);
    assert_eq!(counts_of(&send(&mut model, 1, Message::Clock)).len(), 0);
    survey(&mut model, WEST, ids(1..=2));
    assert_eq!(counts_of(&send(&mut model, 2, Message::Clock)).len(), 0);
    survey(&mut model, REGIONS[1], Vec::new());
    let silent = RegionNews::Unanswered("no answer".into());
    report(&mut model, 0, News::Region(REGIONS[1].into(), silent));
    assert_eq!(
        counts_of(&send(&mut model, 3, Message::Clock)).len(),
        0,
        "it does not answer any more"
    );
}

#[test]
fn a_keeper_replaces_what_ends_for_whatever_reason_but_its_own() {
    let mut model = keeper(ids(1..=2));
    send(&mut model, 1, Message::Clock);
    let gone = RegionNews::Vanished(vec!["i-1".into()]);
    report(&mut model, 0, News::Region(WEST.into(), gone));
    assert_eq!(counts_of(&send(&mut model, 2, Message::Clock)), [1]);
    assert_eq!(counts_of(&send(&mut model, 3, Message::Clock)).len(), 0);
    destroy(&mut model, "i-2");
    assert_eq!(wanted(&model), Some(1));
    assert_eq!(counts_of(&send(&mut model, 4, Message::Clock)).len(), 0);
}

#[test]
fn a_keeper_at_rest_looks_each_quarter_of_a_minute_and_at_once_where_something_happened() {
    let mut model = keeper(ids(1..=2));
    survey(&mut model, REGIONS[1], ids(3..=3));
    send(&mut model, 0, Message::Clock);
    let jobs: Vec<u64> = model.changing().map(|(job, _)| job.0).collect();
    for job in jobs {
        end(&mut model, job, Outcome::Done);
    }
    let looks = |model: &mut Model, second| {
        let before = model.holding.passes;
        let effects = send(model, second, Message::Clock);
        (model.holding.passes - before, counts_of(&effects))
    };
    let rest: Vec<u64> = (1..=31).map(|second| looks(&mut model, second).0).collect();
    let looked: Vec<usize> = (0..31).filter(|second| rest[*second] > 0).collect();
    assert_eq!(looked, [0, 15, 30]);
    report(&mut model, 0, News::Region(WEST.into(), RegionNews::Unchanged));
    assert_eq!(looks(&mut model, 32), (0, vec![]));
    let gone = RegionNews::Vanished(vec!["i-1".into()]);
    report(&mut model, 0, News::Region(WEST.into(), gone));
    assert_eq!(looks(&mut model, 33), (1, vec![1]));
    assert_eq!(looks(&mut model, 34), (1, vec![]), "a launch is under way");
}

#[test]
fn a_keeper_ends_what_is_too_much_and_says_so_before() {
    let mut model = keeper(ids(1..=4));
    assert_eq!(ended(&send(&mut model, 1, Message::Clock)), 0);
    let said = model.log.events().lines().any(|it| it.text.contains("2 more than wanted"));
    assert!(said, "{}", last_line(&model));
    let jobs: Vec<u64> = model.changing().map(|(job, _)| job.0).collect();
    for job in jobs {
        end(&mut model, job, Outcome::Done);
    }
    assert!(!is_held(&model), "whoever leaves now never ends them");
    assert_eq!(ended(&send(&mut model, 60, Message::Clock)), 0);
    assert!(!is_held(&model));
    assert_eq!(ended(&send(&mut model, 61, Message::Clock)), 2);
    assert_eq!(ended(&send(&mut model, 200, Message::Clock)), 0, "they are on their way");
    assert_eq!(wanted(&model), Some(2));
}

/// Whoever has lost the lock between machines waits for no end of its own.
#[test]
fn what_was_announced_before_another_machine_held_it_is_announced_anew() {
    let mut model = keeper_of(with(|config| config.lock = true), ids(1..=4));
    model.lock = LockStanding::Held;
    send(&mut model, 1, Message::Clock);
    assert_eq!(model.holding.surplus.len(), 1);
    model.lock = LockStanding::Open;
    send(&mut model, 90, Message::Clock);
    assert!(model.holding.surplus.is_empty());
    model.lock = LockStanding::Held;
    assert_eq!(ended(&send(&mut model, 120, Message::Clock)), 0);
}

#[test]
fn a_keeper_ends_what_failed_once_there_is_another_and_stops_when_all_fail() {
    let failed = || Phase::Failed(Failure::new(FailureKind::Unreachable, Step::Connect, "no", ""));
    let enter = |model: &mut Model, id: &str, phase: Phase| {
        let key = model.fleet.by_id(&id.into()).unwrap().key.clone();
        report(model, 0, News::Instance(key, InstanceNews::Entered(phase)))
    };
    let mut model = keeper(ids(1..=3));
    enter(&mut model, "i-1", Phase::Ready);
    enter(&mut model, "i-2", failed());
    assert_eq!(ended(&send(&mut model, 1, Message::Clock)), 0, "one of two works");
    enter(&mut model, "i-3", Phase::Ready);
    let effects = send(&mut model, 2, Message::Clock);
    assert_eq!(ended(&effects), 1);
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Destroy(_)) => Some(job.0),
        _ => None,
    });
    end(&mut model, job.unwrap(), Outcome::Done);
    for id in ["i-4", "i-5", "i-6"] {
        survey(&mut model, WEST, vec![running(id).1]);
        enter(&mut model, id, failed());
    }
    assert!(model.upkeep.paused_until(at(3)).is_some());
    let gone = RegionNews::Vanished(vec!["i-1".into(), "i-3".into()]);
    report(&mut model, 0, News::Region(WEST.into(), gone));
    assert_eq!(counts_of(&send(&mut model, 3, Message::Clock)).len(), 0);
    assert_eq!(counts_of(&send(&mut model, 1803, Message::Clock)), [2], "after half an hour");
}

#[test]
fn what_ended_by_its_lease_is_told_and_not_replaced_unless_that_is_wished() {
    let ways = [&[Ec2State::Terminated][..], &[Ec2State::ShuttingDown, Ec2State::Terminated]];
    for (replace, wished, way) in
        [(false, 1, ways[0]), (false, 1, ways[1]), (true, 2, ways[0]), (true, 2, ways[1])]
    {
        let term = jiff::SignedDuration::from_hours(1);
        let opening = with(|config| config.lease = Some(Lease { term, replace }));
        let mut model = keeper_of(opening, ids(1..=2));
        send(&mut model, 1, Message::Clock);
        let mut ended = running("i-1").1;
        let reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
        ended.seen.state_reason = Some(reason.into());
        let mut launched = 0;
        for (second, state) in (2..).zip(way) {
            ended.seen.state = *state;
            survey(&mut model, WEST, vec![ended.clone(), running("i-2").1]);
            let effects = send(&mut model, second, Message::Clock);
            launched += counts_of(&effects).iter().sum::<usize>();
        }
        let told = model.log.events().lines().any(|it| it.text.starts_with("Ended itself"));
        assert!(told, "{}", last_line(&model));
        assert_eq!(wanted(&model), Some(wished));
        assert_eq!(launched, wished as usize - 1);
    }
}

/// A laptop that slept through the night: EC2 knows nothing of them any more.
#[test]
fn what_ended_by_its_lease_and_is_forgotten_by_ec2_is_not_replaced_either() {
    let lease = Lease { term: jiff::SignedDuration::from_mins(90), replace: false };
    let mut model = keeper_of(with(|config| config.lease = Some(lease)), ids(1..=2));
    send(&mut model, 1, Message::Clock);
    let key = model.fleet.by_id(&"i-1".into()).unwrap().key.clone();
    let vitals = Vitals { lease_s: Some(5400), ..Vitals::default() };
    report(&mut model, 0, News::Instance(key, InstanceNews::Vitals(Box::new(vitals))));
    let morning = 8 * 3600;
    send(&mut model, morning, Message::Clock);
    // The lease of the second one is not known: it was never visited.
    let forgotten = RegionNews::Vanished(vec!["i-1".into(), "i-2".into()]);
    let news = News::Region(WEST.into(), forgotten);
    send(&mut model, morning, Message::Report(Report { job: JobId(0), at: at(morning), news }));
    assert_eq!(wanted(&model), Some(1));
    assert_eq!(counts_of(&send(&mut model, morning + 1, Message::Clock)), [1]);
}

fn enter(model: &mut Model, id: &str, phase: Phase) {
    let key = model.fleet.by_id(&id.into()).unwrap().key.clone();
    report(model, 0, News::Instance(key, InstanceNews::Entered(phase)));
}

fn failed_at(step: Step) -> Phase {
    Phase::Failed(Failure::new(FailureKind::Unreachable, step, "no", ""))
}

#[test]
fn what_could_not_be_ended_lowers_the_count_once_and_is_no_set_up_that_fails() {
    let mut model = keeper(ids(1..=2));
    model.upkeep.raise(&WEST.into(), 4);
    for _ in 0..4 {
        destroy(&mut model, "i-1");
        enter(&mut model, "i-1", failed_at(Step::Terminate));
        let jobs: Vec<u64> = model.changing().map(|(job, _)| job.0).collect();
        for job in jobs {
            end(&mut model, job, Outcome::Done);
        }
    }
    assert_eq!(wanted(&model), Some(3));
    assert_eq!(model.upkeep.paused_until(at(1)), None);
}

#[test]
fn a_keeper_tries_once_a_minute_to_end_what_failed() {
    let mut model = keeper(ids(1..=3));
    enter(&mut model, "i-1", Phase::Ready);
    enter(&mut model, "i-2", Phase::Ready);
    enter(&mut model, "i-3", failed_at(Step::Connect));
    let mut tried = Vec::new();
    for second in 1..=130 {
        let effects = send(&mut model, second, Message::Clock);
        if ended(&effects) > 0 {
            tried.push(second);
        }
        let jobs = effects.iter().filter_map(|effect| match effect {
            Effect::Start(job, Job::Destroy(_)) => Some(job.0),
            _ => None,
        });
        for job in jobs {
            enter(&mut model, "i-3", failed_at(Step::Terminate));
            end(&mut model, job, Outcome::Done);
        }
    }
    assert_eq!(tried.len(), 3, "{tried:?}");
}

#[test]
fn a_node_that_is_well_again_says_nothing_of_set_ups() {
    let mut model = keeper(ids(1..=4));
    enter(&mut model, "i-1", Phase::Ready);
    for id in ["i-2", "i-3", "i-4"] {
        enter(&mut model, id, failed_at(Step::Configure));
        enter(&mut model, "i-1", Phase::Degraded { reason: "docker is not active".into() });
        enter(&mut model, "i-1", Phase::Ready);
    }
    assert!(model.upkeep.paused_until(at(1)).is_some());
}

/// docs/fleets.md: a launch that is refused is tried again.
#[test]
fn a_dashboard_still_owes_what_aws_had_nothing_for() {
    let mut model = six(replacing());
    for (second, pause) in [(10, 30), (50, 60)] {
        let effects = if second == 10 {
            interrupt(&mut model, "i-1")
        } else {
            send(&mut model, second, Message::Clock)
        };
        let started = effects.iter().find_map(|effect| match effect {
            Effect::Start(job, Job::Create(launches)) => Some((job.0, launches[0].keys[0].clone())),
            _ => None,
        });
        let (job, key) = started.unwrap_or_else(|| panic!("{second}: {}", last_line(&model)));
        assert!(model.upkeep.owed().is_empty());
        assert_eq!(model.fleet.len(), 7, "no row is left of a try in vain");
        let none = Failure::new(FailureKind::Capacity, Step::Launch, "no spot capacity", "");
        let entered = News::Instance(key, InstanceNews::Entered(Phase::Failed(none)));
        let report = Report { job: JobId(job), at: at(second), news: entered };
        send(&mut model, second, Message::Report(report));
        end(&mut model, job, Outcome::Done);
        assert_eq!(model.upkeep.owed().len(), 1);
        let soon = send(&mut model, second + pause - 1, Message::Clock);
        assert_eq!(launched(&soon), None, "it waits for a while");
    }
}

#[test]
fn what_is_owed_stays_owed_where_it_is_missing_and_nothing_is_for_a_node_that_works() {
    for (enabled, owed) in [(true, Some(WEST)), (false, None)] {
        let replace = Replace { hold: ReplaceIn::Total, enabled, ..Replace::default() };
        let mut model = six(with(|config| config.replace = replace));
        let lost = model.fleet.by_id(&"i-1".into()).unwrap().machine.clone().unwrap();
        let key = InstanceKey::planned(&REGIONS[1].into(), &"spot-7f3a-x".into(), 0);
        let mut launch = Launch::new(REGIONS[1].into(), "spot-7f3a-x".into(), vec![key.clone()]);
        launch.replaces = vec![lost];
        let [Effect::Start(job, _)] = &[model.start(Job::Create(vec![launch]))] else { panic!() };
        let job = job.0;
        let row = Instance::planned(key.clone(), REGIONS[1].into(), "spot-7f3a".into(), at(0));
        model.fleet.insert(row);
        let none = Failure::new(FailureKind::Capacity, Step::Launch, "no spot capacity", "");
        let failed = InstanceNews::Entered(Phase::Failed(none));
        report(&mut model, job, News::Instance(key, failed));
        let regions: Vec<&str> =
            model.upkeep.owed().iter().map(|debt| debt.region.as_str()).collect();
        assert_eq!(regions, Vec::from_iter(owed));
    }
}

#[test]
fn as_much_is_launched_as_the_budget_allows() {
    let opening = with(|config| {
        config.regions[0].instances_per_region = Some(8);
        config.regions[1].instances_per_region = Some(8);
        config.budget = Budget { max_instances: Some(6), ..Budget::default() };
    });
    let mut model = keeper_of(opening, ids(1..=1));
    assert_eq!(counts_of(&send(&mut model, 1, Message::Clock)), [3, 2]);
    assert_eq!(counts_of(&send(&mut model, 20, Message::Clock)).len(), 0);
    assert!(last_line(&model).contains("budget.max_instances is 6"), "{}", last_line(&model));
}
