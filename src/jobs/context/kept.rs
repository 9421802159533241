//! What machines keep, as EC2 tells it now.

use tokio::time::{Instant, sleep};

use super::Context;
use super::reporter::Reporter;
use crate::aws::{AwsError, Ec2, Selector};
use crate::fleet::{Kept, RegionNews};

/// Looks what machines of this deployment keep in a region, and reports it. EC2 tells of the newest
/// tags some seconds late: who has just made something knows of it.
pub(in crate::jobs) async fn look_at_kept(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
) -> Result<Vec<Kept>, AwsError> {
    let kept = ec2.kept(&Selector::deployment(&context.deployment())).await?;
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
