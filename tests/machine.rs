//! A whole deployment onto a real machine, and each thing on it that may break; and what a machine has
//! there that stays. Each some ten minutes, for the machine is emulated: `make test-node`.

#![expect(clippy::print_stdout, reason = "a run of many minutes says where it is and what it saw")]

mod lease;
mod node;
mod scratch;
mod stays;
mod unit;

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::moto::Moto;
use crate::support::nats::Nats;
use crate::support::orchestrator::Orchestrator;
use crate::support::proxy::Proxy;
use crate::support::schema::{assert_json_lines, assert_list};
use crate::support::spot::Spot;
use crate::support::terminal::Terminal;
use crate::support::vm::{ORCHESTRATOR, Vm};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const TOKEN: &str = "t0ken|with&odd#signs$and 'quotes'";
/// An emulated machine takes its time.
const DEADLINE: Duration = Duration::from_mins(45);
/// And so does everything that it has to notice.
const PATIENCE: Duration = Duration::from_mins(15);
const DEPLOY: &str = "sudo /opt/uploaded_files/scripts/deploy_services.sh --user ubuntu";
/// What a deployment leaves, without what grows by itself.
const TREE: &str = "sudo sh -c 'find /opt/uploaded_files /bacalhau_node /opt/sensor/config \
    /etc/systemd/system -xdev -printf \"%p %M %u:%g %s\\n\" | sort; \
    find /opt/uploaded_files /bacalhau_node /opt/sensor/config -type f -print0 | sort -z | xargs -0 sha256sum'";

/// Everything around the machine.
struct Scene {
    _moto: Moto,
    proxy: Proxy,
    orchestrator: Orchestrator,
    nats: Nats,
    spot: Spot,
    door: SocketAddr,
}

impl Scene {
    fn new() -> Self {
        let moto = Moto::start();
        let proxy = Proxy::start(moto.address());
        proxy.give_addresses([ADDRESS.into()]);
        // Until the machine speaks, its console is empty.
        proxy.print_on_consoles("");
        let spot = Spot::new(proxy.url());
        let (orchestrator, nats) = (Orchestrator::start(), Nats::start(TOKEN));
        for (name, text) in
            [("endpoint", format!("nats://{ORCHESTRATOR}\n")), ("token", format!("{TOKEN}\n"))]
        {
            spot.write(&format!("deployment-files/orchestrator_{name}"), 0o600, text.as_bytes());
        }
        spot.write("deployment-files/tools/run it.sh", 0o755, b"#!/bin/sh\n");
        let door = TcpListener::bind((ADDRESS, 0)).unwrap().local_addr().unwrap();
        Self { _moto: moto, proxy, orchestrator, nats, spot, door }
    }

    /// The configuration, by which the instance's address leads to the machine's door.
    fn configure(&self) {
        let text = format!("Host {ADDRESS}\n  Port {}\n", self.door.port());
        let config = self.spot.write("ssh_config", 0o644, text.as_bytes());
        let regions = "  - us-west-2: { machine_type: t3.medium }\n";
        self.spot.configure(&config, 900, "", regions);
        let path = self.spot.path().join("config.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let api = self.orchestrator.url();
        let more = "node:\n  cloud_init: more.yaml\n";
        fs::write(&path, format!("{text}bacalhau: {{ api: \"{api}\" }}\n{more}")).unwrap();
        self.spot.write(
            "more.yaml",
            0o644,
            b"#cloud-config\nruncmd: [[touch, /opt/the-users-own]]\n",
        );
    }

    /// The orchestrator knows who speaks to its NATS server with the right token.
    fn call_the_roll(&self, instance: &str) {
        let there = self.nats.clients().iter().any(|name| name == instance);
        self.orchestrator.register(instance, if there { "CONNECTED" } else { "DISCONNECTED" });
    }

    /// What a close look finds wrong.
    fn trouble(&self, instance: &str) -> Option<String> {
        self.call_the_roll(instance);
        let ran = self.spot.run(&["diagnose", instance, "--json"]);
        let seen: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.told()));
        assert_eq!(ran.code == 0, seen["good"] == true, "{}", ran.told());
        assert!(!ran.out.contains(TOKEN) && !ran.err.contains(TOKEN));
        seen["trouble"].as_str().map(str::to_owned)
    }

    /// Looks until nothing is found wrong: an emulated machine may be too busy to answer.
    fn wait_until_well(&self, instance: &str) {
        let begun = Instant::now();
        while let Some(trouble) = self.trouble(instance) {
            assert!(begun.elapsed() < PATIENCE, "still {trouble}");
        }
    }
}

/// The program's dashboard on a node, open while things break: what the program says by itself.
struct Dashboard {
    terminal: Terminal,
    instance: String,
}

impl Dashboard {
    fn open(scene: &Scene, instance: &str) -> Self {
        let terminal = Terminal::start(scene.spot.on_terminal(), (160, 40));
        terminal.wait_for("● live");
        Self { terminal, instance: instance.to_owned() }
    }

    /// Waits until the node's phase is this one, for a reason with these words: in what the program
    /// keeps, in what it lists, and on its screen. Answers the reason.
    fn wait_for(&mut self, scene: &Scene, phase: &str, words: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            scene.call_the_roll(&self.instance);
            let kept = &scene.spot.state()[0]["phase"];
            let said = kept.to_string();
            if kept["is"] == phase.to_lowercase() && words.iter().all(|word| said.contains(word)) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "waiting for {phase}, {words:?}: {said}");
            self.terminal.press("r");
            // A look is work for an emulated machine.
            std::thread::sleep(Duration::from_secs(8));
        }
        let listed = scene.spot.run(&["list", "--json"]);
        assert_list(&listed.out);
        let row = &listed.array()[0];
        assert_eq!(row["phase"], phase, "{row}");
        let reason = row["reason"].as_str().unwrap_or_default().to_owned();
        assert!(words.iter().all(|word| reason.contains(word)), "{words:?}: {reason}");
        let screen = self.terminal.wait_for(phase);
        assert!(![&screen, &listed.out, &listed.err].into_iter().any(|text| text.contains(TOKEN)));
        println!("{phase} after {} s {reason}", begun.elapsed().as_secs());
        reason
    }
}

/// A run of `create` that was begun.
fn begin_create(spot: &Spot) -> Child {
    let mut command = spot.command();
    command.args(["create", "--yes", "--json"]);
    command.stdout(fs::File::create(spot.path().join("created")).unwrap());
    command.stderr(fs::File::create(spot.path().join("complaints")).unwrap());
    command.stdin(Stdio::null()).spawn().unwrap()
}

/// Boots what the program launches, with the user-data that it gave, and sees it to its end.
fn deploy(scene: &Scene) -> (Vm, String) {
    let mut create = begin_create(&scene.spot);
    let begun = Instant::now();
    let mut machine: Option<(Vm, String)> = None;
    loop {
        assert!(begun.elapsed() < DEADLINE, "{}", said(scene));
        if let Some((vm, instance)) = &machine {
            scene.proxy.print_on_consoles(&vm.console());
            scene.call_the_roll(instance);
        } else if let Some(call) =
            scene.proxy.calls_of("RunInstances").into_iter().find(|call| call.status == 200)
        {
            let user_data = STANDARD.decode(call.parameter("UserData").unwrap()).unwrap();
            assert!(user_data.len() < 16 * 1024, "{} bytes", user_data.len());
            let instance = call.answer.split("<instanceId>").nth(1).unwrap();
            let instance = instance.split('<').next().unwrap().to_owned();
            let vm = Vm::boot(&user_data, &instance, scene.door, scene.nats.port());
            machine = Some((vm, instance));
        }
        if let Some(status) = create.try_wait().unwrap() {
            assert!(
                status.success(),
                "{}\n{}",
                said(scene),
                machine.map_or_else(String::new, |(vm, _)| vm.console())
            );
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    println!("deployed and ready after {} s", begun.elapsed().as_secs());
    machine.unwrap()
}

fn said(scene: &Scene) -> String {
    ["created", "complaints"]
        .map(|name| fs::read_to_string(scene.spot.path().join(name)).unwrap())
        .concat()
}

#[test]
#[ignore = "boots an emulated machine, some ten minutes: make test-node"]
fn a_real_machine_becomes_a_node_and_whatever_breaks_is_named() {
    let mut scene = Scene::new();
    scene.configure();
    let (vm, instance) = deploy(&scene);
    let key = scene.spot.key().path();
    let on_node = |command: &str| {
        let output = vm.ssh(&key, command);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{command}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    };

    let created = fs::read_to_string(scene.spot.path().join("created")).unwrap();
    assert_json_lines(&created);
    let state = scene.spot.state();
    assert_eq!(state[0]["phase"]["is"], "ready", "{state:?}");
    assert_eq!(state[0]["host_key"]["trust"], "console");
    assert_eq!(on_node("test -e /opt/the-users-own && hostname").trim(), instance);
    assert!(on_node("cat /run/cloud-init/result.json").contains("\"errors\": []"));
    scene.wait_until_well(&instance);
    has_files_owners_and_modes(&on_node);

    let before = on_node(TREE);
    let again =
        format!("{DEPLOY} --instance-id {instance} --region us-west-2 --deployment spot-test");
    assert!(on_node(&again).trim_end().ends_with("END exit=0"));
    assert_eq!(on_node(TREE), before, "a second deployment ends in the same state");
    let took = on_node(
        "sh -c 's=$(date +%s%N); sudo /opt/uploaded_files/scripts/node-status --full >/dev/null; e=$(date +%s%N); echo $(( (e-s)/1000000 ))'",
    );
    println!("node-status --full took {} ms on the emulated machine", took.trim());

    the_token_is_in_its_files_alone(&scene, &on_node);
    each_thing_that_breaks_is_named(&mut scene, &instance, &on_node);
}

fn has_files_owners_and_modes(on_node: &dyn Fn(&str) -> String) {
    for (path, wanted) in [
        ("/opt/uploaded_files/scripts", "755 root"),
        ("/opt/uploaded_files/config", "755 root"),
        ("/opt/uploaded_files/files", "700 ubuntu"),
        ("/opt/uploaded_files/files/orchestrator_token", "600 root"),
        ("/opt/uploaded_files/files/orchestrator_endpoint", "600 root"),
        ("'/opt/uploaded_files/files/tools/run it.sh'", "755 ubuntu"),
        ("/opt/deployment.log", "640 root"),
        ("/bacalhau_node", "700 root"),
        ("/bacalhau_node/config.yaml", "600 root"),
        ("/bacalhau_data", "700 root"),
        ("/opt/sensor/config/node_identity.json", "644 root"),
        ("/opt/sensor/data", "755 root"),
        ("/etc/systemd/system/bacalhau.service", "644 root"),
    ] {
        let seen = on_node(&format!("sudo stat -c '%a %U' {path}"));
        assert_eq!(seen.trim(), wanted, "{path}");
    }
    assert_eq!(on_node("ls -d /tmp/uploaded_files 2>/dev/null || true"), "");
}

/// The token's bytes, in everything that anybody may read.
fn the_token_is_in_its_files_alone(scene: &Scene, on_node: &dyn Fn(&str) -> String) {
    for call in scene.proxy.calls() {
        let decoded = call.parameter("UserData").map(|text| STANDARD.decode(text).unwrap());
        let all = format!(
            "{} {:?} {}",
            call.body,
            call.form,
            String::from_utf8_lossy(&decoded.unwrap_or_default())
        );
        assert!(!all.contains(TOKEN), "{}", call.action);
    }
    let holders =
        Command::new("grep").args(["-rlF", "--", TOKEN]).arg(scene.spot.path()).output().unwrap();
    let holders = String::from_utf8(holders.stdout).unwrap();
    assert_eq!(holders.lines().count(), 1, "{holders}");
    assert!(holders.trim_end().ends_with("deployment-files/orchestrator_token"), "{holders}");

    // The pattern comes from a file, or grep's own arguments would hold it.
    let file = "/opt/uploaded_files/files/orchestrator_token";
    let found = on_node(&format!(
        "sudo grep -rlF -f {file} / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev 2>/dev/null | sort"
    ));
    let found: BTreeSet<&str> = found.lines().collect();
    assert_eq!(found, BTreeSet::from(["/bacalhau_node/config.yaml", file]));
    let arguments = on_node(&format!(
        "sudo sh -c 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr \"\\0\" \"\\n\" | grep -cF -f {file} || true'"
    ));
    assert_eq!(arguments.trim(), "0");
    println!("the token is in {found:?} and nowhere else");
}

/// Each thing in turn, by what it does and what mends it: the dashboard calls the node degraded,
/// names the thing, and calls it ready again.
fn each_thing_that_breaks_is_named(
    scene: &mut Scene,
    instance: &str,
    on_node: &dyn Fn(&str) -> String,
) {
    let fill =
        "sudo sh -c 'fallocate -l $(($(df --output=avail -B1 / | tail -1) - 50000000)) /full'";
    let fail = "sudo sh -c 'mkdir -p /run/systemd/system/setup-config.service.d; \
        printf \"[Service]\\nExecStart=\\nExecStart=/bin/false\\nRestart=no\\n\" \
        >/run/systemd/system/setup-config.service.d/fail.conf; systemctl daemon-reload; \
        systemctl restart setup-config; true'";
    let mend = "sudo sh -c 'rm -r /run/systemd/system/setup-config.service.d; \
        systemctl daemon-reload; systemctl restart setup-config'";
    let token = "/opt/uploaded_files/files/orchestrator_token";
    let (lose, find) = (format!("sudo mv {token} /root/t"), format!("sudo mv /root/t {token}"));
    let mut dashboard = Dashboard::open(scene, instance);
    for (what, breaks, words, mends) in [
        (
            "the sensor is dead",
            "sudo docker pause sensor-log-generator",
            "the sensor does not answer",
            "sudo docker unpause sensor-log-generator",
        ),
        ("a unit fails", fail, "setup-config.service is failed", mend),
        ("the token is gone", &lose, "files are missing: orchestrator_token", &find),
        ("the disk is full", fill, "the disk is full", "sudo rm /full"),
        (
            "Docker is gone",
            "sudo systemctl stop docker.socket docker.service",
            "Docker does not answer",
            "sudo systemctl start docker.service bacalhau.service sensor-generator.service",
        ),
    ] {
        println!("{what}");
        on_node(breaks);
        dashboard.wait_for(scene, "Degraded", &[words]);
        on_node(mends);
        dashboard.wait_for(scene, "Ready", &[]);
    }

    println!("the orchestrator is down");
    scene.nats.down();
    // The emulated network takes every connection before it knows whether anybody listens.
    let rule = format!("OUTPUT -d {} -p tcp -j REJECT --reject-with tcp-reset", host(ORCHESTRATOR));
    on_node(&format!("sudo iptables -I {rule}"));
    dashboard.wait_for(scene, "Degraded", &["is not reachable from the node", "disconnected"]);
    on_node(&format!("sudo iptables -D {rule}"));
    scene.nats.up();
    dashboard.wait_for(scene, "Ready", &[]);
    scene.wait_until_well(instance);
    dashboard.terminal.press("q");
    assert_eq!(dashboard.terminal.end().exit_code(), 0);
}

fn host(address: &str) -> &str {
    address.split_once(':').unwrap().0
}
