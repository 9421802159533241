//! The commands about nodes, on two instances that were deployed.

mod answers;
mod exports;

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::moto::Moto;
use crate::support::orchestrator::Orchestrator;
use crate::support::proxy::Proxy;
use crate::support::spot::Spot;
use crate::support::sshd::{Server, Sshd, SshdOptions, console, leading_to};

const TOKEN: &str = "made-up-token";

struct Scene {
    _moto: Moto,
    orchestrator: Orchestrator,
    spot: Spot,
    hosts: Vec<Sshd>,
    ids: Vec<String>,
}

/// Two nodes in one region; only the first has joined the orchestrator. Degraded is what the other
/// one is called.
fn two_nodes() -> Scene {
    two_nodes_with(Server::OpenSsh)
}

/// The same, with this server on each.
fn two_nodes_with(server: Server) -> Scene {
    two_nodes_on(&SshdOptions { server, ..SshdOptions::default() }, |_| ())
}

/// The same, on hosts that are so, and to which this was done.
fn two_nodes_on(options: &SshdOptions, furnish: impl Fn(&Sshd)) -> Scene {
    let moto = Moto::start();
    let proxy = Proxy::start(moto.address());
    let (spot, orchestrator) = (Spot::new(proxy.url()), Orchestrator::start());
    let hosts: Vec<Sshd> = [2, 3]
        .map(|last| {
            let accept = vec![spot.key().public()];
            let address = Ipv4Addr::new(127, 0, 0, last);
            let host = Sshd::start(&SshdOptions { address, accept, ..options.clone() });
            host.run_services();
            furnish(&host);
            host
        })
        .into();
    proxy.give_addresses(hosts.iter().map(|host| host.address().ip()));
    proxy.print_on_consoles(&console(&hosts));
    let ssh_config = spot.write("ssh_config", 0o644, leading_to(&hosts).as_bytes());
    spot.write("deployment-files/orchestrator_endpoint", 0o600, b"nats://nats.example.com:4222\n");
    spot.write("deployment-files/orchestrator_token", 0o600, TOKEN.as_bytes());
    let regions = "  - us-west-2: { machine_type: t3.medium }\n";
    spot.configure(&ssh_config, 60, "  total_instances: 2", regions);
    let created = spot.run(&["create", "--yes"]);
    assert_eq!(created.code, 0, "{}", created.told());
    let ids: Vec<String> =
        spot.state().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    let config = std::fs::read_to_string(spot.path().join("config.yaml")).unwrap();
    let api = format!("{config}bacalhau: {{ api: \"{}\" }}\n", orchestrator.url());
    spot.write("config.yaml", 0o644, api.as_bytes());
    orchestrator.register(&ids[0], "CONNECTED");
    Scene { _moto: moto, orchestrator, spot, hosts, ids }
}

/// Until the user has seen enough, whatever is added to it is printed.
fn a_log_is_followed(scene: &Scene) {
    let mut program = scene.spot.command();
    program.args(["logs", &scene.ids[0], "-f"]).stdout(Stdio::piped());
    let mut following = program.spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().any(|line| line.unwrap().ends_with("END exit=0")));
    let log = scene.hosts[0].root().join("opt/deployment.log");
    writeln!(OpenOptions::new().append(true).open(log).unwrap(), "one line more").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "one line more");
    kill_process(Pid::from_child(&following), Signal::INT).unwrap();
    assert_eq!(following.wait().unwrap().code(), Some(130));
}

/// Both services on the one that is meant, and nothing on the other one.
fn a_lease_is_extended(scene: &Scene) {
    let extended = scene.spot.run(&["lease", "extend", "4h", "--on", &scene.ids[0]]);
    assert_eq!(extended.code, 0, "{}", extended.told());
    for (name, seconds) in [("spot-tui-lease-term", 14_400), ("spot-tui-lease-last", 14_700)] {
        let file = format!("run/systemd/system/{name}.service.d/extended.conf");
        let text = std::fs::read_to_string(scene.hosts[0].root().join(&file)).unwrap();
        assert_eq!(text, format!("[Service]\nRuntimeMaxSec={seconds}s\n"));
        assert!(!scene.hosts[1].root().join(&file).exists());
    }
    let restart = "systemctl restart spot-tui-lease-term.service spot-tui-lease-last.service";
    assert!(scene.hosts[0].calls().iter().any(|call| call == restart));
    assert_eq!(scene.spot.run(&["lease", "extend", "5m"]).code, 2, "it would end at once");
}

#[test]
fn nodes_are_looked_at_logged_exported_and_spoken_to() {
    let scene = two_nodes();
    let (spot, ids) = (&scene.spot, &scene.ids);

    let good = spot.run(&["diagnose", &ids[0], "--json"]);
    let seen: Value = serde_json::from_str(&good.out).unwrap_or_else(|_| panic!("{}", good.told()));
    assert_eq!((good.code, &seen["good"]), (0, &true.into()), "{}", good.told());
    assert_eq!(seen["membership"], "connected");
    assert!(seen["node"]["details"]["deployment_log"].as_array().unwrap().len() > 10);
    let bad = spot.run(&["diagnose", &ids[1]]);
    assert_eq!(bad.code, 1, "{}", bad.told());
    assert!(bad.out.contains("BAD  membership"), "{}", bad.out);
    assert!(bad.out.contains("not a member"), "{}", bad.out);
    assert!(!good.out.contains(TOKEN) && !bad.out.contains(TOKEN));
    scene.orchestrator.refuse(500, "{}");
    let unknown = spot.run(&["diagnose", &ids[0]]);
    assert!(unknown.code == 1 && unknown.out.contains("HTTP 500"), "{}", unknown.told());

    let log = spot.run(&["logs", &ids[0]]);
    assert_eq!(log.code, 0, "{}", log.told());
    assert!(log.out.trim_end().ends_with("END exit=0"), "{}", log.out);
    assert_eq!(spot.run(&["logs", &ids[0], "--unit", "a;b"]).code, 2);
    a_log_is_followed(&scene);
    a_lease_is_extended(&scene);

    let alike = spot.run(&["exec", "--", "cat", "/etc/os-release"]);
    assert_eq!(alike.code, 0, "{}", alike.told());
    assert_eq!(alike.out.matches("PRETTY_NAME").count(), 1, "they answer alike: {}", alike.out);
    assert!(ids.iter().all(|id| alike.out.contains(id.as_str())), "{}", alike.out);
    assert!(alike.err.contains("belongs in a new one"), "{}", alike.err);
    let one = spot.run(&["exec", "--on", &ids[1], "--", "exit", "3"]);
    assert_eq!(one.code, 1);
    assert!(one.out.contains("exit status 3") && !one.out.contains(&ids[0]), "{}", one.out);
    assert_eq!(spot.run(&["exec", "--region", "eu-west-1", "--", "true"]).code, 2);

    let said = spot.run(&["ssh", &ids[0], "--", "echo", "over there"]);
    assert_eq!((said.code, said.out.trim()), (0, "over there"), "{}", said.told());

    let address = spot.run(&["random-ip"]);
    let addresses: Vec<String> =
        scene.hosts.iter().map(|host| host.address().ip().to_string()).collect();
    assert!(addresses.contains(&address.out.trim().to_owned()), "{}", address.told());
    for (format, words) in [
        ("ssh-config", format!("Host {} 127.0.0.", ids[0])),
        ("ansible", "[us_west_2]\n".to_owned()),
        ("hosts", format!("\t{}\n", ids[1])),
        ("json", format!("\"id\":\"{}\"", ids[0])),
    ] {
        let exported = spot.run(&["export", format]);
        assert!(exported.code == 0 && exported.out.contains(&words), "{}", exported.told());
    }
}

/// Deployed to over dropbear, asyncssh and paramiko, rebooted, looked at and spoken to.
#[test]
fn another_server_than_openssh_will_do() {
    let python = ["asyncssh_server.py", "paramiko_server.py"].map(Server::Python);
    for server in [Server::Dropbear].into_iter().chain(python) {
        let scene = two_nodes_with(server);
        let good = scene.spot.run(&["diagnose", &scene.ids[0]]);
        assert_eq!(good.code, 0, "{server:?}: {}", good.told());
        let said = scene.spot.run(&["exec", "--", "echo", "over there"]);
        assert_eq!(said.code, 0, "{server:?}: {}", said.told());
        assert_eq!(said.out.matches("over there").count(), 1, "{server:?}: {}", said.out);
    }
}

/// packer#10011, amazon-eks-ami#346, vagrant#1482: `/tmp` runs nothing, one session at a time is let
/// in, and the far side prints what it likes before each command's own output.
#[test]
fn people_44_and_45_hardened_and_talkative_hosts_become_ready() {
    let options = SshdOptions {
        small_disk: Some(("/tmp", 64 << 10)),
        mounted: "noexec,nosuid,nodev",
        sshd_config: "MaxSessions 1\nMaxStartups 3\nBanner /etc/issue.net\n",
        ..SshdOptions::default()
    };
    let scene = two_nodes_on(&options, |host| {
        let talk = "echo hello; echo 'mind the gap' >&2\n";
        std::fs::write(host.root().join("etc/ssh/sshrc"), talk).unwrap();
        std::fs::write(host.root().join("etc/issue.net"), "authorized use only\n").unwrap();
    });
    let runs_nothing = "cp /bin/true /tmp/x && /tmp/x";
    let ran = scene.spot.run(&["exec", "--on", &scene.ids[0], "--", runs_nothing]);
    assert!(ran.out.contains("exit status 126"), "{}", ran.told());
    let good = scene.spot.run(&["diagnose", &scene.ids[0]]);
    assert_eq!(good.code, 0, "{}", good.told());
}
