//! What a user of spot-tui's predecessor has: twelve configurations, three states, a folder of other
//! scripts. They are told what is different, one command rewrites what can be rewritten and keeps a
//! copy, and what still runs is seen and ended.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::moto::Moto;
use crate::support::spot::Spot;

/// A configuration of ours.
const CONFIG: &str = "aws: { private_ssh_key_path: ~/.ssh/id_ed25519, consistency_window_s: 2 }\n\
                      regions:\n  - us-west-2: { machine_type: t3.medium }\n";

/// A user with one of the predecessor's configurations, whose hosts nobody can reach.
fn user(moto: &Moto, config: &str) -> Spot {
    let spot = Spot::new(moto.url());
    spot.write("config.yaml", 0o644, config.as_bytes());
    spot.write("home/.ssh/config", 0o600, b"Host * !192.0.2.1\n  ProxyCommand nobody\n");
    let key = fs::read(spot.key().path()).unwrap();
    spot.write("home/.ssh/id_ed25519", 0o600, &key);
    spot.write("home/.ssh/id_ed25519.pub", 0o644, spot.key().public().as_bytes());
    for folder in ["files", "instance-files"] {
        fs::create_dir(spot.path().join(folder)).unwrap();
    }
    spot
}

fn configs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/predecessor");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// What boto3 sees alive.
fn alive(moto: &Moto) -> usize {
    let seen = moto.inspect(&["us-west-2"]);
    let instances = seen["us-west-2"]["instances"].as_array().unwrap().iter();
    instances.filter(|it| it["state"] != "terminated" && it["state"] != "shutting-down").count()
}

#[test]
fn twelve_configurations_work_after_one_command() {
    let moto = Moto::start();
    let configs = configs();
    assert_eq!(configs.len(), 12);
    for path in configs {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let spot = user(&moto, &text);
        let refused = spot.run(&["validate"]);
        assert_eq!(refused.code, 2, "{name}: {}", refused.told());
        assert!(!refused.told().contains("s3cr3t"), "{name}: {}", refused.told());

        let migrated = spot.run(&["setup", "--migrate"]);
        assert_eq!(migrated.code, 0, "{name}: {}", migrated.told());
        assert!(!migrated.told().contains("s3cr3t"), "{name}: {}", migrated.told());
        let kept = fs::read_to_string(spot.path().join("config.yaml.predecessor")).unwrap();
        assert_eq!(kept, text, "{name}: the copy is what was there");
        let valid = spot.run(&["validate"]);
        assert_eq!(valid.code, 0, "{name}: {}", valid.told());
        if name.contains("orchestrator") {
            let folder = if name.contains("below") { "files" } else { "deployment-files" };
            let read =
                |file: &str| fs::read_to_string(spot.path().join(folder).join(file)).unwrap();
            assert_eq!(read("orchestrator_token").trim(), "s3cr3t-of-old");
            assert!(read("orchestrator_endpoint").contains("orchestrator.corp.test:4222"));
        }

        let created = spot.run(&["create", "--yes"]);
        assert_eq!(created.code, 1, "no way leads to a host: {name}: {}", created.told());
        assert_eq!(alive(&moto), 1, "{name}: {}", created.told());
        let listed = spot.run(&["list"]);
        assert_eq!((listed.code, listed.out.matches("i-").count()), (0, 1), "{}", listed.told());
        let destroyed = spot.run(&["destroy", "--all", "--yes"]);
        assert_eq!(destroyed.code, 0, "{name}: {}", destroyed.told());
        assert!(destroyed.told().contains("0 alive"), "{name}: {}", destroyed.told());
        assert_eq!(alive(&moto), 0, "{name}");
        let again = spot.run(&["setup", "--migrate"]);
        assert!(again.out.contains("nothing of the predecessor's"), "{name}: {}", again.told());
    }
}

#[test]
fn an_old_key_is_told_what_took_its_place() {
    let moto = Moto::start();
    let text = fs::read_to_string(&configs()[0]).unwrap();
    let told = user(&moto, &text).run(&["validate"]).told();
    for words in [
        "config.yaml:9:3: 'startup_script' in 'aws' is a key of spot-tui's predecessor; \
         deploy_services.sh sets a node up",
        "'cloud_init_template' in 'aws'",
        "`spot-tui setup --migrate` rewrites the file and keeps a copy",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_folder_of_other_scripts_is_refused_before_anything_is_launched_and_moved_away() {
    let moto = Moto::start();
    let spot = user(&moto, CONFIG);
    spot.write("instance/scripts/deploy_services.py", 0o755, b"#!/usr/bin/env python3\n");
    spot.write("instance/scripts/bacalhau.service", 0o644, b"[Unit]\n");
    for (arguments, code) in [(&["validate"][..], 2), (&["setup"], 2), (&["create", "--yes"], 1)] {
        let ran = spot.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.told());
        assert!(ran.told().contains("scripts/deploy_services.sh"), "{}", ran.told());
        assert!(ran.told().contains("setup --migrate"), "{}", ran.told());
        assert_eq!(alive(&moto), 0, "{arguments:?}");
    }
    let migrated = spot.run(&["setup", "--migrate"]);
    assert_eq!(migrated.code, 0, "{}", migrated.told());
    assert!(spot.path().join("instance.predecessor/scripts/deploy_services.py").exists());
    assert!(spot.path().join("instance/scripts/deploy_services.sh").exists());
    assert_eq!(spot.run(&["validate"]).code, 0);
}

/// Two run, and one of last year is long gone.
fn states(ids: &[String]) -> [(&'static str, Value); 3] {
    let gone = "i-0123456789abcdef0".to_owned();
    let all: Vec<&String> = ids.iter().chain([&gone]).collect();
    let entry = |id: &String, more: Value| {
        let mut entry = json!({
            "id": id, "region": "us-west-2", "type": "t3.medium", "public_ip": "192.0.2.7",
            "created": "2025-03-24T10:18:19.123456", "vpc_id": "vpc-0old",
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    // As amauo 3.0.27 writes it (commands/create.py, core/state.py).
    let newest = |id: &&String| {
        entry(
            id,
            json!({"state": "provisioned", "ami": "ami-0old", "subnet_id": "subnet-0old",
                         "security_group_id": "sg-0old"}),
        )
    };
    let older = |id: &&String| {
        entry(
            id,
            json!({"state": "running", "private_ip": "10.0.0.4", "creator": "bob",
                         "deployment_id": "amauo-1742811499"}),
        )
    };
    let list = |make: &dyn Fn(&&String) -> Value| all.iter().map(make).collect::<Vec<_>>();
    [
        ("newest", json!({"instances": list(&newest), "last_updated": "2025-03-24T10:20:00.5"})),
        ("older", json!({"instances": list(&older)})),
        ("a list", Value::Array(list(&|id| entry(id, json!({}))))),
    ]
}

#[test]
fn what_a_predecessors_state_names_is_seen_as_it_is_and_ended() {
    let moto = Moto::start();
    for round in 0..3 {
        let ids = moto.launch_as_predecessor("us-west-2", 2);
        let (name, state) = &states(&ids)[round];
        let spot = user(&moto, CONFIG);
        let path = "output/instances.json";
        spot.write(path, 0o644, state.to_string().as_bytes());
        let migrated = spot.run(&["setup", "--migrate"]);
        assert!(migrated.out.contains("--state output/instances.json"), "{}", migrated.told());

        let listed = spot.run(&["list", "--state", path]);
        assert_eq!(listed.code, 0, "{name}: {}", listed.told());
        for id in &ids {
            assert!(listed.out.contains(id), "{name}: {}", listed.told());
        }
        assert!(!listed.out.contains("i-0123456789abcdef0"), "{name}: {}", listed.told());
        assert!(listed.told().contains("ours by the state file"), "{name}: {}", listed.told());
        assert_eq!(alive(&moto), 2, "a look ends nothing");

        let destroyed = spot.run(&["destroy", "--all", "--yes", "--state", path]);
        assert_eq!(destroyed.code, 0, "{name}: {}", destroyed.told());
        assert!(destroyed.told().contains("0 alive"), "{name}: {}", destroyed.told());
        assert_eq!(alive(&moto), 0, "{name}: {}", destroyed.told());
    }
}

#[test]
fn a_predecessors_state_is_not_lost_when_its_instances_were_tagged_anew() {
    let moto = Moto::start();
    let strangers = moto.settle_strangers(&["us-west-2"]);
    let ids = strangers["us-west-2"].as_array().unwrap().iter();
    let ids: Vec<String> = ids.map(|id| id.as_str().unwrap().to_owned()).collect();
    let untagged = ids.iter().rfind(|id| id.starts_with("i-")).unwrap().clone();
    let (_, state) = &states(std::slice::from_ref(&untagged))[0];
    let before = alive(&moto);
    let spot = user(&moto, CONFIG);
    spot.write("instances.json", 0o600, state.to_string().as_bytes());
    let destroyed = spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(destroyed.code, 1, "{}", destroyed.told());
    assert!(destroyed.told().contains("1 alive"), "{}", destroyed.told());
    assert_eq!(alive(&moto), before, "without any tag of a tool of this kind it is nobody's");
}
