//! One call of EC2 while it is answered.

use super::form::Form;
use crate::demo::world::pace::Rate;
use crate::demo::world::region::RegionWorld;
use crate::demo::world::{HostKeys, Refusal};

/// What was asked, and the region that is asked.
pub(super) struct Call<'a> {
    pub(super) form: &'a Form,
    pub(super) region: &'a mut RegionWorld,
    pub(super) keys: Option<&'a dyn HostKeys>,
}

impl Call<'_> {
    /// Takes out of a bucket, where buckets hold.
    pub(super) fn spend(&mut self, name: &str, rate: Rate, amount: u32) -> Result<(), Refusal> {
        if !self.region.laws.throttles || self.region.rehearsal {
            return Ok(());
        }
        let now = self.region.now;
        self.region.buckets.take(name, rate, amount, now)
    }
}
