//! The JSON lines: what is on every line, and what each event adds to it.
//!
//! `assets/json-lines.schema.json` says the same for those who read them; a story holds the two
//! together. `state` is always EC2's own word, `phase` ours.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::risk::risk;
use crate::app::ranking::FirstPlace;
use crate::app::{Model, clean};
use crate::fleet::{
    Attempt, DeploymentId, Failure, FailureKind, HostKeyTrust, Instance, InstanceId, InstanceKey,
    Level, Lifecycle, MachineType, Phase, Region, Step, Subject, Zone,
};

/// The version of the lines. A new one takes keys away or gives them another meaning; new keys
/// and events are no reason for one.
const VERSION: u32 = 1;
/// The longest text from the outside on a line, in bytes.
pub(super) const LONGEST: usize = 16 * 1024;

/// One line. The first seven keys are on every one, null where they say nothing.
#[derive(Debug, Serialize)]
pub(super) struct JsonLine<'a> {
    v: u32,
    ts: Timestamp,
    event: &'static str,
    deployment: &'a DeploymentId,
    region: Option<&'a Region>,
    instance: Option<&'a InstanceId>,
    phase: Option<&'static str>,
    #[serde(flatten)]
    known: Option<Known<'a>>,
    #[serde(flatten)]
    details: Event,
}

/// What every line about one instance tells of it, also while it is only planned.
#[derive(Debug, Serialize)]
struct Known<'a> {
    /// Its row: stable from the plan on, when there is no id yet.
    row: &'a InstanceKey,
    #[serde(flatten)]
    machine: MachineFacts<'a>,
}

/// What EC2 tells of an instance, in every output alike; null while it is only planned.
#[derive(Debug, Serialize)]
pub(super) struct MachineFacts<'a> {
    state: Option<&'static str>,
    zone: Option<&'a Zone>,
    #[serde(rename = "type")]
    machine_type: Option<&'a MachineType>,
    public_ip: Option<IpAddr>,
    private_ip: Option<IpAddr>,
}

/// What happened, with the keys that this event adds.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Event {
    /// What would be launched in the region of the line.
    RegionPlan(RegionPlan),
    /// EC2 accepted the launch of an instance.
    Launched {},
    /// An instance entered the phase of the line.
    Phase {
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<FailureKind>,
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<Step>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
        /// When EC2 said that it takes the instance back.
        #[serde(skip_serializing_if = "Option::is_none")]
        ends: Option<Timestamp>,
    },
    /// AWS answered a request to launch.
    Attempt { attempt: Attempt },
    /// The host showed its key.
    HostKey { fingerprint: String, trust: HostKeyTrust },
    /// The deployment of an instance printed a line.
    Output { text: String },
    /// What a node answered to what it was asked for: how that ended, what it printed, and how many
    /// earlier lines were dropped.
    Answer { ok: bool, text: String, lines: Vec<String>, dropped: u64 },
    /// A sentence for people.
    Message {
        level: &'static str,
        text: String,
        /// What kind of failure it tells of, where it tells of one.
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<FailureKind>,
    },
    /// What the command came to.
    Summary {
        ok: bool,
        launched: usize,
        ready: usize,
        terminated: usize,
        failed: usize,
        alive: usize,
    },
}

/// What is planned for a region. Prices are in USD an hour, of the place that is asked first; null
/// where they are not known.
#[derive(Debug, Serialize)]
pub(super) struct RegionPlan {
    pub count: u32,
    pub machine_types: Vec<MachineType>,
    pub lifecycle: Lifecycle,
    pub storage_gb: u32,
    pub each_usd: Option<f64>,
    pub hourly_usd: Option<f64>,
    pub first: Option<FirstChoice>,
}

/// The place that is asked first.
#[derive(Debug, Serialize)]
pub(super) struct FirstChoice {
    pub zone: Zone,
    #[serde(rename = "type")]
    pub machine_type: MachineType,
    /// Null on demand.
    pub risk: Option<serde_json::Value>,
    /// Why it is the first; null where places are not ranked.
    pub reason: Option<String>,
}

impl FirstChoice {
    pub(super) fn of(first: &FirstPlace<'_>) -> Self {
        Self {
            zone: first.pool.zone.clone(),
            machine_type: first.pool.machine_type.clone(),
            risk: first.risk.map(risk),
            reason: first.reason.clone(),
        }
    }
}

impl Event {
    /// What there is to say about a phase beyond its word.
    pub(super) fn phase(phase: &Phase) -> Self {
        let (mut kind, mut step, mut reason) = (None, None, None);
        let (mut hint, mut ends) = (None, None);
        match phase {
            Phase::Failed(failure) => {
                kind = Some(failure.kind);
                step = Some(failure.step);
                reason = Some(clean(&failure.reason, LONGEST));
                hint = Some(clean(&failure.hint, LONGEST));
            }
            Phase::Degraded { reason: why } => reason = Some(clean(why, LONGEST)),
            Phase::Interrupted { at } => ends = *at,
            _ => {}
        }
        Self::Phase { kind, step, reason, hint, ends }
    }

    /// An answer of AWS.
    pub(super) fn attempt(attempt: &Attempt) -> Self {
        let mut attempt = attempt.clone();
        let texts = [&mut attempt.code, &mut attempt.message, &mut attempt.reason];
        for text in texts.into_iter().flatten() {
            *text = clean(text, LONGEST);
        }
        Self::Attempt { attempt }
    }

    /// A sentence.
    pub(super) fn message(level: Level, text: &str) -> Self {
        Self::Message { level: level.word(), text: clean(text, LONGEST), kind: None }
    }

    /// The failure of a whole command or job.
    pub(super) fn failure(failure: &Failure) -> Self {
        Self::reason(&failure.to_string(), Some(failure.kind))
    }

    /// Why a command ended before its end, be that a failure of a kind or not.
    pub(super) fn reason(text: &str, kind: Option<FailureKind>) -> Self {
        Self::Message { level: Level::Error.word(), text: clean(text, LONGEST), kind }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::RegionPlan(_) => "plan",
            Self::Launched {} => "launched",
            Self::Phase { .. } => "phase",
            Self::Attempt { .. } => "attempt",
            Self::HostKey { .. } => "host_key",
            Self::Output { .. } => "output",
            Self::Answer { .. } => "answer",
            Self::Message { .. } => "message",
            Self::Summary { .. } => "summary",
        }
    }
}

impl<'a> JsonLine<'a> {
    /// A line about a whole command.
    pub(super) fn of_command(deployment: &'a DeploymentId, ts: Timestamp, event: Event) -> Self {
        Self {
            v: VERSION,
            ts,
            event: event.word(),
            deployment,
            region: None,
            instance: None,
            phase: None,
            known: None,
            details: event,
        }
    }

    /// A line about this, as the model knows it now.
    pub(super) fn new(model: &'a Model, ts: Timestamp, subject: &'a Subject, event: Event) -> Self {
        let row = match subject {
            Subject::Instance(key) => model.fleet.get(key),
            Subject::Job | Subject::Region(_) => None,
        };
        let region = match subject {
            Subject::Region(region) => Some(region),
            Subject::Job | Subject::Instance(_) => row.map(|row| &row.region),
        };
        Self {
            v: VERSION,
            ts,
            event: event.word(),
            deployment: &model.deployment,
            region,
            instance: row.and_then(Instance::id),
            phase: row.map(|row| row.phase.word()),
            known: row.map(|row| Known { row: &row.key, machine: MachineFacts::of(row) }),
            details: event,
        }
    }
}

impl<'a> MachineFacts<'a> {
    pub(super) fn of(row: &'a Instance) -> Self {
        let machine = row.machine.as_ref();
        Self {
            state: machine.map(|machine| machine.seen.state.as_str()),
            zone: machine.map(|machine| &machine.zone),
            machine_type: machine.map(|machine| &machine.machine_type),
            public_ip: machine.and_then(|machine| machine.seen.public_ip),
            private_ip: machine.and_then(|machine| machine.seen.private_ip),
        }
    }
}
