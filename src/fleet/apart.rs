//! What machines keep while no instance has it, and its hours. While an instance has it, it is in that
//! instance's hours (`hours.rs`).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entry::{End, Entry, Holder, HolderId, HolderKind, Thing};
use super::hours::{Stretch, Tariff};
use super::{DeploymentId, Kept, KeptKind, Region, RegionPrices};

/// Something kept, for as long as no instance has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Apart {
    pub(super) region: Region,
    pub(super) deployment: DeploymentId,
    pub(super) kept: Kept,
    /// From when on the ledger does not have it.
    pub(super) from: Timestamp,
    /// Since when an instance has it again, or it is gone.
    pub(super) until: Option<Timestamp>,
}

impl Apart {
    /// What of it is paid for.
    fn thing(&self) -> Thing {
        match self.kept.kind {
            KeptKind::Root | KeptKind::Home | KeptKind::Aside => Thing::Storage,
            KeptKind::Address => Thing::Address,
            KeptKind::Snapshot => Thing::Snapshot,
        }
    }

    /// The hours that the ledger does not have yet, the one that goes on among them. They are those of
    /// the clock: whoever reckons them comes to the same ones.
    pub(super) fn unposted(&self, prices: &RegionPrices, now: Timestamp) -> Vec<Entry> {
        let tariff = Tariff { capacity: None, storage_gb: self.kept.billed_gib() };
        let stretch = Stretch {
            holder: HolderId::Kept(self.kept.id.clone()),
            thing: self.thing(),
            begin: Timestamp::UNIX_EPOCH,
            until: self.until.unwrap_or(now),
            end: self.until.map(|_| End::Chosen),
            is_free: false,
        };
        stretch.hours_from(self.from, &tariff, prices, now)
    }

    pub(super) fn holder(&self, tags: BTreeMap<String, String>) -> Holder {
        let Kept { id, kind, machine, zone, .. } = &self.kept;
        Holder {
            kind: HolderKind::Kept { kept: id.clone(), part: *kind },
            region: self.region.clone(),
            zone: zone.clone(),
            deployment: self.deployment.clone(),
            machine: Some(machine.clone()),
            storage_gb: self.kept.billed_gib(),
            tags,
        }
    }
}
