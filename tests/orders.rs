//! A create that an earlier run did not end is completed, not doubled; one that is cancelled is
//! taken back; a destroy is gone on with.

use std::collections::BTreeSet;

use spot_tui::app::{Command, Counts, Effect, Message, Model, Opening, Stamped, update};
use spot_tui::fleet::{
    DestroyScope, Fleet, Instance, InstanceKey, Job, JobId, JobNews, Launch, LaunchId, News,
    Outcome, PendingCreate, PendingDestroy, Phase, RegionNews, Report, Termination,
};

use crate::support::screen::{at, machine, opening};

const REGION: &str = "us-west-2";

/// A model that opens with a create of three in us-west-2, of which one has a row.
fn cut_short() -> Model {
    let pending = PendingCreate {
        deployment: "spot-7f3a".into(),
        region: REGION.into(),
        launch: "spot-7f3a-lz3k-us-west-2".into(),
        count: 3,
        made: BTreeSet::new(),
        origin: None,
        is_replacement: false,
        machine: None,
    };
    let mut made = machine(1, "us-west-2a");
    made.birth.launch = Some(pending.launch.request(1, 1));
    let mut fleet = Fleet::default();
    for machine in [made, machine(2, "us-west-2a")] {
        let key = InstanceKey::adopted(&machine.id);
        let planned = Instance::planned(key, REGION.into(), "spot-7f3a".into(), at(0));
        fleet.insert(Instance { machine: Some(machine), phase: Phase::Running, ..planned });
    }
    Model::new(Opening { fleet, pending_creates: vec![pending], ..opening((140, 40)) })
}

/// A create of two in us-west-2 that found no room there and goes on in eu-west-1; its job.
fn spilled(model: &mut Model) -> (JobId, Launch, LaunchId) {
    let counts = Counts::from([(REGION.into(), 2)]);
    let effects = take(model, Message::Command(Command::create(Some(counts))));
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Start(id, Job::Create(_)) => Some(*id),
        _ => None,
    });
    let launch = effects.into_iter().find_map(launches).unwrap().remove(0);
    let moved = LaunchId::new(format!("{}s0", launch.id));
    let news = News::Region("eu-west-1".into(), RegionNews::Spilled(moved.clone()));
    report(model, job.unwrap(), news);
    (job.unwrap(), launch, moved)
}

fn report(model: &mut Model, job: JobId, news: News) -> Vec<Effect> {
    take(model, Message::Report(Report { job, at: at(2), news }))
}

fn take(model: &mut Model, message: Message) -> Vec<Effect> {
    update(model, Stamped { at: at(1), message })
}

fn create(model: &mut Model, count: u32) -> Vec<Launch> {
    let counts = Counts::from([(REGION.into(), count)]);
    let effects = take(model, Message::Command(Command::create(Some(counts))));
    effects.into_iter().find_map(launches).unwrap_or_default()
}

fn started(effect: Effect) -> Option<Job> {
    match effect {
        Effect::Start(_, job) => Some(job),
        _ => None,
    }
}

fn launches(effect: Effect) -> Option<Vec<Launch>> {
    match effect {
        Effect::Start(_, Job::Create(launches)) => Some(launches),
        _ => None,
    }
}

#[test]
fn the_same_create_again_completes_what_was_cut_short() {
    let mut model = cut_short();
    let launches = create(&mut model, 3);
    assert_eq!(launches.len(), 1, "{launches:?}");
    let launch = &launches[0];
    assert_eq!(launch.id.as_str(), "spot-7f3a-lz3k-us-west-2");
    assert_eq!(launch.keys.len(), 2, "one of three is there; the other row is not of this order");
    assert_eq!(
        launch.known.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["i-0a1b2c3d4e5f67801"]
    );
    assert_eq!(launch.resumed.len(), 1, "and its deployment is taken up again");
    assert_eq!(create(&mut model, 3).iter().map(|it| it.keys.len()).sum::<usize>(), 3, "once");
}

#[test]
fn what_is_asked_for_beyond_it_is_added() {
    let mut model = cut_short();
    let launches = create(&mut model, 5);
    let counts: Vec<usize> = launches.iter().map(|launch| launch.keys.len()).collect();
    assert_eq!(counts, [2, 2], "{launches:?}");
    assert_ne!(launches[0].id, launches[1].id);
}

#[test]
fn a_destroy_that_was_cut_short_is_gone_on_with_and_takes_nothing_else() {
    let named = machine(2, "us-west-2a").id;
    let termination =
        Termination { key: InstanceKey::adopted(&named), id: named.clone(), spot_request: None };
    let destroy = PendingDestroy {
        deployment: "spot-7f3a".into(),
        region: REGION.into(),
        launch: None,
        terminations: vec![termination.clone()],
    };
    let others = PendingDestroy { deployment: "spot-other".into(), ..destroy.clone() };
    let mut fleet = Fleet::default();
    for machine in [machine(1, "us-west-2a"), machine(2, "us-west-2a")] {
        let key = InstanceKey::adopted(&machine.id);
        let planned = Instance::planned(key, REGION.into(), "spot-7f3a".into(), at(0));
        fleet.insert(Instance { machine: Some(machine), phase: Phase::Running, ..planned });
    }
    let destroys = vec![destroy, others];
    let mut model = Model::new(Opening { fleet, destroys, ..opening((140, 40)) });
    let counts = || Some(Counts::from([(REGION.into(), 1)]));
    let effects = take(&mut model, Message::Command(Command::create(counts())));
    let jobs: Vec<Job> = effects.into_iter().filter_map(started).collect();
    let doomed = DestroyScope::Instances([(REGION.into(), vec![termination])].into());
    assert!(jobs.contains(&Job::Destroy(doomed)), "{jobs:?}");
    let resumed = jobs.iter().find_map(|job| match job {
        Job::Resume(rows) => Some(rows.iter().filter_map(Instance::id).cloned().collect()),
        _ => None,
    });
    assert_eq!(resumed, Some(vec![machine(1, "us-west-2a").id]), "what is to end is not set up");
    let effects = take(&mut model, Message::Command(Command::create(counts())));
    assert!(!effects.into_iter().filter_map(started).any(|job| job.verb() == "destroy"), "once");
}

#[test]
fn attack_3_what_was_spilled_to_another_region_is_taken_back_too() {
    let mut model = Model::new(opening((140, 40)));
    let (job, launch, moved) = spilled(&mut model);
    let effects = report(&mut model, job, News::Job(JobNews::Ended(Outcome::Cancelled)));
    let rolled_back = effects.into_iter().filter_map(started).find_map(|job| match job {
        Job::Destroy(DestroyScope::Launches(launches)) => Some(launches),
        _ => None,
    });
    let both = vec![(launch.region, launch.id), ("eu-west-1".into(), moved)];
    assert_eq!(rolled_back, Some(both));
}

#[test]
fn attack_5_nobody_else_works_on_what_was_spilled() {
    let mut model = Model::new(opening((140, 40)));
    let (job, _, moved) = spilled(&mut model);
    let mut there = machine(7, "eu-west-1a");
    there.birth.launch = Some(moved.request(1, 1));
    let seen = News::Region("eu-west-1".into(), RegionNews::Surveyed(vec![there]));
    report(&mut model, job, seen);
    let counts = Counts::from([(REGION.into(), 1)]);
    let effects = take(&mut model, Message::Command(Command::create(Some(counts))));
    let jobs: Vec<&str> = effects.into_iter().filter_map(started).map(|it| it.verb()).collect();
    assert_eq!(jobs, ["create"], "no second pipeline");
}

#[test]
fn attack_4_what_was_spilled_counts_where_it_was_asked_for() {
    let pending = |region: &str, launch: &str, count, origin| PendingCreate {
        deployment: "spot-7f3a".into(),
        region: region.into(),
        launch: launch.into(),
        count,
        made: BTreeSet::new(),
        origin,
        is_replacement: false,
        machine: None,
    };
    let pending_creates = vec![
        pending(REGION, "l-1", 0, None),
        pending("eu-west-1", "l-1s0", 2, Some(REGION.into())),
        pending("eu-west-1", "l-2", 2, None),
    ];
    let mut model = Model::new(Opening { pending_creates, ..opening((140, 40)) });
    let counts = Counts::from([(REGION.into(), 2), ("eu-west-1".into(), 2)]);
    let effects = take(&mut model, Message::Command(Command::create(Some(counts))));
    let launches = effects.into_iter().find_map(launches).unwrap();
    let rows: usize = launches.iter().map(|launch| launch.keys.len()).sum();
    assert_eq!(rows, 4, "four are asked for, and four there are: {launches:?}");
}

#[test]
fn a_create_that_is_cancelled_is_taken_back() {
    let mut model = Model::new(opening((140, 40)));
    let counts = Counts::from([(REGION.into(), 2)]);
    let effects = take(&mut model, Message::Command(Command::create(Some(counts))));
    let launch = effects.iter().cloned().find_map(launches).unwrap().remove(0);
    let job = effects.iter().find_map(|effect| match effect {
        Effect::Start(id, Job::Create(_)) => Some(*id),
        _ => None,
    });
    let news = News::Job(JobNews::Ended(Outcome::Cancelled));
    let report = Report { job: job.unwrap_or(JobId(0)), at: at(2), news };
    let effects = take(&mut model, Message::Report(report));
    let rolled_back = effects.iter().find_map(|effect| match effect {
        Effect::Start(_, Job::Destroy(DestroyScope::Launches(launches))) => Some(launches.clone()),
        _ => None,
    });
    assert_eq!(rolled_back, Some(vec![(launch.region, launch.id)]));
    assert!(model.fleet.is_empty(), "rows that never came to be are gone");
}
