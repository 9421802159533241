//! What belongs to a machine and stays when its instance ends: it costs money, and may hold data that
//! is nowhere else.

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;

use super::bill::Amount;
use super::cost::storage_hourly;
use super::market::{PriceList, snapshot_hourly};
use super::{InstanceId, KeptKind, Zone};

/// The hours of a month, as EBS counts.
const MONTH: f64 = 30.0 * 24.0;

/// Something that a machine keeps, as the tags and EC2 tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The machine of the configuration, from the tag `MachineName`.
    pub machine: String,
    /// What it is.
    pub kind: KeptKind,
    /// Its id: a volume's, a snapshot's, or an address's allocation.
    pub id: String,
    /// The zone that it is bound to; `None` for what is bound to none.
    pub zone: Option<Zone>,
    /// How large it is, in GiB; of a snapshot, its volume.
    pub gib: Option<u32>,
    /// The address that it is.
    pub address: Option<IpAddr>,
    /// The instance that has it now.
    pub instance: Option<InstanceId>,
    /// The host key on it, as [`super::HostKey::from_tag`] reads it.
    pub host_key: Option<String>,
    /// Since when it is there; of an address by its tag.
    pub since: Option<Timestamp>,
    /// What it is a snapshot of, where it is one.
    pub snapshot: Option<SnapshotOf>,
    /// Which of its volumes it could be, where it lies beside that.
    pub aside_of: Option<KeptKind>,
}

/// What a snapshot is of, and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotOf {
    /// Which of the machine's volumes.
    pub kind: KeptKind,
    /// Whether all of it can be had back.
    pub is_complete: bool,
    /// Whether the schedule asked for it, and takes it away again.
    pub is_scheduled: bool,
    /// How many GiB all of its blocks have, where EC2 tells that: those of older snapshots among them.
    pub full_gib: Option<u32>,
}

impl Kept {
    /// Whether it is a volume that the machine uses, not one that lies beside it.
    pub fn is_own_disk(&self) -> bool {
        matches!(self.kind, KeptKind::Root | KeptKind::Home)
    }

    /// The GiB that it is paid for; of a snapshot the most that they can be.
    pub fn billed_gib(&self) -> Option<u32> {
        self.snapshot.and_then(|of| of.full_gib).or(self.gib)
    }

    /// What it costs an hour while no instance that runs pays for it; a snapshot at the most.
    pub fn hourly(&self, list: &PriceList) -> Amount {
        match self.kind {
            KeptKind::Address => Amount::of(list.ipv4, 1.0),
            KeptKind::Root | KeptKind::Home | KeptKind::Aside => {
                Amount::of(self.gib.and_then(|gib| storage_hourly(list, gib)), 1.0)
            }
            KeptKind::Snapshot => {
                Amount::of(self.billed_gib().and_then(|gib| snapshot_hourly(list, gib)), 1.0)
            }
        }
    }

    /// The same a month of 30 days.
    pub fn monthly(&self, list: &PriceList) -> Amount {
        let Amount { usd, is_partial } = self.hourly(list);
        Amount { usd: usd * MONTH, is_partial }
    }
}

impl fmt::Display for Kept {
    /// `root vol-0a1b, 30 GiB in us-west-2a`, `address 203.0.113.9`, `snapshot snap-0a1b of its home,
    /// 2026-11-20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.word();
        if let (Some(of), Some(since)) = (self.snapshot, self.since) {
            let (of, day) = (of.kind.word(), since.strftime("%Y-%m-%d"));
            return write!(f, "{kind} {} of its {of}, {day}", self.id);
        }
        match (self.address, self.gib, &self.zone) {
            (Some(address), ..) => write!(f, "{kind} {address}"),
            (None, Some(gib), Some(zone)) => write!(f, "{kind} {}, {gib} GiB in {zone}", self.id),
            _ => write!(f, "{kind} {}", self.id),
        }
    }
}
