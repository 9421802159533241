//! One instance, as far as anybody knows it, and what there is to learn about it.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::bill::{Bill, Cost};
use super::cloudwatch::InstanceMetrics;
use super::identity::City;
use super::status_check::FailedCheck;
use super::vitals::Vitals;
use super::{DeploymentId, InstanceId, InstanceKey, Machine, MachineType, Phase, Region, Zone};

/// One row of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// The row, stable from the plan to the end.
    pub key: InstanceKey,
    /// Where it is, or will be.
    pub region: Region,
    /// The deployment that it belongs to.
    pub deployment: DeploymentId,
    /// What EC2 told about it; `None` while it is only planned.
    pub machine: Option<Machine>,
    /// Our word for where it stands.
    pub phase: Phase,
    /// Since when it has been in this phase.
    pub since: Timestamp,
    /// Every phase it went through and when it was entered, oldest first.
    pub timeline: Vec<(Timestamp, Phase)>,
    /// The host key that a connection has to show.
    pub host_key: Option<HostKey>,
    /// What placing it took, oldest first.
    pub attempts: Vec<Attempt>,
    /// The newest line that its deployment printed.
    pub last_line: Option<String>,
    /// How its node was when it was last looked at, and when that was.
    pub vitals: Option<(Timestamp, Vitals)>,
    /// The work of its processors at the last looks, in percent, oldest first.
    pub cpu: Vec<u8>,
    /// Which of EC2's own checks it fails.
    pub failed_checks: Vec<FailedCheck>,
    /// What CloudWatch measured of it, where that is asked.
    pub metrics: InstanceMetrics,
    /// What its bill is made from.
    pub bill: Bill,
    /// What it costs, as last reckoned.
    pub cost: Cost,
}

/// A host's public key and how far it is trusted. What is read from a file is one key on one line,
/// with its own fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenKey")]
pub struct HostKey {
    /// The key as one line of `known_hosts` has it: `ssh-ed25519 AAAA...`, without a host.
    pub openssh: String,
    /// `SHA256:...`, as the console and `ssh-keygen -l` print it.
    pub fingerprint: String,
    /// Who vouched for it.
    pub trust: HostKeyTrust,
}

/// A host key as a file has it.
#[derive(Deserialize)]
struct WrittenKey {
    openssh: String,
    fingerprint: String,
    trust: HostKeyTrust,
}

impl TryFrom<WrittenKey> for HostKey {
    type Error = &'static str;

    fn try_from(written: WrittenKey) -> Result<Self, Self::Error> {
        let WrittenKey { openssh, fingerprint, trust } = written;
        let is_it = openssh.split_once(' ').is_some_and(|(algorithm, key)| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-@.".contains(c);
            algorithm.chars().all(plain) && fingerprint_of(key).as_ref() == Some(&fingerprint)
        });
        if is_it { Ok(Self { openssh, fingerprint, trust }) } else { Err("it is no host key") }
    }
}

impl HostKey {
    /// As the tag of a volume has it: who vouched for it, and the key; `None` for one that is longer
    /// than a tag may be.
    pub fn to_tag(&self) -> Option<String> {
        let word = match self.trust {
            HostKeyTrust::Console => "console",
            HostKeyTrust::Pinned => "pinned",
        };
        Some(format!("{word} {}", self.openssh)).filter(|tag| tag.len() <= LONGEST_TAG)
    }

    /// What such a tag tells. Anybody who may tag a volume may have written it, as anybody who may
    /// do so could also have given the instance another disk.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let (word, openssh) = tag.split_once(' ')?;
        let trust = match word {
            "console" => HostKeyTrust::Console,
            "pinned" => HostKeyTrust::Pinned,
            _ => return None,
        };
        let (_, key) = openssh.split_once(' ')?;
        let fingerprint = fingerprint_of(key)?;
        Self::try_from(WrittenKey { openssh: openssh.to_owned(), fingerprint, trust }).ok()
    }
}

/// The most characters of a tag's value.
const LONGEST_TAG: usize = 256;

/// The fingerprint of a key in base64, as `ssh-keygen -l` prints it.
fn fingerprint_of(key: &str) -> Option<String> {
    let digest = Sha256::digest(STANDARD.decode(key).ok()?);
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)))
}

/// Who vouched for a host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKeyTrust {
    /// The instance's console output, read over the EC2 API, names its fingerprint.
    Console,
    /// Nobody yet: the first key that answered was kept.
    Pinned,
}

impl fmt::Display for HostKeyTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Console => "verified by the console",
            Self::Pinned => "pinned, unverified",
        })
    }
}

/// One attempt to launch, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was answered.
    pub at: Timestamp,
    /// The zone that was asked.
    pub zone: Zone,
    /// The type that was asked for.
    pub machine_type: MachineType,
    /// How many were asked for.
    pub asked: u32,
    /// How many were given.
    pub given: u32,
    /// AWS's error code, where it refused.
    pub code: Option<String>,
    /// AWS's message, where it refused.
    pub message: Option<String>,
    /// Why it was asked there at its turn: `5-10 % a month, within 10 % of the cheapest`. `None` where
    /// places are not ranked, or AWS chose among them.
    #[serde(default)]
    pub reason: Option<String>,
}

impl fmt::Display for Attempt {
    /// `09:00:05 t3.medium in us-west-2a gave 0 of 5, InsufficientInstanceCapacity`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zone, machine_type, asked, given, .. } = self;
        let at = self.at.strftime("%H:%M:%S");
        write!(f, "{at} {machine_type} in {zone} gave {given} of {asked}")?;
        self.code.as_deref().map_or(Ok(()), |code| write!(f, ", {code}"))
    }
}

impl Instance {
    /// A row for an instance that does not exist yet.
    pub fn planned(
        key: InstanceKey,
        region: Region,
        deployment: DeploymentId,
        now: Timestamp,
    ) -> Self {
        Self {
            key,
            region,
            deployment,
            machine: None,
            phase: Phase::Planned,
            since: now,
            timeline: vec![(now, Phase::Planned)],
            host_key: None,
            attempts: Vec::new(),
            last_line: None,
            vitals: None,
            cpu: Vec::new(),
            failed_checks: Vec::new(),
            metrics: InstanceMetrics::new(),
            bill: Bill::default(),
            cost: Cost::default(),
        }
    }

    /// Where its sensor stands; follows from its id.
    pub fn city(&self) -> Option<City> {
        self.id().map(City::of)
    }

    /// Its EC2 id, once it has one.
    pub fn id(&self) -> Option<&InstanceId> {
        self.machine.as_ref().map(|machine| &machine.id)
    }

    /// The machine of the configuration that it is, where it is one.
    pub fn machine_name(&self) -> Option<&str> {
        self.machine.as_ref().and_then(|machine| machine.birth.machine.as_deref())
    }

    /// The address a person would type: the public one, else the private one.
    pub fn address(&self) -> Option<IpAddr> {
        self.machine.as_ref().and_then(|machine| machine.seen.public_ip.or(machine.seen.private_ip))
    }

    /// Whether it exists at AWS and is not gone.
    pub fn is_alive(&self) -> bool {
        self.machine.as_ref().is_some_and(Machine::is_alive) && !self.phase.is_over()
    }

    /// Whether EC2 takes it back or has done so: the notice was seen, or the end of one that had
    /// none. What we end ourselves is told apart by EC2's reason.
    pub fn is_interrupted(&self) -> bool {
        match self.phase {
            Phase::Interrupted { .. } => true,
            Phase::Terminated => self.machine.as_ref().is_some_and(Machine::was_taken_back),
            _ => false,
        }
    }

    /// How long its lease lasts, where it has one and its node was looked at.
    pub fn lease_left(&self, now: Timestamp) -> Option<SignedDuration> {
        let (at, vitals) = self.vitals.as_ref()?;
        let left = SignedDuration::from_secs(i64::try_from(vitals.lease_s?).ok()?);
        Some((left - now.duration_since(*at)).max(SignedDuration::ZERO))
    }

    /// How people's log lines name it: `i-0a1b... @ 52.34.56.78`, or the row before it exists.
    pub fn label(&self) -> String {
        match (self.id(), self.address()) {
            (Some(id), Some(address)) => format!("{id} @ {address}"),
            (Some(id), None) => id.to_string(),
            (None, _) => self.key.to_string(),
        }
    }
}
