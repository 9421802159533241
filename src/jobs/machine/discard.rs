//! Takes away what machines keep, of which each was named: disks with their data, and addresses.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::aws::{AwsError, Class, Ec2, Kind};
use crate::fleet::{Failure, FailureKind, JobResult, Kept, KeptKind, Level, Region, Step};
use crate::jobs::context::Context;
use crate::jobs::context::kept::look_at_kept;
use crate::jobs::context::reporter::Reporter;
use crate::retry::{DEPENDENT, STOP_TIMEOUT};

/// Takes these away, each by itself. One that an instance has is left as it is: whoever destroys the
/// machine does that first. A delete may be repeated, so that nothing of it is in the journal.
pub(in crate::jobs) async fn discard(
    context: Arc<Context>,
    named: Vec<(Region, Kept)>,
    reporter: Reporter,
) -> JobResult {
    context.journal()?;
    context.require_deployment()?;
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
    let mut failed = 0;
    for (region, kept) in &named {
        let ec2 = aws.region(region);
        let (level, text) = match take_away(&context, &ec2, kept, &reporter).await {
            Ok(()) => (Level::Success, format!("{}: {kept} is deleted", kept.machine)),
            Err(failure) => {
                failed += 1;
                (Level::Error, format!("{}: {kept}: {failure}", kept.machine))
            }
        };
        reporter.said_of(region, level, text).await;
    }
    for region in named.iter().map(|(region, _)| region) {
        // What is said of it now is old at the worst.
        let _ = look_at_kept(&context, &aws.region(region), &reporter).await;
    }
    Ok(failed)
}

async fn take_away(
    context: &Context,
    ec2: &Ec2,
    kept: &Kept,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let unseen = |error: AwsError| error.failure(Step::Keep);
    // What was named is looked at once more: another process may have given it to an instance.
    let now = look_at_kept(context, ec2, reporter).await.map_err(unseen)?;
    let Some(now) = now.iter().find(|it| it.id == kept.id) else { return Ok(()) };
    if let Some(instance) = &now.instance {
        let states = ec2.states(std::slice::from_ref(instance)).await.map_err(unseen)?;
        if states.get(instance).is_some_and(|state| !state.is_ending()) {
            let reason = format!("{instance} has it");
            let hint = format!("`spot-tui destroy {instance}` first");
            return Err(Failure::new(FailureKind::Configuration, Step::Keep, reason, hint));
        }
    }
    let kind = match kept.kind {
        KeptKind::Root | KeptKind::Home | KeptKind::Aside => Kind::Volume,
        KeptKind::Address => Kind::Address,
        KeptKind::Snapshot => Kind::Snapshot,
    };
    let (deadline, mut backoff) = (Instant::now() + STOP_TIMEOUT, DEPENDENT.backoff());
    loop {
        match ec2.delete(kind, &kept.id).await {
            Err(error) if error.class == Class::Gone => return Ok(()),
            // The instance that had it has not quite ended.
            Err(error)
                if matches!(error.class, Class::Dependency | Class::NotYet)
                    && Instant::now() < deadline =>
            {
                sleep(backoff.pause()).await;
            }
            done => return done.map_err(unseen),
        }
    }
}
