//! Whose the state is: what stands in it is looked for in its own account, and is gone only when EC2
//! does not know its id.

use std::fs;

use crate::support::eye::ours;
use crate::support::moto::Moto;
use crate::support::scene::{REGIONS, Scene};

/// A scene with an instance in each region.
fn created() -> Scene {
    let scene = Scene::set("  total_instances: 2\n");
    let ran = scene.spot.run(&["create", "--yes"]);
    assert_eq!(ran.code, 1, "no way leads to a host: {}", ran.told());
    assert_eq!(scene.spot.state().len(), 2, "{}", ran.told());
    scene
}

#[test]
fn attack_2_another_account_ends_nothing_and_is_refused() {
    let mut scene = created();
    let path = scene.spot.path().join("instances.json");
    let (alive, state) = (scene.seen(), fs::read(&path).unwrap());
    let moto = Moto::start();
    for arguments in [
        &["destroy", "--all", "--yes"][..],
        &["list"],
        &["create", "--yes"],
        &["cleanup", "--yes"],
        &["prices"],
        &["exec", "--", "true"],
    ] {
        let mut command = scene.spot.command();
        let output = command.env("AWS_ENDPOINT_URL", moto.url()).args(arguments).output().unwrap();
        let out = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&out);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        let why =
            "our instances are in account 111122223333, these credentials are of 123456789012";
        assert!(told.contains(why), "{arguments:?}: {told}");
        assert!(!told.contains("0 alive"), "{arguments:?}: {told}");
    }
    assert_eq!(fs::read(&path).unwrap(), state, "the state is as before");
    assert_eq!(scene.seen(), alive, "nothing was ended");
    let elsewhere = moto.inspect(&REGIONS).to_string();
    assert!(!elsewhere.contains("spot-tui"), "nothing was made: {elsewhere}");

    let destroyed = scene.spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    assert_eq!(scene.seen(), scene.before);
}

#[test]
fn attack_2_an_instance_whose_tags_were_taken_away_stays_and_is_said() {
    let mut scene = created();
    let url = scene.cloud.url().to_owned();
    let seen = scene.seen();
    let is_machine = |(_, id): &&(String, String)| id.starts_with("i-");
    let (region, id) = ours(&seen).find(is_machine).cloned().unwrap();
    scene.eye.tag(&url, &region, &id, &[("ManagedBy", "somebody")]);

    let listed = scene.spot.run(&["list"]);
    assert!(listed.out.contains(&id), "{}", listed.told());
    assert!(listed.err.contains("its tags were taken away"), "{}", listed.told());
    let destroyed = scene.spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 1, "{}", destroyed.told());
    let told = destroyed.told();
    assert!(told.contains(&format!("its tags were taken away: {id}")), "{told}");
    assert!(told.contains("1 alive"), "{told}");
    assert!(scene.seen().contains_key(&(region, id.clone())), "it is not ours by its tags");
    assert_eq!(scene.spot.state().len(), 1, "it stays in our memory");

    let named = scene.spot.run(&["destroy", &id, "--yes"]);
    assert_eq!(named.code, 0, "{}", named.told());
    let destroyed = scene.spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 0, "{}", destroyed.told());
    assert!(destroyed.told().contains("0 alive"), "{}", destroyed.told());
    assert_eq!(scene.seen(), scene.before);
}
