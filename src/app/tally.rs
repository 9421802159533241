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
        for instance in fleet.instances() {
            tally.add(instance);
        }
        tally.alike =
            OFTEN_ALIKE.into_iter().filter_map(|it| Some((it, alike(fleet, it)?))).collect();
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

/// What all instances say in a field, where there are several and all say the same.
fn alike(fleet: &Fleet, field: Field) -> Option<String> {
    let mut rows = fleet.instances().filter(|row| row.machine.is_some());
    let first = field.text(rows.next()?);
    let mut others = rows.peekable();
    others.peek()?;
    (!first.is_empty() && others.all(|row| field.text(row) == first)).then(|| first.into_owned())
}
