//! Waiting for a machine that still boots.

use std::time::Duration;

use tokio::time::Instant;

use super::error::Operation;
use super::{Dial, HostKeyCheck, Identities, Route, Session, SshError, connect};
use crate::retry::BOOTING;

/// How long [`wait_for`] waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitTimeouts {
    /// For everything together.
    pub overall: Duration,
    /// For a login that is refused: cloud-init installs the key some time after sshd is up.
    pub refused_login: Duration,
}

impl Default for WaitTimeouts {
    fn default() -> Self {
        Self { overall: Duration::from_mins(5), refused_login: Duration::from_mins(1) }
    }
}

/// [`connect()`], again and again until it works, cannot work any more, or the timeout is over.
///
/// `expect` is asked before each attempt, so that a fingerprint may become known meanwhile. A host
/// that answers while nobody can say which key is right uses up none of the patience: how long that
/// may take is for the caller to say.
/// `on_wait` is told why it waits whenever the reason changes.
pub async fn wait_for(
    dial: &dyn Dial,
    route: &Route,
    identities: &Identities,
    mut expect: impl FnMut() -> HostKeyCheck,
    timeouts: WaitTimeouts,
    mut on_wait: impl FnMut(&str),
) -> Result<Session, SshError> {
    let mut deadline = Instant::now() + timeouts.overall;
    let target = route.target.address();
    let mut refused_since: Option<Instant> = None;
    let mut last: Option<SshError> = None;
    let mut backoff = BOOTING.backoff();
    loop {
        let tried = connect(dial, route, identities, expect());
        let Ok(outcome) = tokio::time::timeout_at(deadline, tried).await else { break };
        let error = match outcome {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        if matches!(error, SshError::HostKeyUndecided { .. }) {
            deadline = Instant::now() + timeouts.overall;
        }
        let may_wait = match &error {
            SshError::AuthRefused { .. } => {
                let since = *refused_since.get_or_insert_with(Instant::now);
                since.elapsed() < timeouts.refused_login
            }
            other => other.is_retryable(),
        };
        if !may_wait {
            return Err(error);
        }
        let reason = error.waiting_reason();
        if last.as_ref().is_none_or(|last| last.waiting_reason() != reason) {
            on_wait(&reason);
        }
        last = Some(error);
        // A fleet that boots at once must not knock in step.
        let pause = tokio::time::sleep(backoff.pause());
        if tokio::time::timeout_at(deadline, pause).await.is_err() {
            break;
        }
    }
    let last = last.unwrap_or(SshError::TimedOut {
        operation: Operation::Connect,
        target: target.clone(),
        after: timeouts.overall,
    });
    Err(SshError::GaveUp { target, after: timeouts.overall, last: Box::new(last) })
}

#[cfg(test)]
mod tests;
