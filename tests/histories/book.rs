//! The account book: what the user was promised, and nothing of how the program keeps it.
//!
//! * A create that ended is over: the next one adds to it.
//! * What a create that was cut short has made counts, where it was asked for, into the next create
//!   there, which launches the rest of what is asked for then.
//! * "Stop the work" takes back all that the create has made, or taken up.
//! * What is destroyed by name stays gone; what is dropped stays as it is.
//! * A dashboard ends by itself what is all there and ready.

use std::collections::{BTreeMap, BTreeSet};

use spot_tui::fleet::{InstanceId, Region};

/// What is alive: by its id, where it is, and for which region's count it was asked.
pub(super) type Alive = BTreeMap<InstanceId, Place>;

/// Where an instance is, and for which region's count it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) region: Region,
    pub(super) counts_for: Region,
}

/// How many in each region.
pub(super) type Counts = BTreeMap<Region, u32>;

/// What is alive as far as the book knows, and what of it a create made that was cut short.
#[derive(Debug, Default)]
pub(super) struct Book {
    alive: Alive,
    unfinished: BTreeSet<InstanceId>,
    /// What creates that were cut short want in all, by region.
    wanted: Counts,
}

impl Book {
    fn unfinished_for(&self, region: &Region) -> BTreeSet<InstanceId> {
        let is_for =
            |id: &&InstanceId| self.alive.get(*id).is_some_and(|place| place.counts_for == *region);
        self.unfinished.iter().filter(is_for).cloned().collect()
    }

    /// Nothing has come or gone since.
    pub(super) fn stayed(&mut self, alive: &Alive) -> Result<(), String> {
        let (before, now) = (ids(&self.alive), ids(alive));
        if before == now { Ok(()) } else { Err(format!("{before:?} were alive, now {now:?}")) }
    }

    /// A create of so many has come to its end, or was cut short.
    pub(super) fn created(
        &mut self,
        counts: &Counts,
        alive: &Alive,
        is_over: bool,
    ) -> Result<(), String> {
        let lost: Vec<_> = self.alive.keys().filter(|id| !alive.contains_key(id)).collect();
        if !lost.is_empty() {
            return Err(format!("{lost:?} are gone"));
        }
        let mut fresh: Counts = Counts::new();
        for (id, place) in alive.iter().filter(|(id, _)| !self.alive.contains_key(id)) {
            *fresh.entry(place.counts_for.clone()).or_default() += 1;
            self.unfinished.insert(id.clone());
        }
        for region in fresh.keys().chain(counts.keys()).collect::<BTreeSet<_>>() {
            let asked = counts.get(region).copied().unwrap_or_default();
            let there = u32::try_from(self.unfinished_for(region).len()).unwrap();
            let most = asked.saturating_sub(there);
            let made = fresh.get(region).copied().unwrap_or_default();
            if made > most || is_over && made != most {
                return Err(format!(
                    "{made} were launched for {region}, where {asked} are asked for and {there} \
                     of a create that was cut short are there"
                ));
            }
        }
        self.alive.clone_from(alive);
        for (region, asked) in counts {
            let made = self.unfinished_for(region);
            if is_over {
                self.unfinished.retain(|id| !made.contains(id));
                self.wanted.remove(region);
            } else {
                let most = (*asked).max(u32::try_from(made.len()).unwrap());
                self.wanted.insert(region.clone(), most);
            }
        }
        Ok(())
    }

    /// A create of so many was stopped: what it had made or taken up is gone.
    pub(super) fn taken_back(&mut self, counts: &Counts, alive: &Alive) -> Result<(), String> {
        for region in counts.keys() {
            let taken = self.unfinished_for(region);
            self.alive.retain(|id, _| !taken.contains(id));
            self.unfinished.retain(|id| !taken.contains(id));
            self.wanted.remove(region);
        }
        self.stayed(alive)
    }

    /// These were destroyed by name.
    pub(super) fn destroyed(
        &mut self,
        named: &BTreeSet<InstanceId>,
        alive: &Alive,
    ) -> Result<(), String> {
        for id in named {
            let place = self.alive.remove(id);
            if self.unfinished.remove(id)
                && let Some(wanted) = place.and_then(|it| self.wanted.get_mut(&it.counts_for))
            {
                *wanted = wanted.saturating_sub(1);
            }
        }
        self.stayed(alive)
    }

    /// A region was destroyed, or all of them.
    pub(super) fn emptied(&mut self, region: Option<&Region>, alive: &Alive) -> Result<(), String> {
        self.alive.retain(|_, place| region.is_some_and(|region| place.region != *region));
        let still = &self.alive;
        self.unfinished.retain(|id| still.contains_key(id));
        match region {
            // What found no room there and went elsewhere is still one that was cut short.
            Some(region) if self.unfinished_for(region).is_empty() => {
                self.wanted.remove(region);
            }
            Some(region) => {
                let left = u32::try_from(self.unfinished_for(region).len()).unwrap();
                self.wanted.insert(region.clone(), left);
            }
            None => self.wanted.clear(),
        }
        self.stayed(alive)
    }

    /// What was cut short is dropped.
    pub(super) fn forgotten(&mut self, alive: &Alive) -> Result<(), String> {
        self.unfinished.clear();
        self.wanted.clear();
        self.stayed(alive)
    }

    /// Time has passed, and a dashboard has seen these ready.
    pub(super) fn seen_ready(&mut self, ready: &BTreeSet<InstanceId>) {
        let wanted: u32 = self.wanted.values().sum();
        let there = u32::try_from(self.unfinished.len()).unwrap();
        if there >= wanted && self.unfinished.iter().all(|id| ready.contains(id)) {
            self.unfinished.clear();
            self.wanted.clear();
        }
    }
}

fn ids(alive: &Alive) -> Vec<&str> {
    alive.keys().map(InstanceId::as_str).collect()
}
