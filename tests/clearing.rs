//! `nuke`, `cleanup` and `recover`: by tags alone, in every region, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::support::eye::{Eye, Seen, ours};
use crate::support::moto::Moto;
use crate::support::orchestrator::Orchestrator;
use crate::support::proxy::Proxy;
use crate::support::scene::{REGIONS, Scene};
use crate::support::spot::{Ran, Spot};
use crate::support::trap::Moment;

/// The demo cloud's account.
const ACCOUNT: &str = "111122223333";
const PATIENCE: Duration = Duration::from_mins(1);

/// A scene with four instances of ours.
fn created() -> Scene {
    let scene = Scene::set("  total_instances: 4");
    let created = scene.spot.run(&["create", "--yes", "--json"]);
    assert_eq!(created.lines().last().unwrap()["launched"], 4, "{}", created.told());
    scene
}

impl Scene {
    /// All that was there before, strangers' things among it, is there still.
    fn assert_others_stay(&mut self) {
        let left = self.seen();
        assert!(self.before.keys().all(|thing| left.contains_key(thing)), "{left:?}");
    }

    fn forget(&self) {
        for name in ["instances.json", "instances.json.journal"] {
            // What destroys makes no state where there was none.
            drop(fs::remove_file(self.spot.path().join(name)));
        }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.spot.run(arguments)
    }
}

/// Those that do not carry our program's tag, without the kinds that AWS makes untagged with every
/// VPC and instance.
fn of_others(seen: &Seen) -> Vec<&(String, String)> {
    let is_others = |(thing, tags): &(&(String, String), &BTreeMap<String, String>)| {
        let comes_along = ["rtb-", "sg-", "eni-"].iter().any(|kind| thing.1.starts_with(kind));
        !comes_along && tags.get("ManagedBy").is_none_or(|by| by != "spot-tui")
    };
    seen.iter().filter(is_others).map(|(thing, _)| thing).collect()
}

#[test]
fn nuke_takes_everything_of_ours_and_nothing_of_others() {
    let mut scene = created();
    scene.forget();
    let there = scene.seen();
    let refused = scene.run(&["nuke", "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.told());
    let mistaken = scene.run(&["nuke", "--yes", "--account", "999999999999"]);
    assert_eq!(mistaken.code, 2, "{}", mistaken.told());
    assert!(mistaken.err.contains(ACCOUNT), "{}", mistaken.told());
    scene.forget();
    scene.proxy.take();
    let dry = scene.run(&["nuke", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.told());
    assert!(dry.out.contains("spot-test by") && dry.out.contains("spot-other"), "{}", dry.told());
    assert!(scene.proxy.calls().iter().all(|call| !call.is_mutating()), "a dry run looks");
    assert_eq!(scene.seen(), there);
    assert!(!scene.spot.path().join("instances.json.journal").exists(), "and leaves no file");

    let nuked = scene.run(&["nuke", "--yes", "--account", ACCOUNT, "--json"]);
    assert_eq!(nuked.code, 0, "{}", nuked.told());
    let left = scene.seen();
    let is_ours =
        |tags: &BTreeMap<String, String>| tags.get("ManagedBy") == Some(&"spot-tui".into());
    assert!(!left.values().any(is_ours), "nothing of ours is left: {left:?}");
    assert_eq!(of_others(&left), of_others(&scene.before));
}

#[test]
fn cleanup_takes_networks_without_instances_and_leaves_the_others() {
    let mut scene = created();
    let machines: Vec<Value> = scene.spot.state();
    let in_west: Vec<&str> = machines
        .iter()
        .filter(|entry| entry["region"] == REGIONS[0])
        .map(|entry| entry["id"].as_str().unwrap())
        .collect();
    scene.eye.terminate(scene.cloud.url(), REGIONS[0], &in_west);
    let dry = scene.run(&["cleanup", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.told());
    assert!(dry.out.contains("left over of spot-test"), "{}", dry.told());
    let cleaned = scene.run(&["cleanup", "--yes"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.told());
    let left = scene.seen();
    let regions: BTreeSet<&str> = ours(&left).map(|(region, _)| region.as_str()).collect();
    assert_eq!(
        regions.into_iter().collect::<Vec<_>>(),
        [REGIONS[1]],
        "what runs keeps its network"
    );
    scene.assert_others_stay();
}

#[test]
fn cleanup_finds_an_address_that_is_all_that_is_left() {
    // The demo cloud has no Elastic IPs.
    let moto = Moto::start();
    let proxy = Proxy::start(moto.address());
    proxy.limit_regions(&REGIONS);
    let spot = Spot::new(proxy.url());
    spot.configure_without_hosts("  total_instances: 4", &REGIONS);
    let (mut eye, url) = (Eye::open(), moto.url());
    eye.settle_strangers(&url, &REGIONS[..1]);
    let before = eye.alive(&url, &REGIONS);
    eye.allocate(&url, REGIONS[1], &[("ManagedBy", "spot-tui"), ("DeploymentId", "spot-test")]);
    assert_eq!(ours(&eye.alive(&url, &REGIONS)).count(), 1);
    let cleaned = spot.run(&["cleanup", "--yes"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.told());
    assert_eq!(eye.alive(&url, &REGIONS), before, "{}", cleaned.told());
    let again = spot.run(&["cleanup", "--yes"]);
    assert!(!again.err.contains("cut short"), "{}", again.told());
}

#[test]
fn a_destroy_of_one_that_was_killed_is_gone_on_with_by_the_destroy_of_another() {
    let mut scene = created();
    let state = scene.spot.state();
    let ids: Vec<&str> = state.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    let trap = scene.proxy.trap(Some("TerminateInstances"), 1, Moment::Unsent);
    let mut command = scene.spot.command();
    command.args(["destroy", ids[0], "--yes"]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    trap.sprung.recv_timeout(PATIENCE).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    trap.gate.open();

    let other = scene.run(&["destroy", ids[3], "--yes"]);
    assert_eq!(other.code, 0, "{}", other.told());
    assert!(other.err.contains("a destroy in"), "{}", other.told());
    let seen = scene.seen();
    let alive: BTreeSet<&str> =
        ours(&seen).map(|(_, id)| id.as_str()).filter(|id| id.starts_with("i-")).collect();
    assert_eq!(alive, BTreeSet::from([ids[1], ids[2]]), "both are gone, and no other");
    let all = scene.run(&["destroy", "--all", "--yes"]);
    assert!(!all.err.contains("cut short"), "it ended: {}", all.told());
    assert_eq!(scene.seen(), scene.before);
}

#[test]
fn recover_writes_the_state_anew_from_the_tags() {
    let mut scene = created();
    let ids = |spot: &Spot| -> BTreeSet<String> {
        spot.state().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
    };
    let before = ids(&scene.spot);
    scene.forget();
    let recovered = scene.run(&["recover"]);
    assert_eq!(recovered.code, 0, "{}", recovered.told());
    assert!(recovered.out.contains("4 instances of spot-test"), "{}", recovered.told());
    assert_eq!(ids(&scene.spot), before);
    scene.assert_others_stay();
}

#[test]
fn nodes_of_ours_and_no_others_are_deleted_when_their_instances_are_gone() {
    let mut scene = created();
    let orchestrator = Orchestrator::start();
    scene.spot.add_configuration(&format!("bacalhau:\n  api: {}\n", orchestrator.url()));
    let state = scene.spot.state();
    let ids: Vec<&str> = state.iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    // The beginning of one of ours, and another team's.
    let others = [&ids[0][..12], "i-0123456789abcdef0"];
    for id in ids.iter().chain(&others) {
        orchestrator.register(id, "CONNECTED");
    }
    let destroyed = scene.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    assert!(destroyed.out.contains("4 nodes deleted"), "{}", destroyed.told());
    let mut left = orchestrator.nodes();
    let mut others = others.map(str::to_owned).to_vec();
    left.sort();
    others.sort();
    assert_eq!(left, others);
    assert_eq!(scene.seen(), scene.before);
}

#[test]
fn an_orchestrator_that_does_not_answer_is_said_and_nothing_fails() {
    let mut scene = created();
    scene.spot.add_configuration("bacalhau:\n  api: http://127.0.0.1:9\n");
    let destroyed = scene.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    assert_eq!(
        destroyed.out.matches("nodes stay in the orchestrator").count(),
        1,
        "{}",
        destroyed.told()
    );
    assert_eq!(scene.seen(), scene.before);
}
