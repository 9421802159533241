//! A thousand instances in seventeen regions, within EC2's limits on calls.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use tokio::time::Instant;

use crate::support::stage::Stage;

const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
/// The longest that the world takes from pending to running.
const BOOT: f64 = 8.0;

#[tokio::test(start_paused = true)]
async fn a_thousand_run_as_soon_as_they_can() {
    let mut config = "aws: { total_instances: 1000 }\nregions:\n".to_owned();
    for region in REGIONS {
        writeln!(config, "  - {region}: {{ machine_type: t3.medium }}").unwrap();
    }
    let mut stage = Stage::set(&config, Scenario::default());
    stage.open().await;
    stage.pass(5).await;
    let before = stage.cloud.world.calls().len();
    let begun = Instant::now();
    stage.command(Command::create(None));
    stage.until(60, "a thousand run", |stage| stage.running().len() == 1000).await;
    let seen = begun.elapsed();

    let calls = stage.cloud.world.calls().split_off(before);
    let throttled = calls.iter().filter(|call| call.status == 503).count();
    let mut by_action: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &calls {
        *by_action.entry(&call.action).or_default() += 1;
    }
    // No region waits for another: the bound is one region's calls, one after the other, and a boot.
    let polls = |action: &str| action == "DescribeInstances" || action.contains("Spot");
    let steps = calls.iter().filter(|it| it.region == "us-east-1" && !polls(&it.action));
    let latency = Duration::from_millis(60).as_secs_f64();
    let bound = BOOT + f64::from(u32::try_from(steps.count()).unwrap()) * latency;
    assert_eq!(by_action["RunInstances"], 17, "{by_action:?}");
    assert_eq!(throttled, 0, "{by_action:?}");
    assert!(seen.as_secs_f64() <= 1.2 * bound, "{seen:?}, bound {bound:.1} s: {by_action:?}");
}

/// A minute of watching a thousand that have settled.
#[tokio::test(start_paused = true)]
async fn watching_a_thousand_takes_little_of_what_ec2_allows() {
    /// What EC2 refills in a minute for each action and region.
    const REFILL: usize = 20 * 60;
    let mut config = "regions:\n".to_owned();
    for region in REGIONS {
        writeln!(config, "  - {region}: {{ machine_type: t3.medium }}").unwrap();
    }
    let mut stage = Stage::set(&config, Scenario::default());
    stage.cloud.world.preload(1000, "spot-test", "demo");
    stage.open().await;
    stage.until(60, "all are seen", |stage| stage.running().len() == 1000).await;
    stage.pass(30).await;
    let before = stage.cloud.world.calls().len();
    stage.pass(60).await;
    let mut busiest: BTreeMap<(String, String), usize> = BTreeMap::new();
    for call in stage.cloud.world.calls().split_off(before) {
        *busiest.entry((call.region, call.action)).or_default() += 1;
    }
    let most = busiest.values().copied().max().unwrap();
    assert!(most * 100 <= REFILL * 3, "{busiest:?}");
}
