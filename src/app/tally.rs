//! How many instances there are of each kind.

use std::collections::BTreeMap;

use crate::fleet::{Fleet, Health, Instance, Phase, Region};

/// How many instances there are, by what they mean and by region. Those that are terminated are
/// counted apart. Counted when the fleet changes, so that a frame need not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// All that are not terminated.
    pub total: usize,
    /// Those that are.
    pub terminated: usize,
    /// By what the phase means.
    pub health: BTreeMap<Health, usize>,
    /// By region: how many are there in all, by what they mean.
    pub regions: BTreeMap<Region, BTreeMap<Health, usize>>,
}

impl Tally {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let mut tally = Self::default();
        for instance in fleet.instances() {
            tally.add(instance);
        }
        tally
    }

    /// How many there are in a region.
    pub fn in_region(&self, region: &Region) -> usize {
        self.regions.get(region).map_or(0, |counts| counts.values().sum())
    }

    fn add(&mut self, instance: &Instance) {
        if instance.phase == Phase::Terminated {
            self.terminated += 1;
            return;
        }
        self.total += 1;
        let health = instance.phase.health();
        *self.health.entry(health).or_insert(0) += 1;
        // A key is cloned once a region, not once a row.
        if !self.regions.contains_key(&instance.region) {
            self.regions.insert(instance.region.clone(), BTreeMap::new());
        }
        if let Some(region) = self.regions.get_mut(&instance.region) {
            *region.entry(health).or_insert(0) += 1;
        }
    }
}
