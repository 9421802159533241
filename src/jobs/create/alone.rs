//! A machine is itself, and there is one of it: what would launch a second one beside the launch that is
//! about to be made is stopped, and what came of it is taken up.
//!
//! A persistent spot request outlives its instance. Where that was ended from outside, EC2 launches
//! another one for the request, and tells nobody.

use std::collections::BTreeSet;

use super::creation::Creation;
use crate::aws::{AwsError, Class, Ec2, Selector};
use crate::fleet::{
    Failure, FailureKind, InstanceId, Launch, LaunchId, Level, Lifecycle, Machine, SpotRequestId,
    Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

impl Creation {
    /// Cancels the requests of a machine whose instances are gone or going, before it is launched.
    /// Answers with what they have launched meanwhile, if anything: that is the machine then.
    pub(super) async fn launched_by_request(
        &self,
        context: &Context,
        ec2: &Ec2,
        launch: &Launch,
        reporter: &Reporter,
    ) -> Result<Option<Machine>, Failure> {
        let Some(name) = &launch.machine else { return Ok(None) };
        let ours = Selector::deployment(&context.deployment());
        let unseen = |error: AwsError| error.failure(Step::Launch);
        let idle = match idle_requests(ec2, &ours, name).await {
            Ok(idle) => idle,
            // Who may not see requests launches as ever.
            Err(error) if error.class == Class::Denied => return Ok(None),
            Err(error) => return Err(unseen(error)),
        };
        if idle.is_empty() {
            return Ok(None);
        }
        let ids: Vec<SpotRequestId> = idle.iter().cloned().collect();
        ec2.cancel_spot_requests(&ids).await.map_err(unseen)?;
        let told: Vec<&str> = ids.iter().map(SpotRequestId::as_str).collect();
        let text = format!(
            "{name}: the spot request {} of an instance that is gone is cancelled: EC2 would launch \
             another one for it",
            told.join(", ")
        );
        reporter.said_of(ec2.region(), Level::Info, text).await;
        // EC2 may have been quicker.
        let there = ec2.instances(&ours).await.map_err(unseen)?;
        let is_of_it =
            |it: &Machine| it.birth.spot_request.as_ref().is_some_and(|id| idle.contains(id));
        let came = there.into_iter().find(|it| is_machine(it, name) && is_of_it(it));
        if let Some(came) = &came {
            let text = format!(
                "{name}: EC2 has launched {} for it: that is taken up. Without its request it cannot be \
                 stopped and started: `recreate` makes it whole",
                came.id
            );
            reporter.said_of(ec2.region(), Level::Warning, text).await;
            return Ok(Some(came.clone()));
        }
        // What it launches has the tags of the request only where EC2 hands them on.
        let untagged = running_behind(ec2, &ours, &idle).await.map_err(unseen)?;
        match untagged {
            None => Ok(None),
            Some(id) => {
                let reason = format!("EC2 has launched {id} for an old spot request of {name}");
                let hint =
                    format!("EC2 shows no tags of ours on it: end {id} by hand, then `up {name}`");
                Err(Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
            }
        }
    }
}

/// The living persistent requests of a machine behind which no instance is there to stay.
async fn idle_requests(
    ec2: &Ec2,
    ours: &Selector,
    name: &str,
) -> Result<BTreeSet<SpotRequestId>, AwsError> {
    let mut its = ec2.spot_requests(ours).await?;
    its.retain(|it| {
        it.is_alive()
            && it.lifecycle == Lifecycle::PersistentSpot
            && it.machine.as_deref() == Some(name)
    });
    let ids: Vec<InstanceId> = its.iter().filter_map(|it| it.instance.clone()).collect();
    let states = ec2.states(&ids).await?;
    let lives = |id: &InstanceId| states.get(id).is_some_and(|state| !state.is_ending());
    its.retain(|it| !it.instance.as_ref().is_some_and(lives));
    Ok(its.into_iter().map(|it| it.id).collect())
}

/// An instance that is there to stay behind one of these requests.
async fn running_behind(
    ec2: &Ec2,
    ours: &Selector,
    requests: &BTreeSet<SpotRequestId>,
) -> Result<Option<InstanceId>, AwsError> {
    let its = ec2.spot_requests(ours).await?.into_iter().filter(|it| requests.contains(&it.id));
    let ids: Vec<InstanceId> = its.filter_map(|it| it.instance).collect();
    let states = ec2.states(&ids).await?;
    Ok(states.into_iter().find(|(_, state)| !state.is_ending()).map(|(id, _)| id))
}

fn is_machine(it: &Machine, name: &str) -> bool {
    it.birth.machine.as_deref() == Some(name) && !it.seen.state.is_ending()
}

/// Refuses where the machine is there already, and not by this launch: somebody else has launched it
/// since that was last looked at.
pub(super) async fn is_alone(
    context: &Context,
    ec2: &Ec2,
    (name, launch): (&str, &LaunchId),
) -> Result<(), Failure> {
    let ours = Selector::deployment(&context.deployment());
    let there = ec2.instances(&ours).await.map_err(|error| error.failure(Step::Launch))?;
    let Some(other) = there.iter().find(|it| is_machine(it, name) && !it.is_of(launch)) else {
        return Ok(());
    };
    let reason = format!("{name} is there already: {}, {}", other.id, other.seen.state);
    let hint = format!("`spot-tui list` shows it; `up {name}` goes on with it");
    Err(Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
}
