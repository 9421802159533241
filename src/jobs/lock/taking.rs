//! One way of taking the lock: look whose it is, and make it, take it up, take it over, or yield.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::{close, locks};
use crate::aws::{AwsError, Class, Ec2, Kind, LockSeen, Selector, TemplateId, random_launch};
use crate::fleet::tags::Origin;
use crate::fleet::{Failure, Judgement, Level, LockHolder, lock_name};
use crate::jobs::context::Context;
use crate::jobs::context::launch_lock::{Held, expiry};
use crate::jobs::context::reporter::Reporter;
use crate::jobs::intents::close_all;
use crate::retry::{LOCK_LOOK, TEMPLATE_TIMEOUT};
use crate::store::IntentId;

/// The lock is held.
pub(super) struct Taken {
    /// Whether it was another one's a moment ago.
    pub is_after_others: bool,
}

/// Why the lock was not taken.
pub(super) enum Untaken {
    /// Another one has it.
    Other(LockHolder),
    /// AWS refused it.
    Refused(AwsError),
    /// It may be ours and may be another's: AWS does not tell.
    Unclear(AwsError),
    /// It could not be written down.
    Unrecorded(Failure),
}

impl From<AwsError> for Untaken {
    fn from(error: AwsError) -> Self {
        Self::Refused(error)
    }
}

pub(super) struct Taking<'a> {
    context: &'a Arc<Context>,
    ec2: Ec2,
    reporter: &'a Reporter,
    name: String,
    origin: Origin,
    /// Who is about to hold it.
    holder: LockHolder,
    /// When that was last asked for: the lock may be ours since.
    asked: Option<Instant>,
    /// Whether nobody knows what came of it.
    is_unanswered: bool,
    /// What earlier processes of this state took it under.
    own: BTreeMap<IntentId, String>,
    /// The place of this in the journal.
    entry: Option<IntentId>,
}

impl<'a> Taking<'a> {
    pub(super) async fn new(
        context: &'a Arc<Context>,
        ec2: Ec2,
        purpose: &'static str,
        reporter: &'a Reporter,
    ) -> Result<Self, Failure> {
        let extra = context.config()?.aws.tags.clone();
        let holder = LockHolder {
            pid: std::process::id().to_string(),
            host: context.host.clone(),
            boot: context.boot.clone(),
            purpose: purpose.to_owned(),
            ..LockHolder::default()
        };
        let deployment = context.deployment();
        Ok(Self {
            context,
            ec2,
            reporter,
            name: lock_name(&deployment),
            origin: context.origin(extra).await?,
            holder,
            asked: None,
            is_unanswered: false,
            own: context.own_locks(&deployment),
            entry: None,
        })
    }

    /// Takes it. Waits only where its holder seems to be dead, and for what AWS does not tell at once.
    pub(super) async fn take(&mut self) -> Result<Taken, Untaken> {
        let taken = self.try_on().await;
        // What nobody knows the end of stays open: it may be ours.
        if let (Some(entry), Err(Untaken::Other(_) | Untaken::Refused(_))) = (self.entry, &taken) {
            close(self.context, entry, "yielded").await;
        }
        taken
    }

    async fn try_on(&mut self) -> Result<Taken, Untaken> {
        let mut deadline = Instant::now() + TEMPLATE_TIMEOUT;
        let mut overdue: Option<LockSeen> = None;
        let mut is_after_others = false;
        loop {
            let Some(seen) = self.look().await? else {
                match self.make().await? {
                    Ok(held) => return Ok(self.hold(held, is_after_others).await),
                    Err(error) if Instant::now() >= deadline => {
                        return Err(Untaken::Unclear(error));
                    }
                    Err(_) => sleep(self.context.pace.busy).await,
                }
                continue;
            };
            if let Some(held) = self.made(&seen) {
                return Ok(self.hold(held, is_after_others).await);
            }
            // What an earlier process of this state left is nobody's. It is made anew all the same:
            // whoever has a copy of that state takes it for its own.
            let is_own = self.own.values().any(|nonce| *nonce == seen.holder.nonce);
            deadline = Instant::now() + TEMPLATE_TIMEOUT;
            match if is_own { Judgement::Free } else { self.judge(&seen) } {
                Judgement::Held => return Err(Untaken::Other(seen.holder)),
                // It lives: it was renewed while we looked on.
                Judgement::Overdue(_) if overdue.as_ref().is_some_and(|it| *it != seen) => {
                    return Err(Untaken::Other(seen.holder));
                }
                Judgement::Overdue(left) => {
                    if overdue.is_none() {
                        self.say_overdue(&seen.holder, left.as_secs()).await;
                    }
                    overdue = Some(seen);
                    sleep(left.min(LOCK_LOOK)).await;
                }
                Judgement::Dead | Judgement::Free => {
                    is_after_others |= !is_own;
                    if !self.end(&seen, is_own).await? {
                        // Another one was faster: the next look tells who.
                        sleep(self.context.pace.busy).await;
                    }
                }
            }
        }
    }

    async fn look(&self) -> Result<Option<LockSeen>, AwsError> {
        let ours = Selector::deployment(&self.origin.deployment);
        self.ec2.lock_named(&ours, &self.name).await
    }

    fn judge(&self, seen: &LockSeen) -> Judgement {
        let unchanged = self.context.launch_lock().unchanged(seen);
        self.context.judge_lock(&seen.holder, unchanged)
    }

    /// Writes down under which nonce it is asked for, and until when. Answers when that was.
    async fn prepare(&mut self) -> Result<(IntentId, Instant), Untaken> {
        let region = self.ec2.region();
        self.holder.nonce = random_launch(region).to_string();
        let noted = locks::note(self.context, self.entry, region, &self.holder.nonce).await;
        let entry = noted.map_err(Untaken::Unrecorded)?;
        self.entry = Some(entry);
        self.holder.expires = Some(expiry(self.context.now()));
        let asked = *self.asked.insert(Instant::now());
        Ok((entry, asked))
    }

    /// Makes it. The inner error says that it may be ours, or another's: that shows.
    async fn make(&mut self) -> Result<Result<Held, AwsError>, Untaken> {
        let (entry, asked) = match (self.entry, self.asked) {
            // The same request under the same token makes it once.
            (Some(entry), Some(asked)) if self.is_unanswered => (entry, asked),
            _ => self.prepare().await?,
        };
        let mut tags = self.origin.tags(self.ec2.region(), &self.name);
        tags.extend(self.holder.tags());
        match self.ec2.create_lock(&self.name, &self.holder.nonce, &tags).await {
            Ok(id) => Ok(Ok(self.held(id, entry, asked))),
            Err(error) if matches!(error.class, Class::Unknown | Class::Retry | Class::Exists) => {
                self.is_unanswered = error.class != Class::Exists;
                Ok(Err(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The lock that this has made, where the answer was lost.
    fn made(&self, seen: &LockSeen) -> Option<Held> {
        let (entry, asked) = (self.entry?, self.asked?);
        let is_it = seen.holder.nonce == self.holder.nonce;
        is_it.then(|| self.held(seen.id.clone(), entry, asked))
    }

    /// Deletes it by its id. False where it is gone: somebody else has done so.
    async fn end(&self, seen: &LockSeen, is_own: bool) -> Result<bool, AwsError> {
        match self.ec2.delete(Kind::Template, seen.id.as_str()).await {
            Ok(()) if is_own => Ok(true),
            Ok(()) => {
                let text = format!("the lock of {} is taken over", seen.holder);
                self.reporter.remarked(Level::Warning, text).await;
                Ok(true)
            }
            Err(error) if error.class == Class::Gone => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn held(&self, id: TemplateId, entry: IntentId, asked: Instant) -> Held {
        let place = (entry, self.origin.deployment.clone());
        Held::new(self.ec2.clone(), id, self.holder.clone(), place, asked)
    }

    /// From now on it is held. What earlier processes wrote down of it is over.
    async fn hold(&self, held: Held, is_after_others: bool) -> Taken {
        let earlier = self.own.keys().copied().filter(|entry| *entry != held.entry).collect();
        self.context.launch_lock().hold(held);
        close_all(self.context, earlier, "taken up").await;
        Taken { is_after_others }
    }

    async fn say_overdue(&self, holder: &LockHolder, seconds: u64) {
        let text = format!(
            "kept by {holder}, who has not renewed the lock in time: taken over in {seconds} s, \
             unless it is renewed"
        );
        self.reporter.remarked(Level::Warning, text).await;
    }
}
