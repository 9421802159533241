//! Calls whose answer nobody got. Such a call may have happened or not, and it may yet happen: so
//! what it makes is looked for by its tag and its client token until the consistency window is
//! over, and only then does it count as never sent.

use tokio::time::{Instant, sleep};

use super::actions::{CREATE_FLEET, RUN_INSTANCES, is_job};
use crate::aws::{AwsError, Ec2, Selector};
use crate::fleet::{Failure, LaunchId, Level, Step};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::store::{Intent, IntentId};

/// A call whose answer nobody got.
#[derive(Debug)]
pub(in crate::jobs) struct UnknownOutcome {
    /// Its place in the journal.
    pub id: IntentId,
    /// What was asked.
    pub intent: Intent,
    /// Until when what it makes may show.
    pub until: Instant,
}

impl UnknownOutcome {
    /// The tag `LaunchId` of what the call makes; `None` for one that makes nothing of its own, or
    /// is a create.
    pub(in crate::jobs) fn makes(&self) -> Option<&LaunchId> {
        self.intent.launch.as_ref().filter(|_| !is_job(&self.intent))
    }
}

/// Brings to an end what an earlier process left open in a region. Afterwards everything that it
/// made there is listed, or never will be.
pub(in crate::jobs) async fn reconcile(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let deployment = context.deployment();
    let inherited = context.journal()?.inherited().into_iter();
    let mut open: Vec<UnknownOutcome> = inherited
        .filter(|(.., it)| it.region == *ec2.region() && it.deployment == deployment)
        .filter(|(.., it)| !is_job(it))
        .map(|(id, _, intent)| UnknownOutcome { id, intent, until: context.shows_until(id) })
        .collect();
    if open.iter().any(|call| call.makes().is_some()) {
        let text = "an earlier run was cut short: looking for what it made";
        reporter.said_of(ec2.region(), Level::Info, text).await;
    }
    while !open.is_empty() {
        let mut waiting = Vec::new();
        for call in open {
            let is_over = Instant::now() >= call.until;
            match outcome(ec2, &call, is_over).await {
                Ok(Some(outcome)) => super::close(context, call.id, outcome).await,
                Err(error) if is_over => return Err(error.failure(Step::Launch)),
                Ok(None) | Err(_) => waiting.push(call),
            }
        }
        open = waiting;
        if let Some(next) = open.iter().map(|call| call.until).min() {
            let pause = next.saturating_duration_since(Instant::now()).min(context.pace.busy);
            sleep(pause).await;
        }
    }
    Ok(())
}

/// What became of a call, if that is known.
async fn outcome(
    ec2: &Ec2,
    call: &UnknownOutcome,
    is_over: bool,
) -> Result<Option<&'static str>, AwsError> {
    // Whoever needs it looks whether it is done.
    let Some(request) = call.makes() else { return Ok(Some("left to the next look")) };
    let ours = Selector::deployment(&call.intent.deployment)
        .made_by(request)
        .with_terminated()
        .with_kept();
    let happened = if [RUN_INSTANCES, CREATE_FLEET].contains(&call.intent.action.as_str()) {
        let wanted = call.intent.request["count"].as_u64().unwrap_or(1);
        let made = ec2.instances(&ours).await?.len();
        // Fewer may be all that there was room for, or all that is listed by now.
        u64::try_from(made).is_ok_and(|made| made >= wanted)
            || is_over && (made > 0 || ec2.knows_token(request).await)
    } else {
        !ec2.residue(&ours).await?.is_empty()
    };
    Ok(match happened {
        true => Some("found"),
        false if is_over => Some("never happened"),
        false => None,
    })
}
