//! Snapshots of what a machine keeps.

use std::time::Duration;

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::{JobKind, Kept, KeptKind, Restore};
use spot_tui::jobs::Pace;

use super::{KEEPS, brought_up, count, counts, dev, up, with_config};
use crate::support::stage::{Stage, seldom};

const DAY: u64 = 24 * 3600;

fn config(snapshots: &str) -> String {
    KEEPS.replace(", home:", &format!(", snapshots: {snapshots}, home:"))
}

/// The machine `dev`, ready, for days on which it is looked at each hour.
async fn days(config: &str) -> Stage {
    let hour = Duration::from_hours(1);
    let pace = Pace { steady: hour, ..seldom() };
    brought_up(Stage::paced(config, Scenario::parse("{}").unwrap(), pace)).await
}

/// Those of this volume that EC2 tells of, the oldest first.
fn snapshots(stage: &Stage, of: KeptKind) -> Vec<Kept> {
    let is_of = |it: &&Kept| it.snapshot.is_some_and(|it| it.kind == of);
    let kept = stage.model().fleet.kept_of("dev").map(|(_, it)| it);
    let mut found: Vec<Kept> = kept.filter(is_of).cloned().collect();
    found.sort_by_key(|it| it.since);
    found
}

#[tokio::test(start_paused = true)]
async fn a_dashboard_makes_one_a_day_and_deletes_those_that_have_had_their_time() {
    let mut stage = days(&config("{ daily: 2, weekly: 1 }")).await;
    let both = |stage: &Stage| {
        [KeptKind::Root, KeptKind::Home].iter().all(|of| snapshots(stage, *of).len() == 1)
    };
    stage.until(900, "one of each is made", both).await;
    let scope = Scope::Instances(vec![super::the_row(&stage).key]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
    for day in 1..5 {
        stage.pass(DAY).await;
        let now = snapshots(&stage, KeptKind::Home).len();
        // Two that are complete, and the one that is being made.
        assert_eq!(now, 3.min(day + 1), "day {day}: {}", stage.log());
    }
    assert_eq!(count(&stage, "DescribeSnapshots", "<snapshotId>"), 6, "{}", stage.log());
    // They stay when the machine goes, and go when they are named.
    stage.destroy().await;
    assert!(stage.log().contains("--with-kept 9"), "{}", stage.log());
    assert_eq!(count(&stage, "DescribeSnapshots", "<snapshotId>"), 6);
    stage.command(super::discard(&stage));
    stage.until(600, "it is gone", |stage| counts(stage) == (0, 0)).await;
    stage.pass(30).await;
    assert_eq!(count(&stage, "DescribeSnapshots", "<snapshotId>"), 0, "{}", stage.log());
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_asked_for_stays() {
    let mut stage = days(&config("{ daily: 1, weekly: 0 }")).await;
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: false };
    stage.command(Command::Act(ask, Scope::Instances(Vec::new())));
    let by_hand = |stage: &Stage| {
        let all = snapshots(stage, KeptKind::Home);
        all.iter().filter(|it| it.snapshot.is_some_and(|of| !of.is_scheduled)).count()
    };
    stage.until(300, "it is made", |stage| by_hand(stage) == 1).await;
    for _ in 0..3 {
        stage.pass(DAY).await;
    }
    assert_eq!(by_hand(&stage), 1, "{}", stage.log());
    let all = snapshots(&stage, KeptKind::Home).len();
    assert_eq!(all, 3, "it, the last complete one, and today's: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_fails_is_tried_once_an_hour() {
    let story = "calls: [{ action: CreateSnapshot, count: 1000, \
                 trouble: { error: { status: 403, code: UnauthorizedOperation, message: no } } }]";
    let mut stage = with_config(&config("{ daily: 1 }"), story).await;
    let before = stage.calls("CreateSnapshot");
    stage.pass(3 * 3600).await;
    let tried = stage.calls("CreateSnapshot") - before;
    assert!((2..=4).contains(&tried), "{tried}: {}", stage.log());
    assert_eq!(dev(&stage), "Ready");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_keeps_no_volume_has_no_snapshots() {
    let plain = "machines: [{ name: dev, region: us-west-2, type: t3.small }]";
    let mut stage = with_config(plain, "{}").await;
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: false };
    stage.command(Command::Act(ask, Scope::Instances(Vec::new())));
    assert!(stage.log().contains("no volume of a machine is kept"), "{}", stage.log());
    up(&mut stage);
    stage.pass(10).await;
    assert_eq!(stage.calls("CreateSnapshot"), 0);
}

/// What a volume is kept as.
fn kept_as(stage: &Stage, id: &str) -> Option<KeptKind> {
    stage.model().fleet.kept_of("dev").map(|(_, it)| it).find(|it| it.id == id).map(|it| it.kind)
}

/// A step of a restore, and whether it said this within a minute.
async fn restore(stage: &mut Stage, step: Restore, says: &str) {
    stage.command(Command::Act(Action::Restore("dev".into(), step), Scope::All));
    stage.until(300, says, |stage| stage.log().contains(says)).await;
    stage.until(300, "it ends", |stage| !stage.model().does(JobKind::Restore)).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_comes_back_to_a_snapshot_and_its_volume_stays_beside_it() {
    let mut stage = with_config(&config("{ daily: 7 }"), "{}").await;
    let whole = |stage: &Stage, of: KeptKind| {
        let all = snapshots(stage, of);
        all.iter().any(|it| it.snapshot.is_some_and(|of| of.is_complete))
    };
    stage.pass(600).await;
    // What is kept is asked for when instances change, and when somebody asks.
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: true };
    stage.command(Command::Act(ask, Scope::Instances(Vec::new())));
    let both = |stage: &Stage| whole(stage, KeptKind::Root) && whole(stage, KeptKind::Home);
    stage.until(300, "both are complete", both).await;
    let row = super::the_row(&stage);
    let before = super::kept(&stage);
    for kind in [KeptKind::Home, KeptKind::Root] {
        let own = before[kind.word()].0.clone();
        let snapshot = snapshots(&stage, kind)[0].id.clone();
        let says = format!("is made of snapshot {snapshot}");
        restore(&mut stage, Restore::Make { snapshot, zone: None }, &says).await;
        let beside = |stage: &Stage| {
            let mut kept = stage.model().fleet.kept_of("dev").map(|(_, it)| it.clone());
            kept.find(|it| it.kind == KeptKind::Aside && it.aside_of == Some(kind))
        };
        let new = beside(&stage).unwrap().id;
        assert_eq!(kept_as(&stage, &own), Some(kind), "it is beside its own");
        // On a machine that runs it stays.
        if dev(&stage) == "Ready" {
            restore(&mut stage, Restore::Use(new.clone()), "`spot-tui down dev` first").await;
            assert_eq!(kept_as(&stage, &new), Some(KeptKind::Aside));
            let scope = Scope::Instances(vec![row.key.clone()]);
            stage.command(Command::Act(Action::Stop, scope));
            stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
        }
        let says = format!("{new} is its {} now", kind.word());
        restore(&mut stage, Restore::Use(new.clone()), &says).await;
        assert_eq!(kept_as(&stage, &new), Some(kind));
        assert_eq!(kept_as(&stage, &own), Some(KeptKind::Aside), "{}", stage.log());
    }
    up(&mut stage);
    stage.until(2400, "dev is ready again", |stage| dev(stage) == "Ready").await;
    stage.pass(60).await;
    let after = super::the_row(&stage);
    assert_eq!((after.id(), &after.host_key), (row.id(), &row.host_key), "{}", stage.log());
    let (home, root) =
        (super::kept(&stage)["home"].0.clone(), super::kept(&stage)["root"].0.clone());
    assert!(home != before["home"].0 && root != before["root"].0);
    assert_eq!(stage.cloud.hosts.mounts(&home).len(), 1, "{}", stage.log());
    assert!(!stage.output().contains(&format!("formatting {home}")), "{}", stage.output());
    assert_eq!(counts(&stage), (4, 1), "two are used and two lie beside them: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_is_cut_between_its_tags_is_refused_until_it_is_said_which() {
    let mut stage = with_config(&config("{ daily: 7 }"), "{}").await;
    stage.pass(600).await;
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: true };
    stage.command(Command::Act(ask, Scope::Instances(Vec::new())));
    stage.pass(60).await;
    let own = super::kept(&stage)["home"].0.clone();
    let snapshot = snapshots(&stage, KeptKind::Home)[0].id.clone();
    restore(&mut stage, Restore::Make { snapshot, zone: None }, "is made of snapshot").await;
    let kept: Vec<Kept> = stage.model().fleet.kept_of("dev").map(|(_, it)| it.clone()).collect();
    let new = kept.iter().find(|it| it.kind == KeptKind::Aside).unwrap().id.clone();
    let scope = Scope::Instances(vec![super::the_row(&stage).key]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
    // As the first of both tags leaves it.
    let tag = format!("Action=CreateTags&ResourceId.1={new}&Tag.1.Key=Kept&Tag.1.Value=home");
    by_hand(&stage.cloud.world, "us-west-2", &tag);
    up(&mut stage);
    stage.until(300, "it is refused", |stage| stage.log().contains("two home volumes")).await;
    restore(&mut stage, Restore::Use(new.clone()), "is its home now").await;
    assert_eq!(kept_as(&stage, &own), Some(KeptKind::Aside));
    up(&mut stage);
    stage.until(2400, "dev is ready again", |stage| dev(stage) == "Ready").await;
}
