//! What the gate of credentials and the screen know of each other: that the login has ended, that calls
//! wait, that somebody signed in again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

use super::error::AwsError;

/// How a process goes about logins that have ended: what the screen and the gate know of each other.
/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Logins(Arc<Between>);

#[derive(Debug, Default)]
struct Between {
    waits: AtomicBool,
    /// Why nobody is signed in any more, while calls wait.
    ended: watch::Sender<Option<AwsError>>,
    signed_in: Notify,
}

impl Logins {
    /// This program goes on for hours: from now on calls wait for the next login.
    pub fn wait(&self) {
        self.0.waits.store(true, Ordering::SeqCst);
    }

    pub(super) fn waits(&self) -> bool {
        self.0.waits.load(Ordering::SeqCst)
    }

    /// Nobody is signed in any more, for this reason. It is told once.
    pub(super) fn end(&self, why: AwsError) {
        self.0.ended.send_if_modified(|ended| ended.replace(why).is_none());
    }

    /// Somebody is signed in again.
    pub(super) fn go_on(&self) {
        self.0.ended.send_if_modified(|ended| ended.take().is_some());
    }

    /// Waits until somebody may have signed in.
    pub(super) fn signed_in(&self) -> impl Future<Output = ()> + '_ {
        self.0.signed_in.notified()
    }

    /// Why calls wait, whenever that changes; `None` where none does.
    pub fn changes(&self) -> watch::Receiver<Option<AwsError>> {
        self.0.ended.subscribe()
    }

    /// Somebody may have signed in: what waits looks at once.
    pub fn look_again(&self) {
        self.0.signed_in.notify_waiters();
    }
}
