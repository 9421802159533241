//! Taking the lock between machines, and letting go of it: one launch template of a name that only one
//! can have. What it is worth is `context/launch_lock`'s to say, before each launch.
//!
//! A holder counts as dead when its time is over and it has not renewed its lock for so long by this
//! machine's own monotonic clock, or when its process ran on this machine and has ended. Then its
//! template is deleted by its id, and another one is made: of two that do so one hits nothing, or finds
//! the name taken, and yields. What the other one launched may not be told of yet: it is waited for,
//! and looked for, before anything is launched.

mod taking;

use std::sync::Arc;

use tokio::time::{sleep, timeout};

use taking::{Taken, Taking, Untaken};

use super::context::Context;
use super::context::launch_lock::Held;
use super::context::reporter::Reporter;
use super::intents::{close, locks};
use super::watch;
use crate::aws::{AwsError, Class, Kind};
use crate::fleet::{JobNews, JobResult, Level, LockHolder, LockStanding, Step};
use crate::retry::LOCK_RELEASE_TIMEOUT;

/// Takes the lock, or finds out who has it: that is reported, and fails nothing.
pub(super) async fn take(
    context: Arc<Context>,
    purpose: &'static str,
    reporter: Reporter,
) -> JobResult {
    let lock = context.launch_lock();
    if let Some(region) = context.lock_region().filter(|_| lock.held().is_none()) {
        context.require_deployment()?;
        let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
        let mut taking = Taking::new(&context, aws.region(region), purpose, &reporter).await?;
        match Box::pin(taking.take()).await {
            Ok(Taken { is_after_others }) if is_after_others || lock.is_unsettled() => {
                settle(&context, &reporter).await;
            }
            Ok(_) => lock.settled(),
            Err(Untaken::Other(holder)) => lock.stand(LockStanding::Other(holder)),
            Err(Untaken::Refused(error)) if is_for_good(&error) => {
                lock.stand(LockStanding::Without(error.to_string()));
            }
            Err(Untaken::Refused(error) | Untaken::Unclear(error)) => {
                return Err(error.failure(Step::Launch));
            }
            Err(Untaken::Unrecorded(failure)) => return Err(failure),
        }
    }
    reporter.job_news(JobNews::Lock(lock.standing())).await;
    Ok(0)
}

/// Whether no later try will be answered otherwise: this identity, or what answers in the place of AWS,
/// has no such lock.
fn is_for_good(error: &AwsError) -> bool {
    matches!(error.class, Class::Denied | Class::FatalRegion | Class::Exists)
}

/// Waits until EC2 tells of all that others launched, and looks what there is.
async fn settle(context: &Arc<Context>, reporter: &Reporter) {
    let window = context.pace.consistency;
    let text =
        format!("another machine launched before: looking {} s for what it made", window.as_secs());
    reporter.remarked(Level::Info, text).await;
    sleep(window).await;
    // Where a region does not answer, nothing is launched there by itself.
    let _ = watch::survey(Arc::clone(context), reporter.clone()).await;
    context.launch_lock().settled();
}

/// Lets go of the lock, so that the next one need not wait. Where something was launched that EC2 may
/// not tell of yet it stays, and says that it is free: who takes it looks for that first. A lock that
/// cannot be let go of is over by itself.
pub async fn release_lock(context: &Context) {
    let Some(held) = context.launch_lock().let_go() else { return };
    let Held { ec2, id, holder, entry, .. } = &held;
    let is_young = held.launched_within(context.pace.consistency);
    let ended = async {
        if is_young {
            let free = LockHolder { expires: None, ..holder.clone() };
            return ec2.renew_lock(id, &free).await.map(|is_there| !is_there);
        }
        match ec2.delete(Kind::Template, id.as_str()).await {
            Err(error) if error.class != Class::Gone => Err(error),
            _ => Ok(true),
        }
    };
    match timeout(LOCK_RELEASE_TIMEOUT, ended).await {
        Ok(Ok(true)) => close(context, *entry, "let go of").await,
        // It is known as ours to the next process of this state.
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the lock between machines is not let go of"),
        Err(_) => tracing::warn!("the lock between machines is not let go of in time"),
    }
}
