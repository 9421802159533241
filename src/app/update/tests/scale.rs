//! The wanted count follows the work: how many more, which ones go, and when nothing is done.

use super::money::{WEST, ids, interrupt, launched, with};
use super::*;
use crate::config::{Scale, ScaleBy};
use crate::fleet::cloudwatch::{Metric, Series};
use crate::fleet::{Demand, InstanceId, NodeLoad, QueueLook, Resources};

const CORE: Resources = Resources { cpu: 1.0, memory: 1 << 30, disk: 0, gpu: 0 };

fn scaled(by: ScaleBy, change: impl FnOnce(&mut Config)) -> Opening {
    with(|config| {
        config.scale = Some(Scale { by, min: 2, max: 12, spare: 0 });
        config.bacalhau.api = Some("https://orchestrator.example.com:1234".into());
        config.regions.truncate(1);
        config.regions[0].instances_per_region = Some(6);
        change(config);
    })
}

fn enter(model: &mut Model, id: &str, phase: Phase) {
    let key = model.fleet.by_id(&id.into()).unwrap().key.clone();
    report(model, 0, News::Instance(key, InstanceNews::Entered(phase)));
}

/// A keeper of six that are ready.
fn six(by: ScaleBy, change: impl FnOnce(&mut Config)) -> Model {
    kept(Opening { dashboard: false, ..scaled(by, change) })
}

fn kept(opening: Opening) -> Model {
    let mut model = Model::new(opening);
    model.account = Some(Account {
        id: "111122223333".into(),
        creator: "demo".into(),
        arn: String::new(),
        regions: vec![WEST.into()],
    });
    survey(&mut model, WEST, ids(1..=6));
    for number in 1..=6 {
        enter(&mut model, &format!("i-{number}"), Phase::Ready);
    }
    command(&mut model, Command::Keep);
    model
}

/// Six nodes of two cores, of which these are at work, and so many executions of one core that wait.
fn look(busy: &[u32], waiting: u32) -> QueueLook {
    let node = |number: u32| {
        let capacity = Resources { cpu: 2.0, memory: 4 << 30, disk: 0, gpu: 0 };
        let is_busy = busy.contains(&number);
        let node = NodeLoad { capacity, is_busy, is_idle: !is_busy, ..NodeLoad::default() };
        (InstanceId::new(format!("i-{number}")), node)
    };
    let demand = Demand { job: "j-1".into(), count: waiting, each: CORE, regions: None };
    QueueLook { nodes: (1..=6).map(node).collect(), demand: vec![demand] }
}

/// The orchestrator answers at this second, and the clock goes on.
fn told(model: &mut Model, second: i64, queue: Result<QueueLook, String>) -> Vec<Effect> {
    send(model, second, Message::Clock);
    report_at(model, second, News::Job(JobNews::Queue(queue)));
    send(model, second, Message::Clock)
}

fn report_at(model: &mut Model, second: i64, news: News) -> Vec<Effect> {
    let report = Report { job: JobId(0), at: at(second), news };
    send(model, second, Message::Report(report))
}

/// The same every half a minute; what it led to besides nothing.
fn told_on(model: &mut Model, from: i64, to: i64, queue: &QueueLook) -> Vec<(i64, Vec<Effect>)> {
    let looks = (from..=to).step_by(30);
    let looks = looks.map(|second| (second, told(model, second, Ok(queue.clone()))));
    looks.filter(|(_, effects)| !effects.is_empty()).collect()
}

fn counts_of(effects: &[Effect]) -> usize {
    launched(effects).unwrap_or_default().into_iter().map(|(_, count)| count).sum()
}

fn retired(effects: &[Effect]) -> Vec<String> {
    let rows = effects.iter().filter_map(|effect| match effect {
        Effect::Start(_, Job::Retire(rows)) => Some(rows),
        _ => None,
    });
    rows.flatten().filter_map(Instance::id).map(ToString::to_string).collect()
}

fn said(model: &Model, text: &str) -> usize {
    model.log.events().lines().filter(|line| line.text.contains(text)).count()
}

#[test]
fn what_waits_is_seen_twice_and_launched() {
    for is_keeper in [true, false] {
        let mut opening = scaled(ScaleBy::Queue, |config| config.replace.enabled = true);
        opening.dashboard = !is_keeper;
        if !is_keeper {
            opening.upkeep.raise(&WEST.into(), 6);
        }
        let mut model = kept(opening);
        model.holding.is_keeper = is_keeper;
        // Three are at work, and six cores are three nodes of two.
        let busy = look(&[1, 2, 3, 4, 5, 6], 6);
        assert_eq!(counts_of(&told(&mut model, 1, Ok(busy.clone()))), 0, "once may be chance");
        let effects = told(&mut model, 31, Ok(busy.clone()));
        assert!(matches!(effects.first(), Some(Effect::Persist)), "{effects:?}");
        assert_eq!((counts_of(&effects), model.upkeep.total()), (3, 9));
        assert_eq!(said(&model, "queue 6, wants 9, has 6: +3"), 1);
        assert_eq!(model.upkeep.reason(), Some("queue 6"));
        // They are on their way: what waits for them asks for no more.
        let more = told_on(&mut model, 61, 600, &busy);
        assert!(more.iter().all(|(_, effects)| counts_of(effects) == 0), "{more:?}");
        assert_eq!(model.upkeep.allowed(at(600), 5, jiff::SignedDuration::from_mins(10)), 5);
    }
}

#[test]
fn nobody_is_followed_by_a_dashboard_that_does_not_hold() {
    let mut opening = scaled(ScaleBy::Queue, |_| ());
    opening.upkeep.raise(&WEST.into(), 6);
    let mut model = kept(opening);
    model.holding.is_keeper = false;
    told_on(&mut model, 1, 1200, &look(&[1, 2, 3, 4, 5, 6], 6));
    assert_eq!((model.upkeep.total(), said(&model, "queue")), (6, 0));
}

#[test]
fn who_sees_nothing_changes_nothing_and_says_so_once() {
    let mut model = six(ScaleBy::Queue, |_| ());
    // Two looks of a surge, and then an hour of silence, of errors, of strangers.
    told(&mut model, 1, Ok(look(&[1], 40)));
    let before = model.upkeep.counts().clone();
    for second in (31..3600).step_by(30) {
        let effects = told(&mut model, second, Err("HTTP 503".into()));
        assert!(effects.is_empty(), "{second}: {effects:?}");
    }
    for second in 3600..7200 {
        assert!(send(&mut model, second, Message::Clock).is_empty(), "{second}");
    }
    let mut strangers = look(&[], 0);
    strangers.nodes.retain(|id, _| ["i-1", "i-2"].contains(&id.as_str()));
    let steps = told_on(&mut model, 7200, 10_800, &strangers);
    assert!(steps.is_empty(), "{steps:?}");
    assert_eq!(*model.upkeep.counts(), before);
    assert_eq!((said(&model, "blind: holds 6"), said(&model, "sees again")), (1, 0));
    assert_eq!(model.upkeep.reason(), Some("blind"));
    // What was before says nothing any more: the surge begins anew, the lull takes its ten minutes.
    assert_eq!(counts_of(&told(&mut model, 10_830, Ok(look(&[1], 40)))), 0);
    assert_eq!(said(&model, "sees again: queue 40, wants 12, has 6"), 1);
    assert_eq!(counts_of(&told(&mut model, 10_860, Ok(look(&[1], 40)))), 6);
}

#[test]
fn one_that_has_just_become_ready_makes_nobody_blind() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let nobody = QueueLook { nodes: BTreeMap::new(), ..look(&[], 0) };
    told(&mut model, 30, Ok(nobody.clone()));
    assert_eq!(said(&model, "blind"), 0, "they were ready half a minute before");
    told(&mut model, 90, Ok(nobody));
    assert_eq!(said(&model, "blind: holds 6: 6 of 6 are no working nodes"), 1);
}

#[test]
fn idle_ones_go_one_a_minute_after_a_lull_and_never_the_last() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let quiet = look(&[1, 3], 0);
    let steps = told_on(&mut model, 1, 570, &quiet);
    assert!(steps.is_empty(), "{steps:?}");
    let mut gone = Vec::new();
    for second in (601..2400).step_by(30) {
        let effects = told(&mut model, second, Ok(quiet.clone()));
        for id in retired(&effects) {
            assert!(matches!(effects.first(), Some(Effect::Persist)), "first on the disk");
            let key = model.fleet.by_id(&id.as_str().into()).unwrap().key.clone();
            let news = News::Instance(key, InstanceNews::Retired(Ok(())));
            let effects = report_at(&mut model, second, news);
            let [Effect::Persist, Effect::Start(_, Job::Destroy(_))] = effects.as_slice() else {
                panic!("{effects:?}")
            };
            gone.push((second, id));
        }
    }
    let ids: Vec<&str> = gone.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(ids, ["i-2", "i-4", "i-5", "i-6"], "two are at work");
    assert!(gone.windows(2).all(|two| two[1].0 - two[0].0 >= 60), "{gone:?}");
    assert_eq!(model.upkeep.total(), 2, "none comes in their place");
    assert_eq!(said(&model, "queue 0, wants 2, has 6: -1 (i-2)"), 1, "{}", last_line(&model));
}

#[test]
fn a_node_that_gets_work_meanwhile_stays_and_is_left_alone_for_a_while() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let quiet = look(&[2, 3, 4, 5, 6], 0);
    let steps = told_on(&mut model, 1, 601, &quiet);
    assert_eq!(retired(&steps[0].1), ["i-1"]);
    let key = model.fleet.by_id(&"i-1".into()).unwrap().key.clone();
    let news = InstanceNews::Retired(Err("it has got work meanwhile".into()));
    let effects = report_at(&mut model, 610, News::Instance(key, news));
    assert_eq!(effects, [Effect::Persist]);
    assert!(model.upkeep.retiring().is_empty() && model.upkeep.total() == 6);
    assert!(told_on(&mut model, 631, 1200, &quiet).is_empty());
    assert_eq!(said(&model, "it stays: it has got work meanwhile"), 1);
    assert_eq!(retired(&told_on(&mut model, 1231, 1231, &quiet)[0].1), ["i-1"], "and again");
}

#[test]
fn a_killed_process_goes_on_with_what_it_had_fenced() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let steps = told_on(&mut model, 1, 601, &look(&[2, 3, 4, 5, 6], 0));
    assert_eq!(retired(&steps[0].1), ["i-1"]);
    let written = serde_json::to_string(&model.upkeep).unwrap();
    let upkeep: Upkeep = serde_json::from_str(&written).unwrap();
    let opening = scaled(ScaleBy::Queue, |_| ());
    let mut next = kept(Opening { dashboard: false, upkeep: upkeep.recalled(at(0)), ..opening });
    assert_eq!(retired(&send(&mut next, 1, Message::Clock)), ["i-1"]);
    assert!(retired(&send(&mut next, 2, Message::Clock)).is_empty(), "once");
    // AWS takes it meanwhile: none comes in its place.
    let effects = interrupt(&mut next, "i-1");
    assert_eq!((counts_of(&effects), next.upkeep.total()), (0, 5));
    assert!(next.upkeep.retiring().is_empty());
}

#[test]
fn a_refusal_stops_the_growth_and_never_goes_below_the_fewest() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let busy = look(&[1, 2, 3, 4, 5, 6], 6);
    told(&mut model, 1, Ok(busy.clone()));
    let effects = told(&mut model, 31, Ok(busy.clone()));
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Create(launches)) => Some((job.0, launches[0].keys.clone())),
        _ => None,
    });
    let (job, keys) = job.unwrap();
    let refuse = |model: &mut Model, keys: &[InstanceKey]| {
        for key in keys {
            let why = Failure::new(FailureKind::Capacity, Step::Launch, "no room in 3 zones", "");
            let failed = InstanceNews::Entered(Phase::Failed(why));
            report_at(model, 40, News::Instance(key.clone(), failed));
        }
    };
    refuse(&mut model, &keys[..2]);
    report_at(&mut model, 41, News::Job(JobNews::Ended(Outcome::Done)));
    end(&mut model, job, Outcome::Partly { failed: 2 });
    assert_eq!(model.upkeep.total(), 7, "one of three has come");
    assert_eq!(said(&model, "none is added for 10 minutes: no room"), 1);
    let steps = told_on(&mut model, 61, 600, &busy);
    // The third one was never seen running here: it alone is launched again.
    let again: usize = steps.iter().map(|(_, effects)| counts_of(effects)).sum();
    assert!(again <= 1 && model.upkeep.total() <= 7, "{steps:?}");
    assert_eq!(said(&model, "no region takes any more now"), 1);
    let steps = told_on(&mut model, 661, 720, &busy);
    assert!(steps.iter().any(|(_, effects)| counts_of(effects) > 0), "it is tried again");

    // At the fewest, a refusal lowers nothing.
    let mut few = six(ScaleBy::Queue, |config| {
        config.scale.as_mut().unwrap().min = 8;
    });
    let effects = send(&mut few, 1, Message::Clock);
    assert_eq!((counts_of(&effects), few.upkeep.total()), (2, 8), "at once, whatever the work is");
    let keys: Vec<InstanceKey> = few.fleet.instances().map(|row| row.key.clone()).collect();
    let planned: Vec<InstanceKey> =
        keys.into_iter().filter(|key| few.fleet.get(key).unwrap().machine.is_none()).collect();
    refuse(&mut few, &planned);
    assert_eq!(few.upkeep.total(), 8);
}

#[test]
fn a_budget_lets_as_many_through_as_it_allows() {
    let mut model = six(ScaleBy::Queue, |config| config.budget.max_instances = Some(8));
    let busy = look(&[1, 2, 3, 4, 5, 6], 6);
    told(&mut model, 1, Ok(busy.clone()));
    let effects = told(&mut model, 31, Ok(busy.clone()));
    assert_eq!((counts_of(&effects), model.upkeep.total()), (2, 8), "three are wanted");
    told_on(&mut model, 61, 600, &busy);
    assert_eq!((model.upkeep.total(), said(&model, "budget.max_instances is 8")), (8, 1));
}

#[test]
fn a_job_that_fits_no_node_is_said_once_and_asks_for_none() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let mut giant = look(&[1, 2, 3, 4, 5, 6], 3);
    giant.demand[0].each.cpu = 8.0;
    assert!(told_on(&mut model, 1, 900, &giant).is_empty());
    assert_eq!(said(&model, "the job j-1 fits no node"), 1);
}

#[test]
fn machines_and_persistent_ones_are_never_let_go() {
    let mut model = six(ScaleBy::Queue, |_| ());
    let dev = running("i-1").1;
    let dev = Machine { birth: Birth { machine: Some("dev".into()), ..dev.birth }, ..dev };
    let stays = running("i-2").1;
    let lifecycle = Lifecycle::PersistentSpot;
    let stays = Machine { birth: Birth { lifecycle, ..stays.birth }, ..stays };
    // They are none of the six.
    model = {
        let mut anew = Model::new(Opening {
            dashboard: false,
            upkeep: model.upkeep.clone(),
            ..scaled(ScaleBy::Queue, |_| ())
        });
        survey(&mut anew, WEST, [vec![dev, stays], ids(3..=6)].concat());
        for number in 1..=6 {
            enter(&mut anew, &format!("i-{number}"), Phase::Ready);
        }
        anew.holding.is_keeper = true;
        anew
    };
    let mut gone = Vec::new();
    for (_, effects) in told_on(&mut model, 1, 3600, &look(&[], 0)) {
        for id in retired(&effects) {
            let key = model.fleet.by_id(&id.as_str().into()).unwrap().key.clone();
            report_at(&mut model, 3600, News::Instance(key, InstanceNews::Retired(Ok(()))));
            gone.push(id);
        }
    }
    assert!(!gone.is_empty() && gone.iter().all(|id| !["i-1", "i-2"].contains(&&**id)), "{gone:?}");
}

#[test]
fn processors_ask_for_as_many_as_bring_them_to_what_is_meant() {
    let by = ScaleBy::Cpu(60);
    // Each is visited once a minute, and five visits count.
    let work = |model: &mut Model, second: i64, told: &[(u32, u8)]| {
        for (number, percent) in told {
            let id = InstanceId::new(format!("i-{number}"));
            let Some(row) = model.fleet.by_id(&id) else { continue };
            let (key, percent) = (row.key.clone(), Some(*percent));
            let vitals = Vitals { cpu_percent: percent, ..Vitals::default() };
            report_at(model, second, News::Instance(key, InstanceNews::Vitals(Box::new(vitals))));
        }
    };
    let run = |model: &mut Model, from: i64, to: i64, told: &[(u32, u8)]| -> Vec<Effect> {
        let each = (from..=to).flat_map(|second| {
            if (second - from) % 60 == 0 {
                work(model, second, told);
            }
            send(model, second, Message::Clock)
        });
        each.collect()
    };
    let all = |percent: u8| [1, 2, 3, 4, 5, 6].map(|number| (number, percent));
    let mut model = six(by.clone(), |config| config.bacalhau.api = None);
    let effects = run(&mut model, 1, 299, &all(90));
    assert_eq!(counts_of(&effects), 0, "those that have just come say nothing");
    assert_eq!(counts_of(&run(&mut model, 300, 400, &all(90))), 3, "540 % are nine at 60 %");
    assert_eq!(said(&model, "cpu 90 %, wants 9, has 6: +3"), 1);
    for told in [&all(64)[..], &all(40)[..5]] {
        // Near what is meant; and where one of them does not tell, none goes.
        let mut model = six(by.clone(), |config| config.bacalhau.api = None);
        let effects = run(&mut model, 300, 2000, told);
        assert!(effects.is_empty(), "{told:?}: {}", last_line(&model));
    }
    let mut model = six(by.clone(), |config| config.bacalhau.api = None);
    let told = [(1, 95), (2, 95), (3, 3), (4, 3), (5, 3), (6, 3)];
    let gone = retired(&run(&mut model, 300, 1200, &told));
    assert_eq!(gone, ["i-3"], "an idle one, and no next before that one is gone");
    // One that has no credits left does all it can.
    let mut model = six(by, |config| config.bacalhau.api = None);
    let series = |value: f64| {
        let mut series = Series::default();
        series.add([(at(0), value)].into_iter(), false);
        series
    };
    let told = (1..=6).map(|number| {
        let credits = [(Metric::CpuCredits, series(0.0))].into();
        (InstanceId::new(format!("i-{number}")), credits)
    });
    let metrics = RegionNews::Metrics { told: told.collect(), charged: BTreeMap::new(), asked: 6 };
    report(&mut model, 0, News::Region(WEST.into(), metrics));
    assert_eq!(counts_of(&run(&mut model, 300, 400, &all(30))), 4, "600 % are ten");
}

#[test]
fn a_program_of_the_users_says_the_number_within_the_bounds() {
    let mut model = six(ScaleBy::Command(vec!["wanted".into()]), |_| ());
    let mut advise = |second: i64, advice: Result<u32, String>| {
        send(&mut model, second, Message::Clock);
        report_at(&mut model, second, News::Job(JobNews::Advice(advice)));
        counts_of(&send(&mut model, second, Message::Clock))
    };
    assert_eq!([advise(1, Ok(500)), advise(31, Ok(500))], [0, 6], "twelve are the most");
    assert_eq!(advise(61, Err("wanted: exit status: 1".into())), 0);
    assert_eq!(said(&model, "command, wants 12, has 6: +6"), 1);
    assert_eq!(said(&model, "blind: holds 12: wanted: exit status: 1"), 1);
}

#[test]
fn a_count_of_none_grows_with_the_work() {
    let mut opening = scaled(ScaleBy::Queue, |config| {
        config.regions[0].instances_per_region = Some(0);
        config.aws.total_instances = 0;
    });
    opening.dashboard = false;
    let mut model = Model::new(opening);
    survey(&mut model, WEST, Vec::new());
    command(&mut model, Command::Keep);
    let waiting = QueueLook { nodes: BTreeMap::new(), ..look(&[], 6) };
    told_on(&mut model, 1, 300, &waiting);
    assert_eq!(said(&model, "0 of 2 are there, 2 are launched"), 1, "{}", last_line(&model));
}
