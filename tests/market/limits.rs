//! What is refused: a create beyond the budget, and credentials that have expired.

use spot_tui::app::Command;
use spot_tui::demo::Scenario;

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
        stage.pass(10).await;
        stage.command(Command::Create(None));
        stage.pass(30).await;
        assert!(stage.log().contains(said), "{said}: {}", stage.log());
        assert_eq!(stage.calls("RunInstances"), 0);
    }
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
    let watches = |stage: &Stage| stage.model.active().any(|(_, job)| job.verb == "watch");
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
