//! The lock between machines in the journal: the nonce under which this state's process takes it, on
//! the disk before EC2 is asked. So whoever comes after a process that was killed knows its own lock,
//! and takes it up at once.

use super::actions::is_lock;
use super::destroy_target::DestroyTarget;
use super::{amend, close_all, record};
use crate::fleet::{Failure, Region};
use crate::jobs::context::Context;
use crate::jobs::context::launch_lock::{LOCK, LockPayload};
use crate::store::{Intent, IntentId};

/// Writes down that the lock is about to be taken under this nonce, in the place of what stands there
/// already. When this returns, it is on the disk.
pub(in crate::jobs) async fn note(
    context: &Context,
    entry: Option<IntentId>,
    region: &Region,
    nonce: &str,
) -> Result<IntentId, Failure> {
    let intent = Intent {
        action: LOCK.into(),
        region: region.clone(),
        deployment: context.deployment(),
        launch: None,
        request: serde_json::to_value(LockPayload { nonce: nonce.to_owned() }).unwrap_or_default(),
    };
    match entry {
        Some(entry) => amend(context, entry, &intent).await.map(|()| entry),
        None => record(context, &intent).await,
    }
}

/// Everything of the target is gone, its lock as well.
pub(in crate::jobs) async fn drop_all(context: &Context, target: &DestroyTarget) {
    let Ok(journal) = context.journal() else { return };
    let open = journal.unresolved().into_iter();
    let locks = open.filter(|(.., it)| is_lock(it) && target.covers(it));
    close_all(context, locks.map(|(id, ..)| id).collect(), "destroyed").await;
}
