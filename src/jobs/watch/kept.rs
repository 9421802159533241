//! What machines keep: asked where there are machines, when other instances are there than before.

use std::collections::BTreeSet;
use std::time::Duration;

use super::question::{Question, WatchedRegion};
use crate::aws::AwsError;
use crate::fleet::{InstanceId, Machine, Region};
use crate::jobs::context::Context;
use crate::jobs::context::kept::look_at_kept;

#[derive(Default)]
pub(super) struct KeptThings {
    /// What was there when it was asked for.
    known: Option<BTreeSet<InstanceId>>,
}

impl Question for KeptThings {
    const NAME: &'static str = "kept";

    fn pace(&self, _: &WatchedRegion) -> Option<Duration> {
        None
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let alive: BTreeSet<InstanceId> = {
            let seen = region.seen();
            if !has_machines(&region.context, region.ec2.region(), &seen.machines) {
                return Ok(());
            }
            let alive = seen.machines.iter().filter(|machine| machine.is_alive());
            alive.map(|machine| machine.id.clone()).collect()
        };
        if self.known.as_ref() != Some(&alive) {
            look_at_kept(&region.context, &region.ec2, &region.reporter).await?;
        }
        self.known = Some(alive);
        Ok(())
    }
}

/// Whether something may be kept in a region: the configuration has a machine there, or one is there, or
/// something was kept there when that was last looked at.
pub(super) fn has_machines(context: &Context, region: &Region, seen: &[Machine]) -> bool {
    let config = context.config.as_ref();
    config.is_some_and(|it| it.machines.iter().any(|machine| machine.place.region == *region))
        || seen.iter().any(|machine| machine.birth.machine.is_some())
        || context.may_keep(region)
}
