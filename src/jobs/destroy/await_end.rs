//! Seeing that what was told to end does end.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Instant, sleep};

use super::Destruction;
use crate::aws::{AwsError, Class};
use crate::fleet::{Ec2State, Failure, FailureKind, InstanceId, RegionNews, Step};
use crate::retry::SHUTDOWN_TIMEOUT;

impl Destruction {
    /// Looks until all of these are terminated. One that is not listed by its tags is asked for by
    /// its id: only one that EC2 does not know either, for longer than it may take to tell, is gone.
    /// One that is seen alive is told to end again: EC2 answers "not found" for an instance that it
    /// made a moment ago (InvalidInstanceID.NotFound, eventual consistency), and then runs it.
    pub(super) async fn await_end(&self, mut waiting: BTreeSet<InstanceId>) -> Result<(), Failure> {
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
        let forgotten = Instant::now() + self.context.pace.consistency;
        while !waiting.is_empty() {
            match self.states(&waiting).await {
                Ok(states) => {
                    let is_gone = |id: &InstanceId| match states.get(id) {
                        Some(state) => *state == Ec2State::Terminated,
                        None => Instant::now() >= forgotten,
                    };
                    let gone: Vec<InstanceId> = waiting.extract_if(.., is_gone).collect();
                    self.tell_forgotten(gone.iter().filter(|id| !states.contains_key(*id))).await;
                    self.gone.lock().await.extend(gone);
                    let runs_on = |id: &&InstanceId| {
                        states.get(*id).is_some_and(|state| *state != Ec2State::ShuttingDown)
                    };
                    let again: Vec<InstanceId> = waiting.iter().filter(runs_on).cloned().collect();
                    if !again.is_empty() {
                        // What it came to is seen at the next look.
                        let _ = self.ec2.terminate(&again).await;
                    }
                }
                // Who may not look now may not look in a minute.
                Err(error) if error.class == Class::Denied => return Err(unseen(&error, &waiting)),
                Err(error) if Instant::now() >= deadline => {
                    return Err(error.failure(Step::Terminate));
                }
                Err(_) => {}
            }
            if Instant::now() >= deadline && !waiting.is_empty() {
                let (after, ids) = (SHUTDOWN_TIMEOUT.as_secs(), list(&waiting));
                let reason = format!("not terminated after {after} s: {ids}");
                let hint = "run destroy again: it goes on where this one stopped";
                return Err(Failure::new(FailureKind::Aws, Step::Terminate, reason, hint));
            }
            if !waiting.is_empty() {
                sleep(self.context.pace.busy).await;
            }
        }
        Ok(())
    }

    /// EC2 does not know these any more, neither by their tags nor by their ids.
    async fn tell_forgotten(&self, ids: impl Iterator<Item = &InstanceId>) {
        let ids: Vec<InstanceId> = ids.cloned().collect();
        for id in &ids {
            self.context.known().forget(self.region(), id);
        }
        if !ids.is_empty() {
            self.reporter.learned_of(self.region(), RegionNews::Vanished(ids)).await;
        }
    }

    async fn states(
        &self,
        ids: &BTreeSet<InstanceId>,
    ) -> Result<BTreeMap<InstanceId, Ec2State>, AwsError> {
        let listed =
            self.survey().await?.into_iter().map(|machine| (machine.id, machine.seen.state));
        let mut states: BTreeMap<InstanceId, Ec2State> = listed.collect();
        let unlisted: Vec<InstanceId> =
            ids.iter().filter(|id| !states.contains_key(*id)).cloned().collect();
        if !unlisted.is_empty() {
            states.extend(self.ec2.states(&unlisted).await?);
        }
        Ok(states)
    }
}

/// These were told to end, and nobody may see whether they do.
fn unseen(denied: &AwsError, ids: &BTreeSet<InstanceId>) -> Failure {
    let failure = denied.failure(Step::Terminate);
    let reason = format!("told to end, and not seen to end: {}: {}", list(ids), failure.reason);
    Failure { reason, ..failure }
}

fn list(ids: &BTreeSet<InstanceId>) -> String {
    ids.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ")
}
