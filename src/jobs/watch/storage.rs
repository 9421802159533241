//! How much storage our instances have, which costs something: asked when there are new ones.

use std::collections::BTreeSet;
use std::time::Duration;

use super::question::{Question, WatchedRegion};
use crate::aws::AwsError;
use crate::fleet::{InstanceId, RegionNews};

#[derive(Default)]
pub(super) struct Storage {
    /// Those whose storage was asked for.
    known: BTreeSet<InstanceId>,
}

impl Question for Storage {
    const NAME: &'static str = "storage";

    fn pace(&self, _: &WatchedRegion) -> Option<Duration> {
        None
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let alive: BTreeSet<InstanceId> = {
            let seen = region.seen();
            let alive = seen.machines.iter().filter(|machine| machine.is_alive());
            alive.map(|machine| machine.id.clone()).collect()
        };
        if !alive.is_subset(&self.known) {
            let storage = region.ec2.storage(&region.ours()).await?;
            region.reporter.learned_of(region.ec2.region(), RegionNews::Storage(storage)).await;
        }
        self.known = alive;
        Ok(())
    }
}
