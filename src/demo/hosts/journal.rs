//! The journals of a host's units: the same lines at the same seconds each time one asks.

use jiff::{SignedDuration, Timestamp};

use super::deployment;
use super::host::Host;
use super::start::Start;

/// What a unit writes: once, so many seconds after the services began to start, and then again and
/// again.
struct Story {
    /// The seconds and the lines.
    opening: Vec<(i64, String)>,
    /// Seconds between two further lines, and what is in them before their number.
    refrain: Option<(i64, &'static str)>,
}

/// The lines that a unit wrote after one time and until another; nothing of a unit that is not
/// there or does not run.
pub(super) fn between(host: &Host, unit: &str, after: Timestamp, until: Timestamp) -> Vec<String> {
    let Some(began) = host.machine.started_at(&host.state) else { return Vec::new() };
    let seconds = |at: Timestamp| at.duration_since(began).as_secs();
    let (after, until) = (seconds(after), seconds(until));
    let name = unit.strip_suffix(".service").unwrap_or(unit);
    let Some(Story { opening, refrain }) = story(host, name) else { return Vec::new() };
    let first = opening.last().map_or(0, |(at, _)| *at);
    let mut lines: Vec<(i64, String)> =
        opening.into_iter().filter(|(at, _)| *at > after && *at <= until).collect();
    if let Some((pause, words)) = refrain {
        let passed = |at: i64| (at - first).max(0) / pause;
        let numbers = passed(after) + 1..=passed(until);
        lines.extend(numbers.map(|n| (first + n * pause, format!("{words} {n}"))));
    }
    let process = 600 + host.pick(name, 900);
    let line = |(at, text): (i64, String)| {
        let at = began.saturating_add(SignedDuration::from_secs(at)).unwrap_or(began);
        format!("{} {} {name}[{process}]: {text}", at.strftime("%b %d %H:%M:%S"), host.instance())
    };
    lines.into_iter().map(line).collect()
}

/// The newest lines of a unit, this many at most.
pub(super) fn newest(host: &Host, unit: &str, count: usize, now: Timestamp) -> Vec<String> {
    let mut lines = between(host, unit, Timestamp::UNIX_EPOCH, now);
    lines.drain(..lines.len().saturating_sub(count));
    lines
}

fn story(host: &Host, name: &str) -> Option<Story> {
    let Start { checked, configured, .. } = Start::of(host);
    let joins = deployment::orchestrator(&host.machine.placed().unwrap_or_default());
    let joins = joins.map_or("nothing".to_owned(), |address| format!("nats://{address}"));
    let once = |opening: &[(i64, &str)]| {
        opening.iter().map(|(at, text)| (*at, (*text).to_owned())).collect::<Vec<_>>()
    };
    let (opening, refrain) = match name {
        "bacalhau-startup" => {
            (once(&[(1, "Docker answers"), (checked, "all files are there")]), None)
        }
        "setup-config" => (vec![(configured, format!("the node will join {joins}"))], None),
        "bacalhau" => (
            once(&[
                (configured + 1, " Container bacalhau  Started"),
                (configured + 4, "bacalhau  | INF compute node is connected"),
            ]),
            Some((30, "bacalhau  | INF heartbeat")),
        ),
        "sensor-generator" => (
            once(&[(configured + 2, " Container sensor-log-generator  Started")]),
            Some((5, "sensor-log-generator  | INFO readings written, batch")),
        ),
        _ => return None,
    };
    Some(Story { opening, refrain })
}
