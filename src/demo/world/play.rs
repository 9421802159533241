//! The scenario while it is played: which call is hit, which interruption is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::laws::Laws;
use super::region::RegionWorld;
use crate::demo::scenario::Trouble;

/// Where the story stands.
#[derive(Debug)]
pub(super) struct Play {
    laws: Arc<Laws>,
    /// How many calls each call fault has counted.
    counted: Vec<u32>,
    /// The interruptions that are still to come, by time and index.
    due: BTreeSet<(Timestamp, usize)>,
    /// The faults that were met.
    pub(super) hits: BTreeSet<String>,
}

impl Play {
    pub(super) fn new(laws: &Arc<Laws>) -> Self {
        let due = laws.scenario.interruptions.iter().enumerate().map(|(index, fault)| {
            (laws.began + SignedDuration::from_secs(i64::from(fault.at_s)), index)
        });
        Self {
            due: due.collect(),
            counted: vec![0; laws.scenario.calls.len()],
            laws: Arc::clone(laws),
            hits: BTreeSet::new(),
        }
    }

    /// Counts a call. What happens to it, if anything: the first fault in the file wins.
    pub(super) fn count(&mut self, action: &str, region: &str) -> Option<Trouble> {
        let mut trouble = None;
        for (index, fault) in self.laws.scenario.calls.iter().enumerate() {
            let meant = fault.action == action
                && fault.region.as_deref().is_none_or(|wanted| wanted == region);
            if !meant {
                continue;
            }
            self.counted[index] += 1;
            let number = self.counted[index];
            let hit = fault.nth <= number && number - fault.nth < fault.count;
            if hit && trouble.is_none() {
                self.hits.insert(format!("calls[{index}]"));
                trouble = Some(fault.trouble.clone());
            }
        }
        trouble
    }

    /// Lets everything happen that is due until then, in the order of time.
    pub(super) fn advance(
        &mut self,
        regions: &mut BTreeMap<&'static str, RegionWorld>,
        to: Timestamp,
    ) {
        while let Some((at, index)) = self.due.first().copied().filter(|(at, _)| *at <= to) {
            self.due.pop_first();
            let fault = &self.laws.scenario.interruptions[index];
            let mut left = usize::try_from(fault.count).unwrap_or(usize::MAX);
            for (code, region) in regions.iter_mut() {
                region.advance(at);
                if fault.region.as_deref().is_none_or(|wanted| wanted == *code) {
                    left -= region.interrupt(fault, left);
                }
            }
            if left < usize::try_from(fault.count).unwrap_or(usize::MAX) {
                self.hits.insert(format!("interruptions[{index}]"));
            }
        }
        for region in regions.values_mut() {
            region.advance(to);
        }
    }
}
