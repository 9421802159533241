//! Regions that are closed to us: denied to this identity or its organization, or not enabled.
//!
//! Nothing of ours can have been launched there with these rights, so such a region fails nothing
//! and is asked no more, unless the configuration or the state names it. Only a refused
//! DescribeInstances closes a region: any other action may be denied by itself.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::lock::lock;
use crate::fleet::Region;

/// What was found closed, and what of it was said.
#[derive(Debug, Default)]
pub(super) struct ClosedRegions {
    found: Mutex<BTreeSet<Region>>,
    said: Mutex<BTreeSet<Region>>,
}

impl ClosedRegions {
    /// This one is asked no more.
    pub(super) fn close(&self, region: &Region) {
        lock(&self.found).insert(region.clone());
    }

    /// Those of these that are not known to be closed.
    pub(super) fn open_of(&self, regions: &[Region]) -> Vec<Region> {
        let closed = lock(&self.found);
        regions.iter().filter(|region| !closed.contains(*region)).cloned().collect()
    }

    /// Those that were not said yet; from now on they were.
    pub(super) fn unsaid(&self) -> Vec<Region> {
        let (found, mut said) = (lock(&self.found), lock(&self.said));
        let unsaid = found.difference(&said).cloned().collect();
        said.clone_from(&found);
        unsaid
    }
}
