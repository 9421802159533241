//! `node-status`: the object that `instance/scripts/node-status` prints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::deployment::{self, units};
use super::session::Host;

/// Characters of a text that the script prints.
const LONGEST: usize = 300;
const GIB: u64 = 1 << 20;

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
    sensor_healthy: bool,
    sensor: Option<Counts>,
    orchestrator: Way,
    cpu_percent: u64,
    disk: Sizes,
    memory: Sizes,
    uptime: i64,
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
    readings: i64,
    errors: i64,
    elapsed_s: i64,
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

#[derive(Serialize)]
struct Sizes {
    total_kb: u64,
    free_kb: u64,
}

/// How the node is, as one line of JSON.
pub(super) fn report(host: &Host) -> String {
    let now = host.hosts.now();
    let placed = host.machine.placed().unwrap_or_default();
    let record = host.machine.deployment();
    let configured = record.instance.is_some();
    // Seconds since systemd began to start the services; nothing where it did not.
    let running = host.machine.started_at(&host.state).map(|since| seconds(since, now));
    let after = |least, matter| running.is_some_and(|up| up >= least + spread(host, matter));
    let stopped = host.machine.is_bacalhau_stopped(host.state.boot);
    let alive = after(20, "bacalhau") && !stopped;
    // The sensor counts from its own start; its first reading takes a second.
    let sensing = running.map(|up| up - 15 - spread(host, "sensor")).filter(|up| *up > 0);
    let installed = host.cloud_init_done_at() <= now;
    let report = Report {
        v: 1,
        hostname: host.instance().to_string(),
        instance_id: record.instance,
        cloud_init: if installed { "done" } else { "running" },
        files: Files {
            bacalhau_config: configured,
            sensor_config: configured,
            node_identity: configured,
            orchestrator_endpoint: placed
                .has_content("files/orchestrator_endpoint")
                .then_some(true),
            orchestrator_token: placed.has_content("files/orchestrator_token").then_some(true),
        },
        deployment: Deployment {
            exit: record.exit,
            last: record.log.back().map(|line| printable(line)),
        },
        units: units(&placed)
            .into_iter()
            .map(|unit| (unit.clone(), unit_state(host, &unit, running)))
            .collect(),
        docker: installed.then_some("27.5.1"),
        bacalhau_alive: alive,
        sensor_healthy: sensing.is_some(),
        sensor: sensing.map(|up| Counts { readings: up, errors: 0, elapsed_s: up }),
        orchestrator: Way { address: deployment::orchestrator(&placed), reachable: alive },
        cpu_percent: if alive { 4 + host.pick("cpu", 20) } else { 60 + host.pick("cpu", 40) },
        disk: Sizes {
            total_kb: 8 * GIB - 447_032,
            free_kb: 5 * GIB - if alive { 2 * GIB } else { 0 } - host.pick("disk", 90_000),
        },
        memory: Sizes {
            total_kb: 4 * GIB - 246_420,
            free_kb: 3 * GIB - if alive { GIB } else { 0 } - host.pick("memory", 90_000),
        },
        uptime: seconds(host.state.booted_at, now),
    };
    serde_json::to_string(&report).unwrap_or_default()
}

/// The units come up one after the other, as their `After=` lines say.
fn unit_state(host: &Host, unit: &str, running: Option<i64>) -> &'static str {
    let Some(up) = running else { return "inactive" };
    if unit == "bacalhau.service" && host.machine.is_bacalhau_stopped(host.state.boot) {
        return "inactive";
    }
    let checked = 3 + spread(host, "startup");
    let configured = checked + 2;
    let (begins, active) = match unit {
        "bacalhau-startup.service" => (0, checked),
        "setup-config.service" => (checked, configured),
        _ => (configured, configured + 1),
    };
    match up {
        up if up >= active => "active",
        up if up >= begins => "activating",
        _ => "inactive",
    }
}

/// Up to six seconds.
fn spread(host: &Host, matter: &str) -> i64 {
    i64::try_from(host.pick(matter, 7)).unwrap_or(0)
}

fn seconds(since: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(since).as_secs().max(0)
}

fn printable(line: &str) -> String {
    line.chars().filter(|c| matches!(c, ' '..='~')).take(LONGEST).collect()
}
