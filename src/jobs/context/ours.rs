//! Which deployment is ours.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock::lock;
use crate::fleet::{DeploymentId, Failure, FailureKind, Step};

/// The deployment that this process works on, and how sure that is.
#[derive(Debug)]
pub(super) struct OurDeployment {
    id: Mutex<DeploymentId>,
    /// Whether the id was made up, and the tags were not asked yet.
    is_provisional: AtomicBool,
    /// Whether the tags told of none, so that the one that was made up holds.
    is_made_up: AtomicBool,
}

impl OurDeployment {
    pub(super) fn new(id: DeploymentId, is_provisional: bool) -> Self {
        let (id, is_provisional) = (Mutex::new(id), AtomicBool::new(is_provisional));
        Self { id, is_provisional, is_made_up: AtomicBool::new(false) }
    }

    /// Whether nobody can have asked for anything in its name before this process.
    pub(super) fn is_made_up(&self) -> bool {
        self.is_made_up.load(Ordering::SeqCst)
    }

    pub(super) fn id(&self) -> DeploymentId {
        lock(&self.id).clone()
    }

    pub(super) fn is_provisional(&self) -> bool {
        self.is_provisional.load(Ordering::SeqCst)
    }

    /// It is the one that tags tell of, or the one that was made up.
    pub(super) fn choose(&self, deployment: Option<DeploymentId>) {
        match deployment {
            Some(deployment) => *lock(&self.id) = deployment,
            None => self.is_made_up.store(true, Ordering::SeqCst),
        }
        self.is_provisional.store(false, Ordering::SeqCst);
    }

    /// Refuses while it is not known.
    pub(super) fn require(&self) -> Result<(), Failure> {
        if !self.is_provisional() {
            return Ok(());
        }
        let hint = "wait until AWS has answered; where it tells of several, start with \
                    --deployment ID";
        Err(Failure::new(
            FailureKind::Configuration,
            Step::State,
            "no file tells which deployment is ours",
            hint,
        ))
    }
}
