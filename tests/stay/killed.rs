//! Lives that are cut short: the process is killed at some instant of each step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::hosts::Arrived;
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::{KeptKind, SnapshotOf};

use super::{KEEPS, PERSISTENT, act, count, counts, dev, kept, ready, request, the_row, up, word};
use crate::support::stage::Stage;

/// A stop and a start, each killed at some instant and gone on with by the next process. Whatever
/// was asked for, there is one machine with its disk, its key and its set-up, and nothing is left of
/// it when it is destroyed.
async fn cut_short(seed: u64) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut stage = ready(PERSISTENT, &format!("seed: {seed}")).await;
    let before = stage.model().fleet.alive().next().unwrap().clone();
    let settled = |stage: &Stage| ["Ready", "Stopped"].contains(&word(stage).as_str());
    for (action, end) in [(Action::Stop, "Stopped"), (Action::Start, "Ready")] {
        act(&mut stage, action.clone());
        stage.pass(chance.u64(0..=120)).await;
        stage.kill();
        stage.open().await;
        stage.pass(60).await;
        stage.until(1500, &format!("{seed}: it settles"), settled).await;
        if word(&stage) != end {
            // It was killed before the call was sent.
            act(&mut stage, action);
            stage.until(1500, &format!("{seed}: {end}"), |stage| word(stage) == end).await;
        }
    }
    let after = stage.model().fleet.alive().next().unwrap();
    assert_eq!((after.id(), after.host_key.as_ref()), (before.id(), before.host_key.as_ref()));
    assert_eq!(stage.calls("RunInstances"), 1, "{seed}: {}", stage.log());
    let arrivals = stage.cloud.hosts.arrivals(before.id().unwrap());
    let uploads = arrivals.iter().filter(|it| it.what == Arrived::Upload).count();
    assert_eq!(uploads, 1, "{seed}: what is set up is not set up again");
    let tell = |form: &str| by_hand(&stage.cloud.world, "us-west-2", form).1;
    let volumes = tell("Action=DescribeVolumes").matches("<volumeId>").count();
    assert_eq!(volumes, 2, "{seed}: one volume, and its attachment");
    assert_eq!(request(&stage), "active");
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{seed}: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_stop_or_a_start_that_is_killed_is_gone_on_with() {
    for seed in 0..4 {
        Box::pin(cut_short(seed)).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "make sweep"]
async fn seventy_five_stops_and_starts_are_killed_and_gone_on_with() {
    for seed in 0..75 {
        Box::pin(cut_short(1000 + seed)).await;
    }
}

/// How a process that is killed leaves its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    Whole,
    Deleted,
    Garbled,
}

/// A machine's life from its first launch over a stop, a start, a recreate and snapshots to its end,
/// where each step is killed at some instant and gone on with by the next process. Whatever that left:
/// one instance, booting from the one root with its set-up and its key; one home volume, formatted once;
/// one address; snapshots of both disks, each of them known; and nothing else, nor is anything left that
/// is not kept.
async fn a_life_cut_short(seed: u64, journal: Journal) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let config = KEEPS.replace(", home:", ", snapshots: { daily: 1, weekly: 0 }, home:");
    let mut stage = Stage::set(&config, Scenario::parse(&format!("seed: {seed}")).unwrap());
    stage.open().await;
    up(&mut stage);
    die(&mut stage, &mut chance, journal).await;
    awake(&mut stage, seed).await;
    let (before, first) = (in_use(&stage), the_row(&stage));
    for action in [Action::Stop, Action::Start, Action::Recreate] {
        let scope = Scope::Instances(vec![the_row(&stage).key]);
        stage.command(Command::Act(action, scope));
        die(&mut stage, &mut chance, journal).await;
        awake(&mut stage, seed).await;
    }
    stage.command(by_hand_snapshot());
    die(&mut stage, &mut chance, journal).await;
    snapshotted(&mut stage, seed).await;
    stage.pass(120).await;
    let (row, log) = (the_row(&stage), stage.log());
    assert_eq!((in_use(&stage), counts(&stage)), (before.clone(), (2, 1)), "{seed}: {log}");
    assert_eq!(row.host_key, first.host_key, "{seed}: {log}");
    assert_eq!(row.address(), before["address"].2, "{seed}: {log}");
    assert_eq!(stage.zones().await.values().sum::<usize>(), 1, "{seed}: {log}");
    assert_eq!(count(&stage, "DescribeSpotInstanceRequests", "<state>active</state>"), 1);
    let mounts = stage.cloud.hosts.mounts(&before["home"].0);
    assert!(!mounts.is_empty() && mounts.len() <= 3, "{seed}: {mounts:?}");
    let made = snapshots(&stage);
    assert!(made.len() >= 2, "{seed}: {made:?}");
    let command = Command::destroy(Scope::All);
    stage.command(command.clone());
    die(&mut stage, &mut chance, journal).await;
    stage.destroy().await;
    assert_eq!((stage.left().await, counts(&stage)), (0, (2, 1)), "{seed}: {}", stage.log());
    let now = snapshots(&stage);
    assert!(now.is_superset(&made), "{seed}: {made:?} {now:?} {}", stage.log());
    assert_eq!(
        count(&stage, "DescribeSnapshots", "<snapshotId>"),
        now.len(),
        "{seed}: each is known"
    );
}

/// What the machine uses of what it keeps.
fn in_use(stage: &Stage) -> BTreeMap<&'static str, (String, Option<u32>, Option<IpAddr>)> {
    let mut kept = kept(stage);
    kept.remove("snapshot");
    kept
}

/// The snapshots that the program knows of.
fn snapshots(stage: &Stage) -> BTreeSet<String> {
    let kept = stage.model().fleet.kept_of("dev").map(|(_, it)| it);
    kept.filter(|it| it.kind == KeptKind::Snapshot).map(|it| it.id.clone()).collect()
}

fn by_hand_snapshot() -> Command {
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: false };
    Command::Act(ask, Scope::Instances(Vec::new()))
}

/// Snapshots are asked for by hand until there is one of each disk.
async fn snapshotted(stage: &mut Stage, seed: u64) {
    let has = |stage: &Stage| {
        let all: Vec<SnapshotOf> =
            stage.model().fleet.kept_of("dev").filter_map(|(_, it)| it.snapshot).collect();
        let of = |kind| all.iter().any(|it| it.kind == kind && !it.is_scheduled);
        of(KeptKind::Root) && of(KeptKind::Home)
    };
    for _ in 0..4 {
        let settled = |stage: &Stage| stage.model().changing().next().is_none();
        stage.until(3600, &format!("{seed}: it settles"), settled).await;
        if has(stage) {
            return;
        }
        stage.command(by_hand_snapshot());
        stage.pass(120).await;
    }
    panic!("{seed}: no snapshots: {}", stage.log());
}

/// The process is killed at some instant, and another one begins.
async fn die(stage: &mut Stage, chance: &mut fastrand::Rng, journal: Journal) {
    stage.pass(chance.u64(0..=240)).await;
    match journal {
        Journal::Whole => {}
        Journal::Deleted => stage.change_journal(|_| String::new()),
        Journal::Garbled => stage.change_journal(|text| text.replace("\"open\"", "\"opne\"")),
    }
    stage.kill();
    stage.open().await;
    stage.pass(90).await;
}

/// The machine is asked for until it is ready.
async fn awake(stage: &mut Stage, seed: u64) {
    for _ in 0..4 {
        up(stage);
        let settled = |stage: &Stage| stage.model().changing().next().is_none();
        stage.until(3600, &format!("{seed}: it settles"), settled).await;
        stage.pass(60).await;
        stage.until(3600, &format!("{seed}: it settles"), settled).await;
        if dev(stage) == "Ready" {
            return;
        }
    }
    panic!("{seed}: dev is {}: {}", dev(stage), stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_life_that_is_killed_at_each_step_loses_nothing_that_is_kept() {
    for (seed, journal) in
        [(1, Journal::Whole), (2, Journal::Whole), (3, Journal::Garbled), (4, Journal::Deleted)]
    {
        Box::pin(a_life_cut_short(seed, journal)).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "make sweep"]
async fn forty_lives_are_killed_at_each_step() {
    for seed in 0..40 {
        let journal = [Journal::Whole, Journal::Whole, Journal::Garbled, Journal::Deleted];
        let journal = journal[usize::try_from(seed % 4).unwrap()];
        Box::pin(a_life_cut_short(2000 + seed, journal)).await;
    }
}
