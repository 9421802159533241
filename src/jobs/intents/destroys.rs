//! Destroys in the journal. Each names the instances that it is to end before it asks EC2 for
//! anything, so that the next run goes on with them and takes nothing besides.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::actions::{DESTROY, NUKE, is_destroy, is_nuke};
use super::destroy_target::DestroyTarget;
use super::{amend, close_all, record};
use crate::fleet::{InstanceId, InstanceKey, PendingDestroy, Region, SpotRequestId, Termination};
use crate::jobs::context::Context;
use crate::store::{Intent, IntentId, Journal};

/// The payload of a destroy's intent, as the journal keeps it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct DestroyPayload {
    /// What is to end, and the spot request to cancel before.
    instances: BTreeMap<InstanceId, Option<SpotRequestId>>,
}

impl DestroyPayload {
    fn of(intent: &Intent) -> Self {
        serde_json::from_value(intent.request.clone()).unwrap_or_default()
    }
}

/// The destroys that an earlier process began and did not end.
pub fn unfinished_destroys(journal: &Journal) -> Vec<PendingDestroy> {
    let destroys = journal.inherited().into_iter().filter(|(.., it)| it.action == DESTROY);
    let pending = |intent: Intent| {
        let terminations =
            DestroyPayload::of(&intent).instances.into_iter().map(|(id, spot_request)| {
                Termination { key: InstanceKey::adopted(&id), id, spot_request }
            });
        PendingDestroy {
            terminations: terminations.collect(),
            deployment: intent.deployment,
            region: intent.region,
            launch: intent.launch,
        }
    };
    destroys.map(|(.., intent)| pending(intent)).collect()
}

/// The regions in which an earlier process began to destroy everything in the account.
pub fn unfinished_nukes(journal: &Journal) -> Vec<Region> {
    let nukes = journal.inherited().into_iter().filter(|(.., it)| is_nuke(it));
    nukes.map(|(.., intent)| intent.region).collect()
}

/// One region's destroy in the journal.
#[derive(Debug, Default)]
pub(in crate::jobs) struct DestroyIntent(Mutex<OpenIntent>);

#[derive(Debug, Default)]
struct OpenIntent {
    id: Option<IntentId>,
    payload: DestroyPayload,
}

impl DestroyIntent {
    /// Notes that these are about to be ended. A journal that cannot be written does not keep
    /// anything from being destroyed.
    pub(in crate::jobs) async fn begin(
        &self,
        context: &Context,
        region: &Region,
        target: &DestroyTarget,
        terminations: &[Termination],
    ) {
        let mut recorded = self.0.lock().await;
        let known = recorded.payload.instances.len();
        let named = terminations
            .iter()
            .map(|termination| (termination.id.clone(), termination.spot_request.clone()));
        recorded.payload.instances.extend(named);
        let intent = Intent {
            action: if *target == DestroyTarget::Account { NUKE } else { DESTROY }.into(),
            region: region.clone(),
            deployment: target.deployment().unwrap_or_else(|| context.deployment()),
            launch: target.launch().cloned(),
            request: serde_json::to_value(&recorded.payload).unwrap_or_default(),
        };
        let written = match recorded.id {
            Some(_) if recorded.payload.instances.len() == known => return,
            Some(id) => amend(context, id, &intent).await,
            None => record(context, &intent).await.map(|id| recorded.id = Some(id)),
        };
        if let Err(failure) = written {
            tracing::warn!(%failure, "a destroy is not in the journal");
        }
    }

    /// Notes that it is over, and with it what earlier runs began and named nothing but these.
    pub(in crate::jobs) async fn end(
        &self,
        context: &Context,
        region: &Region,
        target: &DestroyTarget,
        gone: &BTreeSet<InstanceId>,
    ) {
        let Ok(journal) = context.journal() else { return };
        let is_done = |intent: &Intent| {
            is_destroy(intent)
                && intent.region == *region
                && target.covers(intent)
                && DestroyPayload::of(intent).instances.keys().all(|id| gone.contains(id))
        };
        let earlier = journal.inherited().into_iter().filter(|(.., intent)| is_done(intent));
        let own = self.0.lock().await.id;
        let over = earlier.map(|(id, ..)| id).chain(own).collect();
        close_all(context, over, "done").await;
    }
}
