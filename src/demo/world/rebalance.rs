//! Instances that are recommended to be rebalanced. EC2 has no call that tells: only their own
//! metadata do.

use jiff::{SignedDuration, Timestamp};

use super::instance::Instance;
use super::region::RegionWorld;

impl RegionWorld {
    /// Since when that is recommended of an instance, and by which part of the scenario.
    pub(super) fn rebalance_of(&self, instance: &Instance) -> Option<(usize, Timestamp)> {
        let told = self.laws.scenario.rebalances.iter().enumerate().filter(|(_, it)| {
            it.region == self.place.code
                && it.nth <= instance.ordinal
                && instance.ordinal - it.nth < it.count
        });
        let moments = told.map(|(index, it)| {
            (index, self.laws.began + SignedDuration::from_secs(it.at_s.into()))
        });
        moments.filter(|(_, since)| *since <= self.now).min_by_key(|(_, since)| *since)
    }
}
