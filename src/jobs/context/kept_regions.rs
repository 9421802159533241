//! Where machines may keep something that the configuration does not tell of: one that left it, or
//! moved to another region, leaves there what it kept.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock::lock;
use crate::fleet::Region;

/// Where machines may keep something.
#[derive(Debug, Default)]
pub(super) struct KeptRegions {
    known: Mutex<BTreeSet<Region>>,
    everywhere: AtomicBool,
}

impl KeptRegions {
    pub(super) fn remember(&self, region: &Region) {
        lock(&self.known).insert(region.clone());
    }

    pub(super) fn look_everywhere(&self) {
        self.everywhere.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_keep(&self, region: &Region) -> bool {
        lock(&self.known).contains(region) || self.everywhere.load(Ordering::Relaxed)
    }
}
