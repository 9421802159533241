//! How often a node that is well is visited where nobody watches. Through the whole program, on the
//! paused clock.

use std::fs;
use std::time::Duration;

use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Instance, Phase};
use spot_tui::jobs::Pace;

use crate::support::stage::Stage;

const ONE: &str = "regions: [us-west-2: { machine_type: t3.medium }]\n";

/// What a process keeps whom nobody watches, twenty minutes after its node was ready.
async fn kept_for_a_while(config: &str, scenario: &str) -> Stage {
    let pace = Pace { rest: Duration::from_mins(10), ..Pace::default() };
    let config = format!("{ONE}{config}");
    let mut stage = Stage::paced(&config, Scenario::parse(scenario).unwrap(), pace);
    stage.open().await;
    stage.command(Command::Keep);
    stage.until(600, "it is ready", |stage| row(stage).is_some_and(is_ready)).await;
    stage.pass(1200).await;
    assert!(row(&stage).is_some_and(is_ready), "{}", stage.log());
    stage
}

fn row(stage: &Stage) -> Option<&Instance> {
    stage.model().fleet.instances().next()
}

fn is_ready(row: &Instance) -> bool {
    row.phase == Phase::Ready
}

/// Each visit tells how much the processors do; sixteen are remembered.
fn visits(stage: &Stage) -> usize {
    row(stage).unwrap().cpu.len()
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stays_well_is_visited_less_and_less_often() {
    // Its set-up looked a few times; then after 0, 1, 5 and 15 minutes.
    let stage = kept_for_a_while("", "").await;
    assert!((4..=8).contains(&visits(&stage)), "{}: {}", visits(&stage), stage.log());
    // Six times in a term: after 0, 1, 3.5, 6, 8.5 .. minutes.
    let stage = kept_for_a_while("lease: 15m", "").await;
    assert!((9..=13).contains(&visits(&stage)), "{}: {}", visits(&stage), stage.log());
}

#[tokio::test(start_paused = true)]
async fn who_needs_what_nodes_tell_visits_them_each_minute() {
    for config in ["replace: { on_rebalance: true }", "scale: { by: cpu, min: 1, max: 1 }"] {
        let stage = kept_for_a_while(config, "").await;
        assert_eq!(visits(&stage), 16, "{config}: {}", stage.log());
    }
    // EC2 does not tell of interruptions: only the node itself can.
    let denied = "calls: [{ action: DescribeSpotInstanceRequests, nth: 3, count: 100000, trouble: { \
                  error: { status: 403, code: UnauthorizedOperation, message: no } } }]";
    let stage = kept_for_a_while("", denied).await;
    assert_eq!(visits(&stage), 16, "{}", stage.log());
}

/// An agent that is not up yet at boot, a disk that is mounted later: with a lease the fleet would end.
#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_opened_at_first_is_tried_again_until_it_can() {
    let mut stage = kept_for_a_while("lease: 90m", "{}").await;
    let key = stage.model().config.as_ref().unwrap().aws.private_ssh_key_path.clone().unwrap();
    let away = key.with_extension("away");
    fs::rename(&key, &away).unwrap();
    stage.restart();
    stage.visit();
    stage.open().await;
    stage.pass(1200).await;
    let said = "nodes are not looked at, and their leases not renewed";
    assert_eq!(stage.log().matches(said).count(), 1, "{}", stage.log());
    let is_looked_at = |stage: &Stage| row(stage).unwrap().vitals.is_some();
    assert!(!is_looked_at(&stage));
    fs::rename(&away, &key).unwrap();
    stage.until(600, "it is looked at", is_looked_at).await;
}
