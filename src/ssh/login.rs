//! Proving who we are to a host whose key is right: one of our keys after the other.

use std::time::Duration;

use russh::MethodKind;
use russh::client::AuthResult;
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg};
use tokio::time::timeout;

use super::connect::Door;
use super::error::Operation;
use super::keys::{Candidate, Plan};
use super::{Hop, Identities, SshError};

/// One key's turn; the agent may have to ask its user.
const ONE_KEY: Duration = Duration::from_secs(30);

/// Tries one key after the other.
pub(super) async fn prove(
    door: &mut Door,
    hop: &Hop,
    identities: &Identities,
) -> Result<(), SshError> {
    let Plan { candidates, mut agent } = identities.plan(hop).await;
    let mut tried = Vec::new();
    let mut unusable = None;
    for candidate in candidates {
        let outcome = match candidate {
            Candidate::Agent { key, name } => {
                let Some(agent) = &mut agent else { continue };
                let hash = rsa_hash(door, &key.algorithm()).await;
                let turn = door.handle.authenticate_publickey_with(&hop.user, key, hash, agent);
                match timeout(ONE_KEY, turn).await {
                    Ok(Err(error)) => {
                        tried.push(format!("{name}: the agent did not sign: {error}"));
                        continue;
                    }
                    outcome => {
                        tried.push(name);
                        outcome.map(|result| result.map_err(|_| russh::Error::Disconnect))
                    }
                }
            }
            Candidate::File(path) => match identities.open(&path).await {
                Ok(key) => {
                    tried.push(path.display().to_string());
                    let hash = rsa_hash(door, &key.algorithm()).await;
                    let key = PrivateKeyWithHashAlg::new(key, hash);
                    timeout(ONE_KEY, door.handle.authenticate_publickey(&hop.user, key)).await
                }
                Err(error) => {
                    tried.push(format!("{} (not used: {error})", path.display()));
                    unusable.get_or_insert(error);
                    continue;
                }
            },
        };
        if judge_login(door, hop, outcome)? {
            return Ok(());
        }
        if door.handle.is_closed() {
            break;
        }
    }
    match unusable {
        // The only key there was: its own trouble says more than a refusal.
        Some(error) if tried.len() == 1 => Err(error),
        _ => Err(SshError::AuthRefused { target: hop.address(), user: hop.user.clone(), tried }),
    }
}

/// Whether we are in. An error when there is no use in trying another key.
fn judge_login(
    door: &Door,
    hop: &Hop,
    outcome: Result<Result<AuthResult, russh::Error>, tokio::time::error::Elapsed>,
) -> Result<bool, SshError> {
    let cut = |reason: String| SshError::Cut {
        operation: Operation::Login,
        target: hop.address(),
        reason,
    };
    match outcome {
        Ok(Ok(AuthResult::Success)) => Ok(true),
        // russh says this also when the connection ended; a server that has seen enough keys
        // says so before it hangs up.
        Ok(Ok(AuthResult::Failure { remaining_methods, .. })) => {
            let hung_up = remaining_methods.is_empty();
            if hung_up && !door.notes.why_ended().to_lowercase().contains("authentication") {
                return Err(cut(door.notes.why_ended()));
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
        Ok(Err(_)) => Err(cut(door.notes.why_ended())),
        Err(_) => Err(SshError::TimedOut {
            operation: Operation::Login,
            target: hop.address(),
            after: ONE_KEY,
        }),
    }
}

/// The hash for an RSA signature; servers of today refuse SHA-1.
async fn rsa_hash(door: &Door, algorithm: &Algorithm) -> Option<HashAlg> {
    if !matches!(algorithm, Algorithm::Rsa { .. }) {
        return None;
    }
    let best = door.handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    best.or(Some(HashAlg::Sha256))
}
