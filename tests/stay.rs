//! Machines that stay: stopped, started, taken back and brought back, through the whole program on
//! the paused clock; and the demo cloud below it, watched by the AWS CLI, which nobody here wrote.

mod can_fail;
mod cli;
mod day;
mod idle;
mod instance_store;
mod kept;
mod killed;
mod named;
mod offers;
mod refusals;
mod snapshots;
mod start_stop;
mod swap;

use std::collections::BTreeMap;
use std::net::IpAddr;

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::{Scenario, by_hand};
use spot_tui::fleet::{Instance, InstanceKey};

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

/// The phase of the machine `dev`.
fn dev(stage: &Stage) -> &str {
    let mut rows = stage.model().fleet.alive();
    rows.find(|row| row.machine_name() == Some("dev")).map_or("none", |row| row.phase.word())
}

fn up(stage: &mut Stage) {
    stage.command(Command::Act(Action::Up("dev".into()), Scope::All));
}

const KEEPS: &str = "machines: [{ name: dev, region: us-west-2, type: t3.small, keep: root, \
                     address: keep, home: { size_gb: 20, mount: /home/ubuntu } }]";

/// Deletes all that is kept now, as a question names it.
fn discard(stage: &Stage) -> Command {
    let kept = stage.model().fleet.kept();
    let named = kept.map(|(region, it)| (region.clone(), it.id.clone())).collect();
    Command::Act(Action::Discard(named), Scope::Instances(Vec::new()))
}

/// What the machine `dev` keeps, by its kind's word: id, size and address.
fn kept(stage: &Stage) -> BTreeMap<&'static str, (String, Option<u32>, Option<IpAddr>)> {
    let kept = stage.model().fleet.kept_of("dev");
    kept.map(|(_, it)| (it.kind.word(), (it.id.clone(), it.gib, it.address))).collect()
}

/// The machine `dev` with all that a machine may keep, ready; and somebody who watches.
async fn with_all_it_keeps(scenario: &str) -> Stage {
    with_config(KEEPS, scenario).await
}

/// The machine `dev` of this configuration, ready.
async fn with_config(config: &str, scenario: &str) -> Stage {
    brought_up(Stage::set(config, Scenario::parse(scenario).unwrap())).await
}

async fn brought_up(mut stage: Stage) -> Stage {
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
