//! `node-status`: the object that `instance/scripts/node-status` prints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::deployment::{self, units};
use super::directory::HostState;
use super::host::Host;
use super::journal;
use super::start::{Sizes, Start, disk, memory, readings, seconds};
use crate::fleet::Idle;
use crate::fleet::identity::Identity;

/// Characters of a text that the script prints.
const LONGEST: usize = 300;
/// Lines of a journal in a full report.
const JOURNAL: usize = 20;
/// Lines of a log in it.
const TAIL: usize = 30;
/// Files in it.
const LISTED: usize = 60;

#[derive(Serialize)]
struct Report {
    v: u32,
    hostname: String,
    instance_id: Option<String>,
    cloud_init: &'static str,
    files: Files,
    deployment: Deployment,
    units: BTreeMap<String, &'static str>,
    docker: Option<&'static str>,
    bacalhau_alive: bool,
    sensor: Option<Counts>,
    orchestrator: Way,
    cpu_percent: u64,
    disk: Sizes,
    memory: Sizes,
    uptime: i64,
    rebalance: Option<Timestamp>,
    idle: Option<Idle>,
    lease_s: Option<i64>,
}

#[derive(Serialize)]
struct Files {
    bacalhau_config: bool,
    sensor_config: bool,
    node_identity: bool,
    /// Nothing where none was deployed.
    orchestrator_endpoint: Option<bool>,
    orchestrator_token: Option<bool>,
}

#[derive(Serialize)]
struct Counts {
    running: bool,
    readings: i64,
    errors: i64,
    elapsed_s: i64,
    per_second: i64,
}

#[derive(Serialize)]
struct Way {
    address: Option<String>,
    reachable: bool,
}

#[derive(Serialize)]
struct Deployment {
    exit: Option<u32>,
    last: Option<String>,
}

/// What a full report has besides, in the order in which the script prints it.
#[derive(Serialize)]
struct Details {
    journals: BTreeMap<String, Vec<String>>,
    cloud_init_log: Vec<String>,
    deployment_log: Vec<String>,
    listing: Vec<String>,
    config: Vec<String>,
    identity: Vec<String>,
    errors: Vec<String>,
}

/// How the node is, as JSON: on one line, and in full on many, as the script prints it. Lines that
/// are too long are cut on their way.
pub(super) fn report(host: &Host, is_full: bool) -> String {
    let now = host.hosts.now();
    let placed = host.machine.placed().unwrap_or_default();
    let record = host.machine.deployment();
    let configured = record.instance.is_some();
    let start = Start::of(host);
    let alive = start.bacalhau_is_alive;
    let installed = host.cloud_init_done_at() <= now;
    let credential = |path: &str| placed.has_content(path).then_some(true);
    let report = Report {
        v: 1,
        hostname: host.instance().to_string(),
        instance_id: record.instance.clone(),
        cloud_init: if installed { "done" } else { "running" },
        files: Files {
            bacalhau_config: configured,
            sensor_config: configured,
            node_identity: configured,
            orchestrator_endpoint: credential("files/orchestrator_endpoint"),
            orchestrator_token: credential("files/orchestrator_token"),
        },
        deployment: Deployment {
            exit: record.exit,
            last: record.log.back().map(|line| printable(line)),
        },
        units: units(&placed).into_iter().map(|unit| (unit.clone(), start.unit(&unit))).collect(),
        docker: installed.then_some("27.5.1"),
        bacalhau_alive: alive,
        sensor: start.sensing.map(|up| Counts {
            running: true,
            readings: readings(host, up),
            errors: 0,
            elapsed_s: up,
            per_second: 1,
        }),
        orchestrator: Way { address: deployment::orchestrator(&placed), reachable: alive },
        cpu_percent: if let Some(percent) = current(host).and_then(|it| it.work) {
            percent.into()
        } else if host.state.idle.is_some() {
            1 + host.pick("cpu", 3)
        } else if alive {
            4 + host.pick("cpu", 20)
        } else {
            60 + host.pick("cpu", 40)
        },
        disk: disk(host),
        memory: memory(host),
        uptime: seconds(host.state.booted_at, now),
        rebalance: current(host).and_then(|state| state.rebalance),
        idle: current(host).and_then(|state| state.idle),
        lease_s: current(host).and_then(|it| it.lease_ends_at).map(|end| seconds(now, end)),
    };
    let head = serde_json::to_string(&report).unwrap_or_default();
    match head.strip_suffix('}').filter(|_| is_full) {
        Some(open) => format!("{open},\"details\":{}}}", details(host, configured).on_lines()),
        None => head,
    }
}

/// As it stands now: a login may be old.
fn current(host: &Host) -> Option<HostState> {
    host.hosts.shared.directory.host(host.address)
}

impl Details {
    /// As JSON, a line for each text.
    fn on_lines(&self) -> String {
        let mut lines = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b"");
        let mut serializer = serde_json::Serializer::with_formatter(&mut lines, formatter);
        // What is only texts can be written.
        let _ = self.serialize(&mut serializer);
        String::from_utf8(lines).unwrap_or_default()
    }
}

fn details(host: &Host, configured: bool) -> Details {
    let now = host.hosts.now();
    let placed = host.machine.placed().unwrap_or_default();
    let journal = |unit: String| {
        let lines = journal::newest(host, &unit, JOURNAL, now);
        (unit, lines)
    };
    let log = host.machine.deployment().log;
    let name = host.instance();
    let joins = deployment::orchestrator(&placed);
    let config = format!(
        "NameProvider: puuid\nCompute:\n  Enabled: true\n  Orchestrators: [\"{}\"]\n  Auth:\n    \
         Token: \"***\"\nLabels:\n  instance-id: {name}\n  region: {}",
        joins.map_or_else(String::new, |address| format!("nats://{address}")),
        host.state.region,
    );
    let lines = |text: &str| {
        if configured { text.lines().map(str::to_owned).collect() } else { Vec::new() }
    };
    Details {
        journals: units(&placed).into_iter().map(journal).collect(),
        cloud_init_log: cloud_init_log(host),
        deployment_log: log
            .iter()
            .skip(log.len().saturating_sub(TAIL))
            .map(|line| printable(line))
            .collect(),
        listing: host
            .machine
            .files()
            .iter()
            .take(LISTED)
            .map(|(path, file)| format!("{:o} {}", file.mode, path.display()))
            .collect(),
        config: lines(&config),
        identity: lines(&Identity::of(name).json()),
        errors: Vec::new(),
    }
}

pub(super) fn cloud_init_log(host: &Host) -> Vec<String> {
    let done = host.cloud_init_done_at();
    if done > host.hosts.now() {
        return vec!["Cloud-init v. 24.4 running 'modules:final'".to_owned()];
    }
    vec![
        "Docker Compose version v2.29.7".to_owned(),
        format!("Cloud-init v. 24.4 finished at {}", done.strftime("%a, %d %b %Y %H:%M:%S +0000")),
    ]
}

fn printable(line: &str) -> String {
    line.chars().filter(|c| matches!(c, ' '..='~')).take(LONGEST).collect()
}
