//! The ssh-agent: what it holds, and its signatures.
//!
//! An entry that cannot be read is passed over: agents hold keys of other programs. And an agent
//! that asks its user each time is asked for one login after the other, for nobody answers twenty
//! questions at once.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, Certificate, PublicKey as RawPublicKey};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout};

use crate::fleet::text::clean_line;

/// An agent that waits for its user to list its keys is none that can be used here.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);
/// Whoever has to touch a key or to type a PIN needs some time.
const SIGN_TIMEOUT: Duration = Duration::from_mins(2);
/// An agent that takes longer for a signature waits for its user.
const ASKS_ITS_USER: Duration = Duration::from_secs(1);
/// Messages of ssh-agent's protocol (draft-miller-ssh-agent, section 5).
pub(super) mod message {
    pub(in crate::ssh) const REQUEST_IDENTITIES: u8 = 11;
    pub(in crate::ssh) const IDENTITIES_ANSWER: u8 = 12;
    pub(in crate::ssh) const SIGN_REQUEST: u8 = 13;
    pub(in crate::ssh) const SIGN_RESPONSE: u8 = 14;
}
/// The longest message that OpenSSH's own client takes.
const LONGEST: usize = 256 * 1024;

/// An agent that answers.
pub(super) struct Agent {
    stream: UnixStream,
    /// What it holds, in its order.
    pub(super) held: Vec<AgentIdentity>,
}

impl Agent {
    /// Connects and asks for the keys. `None`, with a word in the log, when nobody answers.
    pub(super) async fn open(socket: &Path) -> Option<Self> {
        let asked = timeout(LIST_TIMEOUT, async {
            let mut stream = UnixStream::connect(socket).await?;
            let held = list(&mut stream).await?;
            io::Result::Ok(Self { stream, held })
        });
        let why = match asked.await {
            Ok(Ok(agent)) => return Some(agent),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not answer".to_owned(),
        };
        tracing::warn!("the ssh-agent at {} is not used: {why}", socket.display());
        None
    }

    /// Whether it can sign for this key.
    pub(super) fn holds(&self, key: &RawPublicKey) -> bool {
        self.keys().iter().any(|held| held.key_data() == key.key_data())
    }

    fn plain(&self) -> impl Iterator<Item = &RawPublicKey> {
        self.held.iter().filter_map(|held| match held {
            AgentIdentity::PublicKey { key, .. } => Some(key),
            AgentIdentity::Certificate { .. } => None,
        })
    }

    /// Its keys, in its order, also those that it holds for a certificate alone.
    pub(super) fn keys(&self) -> Vec<RawPublicKey> {
        let mut keys: Vec<RawPublicKey> = Vec::new();
        for held in &self.held {
            let key = match held {
                AgentIdentity::PublicKey { key, .. } => key.clone(),
                AgentIdentity::Certificate { certificate, comment } => {
                    RawPublicKey::new(certificate.public_key().clone(), comment.as_str())
                }
            };
            if !keys.iter().any(|other| other.key_data() == key.key_data()) {
                keys.push(key);
            }
        }
        keys
    }

    /// How a signature for this certificate is asked for: in its own name where the agent knows
    /// it, else in that of its key.
    pub(super) fn signs_as(&self, certificate: &Certificate) -> Option<&RawPublicKey> {
        let known = self.certificates().any(|held| held == certificate);
        let data = certificate.public_key();
        if known { None } else { self.plain().find(|key| key.key_data() == data) }
    }

    /// Has it sign, within its user's time. Answers the signature as one string of the protocol, or
    /// why there is none.
    pub(super) async fn sign(&mut self, request: &[u8], turns: &Turns) -> Result<Vec<u8>, String> {
        let _turn = turns.signatures.lock().await;
        let begun = Instant::now();
        let asked = timeout(SIGN_TIMEOUT, async {
            write_message(&mut self.stream, request).await?;
            read_message(&mut self.stream).await
        });
        let answer = asked.await;
        turns.learn(begun.elapsed());
        match answer {
            Ok(Ok(mut answer)) if answer.first() == Some(&message::SIGN_RESPONSE) => {
                answer.remove(0);
                Ok(answer)
            }
            Ok(Ok(_)) => Err("the agent refused to sign, or its user did".into()),
            Ok(Err(error)) => Err(format!("the agent did not sign: {error}")),
            Err(_) => {
                let seconds = SIGN_TIMEOUT.as_secs();
                Err(format!("the agent's user did not answer within {seconds} s"))
            }
        }
    }

    /// Its certificates.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.held.iter().filter_map(|held| match held {
            AgentIdentity::Certificate { certificate, .. } => Some(certificate),
            AgentIdentity::PublicKey { .. } => None,
        })
    }
}

/// Own code, because russh gives up the whole list for one entry that it cannot read.
async fn list(stream: &mut UnixStream) -> io::Result<Vec<AgentIdentity>> {
    write_message(stream, &[message::REQUEST_IDENTITIES]).await?;
    let answer = read_message(stream).await?;
    match answer.split_first() {
        Some((&message::IDENTITIES_ANSWER, rest)) => Ok(identities(rest)),
        _ => Err(io::Error::other("it does not tell its keys")),
    }
}

async fn write_message(stream: &mut UnixStream, message: &[u8]) -> io::Result<()> {
    stream.write_u32(u32::try_from(message.len()).map_err(io::Error::other)?).await?;
    stream.write_all(message).await
}

async fn read_message(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::Error::other("its answer is too long"));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// The entries of an answer that can be read.
fn identities(mut rest: &[u8]) -> Vec<AgentIdentity> {
    let count = number(&mut rest).unwrap_or(0);
    let mut identities = Vec::new();
    for _ in 0..count {
        let (Some(blob), Some(comment)) = (text(&mut rest), text(&mut rest)) else { break };
        let comment = clean_line(&String::from_utf8_lossy(comment));
        // A certificate read as a key is one of a kind that nobody knows.
        let key = RawPublicKey::from_bytes(blob);
        let key = key.ok().filter(|key| !matches!(key.algorithm(), Algorithm::Other(_)));
        if let Ok(mut certificate) = Certificate::from_bytes(blob) {
            certificate.set_comment(comment.as_str());
            identities.push(AgentIdentity::Certificate { certificate, comment });
        } else if let Some(mut key) = key {
            key.set_comment(comment.as_str());
            identities.push(AgentIdentity::PublicKey { key, comment });
        } else {
            tracing::debug!("a key of the ssh-agent is of no known kind: {comment}");
        }
    }
    identities
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

/// Who may ask the agent now. One signature is made after the other; and once an agent was seen to
/// wait for its user, one whole login goes after the other, for a server does not wait long for a
/// login that has begun.
#[derive(Debug, Default)]
pub(super) struct Turns {
    signatures: Mutex<()>,
    logins: Mutex<()>,
    is_slow: AtomicBool,
}

impl Turns {
    /// Whether the agent was seen to wait for its user.
    pub(super) fn wait_for_a_user(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// The right to log in, after all who came before.
    pub(super) async fn login(&self) -> MutexGuard<'_, ()> {
        self.logins.lock().await
    }

    fn learn(&self, took: Duration) {
        let is_slow = took >= ASKS_ITS_USER;
        let was_slow = self.is_slow.swap(is_slow, Ordering::Relaxed);
        if is_slow && !was_slow {
            tracing::warn!("the ssh-agent waits for its user: one login goes after the other");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(parts: &[&[u8]]) -> Vec<u8> {
        let mut answer = u32::try_from(parts.len() / 2).unwrap().to_be_bytes().to_vec();
        for part in parts {
            answer.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
            answer.extend_from_slice(part);
        }
        answer
    }

    fn key() -> Vec<u8> {
        let line = "ssh-ed25519 \
                    AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        RawPublicKey::from_openssh(line).unwrap().to_bytes().unwrap()
    }

    /// Eugeny/russh#385: one comment in Latin-1 hid the whole agent.
    #[test]
    fn an_entry_that_cannot_be_read_is_passed_over() {
        let key = key();
        let held =
            identities(&framed(&[&key, b"J\xfcrgen", b"\0\0\0\x07ssh-new", b"x", &key, b"b"]));
        assert_eq!(held.len(), 2);
        let AgentIdentity::PublicKey { comment, .. } = &held[0] else { panic!("{held:?}") };
        assert_eq!(comment, "J\u{fffd}rgen");
        assert!(identities(&framed(&[&key])[..20]).is_empty());
        assert!(identities(b"").is_empty());
    }

    #[test]
    fn an_agent_is_known_by_its_last_signature() {
        let turns = Turns::default();
        assert!(!turns.wait_for_a_user());
        turns.learn(Duration::from_secs(4));
        assert!(turns.wait_for_a_user());
        turns.learn(Duration::from_millis(5));
        assert!(!turns.wait_for_a_user());
    }
}
