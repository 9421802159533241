//! What machines keep, as EC2 tells it now.

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
