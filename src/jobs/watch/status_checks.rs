//! Which instances fail EC2's own checks: a machine that hangs may still let nobody know, and EC2
//! does. Asked once a minute where something runs, each ten where nobody watches; a check fails only
//! after some minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::question::{Question, WatchedRegion};
use crate::aws::AwsError;
use crate::fleet::{Ec2State, FailedCheck, InstanceId, Machine, RegionNews};

#[derive(Default)]
pub(super) struct StatusChecks {
    /// What was last told.
    told: BTreeMap<InstanceId, Vec<FailedCheck>>,
}

impl Question for StatusChecks {
    const NAME: &'static str = "status checks";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        // What boots will run without anybody being woken for it.
        let is_any = region.seen().machines.iter().any(Machine::is_alive);
        // An answer is as long as one about all of them, and asked for as seldom where nobody watches.
        let pace = &region.context.pace;
        is_any.then_some(pace.health.max(pace.whole))
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let running = running(region);
        let failed = match running.as_slice() {
            [] => BTreeMap::new(),
            running => region.ec2.failed_checks(running).await?,
        };
        if failed != self.told {
            let news = RegionNews::StatusChecks(failed.clone());
            region.reporter.learned_of(region.ec2.region(), news).await;
            self.told = failed;
        }
        Ok(())
    }
}

fn running(region: &WatchedRegion) -> Vec<InstanceId> {
    let seen = region.seen();
    let running = seen.machines.iter().filter(|machine| machine.seen.state == Ec2State::Running);
    running.map(|machine| machine.id.clone()).collect()
}
