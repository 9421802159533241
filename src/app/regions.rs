//! The regions as rows: how many of ours are in each and how they are, and which one is meant.

use std::collections::{BTreeMap, BTreeSet};

use super::command::Motion;
use crate::fleet::{Fleet, Health, InstanceKey, Phase, Region};

/// One region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionRow {
    /// Which.
    pub region: Region,
    /// Those of its instances that are not terminated, by what they mean.
    pub counts: BTreeMap<Health, usize>,
    /// Those that AWS took back, or takes back now.
    pub reclaimed: usize,
    /// Those that are marked, of the ones that are not terminated.
    pub marked: usize,
}

impl RegionRow {
    /// One where nothing of ours is.
    fn empty(region: &Region) -> Self {
        Self { region: region.clone(), counts: BTreeMap::new(), reclaimed: 0, marked: 0 }
    }

    /// How many are not terminated.
    pub fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// Whether all of them are marked, where any are.
    pub fn is_marked(&self) -> Option<bool> {
        (self.marked > 0).then(|| self.marked == self.total())
    }

    /// Whether something there needs a person.
    fn is_urgent(&self) -> bool {
        self.counts.keys().any(|health| matches!(health, Health::Bad | Health::Interrupted))
    }
}

/// The rows in their order, and the cursor. They are counted when the fleet changes, never while a
/// frame is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regions {
    rows: Vec<RegionRow>,
    at: usize,
    top: usize,
    height: usize,
}

impl Regions {
    /// The rows of the window.
    pub fn window(&self) -> &[RegionRow] {
        let end = self.rows.len().min(self.top + self.height);
        self.rows.get(self.top..end).unwrap_or_default()
    }

    /// All of them.
    pub fn rows(&self) -> &[RegionRow] {
        &self.rows
    }

    /// The first row of the window.
    pub fn top(&self) -> usize {
        self.top
    }

    /// The place of the cursor.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The region under the cursor.
    pub fn cursor(&self) -> Option<&Region> {
        self.rows.get(self.at).map(|row| &row.region)
    }

    /// Counts these instances, and puts in the regions that are there anyway. What needs a person
    /// comes first; the cursor stays on its region.
    pub(super) fn arrange<'a>(
        &mut self,
        fleet: &'a Fleet,
        (keys, marks): (&[InstanceKey], &BTreeSet<InstanceKey>),
        anyway: impl Iterator<Item = &'a Region>,
    ) {
        let mut rows: BTreeMap<&Region, RegionRow> =
            anyway.map(|region| (region, RegionRow::empty(region))).collect();
        for instance in keys.iter().filter_map(|key| fleet.get(key)) {
            let region = &instance.region;
            let row = rows.entry(region).or_insert_with(|| RegionRow::empty(region));
            row.reclaimed += usize::from(instance.is_interrupted());
            if instance.phase != Phase::Terminated {
                *row.counts.entry(instance.phase.health()).or_insert(0) += 1;
                row.marked += usize::from(marks.contains(&instance.key));
            }
        }
        let mut all: Vec<RegionRow> = rows.into_values().collect();
        all.sort_by(|a, b| b.is_urgent().cmp(&a.is_urgent()).then_with(|| a.region.cmp(&b.region)));
        let cursor = self.cursor().cloned();
        self.rows = all;
        match cursor {
            Some(region) => self.select(&region),
            None => self.put(self.at),
        }
    }

    /// Puts the cursor on a region, if that is there.
    pub(super) fn select(&mut self, region: &Region) {
        let found = self.rows.iter().position(|row| row.region == *region);
        self.put(found.unwrap_or(self.at));
    }

    pub(super) fn step(&mut self, motion: Motion) {
        self.put(motion.from(self.at, self.rows.len(), self.height));
    }

    /// Tells how many rows the window has.
    pub(super) fn resize(&mut self, height: usize) {
        self.height = height;
        self.put(self.at);
    }

    fn put(&mut self, at: usize) {
        self.at = at.min(self.rows.len().saturating_sub(1));
        let lowest = (self.at + 1).saturating_sub(self.height.max(1));
        self.top = self.top.clamp(lowest, self.at);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fleet::Instance;

    fn fleet(rows: &[(&str, &str, Phase)]) -> (Fleet, Vec<InstanceKey>) {
        let mut fleet = Fleet::default();
        for (key, region, phase) in rows {
            let now = Timestamp::UNIX_EPOCH;
            let row = Instance::planned((*key).into(), (*region).into(), "spot-1".into(), now);
            fleet.insert(Instance { phase: phase.clone(), ..row });
        }
        (fleet, rows.iter().map(|(key, ..)| (*key).into()).collect())
    }

    #[test]
    fn each_region_is_counted_and_what_needs_a_person_comes_first() {
        let interrupted = Phase::Interrupted { at: None };
        let (fleet, keys) = fleet(&[
            ("a", "eu-west-1", Phase::Ready),
            ("b", "us-west-2", Phase::Ready),
            ("c", "us-west-2", interrupted),
            ("d", "us-west-2", Phase::Terminated),
        ]);
        let mut regions = Regions::default();
        regions.resize(10);
        let configured = [Region::from("ap-southeast-2"), Region::from("eu-west-1")];
        regions.arrange(&fleet, (&keys, &BTreeSet::new()), configured.iter());
        let said: Vec<(&str, usize, usize)> = regions
            .window()
            .iter()
            .map(|row| (row.region.as_str(), row.total(), row.reclaimed))
            .collect();
        assert_eq!(said, [("us-west-2", 2, 1), ("ap-southeast-2", 0, 0), ("eu-west-1", 1, 0)]);
    }

    #[test]
    fn a_region_is_marked_where_all_of_it_is_that_runs() {
        let (fleet, keys) = fleet(&[
            ("a", "eu-west-1", Phase::Ready),
            ("b", "eu-west-1", Phase::Ready),
            ("c", "us-west-2", Phase::Ready),
            ("d", "us-west-2", Phase::Terminated),
        ]);
        let mut regions = Regions::default();
        let mut marked = |marks: &[&str]| -> Vec<Option<bool>> {
            let marks = marks.iter().map(|key| (*key).into()).collect();
            regions.arrange(&fleet, (&keys, &marks), std::iter::empty());
            regions.rows().iter().map(RegionRow::is_marked).collect()
        };
        assert_eq!(marked(&[]), [None, None]);
        assert_eq!(marked(&["a", "c"]), [Some(false), Some(true)]);
        assert_eq!(marked(&["a", "b", "d"]), [Some(true), None]);
    }

    #[test]
    fn the_cursor_stays_on_its_region() {
        let (fleet, keys) =
            fleet(&[("a", "eu-west-1", Phase::Ready), ("b", "us-west-2", Phase::Ready)]);
        let mut regions = Regions::default();
        regions.resize(1);
        let none = BTreeSet::new();
        regions.arrange(&fleet, (&keys, &none), std::iter::empty());
        regions.step(Motion::Down);
        assert_eq!((regions.cursor().unwrap().as_str(), regions.top()), ("us-west-2", 1));
        regions.arrange(&fleet, (&keys, &none), [Region::from("af-south-1")].iter());
        assert_eq!((regions.cursor().unwrap().as_str(), regions.at()), ("us-west-2", 2));
        regions.arrange(&fleet, (&keys[..1], &none), std::iter::empty());
        assert_eq!(regions.cursor().unwrap().as_str(), "eu-west-1", "the nearest there is");
    }
}
