//! One look at one region, for whoever watches and for whoever destroys.

use crate::aws::{AwsError, Class, Ec2, Selector};
use crate::fleet::{Fact, Machine};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// One look at one region, reported.
pub(in crate::jobs) async fn look(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
) -> Result<Vec<Machine>, AwsError> {
    let selector = Selector::deployment(&context.deployment()).with_terminated();
    match ec2.instances(&selector).await {
        Ok(machines) => {
            context.discharge(&machines);
            reporter.learned_of(ec2.region(), Fact::Surveyed(machines.clone())).await;
            Ok(machines)
        }
        // That is said once for all regions.
        Err(error) if matches!(error.class, Class::Credentials(_)) => Err(error),
        Err(error) => {
            reporter.learned_of(ec2.region(), Fact::Unanswered(error.to_string())).await;
            Err(error)
        }
    }
}
