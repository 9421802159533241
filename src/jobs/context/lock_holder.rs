//! What there is to know of the lock between machines before it is taken: where it is, which of them
//! are this state's own, and who has it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Context;
use super::launch_lock::{LOCK, LockPayload};
use crate::aws::Selector;
use crate::fleet::{DeploymentId, Judgement, LockHolder, LockStanding, Region, lock_name};
use crate::retry::LOCK_PATIENCE;
use crate::store::{self, Intent, IntentId};

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

    /// What is to be done about a lock of another's that has not changed for so long.
    ///
    /// Where its process ran on this machine and has ended, nobody has to wait: whoever lost a state's
    /// journal would wait for itself. That is known by the boot and the pid namespace in which its number
    /// was given, not by the host's name, and by that no process has this number now. Where the number
    /// was given to another one, time tells, as it does of a machine that booted anew. Whoever lost its
    /// lock believes no such sign any more: a machine that was cloned as it ran has the boot of its
    /// original, and the two would take it from each other for ever.
    pub(in crate::jobs) fn judge_lock(
        &self,
        holder: &LockHolder,
        unchanged: Duration,
    ) -> Judgement {
        let is_of_here = holder.is_of(&self.boot) && !self.launch_lock().was_lost();
        if is_of_here && store::has_ended(&holder.pid) {
            return Judgement::Dead;
        }
        holder.judge(unchanged, LOCK_PATIENCE, self.now())
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
                let judged = self.judge_lock(it, Duration::ZERO);
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use jiff::SignedDuration;

    use super::*;
    use crate::aws::Access;
    use crate::jobs::context::ContextSettings;
    use crate::jobs::questions;
    use crate::store::Cache;

    #[test]
    fn a_process_of_here_that_has_ended_holds_nothing() {
        let context = Context::new(ContextSettings {
            boot: "b-1/1".into(),
            ..ContextSettings::new(
                "spot-1".into(),
                Access::default(),
                Cache::new("unused"),
                questions().0,
            )
        });
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let ended = LockHolder {
            pid: child.id().to_string(),
            boot: "b-1/1".into(),
            expires: Some(context.now() + SignedDuration::from_mins(5)),
            ..LockHolder::default()
        };
        let judge = |holder: &LockHolder| context.judge_lock(holder, Duration::ZERO);
        assert_eq!(judge(&ended), Judgement::Dead);
        for live in [
            LockHolder { boot: "b-1/2".into(), ..ended.clone() },
            LockHolder { boot: String::new(), ..ended.clone() },
            LockHolder { pid: std::process::id().to_string(), ..ended.clone() },
            LockHolder { pid: String::new(), ..ended.clone() },
        ] {
            assert_eq!(judge(&live), Judgement::Held, "{live:?}");
        }
        context.launch_lock().stand(LockStanding::Lost("its clone has it now".into()));
        assert_eq!(judge(&ended), Judgement::Held, "for ever to and fro");
    }
}
