//! A machine that stops by itself where nothing goes on.

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::{Hold, JobKind};

use super::{act, dev, the_row, up};
use crate::support::stage::Stage;

const SLEEPY: &str = "machines: [{ name: dev, region: us-west-2, type: t3.small, \
                      idle: { after: 30m } }]\nreplace: { enabled: true }";

async fn ready(config: &str) -> Stage {
    let mut stage = Stage::set(config, Scenario::parse("{}").unwrap());
    stage.open().await;
    up(&mut stage);
    stage.until(900, "dev is ready", |stage| dev(stage) == "Ready").await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_machine_on_which_nothing_goes_on_says_so_and_stops() {
    let mut stage = ready(SLEEPY).await;
    let soon = |stage: &Stage| stage.log().contains("nothing goes on: it stops at ");
    stage.until(2100, "it is told", soon).await;
    assert_eq!(dev(&stage), "Ready");
    stage.until(900, "it stops", |stage| dev(stage) == "Stopped").await;
    let log = stage.log();
    assert!(!log.contains("interrupt") && !log.contains("Degraded"), "{log}");
    assert!(!stage.model().does(JobKind::Create), "nothing is launched in its place");
    assert_eq!(stage.calls("StopInstances"), 0, "it does so by itself");
    let told = by_hand(&stage.cloud.world, "us-west-2", "Action=DescribeInstances").1;
    assert!(told.contains("Client.InstanceInitiatedShutdown"), "{told}");

    // The next morning.
    up(&mut stage);
    stage.until(900, "dev is ready again", |stage| dev(stage) == "Ready").await;
    stage.until(2700, "and sleeps again", |stage| dev(stage) == "Stopped").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_kept_awake_does_not_stop() {
    let mut stage = ready(SLEEPY).await;
    let soon = |stage: &Stage| stage.log().contains("nothing goes on: it stops at ");
    stage.until(2100, "it is told", soon).await;
    act(&mut stage, Action::Awake(Hold::default()));
    let end = "It is kept awake for 240 minutes.";
    stage.until(60, "it says so", |stage| stage.output().contains(end)).await;
    stage.pass(3600).await;
    assert_eq!(dev(&stage), "Ready", "{}", stage.log());
    let idle = the_row(&stage).vitals.unwrap().1.idle.unwrap();
    assert!(idle.is_held && idle.held_until().is_some(), "{idle:?}");
    act(&mut stage, Action::Awake(Hold(jiff::SignedDuration::ZERO)));
    stage.until(2900, "it stops then", |stage| dev(stage) == "Stopped").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_idle_stays_and_one_that_loses_it_does_too() {
    let plain = SLEEPY.replace(", idle: { after: 30m }", "");
    let mut stage = ready(&plain).await;
    let scope = Scope::Instances(vec![the_row(&stage).key]);
    stage.command(Command::Act(Action::Awake(Hold::default()), scope));
    assert!(stage.log().contains("nothing stops it"), "{}", stage.log());
    stage.pass(3600).await;
    assert_eq!(dev(&stage), "Ready");
}
