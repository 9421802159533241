//! Whose the state is: what stands in it is looked for in its own account, and is gone only when EC2
//! does not know its id.

use std::fs;

use crate::support::eye::ours;
use crate::support::moto::Moto;
use crate::support::scene::{REGIONS, Scene};
use crate::support::spot::{Ran, Spot};

/// Two roles that somebody may take on, with a session name of its own at each start.
const ROLES: &str = "[default]\nregion = us-west-2\n\
                     [profile deployer]\nregion = us-west-2\nsource_profile = default\n\
                     role_arn = arn:aws:iam::123456789012:role/deployer\n\
                     [profile reviewer]\nregion = us-west-2\nsource_profile = default\n\
                     role_arn = arn:aws:iam::123456789012:role/reviewer\n";

/// A user of these roles whose configuration and state name no deployment.
struct Nameless {
    moto: Moto,
    spot: Spot,
}

impl Nameless {
    fn start() -> Self {
        let moto = Moto::start();
        let spot = Spot::new(moto.url());
        spot.configure_without_hosts("", &["us-west-2"]);
        let config = spot.path().join("config.yaml");
        let text = fs::read_to_string(&config).unwrap().replace("deployment: spot-test\n", "");
        fs::write(config, text).unwrap();
        // moto 5.2.5 never shows that a lock was let go of, and whoever forgets all is another machine.
        spot.add_configuration("lock: off\n");
        spot.write("home/.aws/config", 0o600, ROLES.as_bytes());
        let keys = "[default]\naws_access_key_id = test\naws_secret_access_key = test\n";
        spot.write("home/.aws/credentials", 0o600, keys.as_bytes());
        Self { moto, spot }
    }

    fn run(&self, role: &str, arguments: &[&str]) -> Ran {
        let mut command = self.spot.command();
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        Ran::of(&command.args(["--profile", role]).args(arguments).output().unwrap())
    }

    /// Takes state and journal away, as on another machine.
    fn forget(&self) {
        for name in ["instances.json", "instances.json.journal"] {
            let _ = fs::remove_file(self.spot.path().join(name));
        }
    }

    fn machines(&self) -> usize {
        let seen = self.moto.inspect(&["us-west-2"]).to_string();
        seen.matches("\"i-").count()
    }
}

#[test]
fn without_a_state_the_deployment_of_the_role_is_taken_up_and_any_choice_is_left_to_the_user() {
    let user = Nameless::start();
    let ran = user.run("deployer", &["create", "--yes"]);
    assert_eq!(ran.code, 1, "no way leads to a host: {}", ran.told());
    let one = user.machines();
    assert!(one >= 1, "{}", ran.told());

    user.forget();
    let ran = user.run("deployer", &["create", "--yes"]);
    assert!(ran.told().contains("1 already there in spot-"), "{}", ran.told());
    assert!(ran.told().contains("these are added"), "{}", ran.told());
    assert_eq!(user.machines(), 2 * one, "{}", ran.told());
    assert_eq!(user.spot.state().len(), 2, "both are of one deployment: {}", ran.told());

    // One of another role: whether that is meant or a new one, nobody knows.
    let refused = |role: &str, arguments: &[&str], deployments: usize| {
        user.forget();
        let ran = user.run(role, arguments);
        assert_eq!(ran.code, 2, "{role} {arguments:?}: {}", ran.told());
        assert!(ran.err.contains("by deployer, 2 alive"), "{}", ran.told());
        assert!(ran.err.contains("--deployment ID"), "{}", ran.told());
        assert_eq!(ran.err.matches(" alive").count(), deployments, "{}", ran.told());
        assert_eq!(user.machines(), 2 * one, "nothing was launched: {}", ran.told());
    };
    for arguments in [
        &["create", "--yes"][..],
        &["create", "--dry-run"],
        &["list"],
        &["destroy", "--all", "--yes"],
    ] {
        refused("reviewer", arguments, 1);
    }

    // Whoever names one begins it. Then there are two.
    let ran = user.run("deployer", &["create", "--yes", "--deployment", "second"]);
    assert!(!ran.told().contains("already there"), "{}", ran.told());
    user.forget();
    let ran = user.run("deployer", &["create", "--yes"]);
    assert_eq!(ran.code, 2, "{}", ran.told());
    assert!(ran.err.contains("second by deployer, 1 alive"), "{}", ran.told());
    assert_eq!(user.machines(), 3 * one, "nothing was launched: {}", ran.told());
}

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
