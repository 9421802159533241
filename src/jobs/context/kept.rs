//! What machines keep, as EC2 tells it now.

use tokio::time::{Instant, sleep};

use super::Context;
use super::reporter::Reporter;
use crate::aws::{AwsError, Ec2, Selector};
use crate::fleet::{Kept, Region, RegionNews};

impl Context {
    /// Something was kept there, as an earlier process or a look has seen.
    pub fn remember_kept(&self, region: &Region) {
        self.kept_regions.remember(region);
    }

    /// From now on what is kept is asked for in all regions.
    pub fn look_for_kept_everywhere(&self) {
        self.kept_regions.look_everywhere();
    }

    /// Whether it is worth asking what is kept there.
    pub(in crate::jobs) fn may_keep(&self, region: &Region) -> bool {
        self.kept_regions.may_keep(region)
    }
}

/// Looks what machines of this deployment keep in a region, and reports it. EC2 tells of the newest
/// tags some seconds late: who has just made something knows of it.
pub(in crate::jobs) async fn look_at_kept(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
) -> Result<Vec<Kept>, AwsError> {
    let kept = ec2.kept(&Selector::deployment(&context.deployment())).await?;
    if !kept.is_empty() {
        context.remember_kept(ec2.region());
    }
    reporter.learned_of(ec2.region(), RegionNews::Kept(kept.clone())).await;
    Ok(kept)
}

/// Looks until EC2 tells this, for as long as it may be late with it. The last look, whatever that told.
pub(in crate::jobs) async fn look_until(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
    is_told: impl Fn(&[Kept]) -> bool,
) -> Result<Vec<Kept>, AwsError> {
    let deadline = Instant::now() + context.pace.consistency;
    loop {
        let kept = look_at_kept(context, ec2, reporter).await?;
        if is_told(&kept) || Instant::now() >= deadline {
            return Ok(kept);
        }
        sleep(context.pace.busy).await;
    }
}
