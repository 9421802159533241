//! The lines of the ledger: what one thing cost in one of its hours, or in several of one rate, and
//! what it was that it belongs to: an instance, or what is kept while no instance has it.
//!
//! An entry is known by its holder, its thing and the moment it begins at. Hours are counted from
//! the beginning of a run, so whoever reckons them, and whenever, comes to the same ones: one that
//! is written twice counts once, the later line for the earlier.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DeploymentId, InstanceId, KeptKind, Lifecycle, MachineType, Pool, Region, Zone};

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// The machine while it runs.
    Compute,
    /// A public IPv4 address while it is in use.
    Address,
    /// The volumes, for as long as they are there.
    Storage,
    /// The CPU credits that a burstable machine spent beyond those it had.
    SurplusCredits,
    /// A snapshot, at the most that it can cost.
    Snapshot,
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Compute, Self::Address, Self::Storage, Self::SurplusCredits, Self::Snapshot];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Address => "address",
            Self::Storage => "storage",
            Self::SurplusCredits => "surplus credits",
            Self::Snapshot => "snapshots",
        }
    }
}

/// How a run of an instance came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It was ended or stopped, and not by AWS.
    Chosen,
    /// AWS took it back.
    Reclaimed,
}

/// What entries belong to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderId {
    /// An instance.
    Instance(InstanceId),
    /// What a machine keeps, while no instance has it: a volume, or an address's allocation.
    Kept(String),
}

impl HolderId {
    /// The instance, where it is one.
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Instance(id) => Some(id),
            Self::Kept(_) => None,
        }
    }

    /// EC2's id of it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Instance(id) => id.as_str(),
            Self::Kept(id) => id,
        }
    }
}

/// What one thing cost, for at most one of its hours, or for hours of one rate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What it belongs to: under `instance` or `kept`.
    #[serde(flatten)]
    pub holder: HolderId,
    /// What is paid for.
    pub thing: Thing,
    /// When it begins.
    pub from: Timestamp,
    /// When it is over.
    pub until: Timestamp,
    /// USD for all of it; `None` where AWS did not tell the price.
    pub usd: Option<f64>,
    /// What the same would have been on demand.
    #[serde(default)]
    pub on_demand: Option<f64>,
    /// How a run came to its end with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// Whether AWS does not charge it: it took the instance back within its first hour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_free: bool,
    /// Whether it goes on: what it comes to was written down when a process ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_open: bool,
}

impl Entry {
    /// By what it is known.
    pub fn key(&self) -> (HolderId, Thing, Timestamp) {
        (self.holder.clone(), self.thing, self.from)
    }

    /// How many hours it has.
    pub fn hours(&self) -> f64 {
        self.until.duration_since(self.from).as_secs_f64() / 3600.0
    }

    /// The days in UTC that it lies in, and the part of it that lies in each. One rate holds in all
    /// of it.
    pub fn days(&self) -> Vec<(Date, f64)> {
        let whole = self.until.duration_since(self.from).as_secs_f64();
        let mut days = Vec::new();
        let mut from = self.from;
        while from < self.until {
            let day = day_of(from);
            let next = day.tomorrow().ok().and_then(beginning_of);
            let until = next.map_or(self.until, |next| next.min(self.until));
            days.push((day, until.duration_since(from).as_secs_f64() / whole));
            from = until;
        }
        if days.is_empty() {
            days.push((day_of(self.from), 1.0));
        }
        days
    }

    /// Its parts by day, each an entry of its own.
    pub fn cut_by_day(&self) -> Vec<Self> {
        let days = self.days();
        let last = days.len() - 1;
        let pieces = days.into_iter().enumerate().map(|(at, (day, part))| {
            let next = day.tomorrow().ok().and_then(beginning_of).unwrap_or(self.until);
            Self {
                from: beginning_of(day).unwrap_or(self.from).max(self.from),
                until: next.min(self.until),
                usd: self.usd.map(|usd| usd * part),
                on_demand: self.on_demand.map(|usd| usd * part),
                end: self.end.filter(|_| at == last),
                ..self.clone()
            }
        });
        pieces.collect()
    }

    /// The part of it since then, by its time.
    pub fn share_since(&self, since: Timestamp) -> f64 {
        let whole = self.until.duration_since(self.from);
        let left = self.until.duration_since(since.max(self.from));
        match whole {
            SignedDuration::ZERO if since <= self.from => 1.0,
            SignedDuration::ZERO => 0.0,
            whole => (left.as_secs_f64() / whole.as_secs_f64()).clamp(0.0, 1.0),
        }
    }
}

/// The day in UTC of a moment: AWS's bills know no other.
pub fn day_of(moment: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(moment).date()
}

/// The beginning of the hour that a moment lies in, where hours are counted from `begin`.
pub(super) fn hour_of(begin: Timestamp, moment: Timestamp) -> Timestamp {
    let hours = moment.duration_since(begin).as_secs() / 3600;
    begin + SignedDuration::from_hours(hours)
}

/// When a day begins in UTC.
pub fn beginning_of(day: Date) -> Option<Timestamp> {
    day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp())
}

/// What it is that entries belong to. Written once, before the first of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    /// An instance, or what is kept.
    #[serde(flatten)]
    pub kind: HolderKind,
    /// Its region.
    pub region: Region,
    /// Its zone; an address is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The deployment that it belongs to.
    pub deployment: DeploymentId,
    /// The machine of the configuration that it is, or that keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Its volumes, or what the volume has, in GiB, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_gb: Option<u32>,
    /// The user's own tags of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// What only an instance has, or only what is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HolderKind {
    /// An instance.
    Instance {
        /// Its id.
        id: InstanceId,
        /// Its type.
        #[serde(rename = "type")]
        machine_type: MachineType,
        /// How it is paid for.
        lifecycle: Lifecycle,
    },
    /// What a machine keeps.
    Kept {
        /// Its id.
        kept: String,
        /// What of the machine it is.
        part: KeptKind,
    },
}

impl Holder {
    /// By what its entries name it.
    pub fn id(&self) -> HolderId {
        match &self.kind {
            HolderKind::Instance { id, .. } => HolderId::Instance(id.clone()),
            HolderKind::Kept { kept, .. } => HolderId::Kept(kept.clone()),
        }
    }

    /// An instance's type.
    pub fn machine_type(&self) -> Option<&MachineType> {
        match &self.kind {
            HolderKind::Instance { machine_type, .. } => Some(machine_type),
            HolderKind::Kept { .. } => None,
        }
    }

    /// How an instance is paid for, and where its capacity is from.
    pub fn capacity(&self) -> Option<(Pool, Lifecycle)> {
        let HolderKind::Instance { machine_type, lifecycle, .. } = &self.kind else { return None };
        let pool = Pool { zone: self.zone.clone()?, machine_type: machine_type.clone() };
        Some((pool, *lifecycle))
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LedgerLine {
    /// What something cost.
    Entry(Entry),
    /// What an instance is.
    Holder(Holder),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(from: &str, until: &str) -> Entry {
        Entry {
            holder: HolderId::Instance("i-1".into()),
            thing: Thing::Compute,
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            usd: Some(1.0),
            on_demand: None,
            end: None,
            is_free: false,
            is_open: false,
        }
    }

    /// Lines as they have been written before there were any of what is kept, and those.
    #[test]
    fn lines_of_instances_are_as_they_always_were() {
        for line in [
            r#"{"id":"i-1","region":"us-west-2","zone":"us-west-2a","type":"t3.medium","lifecycle":"spot","deployment":"spot-1","storage_gb":50}"#,
            r#"{"instance":"i-1","thing":"compute","from":"2026-11-20T09:00:00Z","until":"2026-11-20T10:00:00Z","usd":0.0125,"on_demand":0.0416}"#,
            r#"{"kept":"vol-1","part":"home","region":"us-west-2","zone":"us-west-2a","deployment":"spot-1","machine":"dev","storage_gb":20}"#,
            r#"{"kept":"vol-1","thing":"storage","from":"2026-11-20T09:00:00Z","until":"2026-11-20T10:00:00Z","usd":0.002,"on_demand":0.002}"#,
        ] {
            let read: LedgerLine = serde_json::from_str(line).unwrap();
            let told: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), told);
        }
    }

    #[test]
    fn an_hour_over_midnight_is_of_both_days() {
        let days = entry("2026-11-30T23:45:00Z", "2026-12-01T00:45:00Z").days();
        let told: Vec<String> = days.iter().map(|(day, part)| format!("{day} {part}")).collect();
        assert_eq!(told, ["2026-11-30 0.25", "2026-12-01 0.75"]);
        assert_eq!(entry("2026-11-30T23:45:00Z", "2026-11-30T23:45:00Z").days().len(), 1);
    }

    #[test]
    fn of_an_hour_only_what_lies_after_counts() {
        let hour = entry("2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z");
        for (since, share) in [("09:00", 1.0), ("10:45", 0.25), ("11:00", 0.0), ("12:00", 0.0)] {
            let since = format!("2026-11-30T{since}:00Z").parse().unwrap();
            assert!((hour.share_since(since) - share).abs() < 1e-9, "{since}");
        }
    }
}
