//! No room in the zone of a machine's disks: what could be done is said, and done when it is asked for.

use spot_tui::app::{Action, Command, Scope};
use spot_tui::fleet::{JobKind, Kept, KeptKind, Restore};

use super::{KEEPS, count, counts, dev, kept, the_row, up, with_all_it_keeps, with_config};
use crate::support::stage::Stage;

/// StartInstances finds no room for longer than anybody asks.
const FULL: &str = "calls: [{ action: StartInstances, count: 1000, trouble: { error: { status: 500, \
                    code: InsufficientInstanceCapacity, message: 'no capacity' } } }]";

async fn down(stage: &mut Stage) {
    let scope = Scope::Instances(vec![the_row(stage).key]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
}

#[tokio::test(start_paused = true)]
async fn a_start_without_room_names_what_could_be_done_and_does_none_of_it() {
    let plain = KEEPS.replace("keep: root, ", "");
    let mut stage = with_config(&plain, FULL).await;
    down(&mut stage).await;
    let before = kept(&stage);
    up(&mut stage);
    stage.until(2000, "it gives up", |stage| stage.log().contains("Or name another `type`")).await;
    let log = stage.log();
    for words in [
        "no t3.small capacity in us-west-2",
        "where its disks are",
        "`lifecycle: on-demand`",
        "`spot-tui recreate dev`",
        "`spot-tui restore dev --zone`",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    stage.pass(600).await;
    assert_eq!((dev(&stage), kept(&stage)), ("Stopped", before));
    assert_eq!(stage.calls("RunInstances"), 1, "{}", stage.log());
    assert_eq!(stage.calls("CreateSnapshot"), 0, "{}", stage.log());
}

/// The snapshots of both of its volumes, once they are complete.
async fn snapshots(stage: &mut Stage) -> Vec<Kept> {
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: false };
    stage.command(Command::Act(ask, Scope::Instances(Vec::new())));
    stage.pass(900).await;
    // What is kept is asked for when instances change, and when somebody asks.
    let ask = Action::Snapshot { names: vec!["dev".into()], is_scheduled: true };
    stage.command(Command::Act(ask, Scope::Instances(Vec::new())));
    let whole = |stage: &Stage| complete(stage).len() == 2;
    stage.until(300, "both are complete", whole).await;
    complete(stage)
}

fn complete(stage: &Stage) -> Vec<Kept> {
    let kept = stage.model().fleet.kept_of("dev").map(|(_, it)| it.clone());
    kept.filter(|it| it.snapshot.is_some_and(|of| of.is_complete)).collect()
}

async fn restore(stage: &mut Stage, step: Restore, says: &str) {
    stage.command(Command::Act(Action::Restore("dev".into(), step), Scope::All));
    stage.until(300, says, |stage| stage.log().contains(says)).await;
    stage.until(300, "it ends", |stage| !stage.model().does(JobKind::Restore)).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_moves_to_another_zone_by_its_snapshots() {
    let mut stage = with_all_it_keeps("{}").await;
    let row = the_row(&stage);
    let old = row.machine.as_ref().unwrap().zone.to_string();
    let zone = if old.ends_with('a') { "us-west-2b" } else { "us-west-2a" };
    let all = snapshots(&mut stage).await;
    down(&mut stage).await;
    for kind in [KeptKind::Root, KeptKind::Home] {
        let its = all.iter().find(|it| it.snapshot.is_some_and(|of| of.kind == kind)).unwrap();
        let (snapshot, says) = (its.id.clone(), format!("is made of {its}"));
        let step = Restore::Make { snapshot, zone: Some(zone.into()) };
        restore(&mut stage, step, &says).await;
        let beside = |(_, it): &(_, &Kept)| {
            it.kind == KeptKind::Aside
                && it.aside_of == Some(kind)
                && it.zone.as_ref().is_some_and(|of| of.as_str() == zone)
        };
        let new = stage.model().fleet.kept_of("dev").find(beside).unwrap().1.id.clone();
        let says = format!("{new} is its {} now", kind.word());
        restore(&mut stage, Restore::Use(new), &says).await;
    }
    // Its instance cannot reach them, and says what does.
    up(&mut stage);
    let says = "`spot-tui recreate` launches one where its disks are";
    stage.until(900, "it is refused", |stage| stage.log().contains(says)).await;
    let scope = Scope::Instances(vec![the_row(&stage).key]);
    stage.command(Command::Act(Action::Recreate, scope));
    let moved = |stage: &Stage| dev(stage) == "Ready" && the_row(stage).id() != row.id();
    stage.until(3600, "it is ready again", moved).await;
    stage.pass(60).await;
    let after = the_row(&stage);
    assert_eq!(after.machine.as_ref().unwrap().zone.as_str(), zone, "{}", stage.log());
    assert_eq!(after.host_key, row.host_key, "its root has its key: {}", stage.log());
    assert_eq!(after.address(), row.address(), "{}", stage.log());
    let home = kept(&stage)["home"].0.clone();
    assert!(!stage.output().contains(&format!("formatting {home}")), "{}", stage.output());
    // The old ones lie beside them, until somebody deletes them.
    assert_eq!(counts(&stage), (4, 1), "{}", stage.log());
    assert_eq!(count(&stage, "DescribeSnapshots", "<snapshotId>"), 2);
}
