//! Stopped and started, by us and by AWS.

use spot_tui::app::{Action, Aim, Command, Scope};
use spot_tui::demo::Scenario;
use spot_tui::demo::hosts::Arrived;
use spot_tui::fleet::{Instance, JobKind, Phase};

use super::{PERSISTENT, act, at_rest, key, ready, request, word};
use crate::support::stage::Stage;

#[tokio::test(start_paused = true)]
async fn a_machine_is_stopped_only_when_it_could_be_started_again() {
    let mut stage = ready(PERSISTENT, "{}").await;
    let (key, before) = (key(&stage), stage.model().fleet.alive().next().unwrap().clone());
    act(&mut stage, Action::Stop);
    let stopped = |stage: &Stage| {
        let row = stage.model().fleet.get(&key).unwrap();
        // Whoever says that it is stopped says that it can be started.
        assert!(row.phase != Phase::Stopped || request(stage) == "disabled", "{}", stage.log());
        row.phase == Phase::Stopped
    };
    stage.until(400, "it is stopped", stopped).await;
    stage.pass(300).await;
    let log = stage.log();
    assert!(!log.contains("takes") && !log.contains("interrupt"), "{log}");
    assert!(!stage.model().does(JobKind::Create), "nothing is launched in its place");

    let since = stage.model().fleet.alive().count();
    act(&mut stage, Action::Start);
    stage.until(600, "it is ready again", |stage| word(stage) == "Ready").await;
    let after = stage.model().fleet.alive().next().unwrap();
    assert_eq!((after.id(), after.host_key.as_ref()), (before.id(), before.host_key.as_ref()));
    assert_eq!(since, 1);
    let uploads = stage.cloud.hosts.arrivals(after.id().unwrap());
    let uploads = uploads.iter().filter(|it| it.what == Arrived::Upload);
    assert_eq!(uploads.count(), 1, "what is set up there is not set up again");
    is_looked_at(&mut stage).await;
}

/// Whoever watches visits its node from now on.
async fn is_looked_at(stage: &mut Stage) {
    let now = stage.model().now;
    let is_newer = |stage: &Stage| {
        let row = stage.model().fleet.alive().next().unwrap();
        row.vitals.as_ref().is_some_and(|(at, _)| *at > now)
    };
    stage.until(300, "its node is looked at", is_newer).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_comes_too_early_waits_for_the_request() {
    let mut stage = ready(PERSISTENT, "{}").await;
    act(&mut stage, Action::Stop);
    stage.until(60, "EC2 stops it", |stage| word(stage) == "Stopping").await;
    act(&mut stage, Action::Start);
    stage.until(900, "it is ready again", |stage| word(stage) == "Ready").await;
    let starts = stage.cloud.world.calls().into_iter().filter(|it| it.action == "StartInstances");
    let codes: Vec<u16> = starts.map(|it| it.status).collect();
    assert_eq!(codes, [200], "asked once, when its request allowed it: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn what_aws_stops_it_starts_again_and_nobody_takes_its_place() {
    let story = "interruptions: [{ at_s: 900, back_after_s: 900 }]";
    let mut stage = ready(PERSISTENT, story).await;
    let id = stage.model().fleet.alive().next().unwrap().id().cloned();
    stage.until(900, "it is taken back", |stage| word(stage) == "Interrupted").await;
    stage.until(400, "it is stopped", |stage| word(stage) == "Stopped").await;
    act(&mut stage, Action::Start);
    stage.pass(30).await;
    assert!(stage.log().contains("only EC2 starts it again"), "{}", stage.log());
    stage.until(1200, "it is back", |stage| word(stage) == "Ready").await;
    assert_eq!(stage.model().fleet.alive().next().unwrap().id().cloned(), id);
    assert_eq!(stage.calls("RunInstances"), 1, "{}", stage.log());
    assert!(stage.unmet().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_start_without_room_says_where_and_tries_on() {
    let story = "capacity: [{ zone: us-west-2a, limit: 0, from_s: 600, until_s: 1000 },\
                 { zone: us-west-2b, limit: 0, from_s: 600, until_s: 1000 },\
                 { zone: us-west-2c, limit: 0, from_s: 600, until_s: 1000 },\
                 { zone: us-west-2d, limit: 0, from_s: 600, until_s: 1000 }]";
    let mut stage = ready(PERSISTENT, story).await;
    at_rest(&mut stage).await;
    stage.until_second(620).await;
    act(&mut stage, Action::Start);
    stage.pass(120).await;
    let log = stage.log();
    assert_eq!(log.matches("where its disks are").count(), 1, "said once: {log}");
    stage.until(900, "it is ready again", |stage| word(stage) == "Ready").await;
}

#[tokio::test(start_paused = true)]
async fn a_one_time_instance_is_not_stopped_and_it_is_said_why() {
    let config = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 1 }]";
    let mut stage = ready(config, "{}").await;
    let why = "EC2 stops no one-time spot instance";
    act(&mut stage, Action::Stop);
    assert_eq!(stage.log().matches(why).count(), 1, "{}", stage.log());
    // Nobody is asked for what would be refused.
    stage.command(Command::Ask(Action::Stop, Aim::Deployment));
    assert!(stage.model().dialog.is_none() && stage.log().contains(why), "{}", stage.log());
    assert_eq!(stage.calls("StopInstances"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_judged_by_the_budget_and_the_validity_of_its_request_is_told() {
    let config = format!("{PERSISTENT}\nbudget: {{ max_hourly_usd: 0.04 }}");
    let mut stage = ready(&config, "{}").await;
    at_rest(&mut stage).await;
    // The watch may see it at rest before the job that stops it does.
    let told = |stage: &Stage| stage.log().contains("its spot request is valid until 20");
    stage.until(120, "how long its request is valid is told", told).await;
    // Another one is launched while it sleeps, and there is room for one of them.
    let counts = [("us-west-2".into(), 1)].into();
    stage.command(Command::Act(Action::Add(counts), Scope::All));
    stage.until(900, "another one is ready", |stage| word(stage).contains("Ready")).await;
    let stopped = |row: &&Instance| row.phase == Phase::Stopped;
    let stopped = stage.model().fleet.alive().find(stopped).unwrap().key.clone();
    stage.command(Command::Act(Action::Start, Scope::Instances(vec![stopped])));
    assert!(stage.log().contains("is asked for: budget.max_hourly_usd"), "{}", stage.log());
    assert_eq!(stage.calls("StartInstances"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_by_ec2_is_seen_through() {
    let mut stage = ready(PERSISTENT, "{}").await;
    let boots = |stage: &Stage| stage.cloud.world.guests()[0].booted.0;
    let before = boots(&stage);
    act(&mut stage, Action::Reboot);
    stage.until(60, "it reboots", |stage| word(stage) == "Rebooting").await;
    stage.until(600, "it is ready again", |stage| word(stage) == "Ready").await;
    assert_eq!(boots(&stage), before + 1);
    assert_eq!(stage.calls("RebootInstances"), 1);
    is_looked_at(&mut stage).await;
}

/// StartInstances has a bucket of five, and two a second come back (EC2 API Reference, "Request
/// throttling"). A reboot that is throttled is asked for again, too.
#[tokio::test(start_paused = true)]
async fn twenty_are_stopped_and_started_and_rebooted_at_once_and_none_is_left_out() {
    let many = PERSISTENT.replace("instances_per_region: 1", "instances_per_region: 20");
    let story = "calls: [{ action: RebootInstances, nth: 2, count: 12, trouble: throttle }]";
    let mut stage = Stage::set(&many, Scenario::parse(story).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    let all = |stage: &Stage, phase: &str| {
        stage.phases() == [(phase.to_owned(), 20)].into_iter().collect()
    };
    stage.until(900, "all are ready", |stage| all(stage, "Ready")).await;
    stage.command(Command::Act(Action::Stop, Scope::All));
    stage.until(900, "all are stopped", |stage| all(stage, "Stopped")).await;
    stage.command(Command::Act(Action::Start, Scope::All));
    stage.until(1800, "all are ready again", |stage| all(stage, "Ready")).await;
    let boots = |stage: &Stage| {
        let guests = stage.cloud.world.guests();
        guests.iter().map(|guest| guest.booted.0).sum::<u64>()
    };
    let before = boots(&stage);
    stage.command(Command::Act(Action::Reboot, Scope::All));
    stage.until(300, "they reboot", |stage| !all(stage, "Ready")).await;
    stage.until(1800, "all are ready once more", |stage| all(stage, "Ready")).await;
    assert_eq!(boots(&stage), before + 20);
}
