//! Machines that stay: stopped, started, taken back and brought back, through the whole program on
//! the paused clock; and the demo cloud below it, watched by the AWS CLI, which nobody here wrote.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process;
use std::time::{Duration, Instant};

use serde_json::Value;
use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::hosts::Arrived;
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::{Instance, InstanceKey, JobKind, Phase};

use crate::support::demo_cloud::DemoCloud;
use crate::support::moto::python;
use crate::support::stage::Stage;

const PERSISTENT: &str = "regions: [us-west-2: { machine_type: t3.medium, \
                          instances_per_region: 1, lifecycle: persistent-spot }]\n\
                          replace: { enabled: true }";

/// One machine that is ready, and somebody who watches.
async fn ready(config: &str, scenario: &str) -> Stage {
    let mut stage = Stage::set(config, Scenario::parse(scenario).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(600, "it is ready", |stage| word(stage) == "Ready").await;
    stage
}

/// The phase of the one row.
fn word(stage: &Stage) -> String {
    let phases: Vec<&str> = stage.model().fleet.alive().map(|row| row.phase.word()).collect();
    phases.join(" ")
}

fn key(stage: &Stage) -> InstanceKey {
    stage.model().fleet.alive().next().unwrap().key.clone()
}

fn act(stage: &mut Stage, action: Action) {
    let scope = Scope::Instances(vec![key(stage)]);
    stage.command(Command::Act(action, scope));
}

/// The state of the one spot request that is told of, in EC2's words.
fn request(stage: &Stage) -> String {
    let form = "Action=DescribeSpotInstanceRequests";
    let body = by_hand(&stage.cloud.world, "us-west-2", form).1;
    let after = body.split("<state>").nth(1).unwrap_or_default();
    after.split('<').next().unwrap_or_default().to_owned()
}

async fn at_rest(stage: &mut Stage) {
    act(stage, Action::Stop);
    stage.until(400, "it is stopped", |stage| word(stage) == "Stopped").await;
}

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
    act(&mut stage, Action::Stop);
    assert!(stage.log().contains("EC2 stops no one-time spot instance"), "{}", stage.log());
    assert_eq!(stage.calls("StopInstances"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_is_judged_by_the_budget_and_the_validity_of_its_request_is_told() {
    let config = format!("{PERSISTENT}\nbudget: {{ max_hourly_usd: 0.04 }}");
    let mut stage = ready(&config, "{}").await;
    at_rest(&mut stage).await;
    assert!(stage.log().contains("its spot request is valid until 2026-"), "{}", stage.log());
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
}

/// How long anything of the demo's may take here, at its speed.
const PATIENCE: Duration = Duration::from_mins(1);

/// The `aws` command at an endpoint.
struct Cli(String);

impl Cli {
    /// What it answers; else what it says.
    fn ask(&self, words: &str) -> Result<Value, String> {
        let output = process::Command::new(python().with_file_name("aws"))
            .args(["--endpoint-url", &self.0, "--region", "us-west-2", "--output", "json", "ec2"])
            .args(words.split_whitespace())
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_MAX_ATTEMPTS", "1")
            .output()
            .expect("starting the AWS CLI");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    fn told(&self, words: &str) -> Value {
        self.ask(words).unwrap_or_else(|error| panic!("{words}: {error}"))
    }

    fn text(&self, words: &str, pointer: &str) -> String {
        let answer = self.told(words);
        let found = answer.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{words}: no {pointer} in {answer}")).to_owned()
    }

    fn until(&self, words: &str, pointer: &str, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.text(words, pointer) != word {
            assert!(Instant::now() < deadline, "{words}: never {word}: {}", self.told(words));
        }
    }
}

const NAMED: &str = "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 1 }]\n\
                     machines: [{ name: dev, region: us-west-2, type: t3.small }]";

/// The phase of the machine `dev`.
fn dev(stage: &Stage) -> &str {
    let mut rows = stage.model().fleet.alive();
    rows.find(|row| row.machine_name() == Some("dev")).map_or("none", |row| row.phase.word())
}

fn up(stage: &mut Stage) {
    stage.command(Command::Act(Action::Up("dev".into()), Scope::All));
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_launched_and_started_by_its_name_and_counts_nowhere() {
    let mut stage = Stage::set(NAMED, Scenario::parse("{}").unwrap());
    stage.open().await;
    up(&mut stage);
    up(&mut stage);
    stage.until(600, "dev is ready", |stage| dev(stage) == "Ready").await;
    assert!(stage.log().contains("dev is being launched"), "{}", stage.log());
    let row = stage.model().fleet.alive().next().unwrap().clone();
    let machine = row.machine.clone().unwrap();
    assert_eq!((machine.name.as_deref(), machine.machine_type.as_str()), (Some("dev"), "t3.small"));

    // The count of its region is one, and it is none of that.
    stage.command(Command::create(None));
    stage.until(600, "the fleet is ready", |stage| word(stage) == "Ready Ready").await;
    up(&mut stage);
    stage.pass(30).await;
    assert_eq!(stage.model().fleet.alive().count(), 2, "{}", stage.log());
    assert!(stage.log().contains("dev is there: Ready"), "{}", stage.log());

    let scope = Scope::Instances(vec![row.key.clone()]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
    up(&mut stage);
    stage.until(600, "dev is ready again", |stage| dev(stage) == "Ready").await;
    assert_eq!(stage.calls("RunInstances"), 2, "{}", stage.log());
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_launch_was_killed_is_one_machine_after_the_next_up() {
    for seconds in [0, 1, 2, 4, 8, 20, 60] {
        let mut stage = Stage::set(NAMED, Scenario::parse("{}").unwrap());
        stage.open().await;
        up(&mut stage);
        stage.pass(seconds).await;
        stage.kill();
        stage.open().await;
        stage.pass(5).await;
        up(&mut stage);
        stage.until(900, "dev is ready", |stage| dev(stage) == "Ready").await;
        stage.pass(120).await;
        assert_eq!(stage.model().fleet.alive().count(), 1, "{seconds}: {}", stage.log());
        let zones = stage.zones().await;
        assert_eq!(zones.values().sum::<usize>(), 1, "{seconds}: {zones:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_not_in_the_configuration_is_refused_with_those_that_are() {
    let mut stage = Stage::set(NAMED, Scenario::parse("{}").unwrap());
    stage.open().await;
    stage.command(Command::Act(Action::Up("prod".into()), Scope::All));
    assert!(stage.log().contains("no machine 'prod' under machines: there is dev"));
    assert_eq!(stage.calls("RunInstances"), 0);
}

/// A stop and a start, each killed at some instant and gone on with by the next process. Whatever
/// was asked for, there is one machine with its disk, its key and its set-up, and nothing is left of
/// it when it is destroyed.
async fn cut_short(seed: u64) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut stage = ready(PERSISTENT, &format!("seed: {seed}")).await;
    let before = stage.model().fleet.alive().next().unwrap().clone();
    let settled = |stage: &Stage| ["Ready", "Stopped"].contains(&word(stage).as_str());
    for (action, end) in [(Action::Stop, "Stopped"), (Action::Start, "Ready")] {
        act(&mut stage, action.clone());
        stage.pass(chance.u64(0..=120)).await;
        stage.kill();
        stage.open().await;
        stage.pass(60).await;
        stage.until(1500, &format!("{seed}: it settles"), settled).await;
        if word(&stage) != end {
            // It was killed before the call was sent.
            act(&mut stage, action);
            stage.until(1500, &format!("{seed}: {end}"), |stage| word(stage) == end).await;
        }
    }
    let after = stage.model().fleet.alive().next().unwrap();
    assert_eq!((after.id(), after.host_key.as_ref()), (before.id(), before.host_key.as_ref()));
    assert_eq!(stage.calls("RunInstances"), 1, "{seed}: {}", stage.log());
    let arrivals = stage.cloud.hosts.arrivals(before.id().unwrap());
    let uploads = arrivals.iter().filter(|it| it.what == Arrived::Upload).count();
    assert_eq!(uploads, 1, "{seed}: what is set up is not set up again");
    let tell = |form: &str| by_hand(&stage.cloud.world, "us-west-2", form).1;
    let volumes = tell("Action=DescribeVolumes").matches("<volumeId>").count();
    assert_eq!(volumes, 2, "{seed}: one volume, and its attachment");
    assert_eq!(request(&stage), "active");
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{seed}: {}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_stop_or_a_start_that_is_killed_is_gone_on_with() {
    for seed in 0..4 {
        Box::pin(cut_short(seed)).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "make sweep"]
async fn seventy_five_stops_and_starts_are_killed_and_gone_on_with() {
    for seed in 0..75 {
        Box::pin(cut_short(1000 + seed)).await;
    }
}

const KEEPS: &str = "machines: [{ name: dev, region: us-west-2, type: t3.small, keep: root, \
                     address: keep, home: { size_gb: 20, mount: /home/ubuntu } }]";

/// What the machine `dev` keeps, by its kind's word: id, size and address.
fn kept(stage: &Stage) -> BTreeMap<&'static str, (String, Option<u32>, Option<IpAddr>)> {
    let kept = stage.model().fleet.kept_of("dev");
    kept.map(|(_, it)| (it.kind.word(), (it.id.clone(), it.gib, it.address))).collect()
}

/// The machine `dev` with all that a machine may keep, ready; and somebody who watches.
async fn with_all_it_keeps(scenario: &str) -> Stage {
    let mut stage = Stage::set(KEEPS, Scenario::parse(scenario).unwrap());
    stage.open().await;
    up(&mut stage);
    stage.until(900, "dev is ready", |stage| dev(stage) == "Ready").await;
    stage
}

/// What EC2 has of a kind, whatever its tags.
fn count(stage: &Stage, action: &str, item: &str) -> usize {
    by_hand(&stage.cloud.world, "us-west-2", &format!("Action={action}")).1.matches(item).count()
}

/// Volumes, addresses. An attachment names its volume once more.
fn counts(stage: &Stage) -> (usize, usize) {
    let volumes = count(stage, "DescribeVolumes", "<createTime>");
    (volumes, count(stage, "DescribeAddresses", "<allocationId>"))
}

fn the_row(stage: &Stage) -> Instance {
    let mut rows = stage.model().fleet.alive();
    rows.find(|row| row.machine_name() == Some("dev")).unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_machine_keeps_its_root_its_home_and_its_address_over_a_stop() {
    let mut stage = with_all_it_keeps("{}").await;
    let (before, row) = (kept(&stage), the_row(&stage));
    assert_eq!(before.keys().copied().collect::<Vec<_>>(), ["address", "home", "root"]);
    assert_eq!(before["home"].1, Some(20));
    let address = row.address();
    assert_eq!(address, before["address"].2, "{}", stage.log());
    let scope = Scope::Instances(vec![row.key.clone()]);
    stage.command(Command::Act(Action::Stop, scope));
    stage.until(400, "dev is stopped", |stage| dev(stage) == "Stopped").await;
    stage.until_second(3600).await;
    // Its disks and its address go on: 20 and 30 GiB at 0.08 a month, and 0.005 an hour.
    let stopped = the_row(&stage).cost.hourly;
    let gib = f64::from(20 + before["root"].1.unwrap());
    let wanted = gib * 0.08 / 720.0 + 0.005;
    assert!((stopped.usd - wanted).abs() < 1e-6 && !stopped.is_partial, "{stopped:?} {wanted}");
    up(&mut stage);
    stage.until(900, "dev is ready again", |stage| dev(stage) == "Ready").await;
    assert_eq!((the_row(&stage).address(), kept(&stage)), (address, before));
    assert_eq!(counts(&stage), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_recreated_on_its_own_disk_with_its_key_and_its_address() {
    let mut stage = with_all_it_keeps("{}").await;
    let (before, old) = (kept(&stage), the_row(&stage));
    let scope = Scope::Instances(vec![old.key.clone()]);
    stage.command(Command::Act(Action::Recreate, scope));
    let is_another = |stage: &Stage| {
        let mut rows = stage.model().fleet.alive();
        rows.any(|row| row.phase.word() == "Ready" && row.id() != old.id())
    };
    stage.until(2400, "another instance is ready", is_another).await;
    stage.pass(60).await;
    let new = the_row(&stage);
    assert_eq!(new.host_key, old.host_key, "{}", stage.log());
    assert_eq!((new.address(), kept(&stage)), (old.address(), before), "{}", stage.log());
    assert_eq!(counts(&stage), (2, 1), "the disk that the launch brought is gone");
    assert_eq!(stage.model().fleet.alive().count(), 1);
    let first = old.id().unwrap();
    let arrivals = stage.cloud.hosts.arrivals(first);
    let uploads = arrivals.iter().filter(|it| it.what == Arrived::Upload).count();
    assert_eq!(uploads, 1, "what is set up on the disk is not set up again");
    let mounts = stage.cloud.hosts.mounts(&kept(&stage)["home"].0);
    assert_eq!(mounts, [first.clone(), new.id().unwrap().clone()], "formatted once");
    assert_eq!(stage.calls("RunInstances"), 2);
    stage.destroy().await;
    assert_eq!(stage.left().await, 0, "{}", stage.log());
    assert_eq!(counts(&stage), (2, 1), "what is kept stays: {}", stage.log());
    assert!(stage.log().contains("--with-kept 3"), "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_goes_only_when_it_is_named() {
    let mut stage = with_all_it_keeps("{}").await;
    let discard = Command::Act(Action::Discard(vec!["dev".into()]), Scope::Instances(Vec::new()));
    stage.command(discard.clone());
    assert!(stage.log().contains("destroy it first"), "{}", stage.log());
    stage.destroy().await;
    // Nobody has it now, and it costs.
    let hourly = stage.model().fleet.costs()[&"us-west-2".into()].hourly;
    assert!(hourly.usd > 0.005, "{hourly:?}");
    let clean_up = Command::Act(Action::CleanUp, Scope::Account("123456789012".into(), Vec::new()));
    stage.command(clean_up);
    stage.until(600, "it is cleaned up", |stage| stage.model().active().count() == 1).await;
    assert_eq!(counts(&stage), (2, 1), "{}", stage.log());
    stage.command(discard);
    stage.until(600, "it is gone", |stage| counts(stage) == (0, 0)).await;
    stage.pass(30).await;
    assert_eq!(stage.model().fleet.kept().count(), 0);
    assert_eq!(stage.left().await, 0, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_aws_ended_comes_back_by_its_name() {
    let mut stage = with_all_it_keeps("{}").await;
    let (before, old) = (kept(&stage), the_row(&stage));
    let request = old.machine.as_ref().unwrap().birth.spot_request.clone().unwrap();
    let end = format!("Action=CancelSpotInstanceRequests&SpotInstanceRequestId.1={request}");
    by_hand(&stage.cloud.world, "us-west-2", &end);
    let end = format!("Action=TerminateInstances&InstanceId.1={}", old.id().unwrap());
    by_hand(&stage.cloud.world, "us-west-2", &end);
    stage.until(600, "it is over", |stage| dev(stage) == "none").await;
    up(&mut stage);
    stage.until(2400, "dev is ready", |stage| dev(stage) == "Ready").await;
    stage.pass(60).await;
    let new = the_row(&stage);
    assert_eq!((new.host_key.as_ref(), new.address()), (old.host_key.as_ref(), old.address()));
    assert_eq!((kept(&stage), counts(&stage)), (before, (2, 1)), "{}", stage.log());
}

/// What was asked for and not heard of is waited for: the tags of what was just made are told late.
#[tokio::test(start_paused = true)]
async fn what_is_kept_is_made_once_whenever_the_process_is_killed() {
    for second in [0, 1, 2, 3, 4, 6, 8, 12, 20] {
        let mut stage = Stage::set(KEEPS, Scenario::parse("lags: { tags_s: 30 }").unwrap());
        stage.open().await;
        up(&mut stage);
        stage.until(600, "it runs", |stage| dev(stage) == "Running").await;
        stage.pass(second).await;
        stage.kill();
        stage.open().await;
        stage.pass(1).await;
        up(&mut stage);
        stage.until(1800, "dev is ready", |stage| dev(stage) == "Ready").await;
        stage.pass(120).await;
        assert_eq!(counts(&stage), (2, 1), "killed after {second} s: {}", stage.log());
    }
}

/// How a process that is killed leaves its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    Whole,
    Deleted,
    Garbled,
}

/// A machine's life from its first launch over a stop, a start and a recreate to its end, where each
/// step is killed at some instant and gone on with by the next process. Whatever that left: one
/// instance, booting from the one root with its set-up and its key; one home volume, formatted once;
/// one address; and nothing else, nor is anything left that is not kept.
async fn a_life_cut_short(seed: u64, journal: Journal) {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut stage = Stage::set(KEEPS, Scenario::parse(&format!("seed: {seed}")).unwrap());
    stage.open().await;
    up(&mut stage);
    die(&mut stage, &mut chance, journal).await;
    awake(&mut stage, seed).await;
    let (before, first) = (kept(&stage), the_row(&stage));
    for action in [Action::Stop, Action::Start, Action::Recreate] {
        let scope = Scope::Instances(vec![the_row(&stage).key]);
        stage.command(Command::Act(action, scope));
        die(&mut stage, &mut chance, journal).await;
        awake(&mut stage, seed).await;
    }
    stage.pass(120).await;
    let (row, log) = (the_row(&stage), stage.log());
    assert_eq!((kept(&stage), counts(&stage)), (before.clone(), (2, 1)), "{seed}: {log}");
    assert_eq!(row.host_key, first.host_key, "{seed}: {log}");
    assert_eq!(row.address(), before["address"].2, "{seed}: {log}");
    assert_eq!(stage.zones().await.values().sum::<usize>(), 1, "{seed}: {log}");
    assert_eq!(count(&stage, "DescribeSpotInstanceRequests", "<state>active</state>"), 1);
    let mounts = stage.cloud.hosts.mounts(&before["home"].0);
    assert!(!mounts.is_empty() && mounts.len() <= 3, "{seed}: {mounts:?}");
    let command = Command::destroy(Scope::All);
    stage.command(command.clone());
    die(&mut stage, &mut chance, journal).await;
    stage.destroy().await;
    assert_eq!((stage.left().await, counts(&stage)), (0, (2, 1)), "{seed}: {}", stage.log());
}

/// The process is killed at some instant, and another one begins.
async fn die(stage: &mut Stage, chance: &mut fastrand::Rng, journal: Journal) {
    stage.pass(chance.u64(0..=240)).await;
    match journal {
        Journal::Whole => {}
        Journal::Deleted => stage.change_journal(|_| String::new()),
        Journal::Garbled => stage.change_journal(|text| text.replace("\"open\"", "\"opne\"")),
    }
    stage.kill();
    stage.open().await;
    stage.pass(90).await;
}

/// The machine is asked for until it is ready.
async fn awake(stage: &mut Stage, seed: u64) {
    for _ in 0..4 {
        up(stage);
        let settled = |stage: &Stage| stage.model().changing().next().is_none();
        stage.until(3600, &format!("{seed}: it settles"), settled).await;
        stage.pass(60).await;
        stage.until(3600, &format!("{seed}: it settles"), settled).await;
        if dev(stage) == "Ready" {
            return;
        }
    }
    panic!("{seed}: dev is {}: {}", dev(stage), stage.log());
}

#[tokio::test(start_paused = true)]
async fn a_life_that_is_killed_at_each_step_loses_nothing_that_is_kept() {
    for (seed, journal) in
        [(1, Journal::Whole), (2, Journal::Whole), (3, Journal::Garbled), (4, Journal::Deleted)]
    {
        Box::pin(a_life_cut_short(seed, journal)).await;
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "make sweep"]
async fn forty_lives_are_killed_at_each_step() {
    for seed in 0..40 {
        let journal = [Journal::Whole, Journal::Whole, Journal::Garbled, Journal::Deleted];
        let journal = journal[usize::try_from(seed % 4).unwrap()];
        Box::pin(a_life_cut_short(2000 + seed, journal)).await;
    }
}

/// From launch to end: what EC2 User Guide says of a persistent request, as the CLI tells it.
#[test]
fn the_aws_cli_stops_starts_and_takes_apart_a_machine_that_stays() {
    let cloud = DemoCloud::start(&["--speed", "20", "--no-ssh"]);
    let aws = Cli(cloud.url().to_owned());
    let image = aws.text(
        "describe-images --owners 099720109477 --filters Name=architecture,Values=x86_64",
        "/Images/0/ImageId",
    );
    let spot = "MarketType=spot,SpotOptions={SpotInstanceType=persistent,\
                InstanceInterruptionBehavior=stop}";
    let run = format!("run-instances --image-id {image} --instance-type t3.medium --count 1");
    let run = format!("{run} --instance-market-options {spot}");
    let instance = aws.text(&run, "/Instances/0/InstanceId");
    let look = format!("describe-instances --instance-ids {instance}");
    let state = "/Reservations/0/Instances/0/State/Name";
    aws.until(&look, state, "running");
    let root = "/Reservations/0/Instances/0/BlockDeviceMappings/0/Ebs/VolumeId";
    let root = aws.text(&look, root);
    let zone = aws.text(&look, "/Reservations/0/Instances/0/Placement/AvailabilityZone");

    let address = aws.told("allocate-address --domain vpc");
    let id = address["AllocationId"].as_str().unwrap();
    aws.told(&format!("associate-address --allocation-id {id} --instance-id {instance}"));
    let make = format!("create-volume --availability-zone {zone} --size 20");
    let home = aws.text(&make, "/VolumeId");
    aws.until(&format!("describe-volumes --volume-ids {home}"), "/Volumes/0/State", "available");
    let attach = "attach-volume --device /dev/sdf";
    aws.told(&format!("{attach} --volume-id {home} --instance-id {instance}"));

    aws.told(&format!("stop-instances --instance-ids {instance}"));
    let early = aws.ask(&format!("start-instances --instance-ids {instance}")).unwrap_err();
    assert!(early.contains("IncorrectSpotRequestState"), "{early}");
    let requests = "describe-spot-instance-requests";
    aws.until(requests, "/SpotInstanceRequests/0/State", "disabled");
    let status = aws.text(requests, "/SpotInstanceRequests/0/Status/Code");
    assert_eq!(status, "instance-stopped-by-user");
    let public = "/Reservations/0/Instances/0/PublicIpAddress";
    assert_eq!(aws.text(&look, public), address["PublicIp"].as_str().unwrap());
    aws.told(&format!("start-instances --instance-ids {instance}"));
    aws.until(&look, state, "running");
    assert_eq!(aws.text(&look, public), address["PublicIp"].as_str().unwrap());
    let devices = aws.told(&look)["Reservations"][0]["Instances"][0]["BlockDeviceMappings"].clone();
    let volumes: Vec<&str> = devices
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["Ebs"]["VolumeId"].as_str())
        .collect();
    assert_eq!(volumes, [root.as_str(), home.as_str()]);

    let request = aws.text(requests, "/SpotInstanceRequests/0/SpotInstanceRequestId");
    aws.told(&format!("cancel-spot-instance-requests --spot-instance-request-ids {request}"));
    aws.told(&format!("terminate-instances --instance-ids {instance}"));
    aws.until(&look, state, "terminated");
    let left = aws.told("describe-volumes");
    assert_eq!(left["Volumes"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(left["Volumes"][0]["VolumeId"].as_str(), Some(home.as_str()));
    let held = aws.told("describe-addresses")["Addresses"][0].clone();
    assert_eq!((held["AllocationId"].as_str(), &held["AssociationId"]), (Some(id), &Value::Null));
}
