//! The main path, end to end: the program as its user runs it, an EC2 API that nobody here wrote,
//! and real SSH servers, each in a root of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::support::cut::Cut;
use crate::support::moto::Moto;
use crate::support::proxy::{Call, Proxy};
use crate::support::schema::{assert_json_lines, assert_list};
use crate::support::spot::Spot;
use crate::support::sshd::{Sshd, SshdOptions, console};

const REGIONS: [&str; 3] = ["us-west-2", "eu-west-1", "ap-southeast-2"];

/// All tags that everything of ours has.
const TAGS: [&str; 6] = ["ManagedBy", "DeploymentId", "CreatedBy", "CreatedAt", "Region", "Name"];

/// moto behind the recording proxy, and the program's folder.
struct Scene {
    moto: Moto,
    proxy: Proxy,
    spot: Spot,
}

impl Scene {
    fn new() -> Self {
        let moto = Moto::start();
        let proxy = Proxy::start(moto.address());
        let spot = Spot::new(proxy.url());
        Self { moto, proxy, spot }
    }

    /// Hosts on 127.0.0.2 and following, to which the instances' addresses lead, in the order in
    /// which they are launched.
    fn hosts(&self, count: u8) -> Vec<Sshd> {
        let hosts: Vec<Sshd> = (0..count).map(|n| self.host(address(n))).collect();
        self.proxy.give_addresses(hosts.iter().map(|host| host.address().ip()));
        self.vouch_for(&hosts);
        hosts
    }

    /// The consoles tell the fingerprints of these hosts, as cloud-init prints them.
    fn vouch_for<'a>(&self, hosts: impl IntoIterator<Item = &'a Sshd>) {
        self.proxy.print_on_consoles(&console(hosts));
    }

    fn host(&self, address: Ipv4Addr) -> Sshd {
        let accept = vec![self.spot.key().public()];
        let host = Sshd::start(&SshdOptions { address, accept, ..SshdOptions::default() });
        host.run_services();
        host
    }

    /// An `ssh_config` that leads from each address to a port on it.
    fn ssh_config(&self, ports: &[(IpAddr, u16)]) -> std::path::PathBuf {
        let blocks: Vec<String> =
            ports.iter().map(|(ip, port)| format!("Host {ip}\n  Port {port}\n")).collect();
        self.spot.write("ssh_config", 0o644, blocks.concat().as_bytes())
    }

    /// Of what boto3 sees, that which carries our deployment's tag.
    fn ours(&self, region: &str) -> BTreeMap<String, Vec<Value>> {
        let seen = self.moto.inspect(&[region]);
        let kinds = seen[region].as_object().unwrap();
        kinds
            .iter()
            .map(|(kind, things)| {
                let ours = things.as_array().unwrap().iter().filter(|thing| {
                    thing["tags"]["ManagedBy"] == "spot-tui"
                        && thing["tags"]["DeploymentId"] == "spot-test"
                });
                (kind.clone(), ours.cloned().collect())
            })
            .collect()
    }
}

fn address(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 2 + n)
}

fn ports(hosts: &[Sshd]) -> Vec<(IpAddr, u16)> {
    hosts.iter().map(|host| (host.address().ip(), host.port())).collect()
}

fn regions(machine_type: &str, names: &[&str]) -> String {
    let region = |name: &&str| format!("  - {name}: {{ machine_type: {machine_type} }}\n");
    names.iter().map(region).collect::<Vec<_>>().concat()
}

#[test]
fn seven_instances_in_three_regions_come_up_and_are_taken_away_without_a_trace() {
    let scene = Scene::new();
    scene.moto.settle_strangers(&REGIONS);
    let before = scene.moto.inspect(&REGIONS);
    let hosts = scene.hosts(7);
    let files = user_files(&scene.spot);
    let config = scene.ssh_config(&ports(&hosts));
    scene.spot.configure(&config, 60, "  total_instances: 7", &regions("t3.medium", &REGIONS));

    let created = scene.spot.run(&["create", "--yes", "--json"]);
    assert_eq!(created.code, 0, "{}", created.told());
    assert_json_lines(&created.out);
    let lines = created.lines();
    let summary = lines.last().unwrap();
    assert_eq!(summary["event"], "summary");
    assert_eq!((&summary["ready"], &summary["failed"]), (&7.into(), &0.into()), "{summary}");
    for (region, count) in REGIONS.iter().zip([3, 2, 2]) {
        launched_as_it_should_be(&scene, region, count);
    }
    requested_as_it_should_be(&scene.proxy.calls());
    for host in &hosts {
        holds_the_bundle(host, &files);
    }
    let state = scene.spot.state();
    assert_eq!(state.len(), 7);
    assert!(state.iter().all(|entry| entry["phase"]["is"] == "ready"), "{state:?}");
    assert!(state.iter().all(|entry| entry["host_key"]["trust"] == "console"), "{state:?}");

    let gone = scene.spot.run(&["destroy", "--all", "--yes", "--json"]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    assert_json_lines(&gone.out);
    for region in REGIONS {
        let left = scene.ours(region);
        assert!(left.values().all(Vec::is_empty), "{region}: {left:?}");
    }
    assert_eq!(scene.moto.inspect(&REGIONS), before, "what is not ours is untouched");
    assert!(scene.spot.state().is_empty());
    for region in REGIONS {
        nothing_was_removed_under_a_living_instance(&scene.proxy.calls(), region);
    }
}

/// Files of a user: text, bytes of all values, a program, a secret, a folder, an empty file.
fn user_files(spot: &Spot) -> BTreeMap<String, (u32, Vec<u8>)> {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let files: [(&str, u32, &[u8]); 6] = [
        ("orchestrator_endpoint", 0o600, b"nats://nats.example.com:4222\n"),
        ("orchestrator_token", 0o600, b"made-up-token\n"),
        ("job.yaml", 0o644, b"name: job\n"),
        ("tools/run it.sh", 0o755, b"#!/bin/sh\nexit 0\n"),
        ("data/all bytes.bin", 0o640, &bytes),
        ("data/empty", 0o400, b""),
    ];
    for (path, mode, content) in files {
        spot.write(&format!("deployment-files/{path}"), mode, content);
    }
    files.map(|(path, mode, content)| (path.to_owned(), (mode, content.to_vec()))).into()
}

fn launched_as_it_should_be(scene: &Scene, region: &str, count: usize) {
    let ours = scene.ours(region);
    let instances = &ours["instances"];
    assert_eq!(instances.len(), count, "{region}: {instances:?}");
    for instance in instances {
        assert_eq!(instance["state"], "running");
        assert_eq!(instance["lifecycle"], "spot");
        assert_eq!(instance["metadata"]["tokens"], "required");
        assert_eq!(instance["metadata"]["hops"], 1);
        for volume in instance["volumes"].as_array().unwrap() {
            assert_eq!((&volume["encrypted"], &volume["type"]), (&true.into(), &"gp3".into()));
            assert_eq!(volume["gib"], 50);
        }
        assert!(!instance["volumes"].as_array().unwrap().is_empty());
    }
    for (kind, things) in &ours {
        for thing in things {
            for tag in TAGS {
                assert!(thing["tags"][tag].is_string(), "{region}: {kind} without {tag}: {thing}");
            }
        }
    }
    for kind in ["vpcs", "subnets", "gateways", "groups", "key_pairs", "volumes"] {
        assert!(!ours[kind].is_empty(), "{region} has no {kind} of ours");
    }
    for group in &ours["groups"] {
        for rule in group["ingress"].as_array().unwrap() {
            assert_eq!((&rule["from_port"], &rule["to_port"]), (&22.into(), &22.into()));
            assert_eq!(rule["cidrs"], serde_json::json!(["127.0.0.1/32"]));
        }
    }
}

/// What moto does not keep is looked up in the requests.
fn requested_as_it_should_be(calls: &[Call]) {
    let mut tokens = BTreeSet::new();
    for call in calls.iter().filter(|call| call.action == "RunInstances") {
        let kinds: BTreeMap<_, _> = call.tagged().into_iter().collect();
        for kind in ["instance", "volume", "network-interface", "spot-instances-request"] {
            let tags: BTreeSet<&str> = kinds[kind].iter().map(|(key, _)| key.as_str()).collect();
            assert!(TAGS.iter().all(|tag| tags.contains(tag)), "{kind}: {tags:?}");
            assert!(tags.contains("LaunchId"), "{kind}: {tags:?}");
        }
        assert_eq!(call.parameter("MinCount"), Some("1"));
        assert_eq!(call.parameter("InstanceMarketOptions.MarketType"), Some("spot"));
        assert!(tokens.insert(call.parameter("ClientToken").unwrap().to_owned()), "a token twice");
    }
    assert!(!tokens.is_empty());
    let makes = |call: &&Call| {
        call.action.starts_with("Create") && call.action != "CreateRoute"
            || call.action == "ImportKeyPair"
    };
    for call in calls.iter().filter(makes) {
        assert!(!call.tagged().is_empty(), "{} without tags", call.action);
    }
    let tagged_later = calls.iter().find(|call| call.action == "CreateTags");
    assert!(tagged_later.is_none(), "everything is tagged at birth: {tagged_later:?}");
}

fn holds_the_bundle(host: &Sshd, files: &BTreeMap<String, (u32, Vec<u8>)>) {
    let root = host.root().join("opt/uploaded_files");
    for (path, (mode, content)) in files {
        same(&root.join("files").join(path), *mode, content);
    }
    let instance = Path::new(env!("CARGO_MANIFEST_DIR")).join("instance");
    for folder in ["scripts", "config"] {
        for entry in fs::read_dir(instance.join(folder)).unwrap() {
            let entry = entry.unwrap();
            let content = fs::read(entry.path()).unwrap();
            let mode = if content.starts_with(b"#!") { 0o755 } else { 0o644 };
            same(&root.join(folder).join(entry.file_name()), mode, &content);
        }
    }
    let calls = host.calls();
    assert!(calls.iter().any(|call| call.starts_with("reboot")), "{calls:?}");
}

fn same(path: &Path, mode: u32, content: &[u8]) {
    let there = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(there == content, "{} has other bytes", path.display());
    let there = fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(there, mode, "the mode of {}", path.display());
}

/// In the call log, each delete of a network comes after an answer that showed the last instance
/// of ours terminated. moto would take the wrong order too.
fn nothing_was_removed_under_a_living_instance(calls: &[Call], region: &str) {
    let calls: Vec<&Call> = calls.iter().filter(|call| call.region == region).collect();
    let removes = |call: &&&Call| {
        let verbs = ["Delete", "Detach", "Disassociate", "Revoke"];
        !call.is_of_lock() && verbs.iter().any(|it| call.action.starts_with(it))
    };
    let first = calls.iter().position(|call| removes(&call)).expect("a network was removed");
    let last_launch = calls.iter().rposition(|call| call.action == "RunInstances").unwrap();
    assert!(first > last_launch);
    let seen = calls[last_launch..first].iter().any(|call| {
        call.action == "DescribeInstances"
            && call.answer.contains("<name>terminated</name>")
            && !["pending", "running", "shutting-down", "stopping", "stopped"]
                .iter()
                .any(|state| call.answer.contains(&format!("<name>{state}</name>")))
    });
    assert!(seen, "{region}: {} before its last instance was seen terminated", calls[first].action);
}

#[test]
fn a_region_that_fails_says_why_and_the_others_become_ready() {
    let scene = Scene::new();
    let hosts = scene.hosts(1);
    let config = scene.ssh_config(&ports(&hosts));
    let regions = "  - us-west-2: { machine_type: t3.medium }\n\
                   \x20 - eu-west-1: { machine_type: t3.medium, image: ami-0123456789abcdef0 }\n\
                   \x20 - us-east-1: { machine_type: t3.colossal }\n";
    scene.spot.configure(&config, 60, "", regions);
    let created = scene.spot.run(&["create", "--yes", "--json"]);
    assert_eq!(created.code, 1, "{}", created.told());
    let lines = created.lines();
    let last = |region: &str| {
        let mut phases = lines.iter().filter(|it| it["event"] == "phase" && it["region"] == region);
        phases.next_back().unwrap().clone()
    };
    assert_eq!(last("us-west-2")["phase"], "Ready");
    let image = last("eu-west-1");
    assert_eq!((&image["phase"], &image["step"]), (&"Failed".into(), &"image".into()));
    assert!(image["reason"].as_str().unwrap().contains("ami-0123456789abcdef0"), "{image}");
    assert!(!image["hint"].as_str().unwrap().is_empty(), "{image}");
    let machine_type = last("us-east-1");
    assert_eq!(machine_type["phase"], "Failed");
    assert!(machine_type["reason"].as_str().unwrap().contains("t3.colossal"), "{machine_type}");
    assert!(!machine_type["hint"].as_str().unwrap().is_empty(), "{machine_type}");
}

#[test]
fn each_way_in_which_ssh_fails_is_told_apart_and_none_hangs() {
    let scene = Scene::new();
    // In the order of launch: a key that is not let in, a port that nobody listens on, a
    // connection that is always cut, one that is cut once, a disk that is too small.
    let stranger = Sshd::start(&SshdOptions { address: address(0), ..SshdOptions::default() });
    let nobody = TcpListener::bind((address(1), 0)).unwrap().local_addr().unwrap();
    let (always, once) = (scene.host(address(2)), scene.host(address(3)));
    let small = Sshd::start(&SshdOptions {
        address: address(4),
        accept: vec![scene.spot.key().public()],
        small_disk: Some(("/tmp", 64)),
        ..SshdOptions::default()
    });
    let always_cut = Cut::after(always.address(), 120_000);
    let cut_once = Cut::times(once.address(), 120_000, 1);
    let targets = [
        (address(0).into(), stranger.port()),
        (address(1).into(), nobody.port()),
        (address(2).into(), always_cut.address().port()),
        (address(3).into(), cut_once.address().port()),
        (address(4).into(), small.port()),
    ];
    scene.proxy.give_addresses(targets.iter().map(|(ip, _)| *ip));
    scene.vouch_for([&stranger, &always, &once, &small]);
    let noise: Vec<u8> =
        (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    scene.spot.write("deployment-files/noise", 0o644, &noise);
    let config = scene.ssh_config(&targets);
    scene.spot.configure(
        &config,
        20,
        "  total_instances: 5",
        &regions("t3.medium", &["us-west-2"]),
    );

    let created = scene.spot.run(&["create", "--yes", "--json"]);
    assert_eq!(created.code, 1, "{}", created.told());
    let listed = scene.spot.run(&["list", "--json"]);
    assert_list(&listed.out);
    let rows = listed.array();
    let row = |n: u8| {
        let address = address(n).to_string();
        rows.iter()
            .find(|row| row["public_ip"] == address.as_str())
            .unwrap_or_else(|| panic!("{rows:?}"))
    };
    let failed = |n: u8, words: &[&str]| {
        let row = row(n);
        assert_eq!(row["phase"], "Failed", "{row}");
        let reason = row["reason"].as_str().unwrap();
        assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
    };
    failed(0, &["login", "key"]);
    failed(1, &["connect", "refused"]);
    failed(2, &["upload"]);
    assert_eq!(row(3)["phase"], "Ready", "{}", row(3));
    failed(4, &["upload", "full"]);
    assert_eq!(cut_once.cuts(), 1);
    assert!(always_cut.cuts() >= 3, "it was tried again");
}

#[test]
fn without_any_file_the_tags_find_everything_and_what_is_not_ours_stays() {
    let scene = Scene::new();
    scene.moto.settle_strangers(&["us-west-2"]);
    let before = scene.moto.inspect(&["us-west-2", "eu-west-1"]);
    let nobody = TcpListener::bind((address(0), 0)).unwrap().local_addr().unwrap();
    scene.proxy.give_addresses([address(0).into(), address(0).into()]);
    let config = scene.ssh_config(&[(address(0).into(), nobody.port())]);
    let regions = regions("t3.medium", &["us-west-2", "eu-west-1"]);
    scene.spot.configure(&config, 10, "", &regions);
    let text = fs::read_to_string(scene.spot.path().join("config.yaml")).unwrap();
    let unnamed = text.replace("deployment: spot-test\n", "");
    scene.spot.write("config.yaml", 0o644, unnamed.as_bytes());

    // Beside the deployments of others a new one has to be named.
    let create = ["create", "--yes", "--deployment", "spot-test"];
    assert_eq!(scene.spot.run(&create).code, 1, "nobody listens for SSH");
    let made: BTreeSet<String> =
        scene.spot.state().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(made.len(), 2);
    fs::remove_file(scene.spot.path().join("instances.json")).unwrap();
    let listed = scene.spot.run(&["list", "--json"]);
    assert_eq!(listed.code, 0, "{}", listed.told());
    let rows = listed.array();
    let found: BTreeSet<String> =
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, made);

    fs::write(scene.spot.path().join("instances.json"), "{\"instances\": [{\"id\"").unwrap();
    let gone = scene.spot.run(&["destroy", "--all", "--yes"]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    assert!(gone.err.contains("put aside"), "{}", gone.told());
    assert_eq!(scene.moto.inspect(&["us-west-2", "eu-west-1"]), before);
}

#[test]
fn five_mistakes_are_five_positions_and_no_packet() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let spot = Spot::new(format!("http://{}", listener.local_addr().unwrap()));
    let text = "aws:\n  total_instances: many\n  instance_storage_gb: 0\nregions:\n  \
                - us-west-2: { machine_typ: t3.medium }\n  - us-west-2: { machine_type: t3.medium }\n\
                ssh:\n  port: 70000\n";
    spot.write("config.yaml", 0o644, text.as_bytes());
    for command in ["validate", "create", "destroy --all"] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        if command != "validate" {
            arguments.push("--yes");
        }
        let ran = spot.run(&arguments);
        assert_eq!(ran.code, 2, "{}", ran.told());
        let positions: Vec<&str> = ran.err.lines().collect();
        assert!(positions.len() >= 5, "{}", ran.err);
        assert!(positions.iter().all(|line| line.starts_with("config.yaml:")), "{}", ran.err);
        assert!(ran.err.contains("did you mean 'machine_type'?"), "{}", ran.err);
    }
    let untouched = listener.accept().unwrap_err();
    assert_eq!(untouched.kind(), std::io::ErrorKind::WouldBlock);
}
