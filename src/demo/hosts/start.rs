//! How far the services of a host have come, and what they take of it.

use jiff::Timestamp;
use serde::Serialize;

use super::directory::HostFault;
use super::host::Host;

/// In KiB.
const GIB: u64 = 1 << 20;

#[derive(Serialize)]
pub(super) struct Sizes {
    pub(super) total_kb: u64,
    pub(super) free_kb: u64,
}

/// How far the services have come since systemd began to start them.
pub(super) struct Start {
    /// Seconds since then; nothing where it did not begin.
    running: Option<i64>,
    /// The second in which the checks are through.
    pub(super) checked: i64,
    /// The second in which the configuration is written.
    pub(super) configured: i64,
    bacalhau_is_stopped: bool,
    pub(super) bacalhau_is_alive: bool,
    /// Seconds for which the sensor has been writing.
    pub(super) sensing: Option<i64>,
}

impl Start {
    pub(super) fn of(host: &Host) -> Self {
        let now = host.hosts.now();
        let since = host.machine.started_at(&host.state);
        // Everything that they do in so much time of a whole machine.
        let running = since.map(|since| scaled(seconds(since, now), host.state.cpu));
        let checked = 3 + spread(host, "startup");
        let bacalhau_is_stopped = host.machine.is_bacalhau_stopped(host.state.boot);
        let is_up = running.is_some_and(|up| up >= 20 + spread(host, "bacalhau"));
        // The sensor counts from its own start; its first reading takes a second.
        let sensing = running.map(|up| up - 15 - spread(host, "sensor")).filter(|up| *up > 0);
        Self {
            running,
            checked,
            configured: checked + 2,
            bacalhau_is_stopped,
            bacalhau_is_alive: is_up && !bacalhau_is_stopped,
            sensing,
        }
    }

    /// The units come up one after the other, as their `After=` lines say.
    pub(super) fn unit(&self, unit: &str) -> &'static str {
        let Some(up) = self.running else { return "inactive" };
        if unit == "bacalhau.service" && self.bacalhau_is_stopped {
            return "inactive";
        }
        let (begins, active) = match unit {
            "bacalhau-startup.service" => (0, self.checked),
            "setup-config.service" => (self.checked, self.configured),
            _ => (self.configured, self.configured + 1),
        };
        match up {
            up if up >= active => "active",
            up if up >= begins => "activating",
            _ => "inactive",
        }
    }
}

/// How many readings the sensor has made when it has been writing for so many seconds.
pub(super) fn readings(host: &Host, sensing: i64) -> i64 {
    let limits = host.state.faults.iter().filter_map(|fault| match fault {
        HostFault::SensorStuck(count) => Some(i64::from(*count)),
        _ => None,
    });
    limits.fold(sensing, i64::min)
}

/// The root disk.
pub(super) fn disk(host: &Host) -> Sizes {
    let images = if Start::of(host).bacalhau_is_alive { 2 * GIB } else { 0 };
    let free_kb = 5 * GIB - images - host.pick("disk", 90_000);
    Sizes { total_kb: 8 * GIB - 447_032, free_kb }
}

/// The memory.
pub(super) fn memory(host: &Host) -> Sizes {
    let services = if Start::of(host).bacalhau_is_alive { GIB } else { 0 };
    let free_kb = 3 * GIB - services - host.pick("memory", 90_000);
    Sizes { total_kb: 4 * GIB - 246_420, free_kb }
}

/// How far a machine that has this part of its processors gets in so many seconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "seconds of days")]
fn scaled(seconds: i64, cpu: f64) -> i64 {
    (seconds as f64 * cpu) as i64
}

/// Up to six seconds.
fn spread(host: &Host, matter: &str) -> i64 {
    i64::try_from(host.pick(matter, 7)).unwrap_or(0)
}

/// Whole seconds, never fewer than none.
pub(super) fn seconds(since: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(since).as_secs().max(0)
}
