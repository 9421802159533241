//! Accounts, quotas, networks and reclaims as AWS has them, through the whole program: what it says,
//! what it does instead, and what it leaves.

use std::fs;

use spot_tui::app::{Command, Scope};
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::{Ec2State, Instance, Phase};

use crate::support::demo_cloud::DemoCloud;
use crate::support::spot::Spot;
use crate::support::stage::Stage;

const REGION: &str = "us-west-2";
const TWO: &str = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 2 }]";

/// A create of this, in these circumstances.
async fn created(config: &str, scenario: &str) -> Stage {
    let mut stage = Stage::set(config, Scenario::parse(scenario).unwrap());
    stage.create(0).await;
    assert!(stage.unmet().is_empty(), "{:?}\n{}", stage.unmet(), stage.log());
    stage
}

fn count(stage: &Stage, phase: &str) -> usize {
    stage.phases().get(phase).copied().unwrap_or_default()
}

fn types(stage: &Stage) -> Vec<String> {
    let machines = stage.model().fleet.instances().filter_map(|row| row.machine.as_ref());
    machines.map(|machine| machine.machine_type.to_string()).collect()
}

fn failures(stage: &Stage) -> Vec<String> {
    let failed = |row: &Instance| match &row.phase {
        Phase::Failed(failure) => Some(failure.to_string()),
        _ => None,
    };
    stage.model().fleet.instances().filter_map(failed).collect()
}

#[tokio::test(start_paused = true)]
async fn on_the_free_plan_the_next_type_of_the_list_is_taken() {
    let config = "regions: [us-west-2: { machine_types: [t3.medium, t3.small] }]\n\
                  aws: { total_instances: 2 }";
    let price = |zone: &str, kind: &str, usd: f64| {
        format!("  - {{ zone: us-west-2{zone}, machine_type: t3.{kind}, usd: {usd} }}\n")
    };
    let both = |zone| price(zone, "medium", 0.01) + &price(zone, "small", 0.02);
    let prices: String = ["a", "b", "c", "d"].into_iter().map(both).collect();
    let scenario = format!("account: {{ free_plan: true }}\nprices:\n{prices}");
    let stage = created(config, &scenario).await;
    assert_eq!(types(&stage), ["t3.small", "t3.small"], "{}", stage.log());
    assert_eq!(count(&stage, "Ready"), 2, "{}", stage.log());

    let stage = created(TWO, "account: { free_plan: true }").await;
    let failures = failures(&stage);
    assert_eq!(failures.len(), 2, "{}", stage.log());
    assert!(failures[0].contains("t3.small"), "it says which types there are: {failures:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_spot_may_not_use_is_told_with_the_grant_that_it_needs() {
    let stage = created(TWO, "account: { kms_refuses_spot: true }").await;
    let log = stage.log();
    assert_eq!(log.matches("Client.InternalError").count(), 2, "{log}");
    assert_eq!(log.matches("aws kms create-grant").count(), 2, "{log}");
    assert!(!log.contains("SUCCESS"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn what_guard_duty_put_into_our_network_goes_with_it() {
    let mut stage = created(TWO, "account: { guard_duty: true }").await;
    assert_eq!(count(&stage, "Ready"), 2, "{}", stage.log());
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
    assert!(stage.log().contains("GuardDuty"), "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn of_what_is_beyond_the_quota_as_many_run_as_it_has_room_for() {
    let config = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 3 }]";
    let stage = created(config, "{ spot_vcpus: 5, beyond_quota: nothing }").await;
    assert_eq!(count(&stage, "Ready"), 2, "{}", stage.log());
    let failures = failures(&stage);
    assert_eq!(failures.len(), 1, "{}", stage.log());
    assert!(failures[0].contains("L-34B43A08"), "{failures:?}");
}

/// The quota counts by groups of families: another group's is another one.
#[tokio::test(start_paused = true)]
async fn where_one_group_of_families_has_no_quota_left_another_is_launched() {
    let price = |zone: &str| {
        format!(
            "  - {{ zone: us-west-2{zone}, machine_type: t3.medium, usd: 0.01 }}\n  - {{ zone: \
             us-west-2{zone}, machine_type: g4dn.xlarge, usd: 0.2 }}\n"
        )
    };
    let prices: String = ["a", "b", "c", "d"].into_iter().map(price).collect();
    let config = "regions: [us-west-2: { machine_types: [t3.medium, m5.large, g4dn.xlarge], \
                  instances_per_region: 3 }]";
    let story = format!("spot_vcpus: 5\nbeyond_quota: nothing\nprices:\n{prices}");
    let stage = created(config, &story).await;
    let mut types = types(&stage);
    types.sort();
    assert_eq!(types, ["g4dn.xlarge", "t3.medium", "t3.medium"], "{}", stage.log());
    assert_eq!(count(&stage, "Ready"), 3, "{}", stage.log());
    let calls = stage.cloud.world.calls();
    let refused = calls.iter().filter(|call| {
        call.action == "RunInstances"
            && call.code.as_deref() == Some("MaxSpotInstanceCountExceeded")
    });
    // Three and then one of the standard families; nobody asks m5.large, which shares their quota.
    assert!(refused.count() <= 3, "{calls:?}");
}

/// What may have been launched is launched in no other region: the next create finds out.
#[tokio::test(start_paused = true)]
async fn a_launch_of_unknown_outcome_goes_to_no_other_region() {
    let config = "regions:\n  - us-west-2: { machine_type: t3.medium, instances_per_region: 2 }\n  - \
                  eu-west-1: { machine_type: t3.medium, instances_per_region: 1 }\nplacement: { \
                  spill: true }";
    // The first and all that it is asked again.
    let lost = "calls: [{ action: RunInstances, region: us-west-2, count: 7, trouble: gateway }]";
    let mut stage = Stage::set(config, Scenario::parse(lost).unwrap());
    stage.open().await;
    let two = || Command::create(Some([(REGION.into(), 2)].into()));
    stage.command(two());
    stage.until(3600, "they have failed", |stage| count(stage, "Failed") == 2).await;
    stage.pass(60).await;
    assert_eq!(stage.zones().await.values().sum::<usize>(), 0, "{}", stage.log());
    let failures = failures(&stage);
    assert!(failures.iter().all(|it| it.contains("it may have happened")), "{failures:?}");

    stage.kill();
    stage.open().await;
    stage.command(two());
    stage.until(1200, "they are ready", |stage| count(stage, "Ready") == 2).await;
    assert_eq!(stage.zones().await.values().sum::<usize>(), 2, "{}", stage.log());
}

/// More than one request may ask for is asked for in several.
#[tokio::test(start_paused = true)]
async fn what_is_too_much_for_one_request_is_asked_for_in_several() {
    let many = "calls: [{ action: RunInstances, count: 2, trouble: { error: { status: 400, code: \
                ResourceCountExceeded, message: too many } } }]";
    let config = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 5 }]";
    let stage = created(config, many).await;
    assert_eq!(count(&stage, "Ready"), 5, "{}", stage.log());
    // Five, two, and then one at a time.
    assert_eq!(stage.calls("RunInstances"), 7, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_region_that_has_no_room_keeps_no_network() {
    let full = "capacity: [{ zone: us-west-2a, limit: 0 }, { zone: us-west-2b, limit: 0 }, \
                { zone: us-west-2c, limit: 0 }, { zone: us-west-2d, limit: 0 }]";
    let stage = created(TWO, full).await;
    assert_eq!(count(&stage, "Failed"), 2, "{}", stage.log());
    assert_eq!(stage.left().await, 0, "{}", stage.log());

    // What runs there keeps it.
    let config = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 1 }]";
    let mut stage =
        Stage::set(config, Scenario::parse(&full.replace("2a, limit: 0", "2a, limit: 1")).unwrap());
    stage.create(0).await;
    stage.command(Command::create(None));
    stage.until(900, "the second one fails", |stage| count(stage, "Failed") == 1).await;
    stage.pass(60).await;
    assert_eq!(count(&stage, "Ready"), 1, "{}", stage.log());
    assert!(!stage.log().contains("removing"), "{}", stage.log());
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_takes_no_subnets_is_left_out() {
    let stage = created(TWO, "zones_without_subnets: [us-west-2a]").await;
    assert_eq!(count(&stage, "Ready"), 2, "{}", stage.log());
    assert!(!stage.zones().await.contains_key("us-west-2a"), "{}", stage.log());
    assert!(stage.log().contains("us-west-2a"), "it is said: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn in_a_network_of_the_users_own_only_reachable_subnets_are_used() {
    let scenario = "networks: [{ region: us-west-2, vpc: vpc-0123456789abcdef0, public: [us-west-2b, \
                    us-west-2b], private: [us-west-2a] }]";
    for strategy in ["run-instances", "fleet"] {
        let config = format!(
            "{TWO}\naws: {{ vpc_id: vpc-0123456789abcdef0 }}\n\
             placement: {{ strategy: {strategy}, fleet_from: 1 }}"
        );
        let stage = created(&config, scenario).await;
        assert_eq!(count(&stage, "Ready"), 2, "{strategy}: {}", stage.log());
        let zones: Vec<String> = stage.zones().await.into_keys().collect();
        assert_eq!(zones, ["us-west-2b"], "{strategy}");
        let asked = if strategy == "fleet" { "CreateFleet" } else { "RunInstances" };
        assert!(stage.calls(asked) > 0, "{strategy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_goes_on_to_the_pools_that_aws_did_not_try() {
    let config = "regions: [us-west-2: { machine_types: [t3.medium, t3a.medium] }]\n\
                  aws: { total_instances: 4 }\nplacement: { strategy: fleet, fleet_from: 1 }";
    // AWS tries three pools of an instant fleet, and says of the others that they are unfulfillable.
    let price = |zone: &str, kind: &str, usd: f64| {
        format!("  - {{ zone: us-west-2{zone}, machine_type: {kind}.medium, usd: {usd} }}\n")
    };
    let mut prices = String::from("prices:\n");
    for (index, zone) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let step = f64::from(u32::try_from(index).unwrap()) / 1000.0;
        prices += &price(zone, "t3", 0.010 + step);
        prices += &price(zone, "t3a", 0.020 + step);
    }
    let full = |zone: &str| {
        format!("  - {{ zone: us-west-2{zone}, machine_type: t3.medium, limit: 0 }}\n")
    };
    let full: String = ["a", "b", "c"].into_iter().map(full).collect();
    let stage = created(config, &format!("{prices}capacity:\n{full}")).await;
    assert_eq!(count(&stage, "Ready"), 4, "{}", stage.log());
}

/// One zone is cheap and has room for one; all others cost ten times as much.
#[tokio::test(start_paused = true)]
async fn a_place_that_the_budget_does_not_pay_for_is_not_asked() {
    let price = |zone: &str, usd: f64| {
        format!("  - {{ zone: {zone}, machine_type: t3.medium, usd: {usd} }}\n")
    };
    let dear = ["us-west-2b", "us-west-2c", "us-west-2d", "eu-west-1a", "eu-west-1b", "eu-west-1c"];
    let dear: String = dear.into_iter().map(|zone| price(zone, 0.10)).collect();
    let scenario = format!(
        "prices:\n{}{dear}capacity: [{{ zone: us-west-2a, limit: 1 }}]",
        price("us-west-2a", 0.01)
    );
    // Two cost $0.041 an hour at the cheapest, storage and addresses included.
    let config = |most: f64| {
        format!(
            "regions:\n  - us-west-2: {{ machine_type: t3.medium, instances_per_region: 2 }}\n  - \
             eu-west-1: {{ machine_type: t3.medium, instances_per_region: 1 }}\nbudget: {{ \
             max_hourly_usd: {most} }}\nplacement: {{ spill: true }}"
        )
    };
    for (most, paid) in [(0.08, 1), (0.30, 2)] {
        let mut stage = Stage::set(&config(most), Scenario::parse(&scenario).unwrap());
        stage.command(Command::Refresh);
        stage.command(Command::create(Some([(REGION.into(), 2)].into())));
        stage.until(600, "those are ready", |stage| count(stage, "Ready") == paid).await;
        stage.pass(30).await;
        let zones = stage.zones().await;
        assert_eq!(zones.get("us-west-2a"), Some(&1), "{}", stage.log());
        assert_eq!(zones.values().sum::<usize>(), paid, "{}", stage.log());
        let failures = failures(&stage);
        assert_eq!(failures.len(), 2 - paid, "{}", stage.log());
        let told = |it: &String| it.contains("that the budget leaves for each");
        assert!(failures.iter().all(told), "{failures:?}");
    }
}

/// The other region has room; its disks alone cost more than the budget leaves.
#[tokio::test(start_paused = true)]
async fn what_finds_no_room_goes_nowhere_that_the_budget_does_not_pay_for() {
    let full = |zone: &str| {
        format!("  - {{ zone: us-west-2{zone}, machine_type: t3.medium, limit: 0 }}\n")
    };
    let full: String = ["a", "b", "c", "d"].into_iter().map(full).collect();
    let config = "regions:
  - us-west-2: { machine_type: t3.medium, instances_per_region: 2, instance_storage_gb: 10 }
  - eu-west-1: { machine_type: t3.medium, instances_per_region: 1, instance_storage_gb: 2000 }
budget: { max_hourly_usd: 0.08 }
placement: { spill: true }";
    let mut stage = Stage::set(config, Scenario::parse(&format!("capacity:\n{full}")).unwrap());
    stage.command(Command::Refresh);
    stage.command(Command::create(Some([(REGION.into(), 2)].into())));
    stage.until(600, "both have failed", |stage| count(stage, "Failed") == 2).await;
    stage.pass(30).await;
    assert_eq!(stage.zones().await.values().sum::<usize>(), 0, "{}", stage.log());
    assert!(stage.log().contains("the budget leaves nothing for an instance here"));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_is_taken_back_at_once_ends_what_ec2_does_not_know_yet() {
    let scenario = Scenario::parse("lags: { newborn_s: 20 }").unwrap();
    let mut stage = Stage::set(TWO, scenario);
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(60, "they are launched", |stage| stage.calls("RunInstances") > 0).await;
    stage.pass(1).await;
    stage.destroy().await;
    stage.pass(120).await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_reclaim_without_a_reason_is_told_as_awss_and_replaced() {
    let config = format!("{TWO}\nreplace: true");
    let scenario = "interruptions: [{ at_s: 400, reason: none }]";
    let mut stage = Stage::set(&config, Scenario::parse(scenario).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(390, "two are ready", |stage| count(stage, "Ready") == 2).await;
    stage.until_second(400).await;
    stage.until(5, "it counts down", |stage| count(stage, "Interrupted") == 1).await;
    stage.until(60, "it is drained", |stage| stage.log().contains("drained: ")).await;
    stage.until(500, "two are ready again", |stage| count(stage, "Ready") == 2).await;
    stage.until(200, "one is gone", |stage| count(stage, "Terminated") == 1).await;
    assert!(!stage.log().contains("SUCCESS Terminated"), "{}", stage.log());
    assert!(stage.unmet().is_empty(), "{:?}", stage.unmet());
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_console_is_no_reclaim_and_launches_nothing() {
    let config = "regions: [us-west-2: { machine_type: t3.medium, lifecycle: persistent-spot }]\n\
                  replace: true";
    let mut stage = Stage::set(config, Scenario::default());
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(400, "it is ready", |stage| count(stage, "Ready") == 1).await;
    let launched = stage.calls("RunInstances");
    let id = stage.model().fleet.instances().next().unwrap().id().unwrap().clone();
    let (status, answer) =
        by_hand(&stage.cloud.world, REGION, &format!("Action=StopInstances&InstanceId.1={id}"));
    assert_eq!(status, 200, "{answer}");
    let is_stopped = |stage: &Stage| {
        let row = stage.model().fleet.instances().next().unwrap();
        row.machine.as_ref().is_some_and(|machine| machine.seen.state == Ec2State::Stopped)
    };
    stage.until(120, "it is seen stopped", is_stopped).await;
    stage.pass(300).await;
    assert_eq!(count(&stage, "Stopped"), 1, "{:?}\n{}", stage.phases(), stage.log());
    assert_eq!(stage.calls("RunInstances"), launched, "nothing is launched: {}", stage.log());
    let log = stage.log();
    assert!(!log.contains("reclaimed") && !log.contains("interruption notice"), "{log}");
    stage.command(Command::destroy(Scope::All));
}

/// An organisation's policy denies all regions but one, us-east-1 among them.
#[test]
fn in_an_organisation_that_denies_regions_all_ends_well_and_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, "account: { allowed_regions: [us-west-2] }\n").unwrap();
    let cloud = DemoCloud::start(&["--speed", "30", "--scenario", scenario.to_str().unwrap()]);
    let spot = Spot::new(cloud.url());
    let ssh_config = spot.write("ssh_config", 0o644, b"");
    spot.configure(&ssh_config, 60, "", "  - us-west-2: { machine_type: t3.medium }");
    let config = spot.path().join("config.yaml");
    let text = fs::read_to_string(&config).unwrap().replace("deployment: spot-test\n", "")
        + &format!("  port: {}\n  allow_from: 127.0.0.1/32\n", cloud.ssh_port());
    fs::write(config, text).unwrap();
    for arguments in [
        &["create", "--yes"][..],
        &["list"],
        &["cleanup", "--dry-run"],
        &["destroy", "--all", "--yes"],
        &["cleanup", "--yes"],
        &["nuke", "--yes", "--account", "111122223333"],
    ] {
        let ran = spot.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.told());
        let said = ran.told().matches("because this identity may not use them").count();
        assert!(said <= 1, "{arguments:?}: {}", ran.told());
        assert_eq!(ran.told().matches("UnauthorizedOperation").count(), 0, "{}", ran.told());
    }
}
