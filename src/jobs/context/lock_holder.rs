//! What there is to know of the lock between machines before it is taken: where it is, which of them
//! are this state's own, and who has it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use super::launch_lock::{LOCK, LockPayload};
use crate::aws::Selector;
use crate::fleet::{DeploymentId, Judgement, LockHolder, LockStanding, Region, lock_name};
use crate::retry::LOCK_PATIENCE;
use crate::store::{Intent, IntentId};

impl Context {
    /// Where the lock of the deployment is; `None` where there is none. The first region by name, so
    /// that it does not matter in which order a configuration has them.
    pub(in crate::jobs) fn lock_region(&self) -> Option<&Region> {
        let config = self.config.as_ref().filter(|config| config.lock)?;
        config.regions.iter().map(|it| &it.region).min()
    }

    /// The nonces under which processes of this state have taken a deployment's lock, and did not let go
    /// of it.
    pub(in crate::jobs) fn own_locks(
        &self,
        deployment: &DeploymentId,
    ) -> BTreeMap<IntentId, String> {
        let Ok(journal) = self.journal() else { return BTreeMap::new() };
        let open = journal.unresolved().into_iter();
        let locks = open.filter(|(.., it)| it.action == LOCK && it.deployment == *deployment);
        let payload = |intent: Intent| serde_json::from_value::<LockPayload>(intent.request).ok();
        locks.filter_map(|(id, _, intent)| Some((id, payload(intent)?.nonce))).collect()
    }

    /// Looks who holds the lock, where this process does not: for what is shown.
    pub(in crate::jobs) async fn look_at_lock(&self) -> LockStanding {
        let lock = self.launch_lock();
        let Some(region) = self.lock_region().filter(|_| !self.is_provisional()) else {
            return lock.standing();
        };
        // What is taken, or being taken, is known better.
        let is_free = || {
            let standing = lock.standing();
            lock.held().is_none() && !matches!(standing, LockStanding::Without(_))
        };
        if is_free()
            && let Ok(aws) = self.aws().await
        {
            let (deployment, ec2) = (self.deployment(), aws.region(region));
            let (ours, name) = (Selector::deployment(&deployment), lock_name(&deployment));
            let seen = ec2.lock_named(&ours, &name).await.ok().flatten().map(|seen| seen.holder);
            // What an earlier process of this state left is nobody's.
            let own = self.own_locks(&deployment);
            let is_held = |it: &LockHolder| {
                let judged = it.judge(Duration::ZERO, LOCK_PATIENCE, self.now());
                judged == Judgement::Held && !own.values().any(|nonce| *nonce == it.nonce)
            };
            match seen.filter(is_held) {
                _ if !is_free() => {}
                Some(holder) => lock.stand(LockStanding::Other(holder)),
                None if matches!(lock.standing(), LockStanding::Lost(_)) => {}
                None => lock.stand(LockStanding::Open),
            }
        }
        lock.standing()
    }
}
