//! How many instances there are of each kind.

use std::collections::BTreeMap;

use super::Field;
use crate::fleet::{Fleet, Health, Instance, Phase, Region};

/// What a whole fleet often has in common, in the order in which it is said.
const OFTEN_ALIKE: [Field; 5] =
    [Field::Type, Field::Lifecycle, Field::Creator, Field::Node, Field::Name];

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
    /// Of those that are terminated, how many AWS took back.
    pub reclaimed: usize,
    /// What all that exist have in common, and what it is: it is said once, not row by row.
    pub alike: Vec<(Field, String)>,
}

impl Tally {
    pub(super) fn of(fleet: &Fleet) -> Self {
        let mut tally = Self::default();
        let mut alike = Alike::default();
        // Each row is looked at once: a large fleet is in no cache.
        for instance in fleet.instances() {
            tally.add(instance);
            alike.add(instance);
        }
        tally.alike = alike.told();
        tally
    }

    /// Whether all have this in common.
    pub fn is_alike(&self, field: Field) -> bool {
        self.alike.iter().any(|(known, _)| *known == field)
    }

    /// How many there are in a region.
    pub fn in_region(&self, region: &Region) -> usize {
        self.regions.get(region).map_or(0, |counts| counts.values().sum())
    }

    fn add(&mut self, instance: &Instance) {
        if instance.phase == Phase::Terminated {
            self.terminated += 1;
            self.reclaimed += usize::from(instance.is_interrupted());
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

/// What the instances that were looked at have in common.
#[derive(Default)]
struct Alike<'a> {
    first: Option<&'a Instance>,
    /// In what one of them differs from the first.
    differs: [bool; OFTEN_ALIKE.len()],
    are_several: bool,
}

impl<'a> Alike<'a> {
    fn add(&mut self, row: &'a Instance) {
        if row.machine.is_none() {
            return;
        }
        let Some(first) = self.first else {
            self.first = Some(row);
            return;
        };
        self.are_several = true;
        for (differs, field) in self.differs.iter_mut().zip(OFTEN_ALIKE) {
            *differs = *differs || field.text(first) != field.text(row);
        }
    }

    /// Each field in which all say the same, and what that is.
    fn told(self) -> Vec<(Field, String)> {
        let Some(first) = self.first.filter(|_| self.are_several) else { return Vec::new() };
        let said = OFTEN_ALIKE.into_iter().zip(self.differs).filter(|(_, differs)| !differs);
        let said = said.map(|(field, _)| (field, field.text(first).into_owned()));
        said.filter(|(_, text)| !text.is_empty()).collect()
    }
}
