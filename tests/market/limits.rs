//! What is refused: a create beyond the budget, a region that does not answer, and credentials that
//! have expired.

use spot_tui::app::Command;
use spot_tui::demo::Scenario;

use crate::support::demo_cloud::DemoCloud;
use crate::support::proxy::Proxy;
use crate::support::schema::assert_json_lines;
use crate::support::spot::Spot;
use crate::support::stage::Stage;

fn user(config: &str, story: &str) -> Stage {
    Stage::set(config, Scenario::parse(story).unwrap())
}

#[tokio::test(start_paused = true)]
async fn what_is_beyond_the_budget_is_refused_with_the_numbers() {
    let config = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 4 }]\n";
    let story = "prices: [{ zone: us-west-2a, machine_type: t3.medium, usd: 0.01 }]";
    let refusals = [
        ("budget: { max_instances: 3 }", "4 are asked for: budget.max_instances is 3"),
        ("budget: { max_hourly_usd: 0.05 }", "$0.0822/h is asked for: budget.max_hourly_usd is"),
    ];
    for (budget, said) in refusals {
        let mut stage = user(&format!("{config}{budget}"), story);
        stage.open().await;
        // No price is known yet: they are asked for before the budget is judged.
        stage.command(Command::create(None));
        stage.pass(30).await;
        assert!(stage.log().contains(said), "{said}: {}", stage.log());
        assert_eq!(stage.calls("RunInstances"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_within_the_budget_is_created_as_soon_as_that_is_known() {
    let config = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 2 }]\n\
                  budget: { max_hourly_usd: 1 }";
    let mut stage = user(config, "{}");
    stage.open().await;
    stage.command(Command::create(None));
    assert_eq!(stage.model().fleet.len(), 0, "prices come first");
    stage.until(60, "two run", |stage| stage.running().len() == 2).await;
}

/// Whether prices are known in a process that ends with its command, and what its plan says.
#[test]
fn a_headless_create_is_judged_by_prices_too() {
    let cloud = DemoCloud::start(&["--no-ssh", "--speed", "30"]);
    let proxy = Proxy::start(cloud.address());
    let spot = Spot::new(proxy.url());
    spot.configure_without_hosts("  total_instances: 3", &["us-west-2"]);
    spot.add_configuration("budget: { max_hourly_usd: 0.002 }\n");
    let refused = spot.run(&["create", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.told());
    let said = "is asked for: budget.max_hourly_usd is 0.002";
    assert!(refused.out.contains(said), "{}", refused.told());
    assert!(proxy.take().iter().all(|call| !call.is_mutating() || call.is_of_lock()));

    let plan = spot.run(&["create", "--dry-run"]);
    assert_eq!(plan.code, 1, "it would be refused: {}", plan.told());
    assert!(plan.out.contains(said), "{}", plan.told());
    assert!(plan.out.contains("3 x t3.medium (spot), 50 GiB, from $0."), "{}", plan.told());
    assert!(plan.out.contains("3 in all, from $0."), "{}", plan.told());
    let plan = spot.run(&["create", "--dry-run", "--json"]);
    let lines = plan.lines();
    let line = lines.iter().find(|line| line["event"] == "plan").unwrap();
    let [each, all] = ["each_usd", "hourly_usd"].map(|key| line[key].as_f64().unwrap());
    assert!(each > 0.01 && (all - 3.0 * each).abs() < 1e-9, "{line}");
    assert_json_lines(&plan.out);
    assert!(proxy.take().iter().all(|call| !call.is_mutating()));
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_answer_is_old_and_holds_up_no_other() {
    let story = "running:
      - { zone: us-west-2a, machine_type: t3.medium, deployment: spot-test }
      - { zone: eu-west-1a, machine_type: t3.medium, deployment: spot-test }
calls:
      - action: DescribeInstances
        region: eu-west-1
        nth: 6
        count: 100000
        trouble: { error: { status: 500, code: InternalError, message: made up } }";
    let config = "regions: [us-west-2: { machine_type: t3.medium }, \
                  eu-west-1: { machine_type: t3.medium }]";
    let mut stage = user(config, story);
    // EC2 does not tell at once of what is there.
    stage.pass(5).await;
    stage.open().await;
    let view = |stage: &Stage, region: &str| stage.model().fleet.regions()[&region.into()].clone();
    let is_lost = |stage: &Stage| {
        let view = stage.model().fleet.regions().get(&"eu-west-1".into());
        view.is_some_and(|view| view.trouble.is_some())
    };
    stage.until(300, "one region is lost", is_lost).await;
    stage.pass(120).await;
    let age = |stage: &Stage, region: &str| {
        stage.model().now.duration_since(view(stage, region).answered.unwrap()).as_secs()
    };
    assert!(age(&stage, "eu-west-1") >= 110, "{}", age(&stage, "eu-west-1"));
    assert!(age(&stage, "us-west-2") <= 20, "{}", age(&stage, "us-west-2"));
    assert!(view(&stage, "us-west-2").trouble.is_none());
    let said = "no answer, what is shown is old: InternalError";
    assert_eq!(stage.log().matches(said).count(), 1, "said once: {}", stage.log());
    let asked = |stage: &Stage| {
        let calls = stage.cloud.world.calls().into_iter();
        calls.filter(|it| it.region == "eu-west-1" && it.action == "DescribeInstances").count()
    };
    let before = asked(&stage);
    stage.pass(120).await;
    // The SDK asks three times each.
    assert!(asked(&stage) - before <= 12, "it is asked more and more seldom");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_announced_and_destroyed() {
    let config = "regions: [us-west-2: { machine_type: t3.medium }]\n\
                  budget: { max_lifetime: 20m, at_lifetime: destroy }";
    let story = "running: [{ zone: us-west-2a, machine_type: t3.medium, deployment: spot-test }]";
    let mut stage = user(config, story);
    stage.pass(5).await;
    stage.open().await;
    stage.pass(605).await;
    assert!(stage.log().contains("its lifetime ends in 10 min"), "{}", stage.log());
    assert_eq!(stage.running().len(), 1);
    stage.until(800, "it is gone", |stage| stage.running().is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn expired_credentials_end_the_watch_with_one_sentence_and_a_way_on() {
    let story = "calls:
      - action: DescribeInstances
        nth: 40
        count: 3
        trouble: { error: { status: 400, code: RequestExpired, message: Request has expired. } }";
    let mut stage = user("regions: [us-west-2: { machine_type: t3.medium }]", story);
    stage.open().await;
    let watches = |stage: &Stage| stage.model().does(spot_tui::fleet::JobKind::Watch);
    stage.until(400, "the watch ends", |stage| !watches(stage)).await;
    assert_eq!(stage.log().matches("RequestExpired").count(), 1, "{}", stage.log());
    assert!(stage.log().contains("press r to go on"), "{}", stage.log());
    let calls = stage.calls("DescribeInstances");
    stage.pass(300).await;
    assert_eq!(stage.calls("DescribeInstances"), calls, "nobody asks in vain");
    stage.command(Command::Refresh);
    stage.pass(90).await;
    assert!(watches(&stage), "{}", stage.log());
}
