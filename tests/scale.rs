//! A destroy of a thousand instances in seventeen regions, under AWS's limits on calls, in
//! simulated time.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use spot_tui::aws::network::{NetworkPlan, ensure};
use spot_tui::config::Network;
use spot_tui::demo::{CallSeen, REGION_LOCATIONS, Scenario};
use spot_tui::fleet::Level;
use spot_tui::fleet::tags::Origin;

use crate::support::journal::Unrecorded;
use crate::support::stage::Stage;
use crate::support::strangers::Strangers;

const INSTANCES: u32 = 1000;
const REGIONS: u32 = 17;
const CONFIG: &str = "regions: [ { us-west-2: { machine_type: t3.medium } } ]";
/// How long the demo cloud's instances take to shut down, at most.
const SHUTDOWN: Duration = Duration::from_secs(40);
/// How long one call takes in it.
const LATENCY: Duration = Duration::from_millis(60);

/// A network of ours in a region.
async fn build(stage: &Stage, region: &str) {
    let plan = NetworkPlan {
        network: Network::Dedicated,
        zones: Vec::new(),
        is_public: false,
        operators: vec!["203.0.113.7/32".parse().unwrap()],
        extra_groups: Vec::new(),
    };
    let origin = Origin {
        deployment: "spot-test".into(),
        creator: "demo".into(),
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
        extra: BTreeMap::new(),
    };
    let ec2 = stage.aws().await.region(&region.into());
    ensure(&ec2, &plan, &origin, &Unrecorded, &|_: Level, _| {}).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_in_seventeen_regions_go_as_fast_as_aws_lets_them() {
    let mut stage = Stage::set(CONFIG, Scenario::default());
    let enabled = stage.aws().await.account().await.unwrap().regions;
    let places =
        REGION_LOCATIONS.iter().filter(|place| enabled.iter().any(|it| it.as_str() == place.code));
    let mut launched = 0;
    for (place, n) in places.zip(0..REGIONS) {
        let share = INSTANCES / REGIONS + u32::from(n < INSTANCES % REGIONS);
        launched += stage.cloud.world.preload_in(place.code, share, "spot-test", "demo");
        build(&stage, place.code).await;
    }
    assert_eq!(launched, INSTANCES);
    let strangers = Strangers::settle(&stage.cloud.world, "us-west-2").await;
    let before = stage.cloud.world.calls().len();
    let began = stage.cloud.world.clock().now();
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
    strangers.assert_there().await;

    let calls = stage.cloud.world.calls().split_off(before);
    let refused = calls.iter().filter(|it| it.code.as_deref() == Some("RequestLimitExceeded"));
    let refused = refused.count();
    let took = last_change(&calls).duration_since(began).unsigned_abs();
    let allowed = SHUTDOWN + LATENCY * changes_of_one_region(&calls);
    writeln!(
        std::io::stdout(),
        "{launched} instances in {REGIONS} regions: {} calls, {refused} refused with \
         RequestLimitExceeded; {:.1} s, where shutdown and the calls one after the other need \
         {:.1} s",
        calls.len(),
        took.as_secs_f64(),
        allowed.as_secs_f64(),
    )
    .unwrap();
    assert!(took <= allowed.mul_f64(1.2), "{took:?} of {allowed:?}");
    assert!(refused <= 17, "{refused}");
}

fn is_change(call: &CallSeen) -> bool {
    !(call.action.starts_with("Describe") || call.action.starts_with("Get"))
}

fn last_change(calls: &[CallSeen]) -> Timestamp {
    calls.iter().filter(|call| is_change(call)).map(|call| call.at).max().unwrap()
}

/// The most calls that change something in one region.
fn changes_of_one_region(calls: &[CallSeen]) -> u32 {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for call in calls.iter().filter(|call| is_change(call)) {
        *counts.entry(call.region.as_str()).or_default() += 1;
    }
    counts.into_values().max().unwrap()
}
