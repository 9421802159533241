//! Whether somebody else launches in a region of the configuration where we have no spot instance:
//! a spot request that has one is another process's launch, on this or another machine.

use std::time::Duration;

use super::question::{Question, WatchedRegion};
use crate::aws::AwsError;

pub(super) struct Requests;

impl Question for Requests {
    const NAME: &'static str = "spot requests";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        (!region.seen().has_spot()).then_some(region.context.pace.notices)
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        if region.seen().has_spot() {
            return Ok(());
        }
        let requests = region.ec2.spot_requests(&region.ours()).await?;
        let mut launched =
            requests.iter().filter(|it| it.is_alive()).filter_map(|it| it.instance.as_ref());
        if launched.any(|id| region.seen().machines.iter().all(|machine| machine.id != *id)) {
            region.look_soon();
        }
        Ok(())
    }
}
