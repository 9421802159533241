//! A root that is kept and takes the place of another one while the instance runs.

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::by_hand;
use spot_tui::demo::hosts::Arrived;
use spot_tui::fleet::Instance;

use super::{KEEPS, count, counts, dev, kept, the_row, up, with_config};
use crate::support::stage::Stage;

async fn ready(scenario: &str) -> Stage {
    let config = KEEPS.replace("keep: root,", "keep: root, swap_root: running,");
    with_config(&config, scenario).await
}

fn recreate(stage: &mut Stage) -> Instance {
    let old = the_row(stage);
    let scope = Scope::Instances(vec![old.key.clone()]);
    stage.command(Command::Act(Action::Recreate, scope));
    old
}

/// The new instance is ready, on the old one's disks, with its key and its address; nothing is left of
/// what it was launched with, and nothing of its own goes when it ends.
async fn is_itself_again(stage: &mut Stage, old: &Instance) {
    let log = stage.log();
    let new = the_row(stage);
    assert_eq!((&new.host_key, new.address()), (&old.host_key, old.address()), "{log}");
    stage.pass(60).await;
    assert_eq!(counts(stage), (2, 1), "the disk that the launch brought is gone: {log}");
    let goes = count(stage, "DescribeVolumes", "<deleteOnTermination>true");
    assert_eq!(goes, 0, "{}", by_hand(&stage.cloud.world, "us-west-2", "Action=DescribeVolumes").1);
    let arrivals = stage.cloud.hosts.arrivals(old.id().unwrap());
    let uploads = arrivals.iter().filter(|it| it.what == Arrived::Upload).count();
    assert_eq!(uploads, 1, "what is set up on the disk is not set up again");
}

fn is_another(old: &Instance) -> impl Fn(&Stage) -> bool {
    let old = old.id().cloned();
    move |stage: &Stage| {
        let mut rows = stage.model().fleet.alive();
        rows.any(|row| row.phase.word() == "Ready" && row.id() != old.as_ref())
    }
}

#[tokio::test(start_paused = true)]
async fn ec2_gives_an_instance_that_runs_the_kept_root() {
    let mut stage = ready("{}").await;
    let (before, old) = (kept(&stage), recreate(&mut stage));
    stage.until(2400, "another instance is ready", is_another(&old)).await;
    is_itself_again(&mut stage, &old).await;
    assert_eq!(kept(&stage), before, "{}", stage.log());
    assert_eq!((stage.calls("StopInstances"), stage.calls("CreateReplaceRootVolumeTask")), (0, 1));
}

/// Whatever AWS refuses it with: it is stopped for it, or waited for.
#[tokio::test(start_paused = true)]
async fn where_ec2_cannot_it_is_stopped_for_it() {
    for (code, message, times, stops) in [
        ("IncorrectState", "vol-1 is not 'available'.", 2, 0),
        ("RequestLimitExceeded", "Request limit exceeded.", 2, 0),
        ("UnsupportedOperation", "The instance type does not support this.", 9, 1),
    ] {
        let scenario = format!(
            "calls: [{{ action: CreateReplaceRootVolumeTask, nth: 1, count: {times}, trouble: {{ \
             error: {{ status: 400, code: {code}, message: \"{message}\" }} }} }}]"
        );
        let mut stage = ready(&scenario).await;
        let old = recreate(&mut stage);
        stage.until(2400, code, is_another(&old)).await;
        is_itself_again(&mut stage, &old).await;
        assert_eq!(stage.calls("StopInstances"), stops, "{code}: {}", stage.log());
    }
}

/// Killed at some instant of it, and gone on with: one task, or the same one.
#[tokio::test(start_paused = true)]
async fn a_swap_that_is_killed_is_gone_on_with() {
    for seed in 0..8 {
        let mut stage = ready(&format!("seed: {seed}")).await;
        let old = recreate(&mut stage);
        let asked = |stage: &Stage| stage.calls("CreateReplaceRootVolumeTask") == 1;
        stage.until(900, "EC2 is asked", asked).await;
        stage.pass(seed * 9).await;
        stage.kill();
        stage.open().await;
        stage.pass(60).await;
        up(&mut stage);
        stage.until(2400, &format!("{seed}: it is ready"), |stage| dev(stage) == "Ready").await;
        is_itself_again(&mut stage, &old).await;
        assert_eq!(stage.calls("StopInstances"), 0, "{seed}: {}", stage.log());
    }
}

/// AWS ends the instance as soon as it has the disk: that stays.
#[tokio::test(start_paused = true)]
async fn an_end_right_after_it_takes_no_disk_along() {
    let mut stage = ready("{}").await;
    let (before, old) = (kept(&stage), recreate(&mut stage));
    let root = before["root"].0.clone();
    let has_it = |stage: &Stage| {
        let form = format!("Action=DescribeVolumes&VolumeId.1={root}");
        let told = by_hand(&stage.cloud.world, "us-west-2", &form).1;
        told.contains("<status>attached</status>") && !told.contains(old.id().unwrap().as_str())
    };
    stage.until(900, "it has the disk", has_it).await;
    let new = the_row(&stage).id().unwrap().clone();
    by_hand(
        &stage.cloud.world,
        "us-west-2",
        &format!("Action=TerminateInstances&InstanceId.1={new}"),
    );
    stage.pass(300).await;
    let told = by_hand(&stage.cloud.world, "us-west-2", "Action=DescribeVolumes").1;
    assert!(told.contains(&root), "{told}");
    up(&mut stage);
    stage.until(2400, "it is ready again", |stage| dev(stage) == "Ready").await;
    assert_eq!(kept(&stage), before, "{}", stage.log());
}
