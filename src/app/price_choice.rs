//! What of the market was chosen to be shown.

use crate::fleet::{MachineType, Region};

/// What was chosen by key; else it follows the row under the cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceChoice {
    /// Seven days, and not one.
    pub week: bool,
    /// The region.
    pub(super) region: Option<Region>,
    /// The machine type.
    pub(super) machine_type: Option<MachineType>,
}

impl PriceChoice {
    /// Follows the cursor again.
    pub(super) fn follow(&mut self) {
        (self.region, self.machine_type) = (None, None);
    }
}
