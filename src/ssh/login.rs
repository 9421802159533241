//! Proving who we are to a host whose key is right: one of our keys after the other.

use russh::MethodKind;
use russh::client::AuthResult;
use tokio::time::{Instant, timeout_at};

use super::error::Operation;
use super::handshake::Door;
use super::keys::{AuthPlan, Signature};
use super::signing::{Signer, show};
use super::{Hop, Identities, SshError};
use crate::retry::LOGIN_TIMEOUT;

/// Tries one key after the other.
pub(super) async fn prove(
    door: &mut Door,
    hop: &Hop,
    identities: &Identities,
    plan: AuthPlan,
) -> Result<(), SshError> {
    let AuthPlan { candidates, mut agent, mut unusable, passed_over } = plan;
    let mut tried = Vec::new();
    // All files together: a server that is slow on purpose gets no more.
    let deadline = Instant::now() + LOGIN_TIMEOUT;
    for candidate in &candidates {
        let name = &candidate.name;
        let answer = match &candidate.signature {
            Signature::Agent => {
                let Some(agent) = &mut agent else { continue };
                // It has a limit of its own: its user may have to be fetched.
                let signer = Signer::Agent(agent, &identities.turns);
                Ok(show(&mut door.handle, &hop.user, candidate, signer).await)
            }
            Signature::File(path) => match identities.open(path).await {
                Ok(key) => {
                    let shown = show(&mut door.handle, &hop.user, candidate, Signer::Key(&key));
                    timeout_at(deadline, shown).await
                }
                Err(error) => {
                    tried.push(format!("{name} (not used: {error})"));
                    unusable.push(error);
                    continue;
                }
            },
        };
        let answer = answer.map_err(|_| SshError::TimedOut {
            operation: Operation::Login,
            target: hop.address(),
            after: LOGIN_TIMEOUT,
        })?;
        match answer {
            Ok(result) => {
                tried.push(name.clone());
                if judge(door, hop, &result)? {
                    return Ok(());
                }
            }
            Err(why) => tried.push(format!("{name}: {why}")),
        }
        if door.handle.is_closed() {
            break;
        }
    }
    // The only key there was: its own trouble says more than a refusal.
    if tried.len() <= 1
        && let Some(error) = unusable.into_iter().next()
    {
        return Err(error);
    }
    tried.extend(passed_over);
    let (target, user) = (hop.address(), hop.user.clone());
    Err(SshError::AuthRefused { target, user, tried, jump: hop.is_jump.then(|| hop.alias.clone()) })
}

/// Whether we are in. An error when there is no use in trying another key.
fn judge(door: &Door, hop: &Hop, result: &AuthResult) -> Result<bool, SshError> {
    match result {
        AuthResult::Success => Ok(true),
        // russh says this also when the connection ended; a server that has seen enough keys
        // says so before it hangs up.
        AuthResult::Failure { remaining_methods, .. } => {
            let hung_up = remaining_methods.is_empty();
            if hung_up && !door.notes.why_ended().to_lowercase().contains("authentication") {
                return Err(SshError::Cut {
                    operation: Operation::Login,
                    target: hop.address(),
                    reason: door.notes.why_ended(),
                });
            }
            if !hung_up && !remaining_methods.contains(&MethodKind::PublicKey) {
                return Err(SshError::Denied {
                    operation: Operation::Login,
                    target: hop.address(),
                    reason: "the server does not take public keys".into(),
                });
            }
            Ok(false)
        }
    }
}
