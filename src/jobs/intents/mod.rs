//! Record before act: what is about to be asked of AWS stands in the journal before the call is
//! sent, and what stands there tells the next process what may have happened.
//!
//! `creates` and `destroys` are whole jobs, `locks` what is held, `unknown_outcome` are single calls;
//! `destroy_target` says what a destroy covers.

pub(super) mod actions;
pub(super) mod creates;
pub(super) mod destroy_target;
pub(super) mod destroys;
pub(super) mod locks;
pub(super) mod unknown_outcome;

use std::sync::Arc;

use super::context::Context;
use crate::aws::network;
use crate::fleet::Failure;
use crate::store::{Intent, IntentId};

/// Writes down what is about to be asked of AWS; when this returns, it is on the disk.
pub(in crate::jobs) async fn record(
    context: &Context,
    intent: &Intent,
) -> Result<IntentId, Failure> {
    record_and_change(context, intent, |_| None).await
}

/// The same, and with it, at one stroke, what `change` makes of the intents that are open.
pub(in crate::jobs) async fn record_and_change(
    context: &Context,
    intent: &Intent,
    change: impl Fn(&Intent) -> Option<Intent> + Send + 'static,
) -> Result<IntentId, Failure> {
    let journal = Arc::clone(context.journal()?);
    let (intent, now) = (intent.clone(), context.now());
    tokio::task::spawn_blocking(move || journal.record_and_change(&intent, now, change))
        .await
        .map_err(Failure::internal)?
        .inspect(|id| context.deadlines().sent(*id))
        .map_err(|error| error.failure())
}

/// Puts another intent in the place of one that is open; when this returns, it is on the disk.
pub(in crate::jobs) async fn amend(
    context: &Context,
    id: IntentId,
    intent: &Intent,
) -> Result<(), Failure> {
    let journal = Arc::clone(context.journal()?);
    let (intent, now) = (intent.clone(), context.now());
    tokio::task::spawn_blocking(move || journal.amend(id, &intent, now))
        .await
        .map_err(Failure::internal)?
        .inspect(|()| context.deadlines().sent(id))
        .map_err(|error| error.failure())
}

/// Puts into the place of an open intent what `change` makes of it; when this returns, it is on the
/// disk.
pub(in crate::jobs) async fn change(
    context: &Context,
    id: IntentId,
    change: impl FnOnce(&Intent) -> Option<Intent> + Send + 'static,
) -> Result<(), Failure> {
    let (journal, now) = (Arc::clone(context.journal()?), context.now());
    tokio::task::spawn_blocking(move || journal.change(id, now, change))
        .await
        .map_err(Failure::internal)?
        .inspect(|()| context.deadlines().sent(id))
        .map_err(|error| error.failure())
}

impl network::RecordIntent for Context {
    type Entry = IntentId;

    fn consistency_window(&self) -> std::time::Duration {
        self.pace.consistency
    }

    async fn open(&self, intent: network::NetworkCall) -> Result<IntentId, String> {
        let intent = Intent {
            action: intent.action.into(),
            region: intent.region,
            deployment: self.deployment(),
            launch: intent.launch,
            request: serde_json::json!({ "name": intent.name, "tags": intent.tags }),
        };
        record(self, &intent).await.map_err(|failure| failure.to_string())
    }

    async fn close(&self, entry: IntentId) -> Result<(), String> {
        close(self, entry, "done").await;
        Ok(())
    }
}

/// Notes that AWS answered.
pub(in crate::jobs) async fn close(context: &Context, id: IntentId, outcome: &'static str) {
    close_all(context, vec![id], outcome).await;
}

/// Notes that these are over, at one stroke. A note that cannot be written costs a question at the
/// next start.
pub(in crate::jobs) async fn close_all(
    context: &Context,
    ids: Vec<IntentId>,
    outcome: &'static str,
) {
    let Ok(journal) = context.journal().map(Arc::clone) else { return };
    context.deadlines().forget(&ids);
    let now = context.now();
    let closed = tokio::task::spawn_blocking(move || journal.close(&ids, outcome, now)).await;
    if let Ok(Err(error)) = closed {
        tracing::warn!(%error, "what is over stays open in the journal");
    }
}
