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
    /// Whether we stop the instance, or have stopped it.
    rests: bool,
}

impl Pipelines {
    /// Work on this instance begins: the token says when it has to stop.
    pub(in crate::jobs) fn begin(&self, id: &InstanceId) -> CancellationToken {
        self.of(id).stop
    }

    /// Nobody may work on this instance any more, nor begin to: it is being destroyed. Tells whether
    /// anybody did.
    pub(in crate::jobs) fn stop(&self, id: &InstanceId) -> bool {
        let mut pipelines = lock(&self.0);
        let was_at_work = pipelines.contains_key(id);
        pipelines.entry(id.clone()).or_default().stop.cancel();
        was_at_work
    }

    /// We are about to stop this instance: work on it ends.
    pub(in crate::jobs) fn rest(&self, id: &InstanceId) {
        let mut pipelines = lock(&self.0);
        let pipeline = pipelines.entry(id.clone()).or_default();
        pipeline.stop.cancel();
        pipeline.rests = true;
    }

    /// Whether it was us who stopped it.
    pub(in crate::jobs) fn is_resting(&self, id: &InstanceId) -> bool {
        lock(&self.0).get(id).is_some_and(|pipeline| pipeline.rests)
    }

    /// It goes on, or begins anew: what was done on it before says nothing of what is done now. Work
    /// that is under way on it is what is done now.
    pub(in crate::jobs) fn renew(&self, id: &InstanceId) {
        let mut pipelines = lock(&self.0);
        let Some(pipeline) = pipelines.get_mut(id) else { return };
        pipeline.rests = false;
        if pipeline.ended.try_lock().is_ok() {
            pipelines.remove(id);
        }
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
