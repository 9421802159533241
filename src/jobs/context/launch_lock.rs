//! The lock between machines, as far as this process has it: the fence that each launch asks, and what
//! renews it meanwhile. How it is taken and let go of is `jobs/lock`'s.
//!
//! EC2 asks nobody for a lock. So it is read again, by its id, before each launch, and counts only
//! until its time is over: by the clock that stands still while a machine sleeps, and by the one that
//! does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::lock::lock;
use crate::aws::{Access, AwsError, Class, Ec2, LockSeen, Selector, TemplateId};
use crate::fleet::{
    DeploymentId, Failure, FailureKind, LockHolder, LockStanding, LockTerm, Step, lock_name,
};
use crate::retry::{LOCK_RENEWAL, LOCK_RETRY, LOCK_TERM};
use crate::store::IntentId;

/// What the journal calls the lock, for as long as it is held.
pub(in crate::jobs) const LOCK: &str = "Lock";

/// The payload of its intent, as the journal keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::jobs) struct LockPayload {
    /// The nonce under which this state's process takes it.
    pub nonce: String,
}

/// What this process has of the lock.
#[derive(Debug)]
pub(in crate::jobs) struct LaunchLock {
    shared: Arc<Shared>,
    /// Renews it. Ends with the process.
    renewal: Mutex<JoinSet<()>>,
    /// The lock of another's, and since when it has not changed.
    watched: Mutex<Option<(LockSeen, Instant)>>,
}

/// What the fence and the renewal share.
#[derive(Debug)]
struct Shared {
    access: Access,
    standing: watch::Sender<LockStanding>,
    held: Mutex<Option<Held>>,
    /// Whether this process has seen another one's lock, or lost its own: what the other one launched
    /// may not be told of yet.
    is_unsettled: AtomicBool,
    /// Whether it ever lost its own.
    was_lost: AtomicBool,
}

/// The lock while it is ours.
#[derive(Debug, Clone)]
pub(in crate::jobs) struct Held {
    /// Where it is.
    pub ec2: Ec2,
    /// Its launch template.
    pub id: TemplateId,
    /// Who holds it: this process.
    pub holder: LockHolder,
    /// Its place in the journal.
    pub entry: IntentId,
    /// Of whose deployment.
    pub deployment: DeploymentId,
    /// When it was last renewed: the moment before that was asked for.
    renewed: Instant,
    term: LockTerm,
    /// When a launch was last under way.
    launched: Option<Instant>,
}

impl Held {
    /// A lock that was asked for at this moment.
    pub(in crate::jobs) fn new(
        ec2: Ec2,
        id: TemplateId,
        holder: LockHolder,
        (entry, deployment): (IntentId, DeploymentId),
        asked: Instant,
    ) -> Self {
        let expires = holder.expires.unwrap_or(Timestamp::UNIX_EPOCH);
        let term = LockTerm { term: LOCK_TERM, expires };
        let (renewed, launched) = (asked, None);
        Self { ec2, id, holder, entry, deployment, renewed, term, launched }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.term.is_over(self.renewed.elapsed(), now)
    }

    fn is_this(&self, seen: &LockSeen) -> bool {
        seen.holder.nonce == self.holder.nonce
    }

    /// Whether a launch was under way within this time, so that EC2 may not tell of all of it yet.
    pub(in crate::jobs) fn launched_within(&self, span: Duration) -> bool {
        self.launched.is_some_and(|at| at.elapsed() < span)
    }
}

/// Until when a lock is held that is renewed now.
pub(in crate::jobs) fn expiry(now: Timestamp) -> Timestamp {
    now + SignedDuration::try_from(LOCK_TERM).unwrap_or(SignedDuration::MAX)
}

impl LaunchLock {
    pub(super) fn new(access: &Access) -> Self {
        let (standing, _) = watch::channel(LockStanding::default());
        let shared = Shared {
            access: access.clone(),
            standing,
            held: Mutex::default(),
            is_unsettled: AtomicBool::default(),
            was_lost: AtomicBool::default(),
        };
        Self { shared: Arc::new(shared), renewal: Mutex::default(), watched: Mutex::default() }
    }

    /// How this process stands to it.
    pub(in crate::jobs) fn standing(&self) -> LockStanding {
        self.shared.standing.borrow().clone()
    }

    /// Tells of each change of that.
    pub(in crate::jobs) fn changes(&self) -> watch::Receiver<LockStanding> {
        self.shared.standing.subscribe()
    }

    pub(in crate::jobs) fn stand(&self, standing: LockStanding) {
        self.shared.stand(standing);
    }

    /// The lock, where it is held.
    pub(in crate::jobs) fn held(&self) -> Option<Held> {
        lock(&self.shared.held).clone()
    }

    /// From now on it is held, and renewed in the background.
    pub(in crate::jobs) fn hold(&self, held: Held) {
        *lock(&self.shared.held) = Some(held);
        let mut renewal = lock(&self.renewal);
        renewal.abort_all();
        renewal.spawn(renew_on(Arc::clone(&self.shared)));
    }

    /// From now on it is not: what was held.
    pub(in crate::jobs) fn let_go(&self) -> Option<Held> {
        lock(&self.renewal).abort_all();
        let held = lock(&self.shared.held).take()?;
        self.stand(LockStanding::Open);
        Some(held)
    }

    /// Whether this process may launch at this moment, asked of AWS; why not is the answer. To be
    /// called right before a launch is sent.
    pub(in crate::jobs) async fn check(&self) -> Result<(), Failure> {
        match (self.held(), self.standing()) {
            (Some(held), LockStanding::Held) => self.shared.check(held).await,
            (_, LockStanding::Without(_)) => Ok(()),
            (_, standing) => Err(refusal(&standing)),
        }
    }

    /// A launch was answered, or nobody knows.
    pub(in crate::jobs) fn launched(&self) {
        if let Some(held) = &mut *lock(&self.shared.held) {
            held.launched = Some(Instant::now());
        }
    }

    /// For how long a lock of another's has been as it is, as far as this process has seen.
    pub(in crate::jobs) fn unchanged(&self, seen: &LockSeen) -> Duration {
        let mut watched = lock(&self.watched);
        watched.take_if(|(known, _)| known != seen);
        watched.get_or_insert_with(|| (seen.clone(), Instant::now())).1.elapsed()
    }

    /// Whether others may have launched what is not known here.
    pub(in crate::jobs) fn is_unsettled(&self) -> bool {
        self.shared.is_unsettled.load(Ordering::SeqCst)
    }

    /// Whether this process has lost the lock before.
    pub(in crate::jobs) fn was_lost(&self) -> bool {
        self.shared.was_lost.load(Ordering::SeqCst)
    }

    /// What others launched is known.
    pub(in crate::jobs) fn settled(&self) {
        if self.held().is_some() {
            self.shared.is_unsettled.store(false, Ordering::SeqCst);
            self.stand(LockStanding::Held);
        }
    }
}

impl Shared {
    fn stand(&self, standing: LockStanding) {
        if matches!(standing, LockStanding::Other(_) | LockStanding::Lost(_)) {
            self.is_unsettled.store(true, Ordering::SeqCst);
        }
        if matches!(standing, LockStanding::Lost(_)) {
            self.was_lost.store(true, Ordering::SeqCst);
        }
        self.standing.send_if_modified(|known| {
            let is_news = !known.is_same(&standing);
            *known = standing;
            is_news
        });
    }

    async fn check(&self, held: Held) -> Result<(), Failure> {
        match held.ec2.lock_by_id(&held.id).await {
            Ok(Some(seen)) if held.is_this(&seen) => {}
            Ok(Some(seen)) => return Err(self.lose(taken_by(&seen.holder))),
            // EC2 may not tell of it yet, or any more. What is written tells.
            Ok(None) => {
                self.renew().await.map_err(|error| error.failure(Step::Launch))?;
            }
            Err(error) if error.class == Class::Denied => {
                self.do_without(&error);
                return Ok(());
            }
            Err(error) => return Err(error.failure(Step::Launch)),
        }
        // The answer may have taken long, and the renewal may have lost it meanwhile.
        if self.note_launch() {
            return Ok(());
        }
        Err(self.overdue().await)
    }

    /// Notes that something is launched; false where that may not be any more.
    fn note_launch(&self) -> bool {
        let mut held = lock(&self.held);
        let held = held.as_mut().filter(|held| !held.is_over(self.access.now()));
        held.map(|held| held.launched = Some(Instant::now())).is_some()
    }

    /// Renews it; false where it is gone, and that is said.
    async fn renew(&self) -> Result<bool, AwsError> {
        let Some(held) = lock(&self.held).clone() else { return Ok(false) };
        if held.is_over(self.access.now()) {
            self.overdue().await;
            return Ok(false);
        }
        let asked = Instant::now();
        let expires = expiry(self.access.now());
        let holder = LockHolder { expires: Some(expires), ..held.holder.clone() };
        if !held.ec2.renew_lock(&held.id, &holder).await? {
            let now = who_holds(&held).await;
            self.lose(now.as_ref().map_or_else(|| "it is gone".to_owned(), taken_by));
            return Ok(false);
        }
        if let Some(held) = &mut *lock(&self.held) {
            held.renewed = asked;
            held.term.expires = expires;
            held.holder = holder;
        }
        Ok(true)
    }

    /// Its time is over: whoever waited for that may have it now.
    async fn overdue(&self) -> Failure {
        let held = lock(&self.held).clone();
        let now = match &held {
            Some(held) => who_holds(held).await.filter(|now| now.nonce != held.holder.nonce),
            None => None,
        };
        let why = match now {
            Some(holder) => taken_by(&holder),
            None => "it could not be renewed in time, or this machine slept".to_owned(),
        };
        self.lose(why)
    }

    fn lose(&self, why: String) -> Failure {
        // Whoever lost it first has said why.
        if lock(&self.held).take().is_some() {
            self.stand(LockStanding::Lost(why));
        }
        refusal(&self.standing.borrow())
    }

    fn do_without(&self, error: &AwsError) {
        *lock(&self.held) = None;
        self.stand(LockStanding::Without(error.to_string()));
    }
}

/// Who holds the lock now, where AWS tells.
async fn who_holds(held: &Held) -> Option<LockHolder> {
    let (ours, name) = (Selector::deployment(&held.deployment), lock_name(&held.deployment));
    Some(held.ec2.lock_named(&ours, &name).await.ok()??.holder)
}

fn taken_by(holder: &LockHolder) -> String {
    format!("{holder} has it now")
}

/// Why nothing is launched.
fn refusal(standing: &LockStanding) -> Failure {
    let reason = match standing {
        LockStanding::Other(holder) => format!("kept by {holder}"),
        LockStanding::Lost(why) => format!("the lock between machines was lost: {why}"),
        _ => "the lock between machines was let go of".to_owned(),
    };
    let hint = "only one machine at a time launches; `list` says which";
    Failure::new(FailureKind::Other, Step::Launch, reason, hint)
}

/// Renews the lock for as long as it is held. What AWS refuses now is tried again until its time is
/// over.
async fn renew_on(shared: Arc<Shared>) {
    loop {
        sleep(LOCK_RENEWAL).await;
        loop {
            match shared.renew().await {
                Ok(true) => break,
                Ok(false) => return,
                Err(error) if error.class == Class::Denied => {
                    shared.do_without(&error);
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the lock between machines is not renewed");
                    sleep(LOCK_RETRY).await;
                }
            }
        }
    }
}
