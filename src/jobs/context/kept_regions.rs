//! Where machines may keep something that the configuration does not tell of: one that left it, or
//! moved to another region, leaves there what it kept.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::fleet::Region;

/// Where machines may keep something.
#[derive(Debug, Default)]
pub(super) struct KeptRegions {
    known: Mutex<BTreeSet<Region>>,
    everywhere: AtomicBool,
}

impl KeptRegions {
    pub(super) fn remember(&self, region: &Region) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(region.clone());
    }

    pub(super) fn look_everywhere(&self) {
        self.everywhere.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_keep(&self, region: &Region) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(region) || self.everywhere.load(Ordering::Relaxed)
    }
}
