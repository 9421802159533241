//! README's permissions are what is used: the calls that AWS was asked for in runs that do all there
//! is to do, against the list, both ways. And how few calls a region takes in which nothing is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::Scenario;

use crate::support::demo_cloud::DemoCloud;
use crate::support::moto::Moto;
use crate::support::proxy::{Call, DRY_RUN, Proxy};
use crate::support::spot::Spot;
use crate::support::stage::Stage;

/// Where the configuration launches.
const USED: &str = "us-west-2";
/// Where something was left, and nothing is configured.
const UNUSED: &str = "eu-west-1";

/// How many calls a create and a destroy of seven in three regions may take together. Some fifteen of
/// them are for the lock between machines: each launch reads it.
const MOST_CALLS: usize = 265;

/// The actions of README's section.
fn permissions() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(path).unwrap();
    let section = readme.split("## Permissions").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    // The last paragraphs are about other services, and about roles.
    let table = section.split("\n\nWith `aws.iam_instance_profile`").next().unwrap();
    let words = table.split('`').skip(1).step_by(2);
    let is_action = |word: &&str| {
        word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric)
    };
    words.filter(is_action).map(str::to_owned).collect()
}

/// What is asked for by a create and a destroy of this, in these circumstances.
async fn asked(config: &str, scenario: &str) -> BTreeSet<String> {
    let mut stage = Stage::set(config, Scenario::parse(scenario).unwrap());
    stage.command(Command::Prices(Vec::new()));
    stage.open().await;
    stage.command(Command::create(None));
    stage
        .until(120, "the create begins", |stage| {
            stage.calls("RunInstances") + stage.calls("CreateFleet") > 0
        })
        .await;
    stage.pass(400).await;
    // On a network that is there.
    stage.command(Command::create(None));
    stage.pass(200).await;
    stage.destroy().await;
    stage.cloud.world.calls().into_iter().map(|call| call.action).collect()
}

/// What is asked for by a create where a destroy had to leave the VPC.
async fn asked_of_what_was_left() -> BTreeSet<String> {
    let denied = "calls: [{ action: DeleteVpc, count: 9, trouble: { error: { status: 403, code: \
                  UnauthorizedOperation, message: no } } }]";
    let config = "regions: [us-west-2: { machine_type: t3.medium }]";
    let mut stage = Stage::set(config, Scenario::parse(denied).unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(300, "it launches", |stage| stage.calls("RunInstances") > 0).await;
    stage.pass(200).await;
    stage.destroy().await;
    stage.command(Command::create(None));
    stage.until(300, "the dead route is replaced", |stage| stage.calls("ReplaceRoute") > 0).await;
    stage.cloud.world.calls().into_iter().map(|call| call.action).collect()
}

/// What is asked for by stopping, starting and rebooting a machine that stays.
async fn asked_of_what_stays() -> BTreeSet<String> {
    let config = "regions: [us-west-2: { machine_type: t3.medium, lifecycle: persistent-spot }]";
    let mut stage = Stage::set(config, Scenario::parse("{}").unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    let is =
        |stage: &Stage, word: &str| stage.model().fleet.alive().any(|row| row.phase.word() == word);
    for (action, word) in [
        (None, "Ready"),
        (Some(Action::Reboot), "Rebooting"),
        (None, "Ready"),
        (Some(Action::Stop), "Stopped"),
        (Some(Action::Start), "Ready"),
    ] {
        let keys = stage.model().fleet.alive().map(|row| row.key.clone()).collect();
        if let Some(action) = action {
            stage.command(Command::Act(action, Scope::Instances(keys)));
        }
        stage.until(900, word, |stage| is(stage, word)).await;
    }
    let mut asked: BTreeSet<String> =
        stage.cloud.world.calls().into_iter().map(|call| call.action).collect();
    for swap in ["stopped", "running"] {
        asked.extend(asked_of_what_is_kept(swap).await);
    }
    asked
}

/// What is asked for by launching and recreating a machine that keeps all that it may, in one way to swap
/// its root, and by deleting all of it.
async fn asked_of_what_is_kept(swap: &str) -> BTreeSet<String> {
    let config = format!(
        "machines: [{{ name: dev, region: us-west-2, type: t3.small, keep: root, swap_root: {swap}, \
         address: keep, snapshots: {{ daily: 1 }}, home: {{ size_gb: 20, mount: /home/ubuntu }} }}]"
    );
    let mut stage = Stage::set(&config, Scenario::parse("{}").unwrap());
    stage.open().await;
    stage.command(Command::Act(Action::Up("dev".into()), Scope::All));
    let is_ready =
        |stage: &Stage| stage.model().fleet.alive().any(|row| row.phase.word() == "Ready");
    stage.until(900, "it is ready", is_ready).await;
    let keys = stage.model().fleet.alive().map(|row| row.key.clone()).collect();
    stage.command(Command::Act(Action::Recreate, Scope::Instances(keys)));
    stage.until(600, "it ends", |stage| !is_ready(stage)).await;
    stage.until(2400, "it is ready again", is_ready).await;
    stage.pass(60).await;
    stage.destroy().await;
    let kept = stage.model().fleet.kept();
    let named = kept.map(|(region, it)| (region.clone(), it.id.clone())).collect();
    let discard = Action::Discard(named);
    stage.command(Command::Act(discard, Scope::Instances(Vec::new())));
    let is_gone = |stage: &Stage| stage.model().fleet.kept().count() == 0;
    stage.until(600, "it keeps nothing", is_gone).await;
    stage.cloud.world.calls().into_iter().map(|call| call.action).collect()
}

/// A user and what was left with our tags in a region that is not configured.
struct LeftOvers {
    moto: Moto,
    proxy: Proxy,
    spot: Spot,
    ids: Vec<String>,
}

impl LeftOvers {
    fn plant(deployment: &str) -> Self {
        let moto = Moto::start();
        let ids = moto.leave(UNUSED, deployment);
        let proxy = Proxy::start(moto.address());
        proxy.limit_regions(&[USED, UNUSED]);
        let spot = Spot::new(proxy.url());
        spot.configure_without_hosts("", &[USED]);
        Self { moto, proxy, spot, ids }
    }

    /// Runs this, and sees all of it gone. The calls that it took.
    fn clear(&self, arguments: &[&str]) -> Vec<Call> {
        self.proxy.take();
        let ran = self.spot.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.told());
        let seen = self.moto.inspect(&[UNUSED]).to_string();
        for id in &self.ids {
            assert!(!seen.contains(id), "{arguments:?}: {id} is left: {}", ran.told());
        }
        self.proxy.take()
    }
}

#[test]
fn what_is_left_of_each_kind_in_a_region_that_is_not_used_is_found_and_goes() {
    LeftOvers::plant("spot-test").clear(&["destroy", "--all", "--yes"]);
    LeftOvers::plant("spot-other").clear(&["cleanup", "--yes"]);
    let nuke = ["nuke", "--yes", "--account", "123456789012"];
    LeftOvers::plant("spot-other").clear(&nuke);
}

#[tokio::test(start_paused = true)]
async fn the_permissions_are_what_is_used() {
    let circumstances = [
        // A place is found in another region, and the image by looking.
        (
            "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 2 }, \
             eu-west-1: { machine_type: t3.medium, instances_per_region: 1 }, \
             sa-east-1: { machine_type: t3.medium, instances_per_region: 1 }]\n\
             placement: { spill: true, capacity_manager: us-east-1 }\nlock: auto",
            "capacity_manager: { region: us-east-1, told: [] }\n\
             capacity: [{ zone: us-west-2a, limit: 0 }, { zone: us-west-2b, limit: 0 }, \
             { zone: us-west-2c, limit: 0 }, { zone: us-west-2d, limit: 1 }]\n\
             calls: [{ action: GetParameter, region: sa-east-1, count: 9, trouble: { error: { \
             status: 400, code: AccessDeniedException, message: no } } }]",
        ),
        (
            "regions: [us-west-2: { machine_type: t3.medium, instances_per_region: 2 }]\n\
             placement: { strategy: fleet, fleet_from: 1 }",
            "account: { guard_duty: true }",
        ),
        (
            "regions: [us-west-2: { machine_type: t3.medium }]\n\
             cloudwatch: { metrics: [cpu], publish: true }\n\
             aws: { vpc_id: vpc-0123456789abcdef0 }",
            "networks: [{ region: us-west-2, vpc: vpc-0123456789abcdef0, public: [us-west-2b] }]",
        ),
    ];
    let mut used = BTreeSet::new();
    for (config, scenario) in circumstances {
        used.extend(asked(config, scenario).await);
    }
    used.extend(asked_of_what_stays().await);
    used.extend(asked_of_what_was_left().await);
    let left = LeftOvers::plant("spot-test");
    used.extend(left.clear(&["destroy", "--all", "--yes"]).into_iter().map(|call| call.action));
    // A dry run needs what the call itself does.
    let actions = used.iter().map(|action| action.trim_end_matches(DRY_RUN).to_owned());
    let mut used: BTreeSet<String> = actions.collect();
    let listed = permissions();
    let unlisted: Vec<&String> = used.difference(&listed).collect();
    assert!(unlisted.is_empty(), "used, and not among README's permissions: {unlisted:?}");
    // EC2 asks for it where a call that creates brings tags.
    used.insert("CreateTags".to_owned());
    let unused: Vec<&String> = listed.difference(&used).collect();
    assert!(unused.is_empty(), "among README's permissions, and never used: {unused:?}");
}

/// Seven in three regions of an account with all regions that moto and the demo cloud have, from
/// nothing to nothing.
#[test]
fn seven_in_three_regions_take_few_calls() {
    let moto = Moto::start();
    few_calls("moto", moto.address());
    assert!(!moto.inspect(&["us-west-2"]).to_string().contains("spot-test"));
    few_calls("the demo cloud", DemoCloud::start(&["--speed", "20", "--no-ssh"]).address());
}

/// Creates and destroys seven, and counts.
fn few_calls(name: &str, upstream: SocketAddr) {
    let proxy = Proxy::start(upstream);
    let spot = Spot::new(proxy.url());
    spot.configure_without_hosts("  total_instances: 7", &["us-west-2", "eu-west-1", "us-east-1"]);
    let (mut sum, mut told) = (0, Vec::new());
    for (arguments, end) in
        [(&["create", "--yes"][..], "7 alive"), (&["destroy", "--all", "--yes"], "0 alive")]
    {
        let ran = spot.run(arguments);
        assert!(ran.told().contains(end), "{name}: {}", ran.told());
        let calls = proxy.take();
        let mut actions: BTreeMap<&str, usize> = BTreeMap::new();
        for call in &calls {
            *actions.entry(&call.action).or_default() += 1;
        }
        told.push(format!("{arguments:?}: {} calls {actions:?}", calls.len()));
        sum += calls.len();
    }
    assert!(sum <= MOST_CALLS, "{name}: {sum} {told:#?}");
}
