//! Which instances are there: asked often while something changes, seldom when a region has
//! steady. EC2 allows 20 such questions a second.

use std::time::Duration;

use tokio::sync::watch;

use super::question::{Question, Seen, WatchedRegion};
use super::survey_region::survey_region;
use crate::aws::AwsError;
use crate::fleet::Machine;

pub(super) struct Machines;

impl Question for Machines {
    const NAME: &'static str = "machines";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        let (seen, pace) = (region.seen(), &region.context.pace);
        Some(if seen.is_changing() {
            pace.busy
        } else if seen.machines.iter().any(Machine::is_alive) {
            pace.steady
        } else {
            pace.empty
        })
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let machines = survey_region(&region.context, &region.ec2, &region.reporter).await?;
        region.note(machines);
        Ok(())
    }

    async fn woken(&self, region: &WatchedRegion, _: &mut watch::Receiver<Seen>) {
        region.looked_for().await;
    }
}
