//! Many at once: the strategy `fleet`, in the demo world, and both strategies side by side against
//! EC2s in other processes.
//!
//! What moto 5.2.5 cannot do with a fleet, so that only the demo cloud shows it: it always has
//! room, so nothing is refused; it takes the first override for all; it ignores the client token;
//! it makes the spot requests persistent, and it leaves out the template's network interface (its
//! security groups and the public address, and that it goes with its instance), the metadata options
//! and the volume's settings.

use std::collections::BTreeSet;

use serde_json::Value;
use spot_tui::app::Command;
use spot_tui::aws::{Kind, Selector};
use spot_tui::demo::Scenario;
use spot_tui::fleet::{FailureKind, Phase};

use crate::support::demo_cloud::DemoCloud;
use crate::support::eye::{Eye, ours};
use crate::support::moto::Moto;
use crate::support::proxy::{Call, Proxy};
use crate::support::spot::Spot;
use crate::support::stage::Stage;

/// Ireland: one pool is full, one has two; the others are dearer.
const SCARCE: &str = "
prices:
  - { zone: eu-west-1a, machine_type: t3.medium, usd: 0.0130 }
  - { zone: eu-west-1b, machine_type: t3.medium, usd: 0.0131 }
  - { zone: eu-west-1c, machine_type: t3.medium, usd: 0.0132 }
capacity:
  - { zone: eu-west-1a, limit: 0 }
  - { zone: eu-west-1b, limit: 2 }
";

fn play(count: u32, story: &str) -> Stage {
    let config = format!(
        "regions: [eu-west-1: {{ machine_type: t3.medium, instances_per_region: {count} }}]\n\
         placement: {{ strategy: fleet, fleet_from: 4 }}"
    );
    Stage::set(&config, Scenario::parse(story).unwrap())
}

async fn templates(stage: &Stage) -> usize {
    let ec2 = stage.aws().await.region(&"eu-west-1".into());
    let left = ec2.residue(&Selector::everything()).await.unwrap();
    left.iter().filter(|it| it.kind == Kind::Template).count()
}

#[tokio::test(start_paused = true)]
async fn a_fleet_takes_what_there_is_and_tells_who_refused() {
    let throttled = "calls: [{ action: CreateFleet, nth: 1, count: 2, trouble: throttle }]";
    let mut user = play(5, &format!("{SCARCE}{throttled}"));
    user.open().await;
    user.command(Command::create(None));
    user.until(120, "five run", |user| user.running().len() == 5).await;
    assert_eq!((user.calls("CreateFleet"), user.calls("RunInstances")), (3, 0));
    let region = &user.model().fleet.regions()[&"eu-west-1".into()];
    let attempts: Vec<String> =
        region.attempts.iter().map(|it| it.to_string()[9..].to_owned()).collect();
    assert_eq!(
        attempts,
        [
            "t3.medium in eu-west-1a gave 0 of 5, InsufficientInstanceCapacity",
            "t3.medium in eu-west-1b gave 2 of 5",
            "t3.medium in eu-west-1c gave 3 of 5",
        ]
    );
    assert!(user.unmet().is_empty(), "{:?}", user.unmet());
    user.until(30, "the template is gone", |user| user.calls("DeleteLaunchTemplate") == 1).await;
    assert_eq!(templates(&user).await, 0);
    user.destroy().await;
    assert_eq!(user.left().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_fleet_does_not_bring_fails_with_every_attempt() {
    let mut user = play(6, &format!("{SCARCE}  - {{ zone: eu-west-1c, limit: 1 }}"));
    user.open().await;
    user.command(Command::create(None));
    let failed = |user: &Stage| {
        let rows = user.model().fleet.instances();
        rows.filter(|row| matches!(row.phase, Phase::Failed(_))).count()
    };
    user.until(120, "three fail", |user| failed(user) == 3).await;
    user.until(60, "three run", |user| user.running().len() == 3).await;
    let log = user.log();
    for part in ["3 of 6 found no place in eu-west-1", "eu-west-1a gave 0", "eu-west-1b gave 2"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(user.unmet().is_empty(), "{:?}", user.unmet());
}

/// All pools of a fleet say that the quota has no room for so many. It has room for fewer.
#[tokio::test(start_paused = true)]
async fn of_what_the_quota_refuses_a_fleet_as_many_run_as_it_has_room_for() {
    let mut user = play(6, "{ spot_vcpus: 5, beyond_quota: nothing }");
    user.create(0).await;
    let log = user.log();
    assert_eq!((user.running().len(), user.calls("CreateFleet")), (2, 1), "{log}");
    let rows = user.model().fleet.instances();
    let failures: Vec<_> = rows
        .filter_map(|row| match &row.phase {
            Phase::Failed(failure) => Some(failure),
            _ => None,
        })
        .collect();
    assert_eq!(failures.len(), 4, "{log}");
    for failure in failures {
        assert_eq!(failure.kind, FailureKind::Quota, "{failure}");
        assert!(failure.hint.contains("L-34B43A08"), "{failure}");
    }
    assert!(user.unmet().is_empty(), "{:?}", user.unmet());
}

#[tokio::test(start_paused = true)]
async fn a_fleet_whose_answer_is_lost_launches_once() {
    for trouble in ["cut_after", "silence_after", "garbled_after", "cut_before"] {
        for action in ["CreateFleet", "CreateLaunchTemplate"] {
            let story = format!("calls: [{{ action: {action}, trouble: {trouble} }}]");
            let mut user = play(4, &story);
            user.create(0).await;
            let told = format!("{action} {trouble}: {}", user.log());
            assert_eq!(user.running().len(), 4, "{told}");
            let aws = user.aws().await.region(&"eu-west-1".into());
            assert_eq!(aws.instances(&Selector::everything()).await.unwrap().len(), 4, "{told}");
            assert_eq!(templates(&user).await, 0, "{told}");
            assert!(user.unmet().is_empty(), "{told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn few_and_those_on_demand_are_asked_for_pool_by_pool() {
    let mut few = play(3, "{}");
    few.create(0).await;
    let config = "regions: [eu-west-1: { machine_type: t3.medium, instances_per_region: 4, \
                  lifecycle: on-demand }]\nplacement: { strategy: fleet, fleet_from: 2 }";
    let mut on_demand = Stage::set(config, Scenario::default());
    on_demand.create(0).await;
    for (user, count) in [(few, 3), (on_demand, 4)] {
        assert_eq!(user.running().len(), count, "{}", user.log());
        assert_eq!((user.calls("CreateFleet"), user.calls("RunInstances")), (0, 1));
    }
}

const REGIONS: [&str; 2] = ["us-west-2", "eu-west-1"];

/// Creates six and destroys them, as the program does it; what boto3 sees left then.
fn same_story(
    eye: &mut Eye,
    endpoint: &str,
    proxy: &Proxy,
    strategy: &str,
) -> BTreeSet<(String, String)> {
    let spot = Spot::new(proxy.url());
    spot.configure_without_hosts("  total_instances: 6", &REGIONS);
    // Of launch templates those of fleets are told here. The first line goes on with `ssh`: moto gives a fleet's instances no public address.
    spot.add_configuration(&format!(
        "  connect: private\nplacement: {{ strategy: {strategy}, fleet_from: 3 }}\nlock: off\n"
    ));
    let before = eye.alive(endpoint, &REGIONS);
    proxy.take();

    let created = spot.run(&["create", "--yes", "--json"]);
    let summary = created.lines().pop().unwrap();
    assert_eq!(summary["launched"], 6, "{strategy}: {}", created.told());
    let seen = eye.alive(endpoint, &REGIONS);
    let of_kind = |start: &str| ours(&seen).filter(|(_, id)| id.starts_with(start)).count();
    assert_eq!((of_kind("i-"), of_kind("lt-")), (6, 0), "{strategy}: {seen:?}");
    let is_fleet = strategy == "fleet";
    let launches = if is_fleet { "CreateFleet" } else { "RunInstances" };
    let calls = proxy.take();
    let called: Vec<&Call> = calls.iter().filter(|call| call.action == launches).collect();
    // moto launches MinCount, so each instance takes a RunInstances.
    assert!(called.len() == 2 || !is_fleet, "{strategy}: {} calls", called.len());
    assert!(called.iter().all(|call| call.parameter("ClientToken").is_some()));
    let rows: Vec<Value> = spot.state();
    assert!(rows.iter().all(|row| seen.keys().any(|(_, id)| *id == row["id"])), "{rows:?}");

    let destroyed = spot.run(&["destroy", "--all", "--yes", "--json"]);
    assert_eq!(destroyed.code, 0, "{strategy}: {}", destroyed.told());
    let mut left = eye.alive(endpoint, &REGIONS);
    left.retain(|thing, _| !before.contains_key(thing));
    left.into_keys().collect()
}

#[test]
fn the_same_create_passes_with_both_strategies_against_moto() {
    let (moto, mut eye) = (Moto::start(), Eye::open());
    let proxy = Proxy::start(moto.address());
    proxy.limit_regions(&REGIONS);
    for strategy in ["run-instances", "fleet"] {
        let mut left = same_story(&mut eye, &moto.url(), &proxy, strategy);
        // Without the template's own, moto makes interfaces that nothing deletes.
        left.retain(|(_, id)| strategy == "run-instances" || !id.starts_with("eni-"));
        assert_eq!(left, BTreeSet::new(), "{strategy}");
    }
}

#[test]
fn the_same_create_passes_with_both_strategies_against_the_demo_cloud() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let (proxy, mut eye) = (Proxy::start(cloud.address()), Eye::open());
    proxy.limit_regions(&REGIONS);
    for strategy in ["run-instances", "fleet"] {
        let left = same_story(&mut eye, cloud.url(), &proxy, strategy);
        assert_eq!(left, BTreeSet::new(), "{strategy}");
    }
}
