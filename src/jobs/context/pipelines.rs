//! One pipeline an instance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use super::lock::lock;
use crate::fleet::InstanceId;

/// The work on all instances.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Pipelines(Mutex<HashMap<InstanceId, Pipeline>>);

/// What is known of the work on an instance.
#[derive(Debug, Clone, Default)]
struct Pipeline {
    /// Says when it has to stop.
    stop: CancellationToken,
    /// How it ended, if it did. Held by whoever works on the instance.
    ended: Arc<tokio::sync::Mutex<Option<bool>>>,
}

impl Pipelines {
    /// Work on this instance begins: the token says when it has to stop.
    pub(in crate::jobs) fn begin(&self, id: &InstanceId) -> CancellationToken {
        self.of(id).stop
    }

    /// Nobody may work on this instance any more, nor begin to: it is being destroyed.
    pub(in crate::jobs) fn stop(&self, id: &InstanceId) {
        self.of(id).stop.cancel();
    }

    /// Works on an instance, if nobody does or did. Whoever comes second waits, and hears how it
    /// ended.
    pub(in crate::jobs) async fn once(
        &self,
        id: &InstanceId,
        work: impl Future<Output = bool>,
    ) -> bool {
        let pipeline = self.of(id);
        let mut ended = pipeline.ended.lock().await;
        match *ended {
            Some(went_well) => went_well,
            // A job that was cancelled has left it undone.
            None => *ended.insert(work.await),
        }
    }

    fn of(&self, id: &InstanceId) -> Pipeline {
        lock(&self.0).entry(id.clone()).or_default().clone()
    }
}
