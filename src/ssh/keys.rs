//! Our own keys: files, the ssh-agent, and the order in which they are tried.
//!
//! Each file is opened once for the whole fleet, so that a passphrase is asked for once. Secrets
//! never appear in errors, logs or `Debug`.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Error as KeyError, HashAlg, PrivateKey, PublicKey as RawPublicKey};
use tokio::net::UnixStream;
use tokio::sync::OnceCell;

use super::route::ssh_folder;
use super::{Hop, Settings, SshError};

/// How often a passphrase is asked for before giving up, as `ssh` does.
const PASSPHRASE_TRIES: usize = 3;
/// OpenSSH's `MaxAuthTries`: a server hangs up after so many keys.
pub(super) const MOST_KEYS: usize = 6;
/// An agent that waits for its user's touch to list its keys is none that can be used here.
const AGENT_ANSWER: Duration = Duration::from_secs(10);
/// The files that `ssh` tries when nothing is configured, the best first.
const USUAL_FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Asks the user for a passphrase: the prompt goes in, `None` comes back when they decline.
pub type Ask = Arc<dyn Fn(String) -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// One line as in `authorized_keys`: `ssh-ed25519 AAAA... comment`.
    pub openssh: String,
    /// `SHA256:...`, as `ssh-keygen -l` prints it.
    pub fingerprint: String,
    /// The comment; often who and where.
    pub comment: String,
}

impl PublicKey {
    /// Reads a line of a `.pub` file.
    pub fn parse(line: &str) -> Option<Self> {
        RawPublicKey::from_openssh(line.trim()).ok().and_then(|key| Self::of(&key))
    }

    /// Reads a `.pub` file. Blocks on the disk.
    pub fn read(path: &Path) -> Result<Self, SshError> {
        let unreadable = |reason: String| SshError::KeyUnreadable { path: path.into(), reason };
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        Self::parse(&text)
            .ok_or_else(|| unreadable("it is not a public key in OpenSSH's format".into()))
    }

    fn of(key: &RawPublicKey) -> Option<Self> {
        Some(Self {
            openssh: key.to_openssh().ok()?,
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            comment: key.comment().to_string(),
        })
    }
}

/// All keys that may be tried, for the whole fleet. Cheap to share behind an `Arc`.
pub struct Identities {
    settings: Settings,
    ask: Ask,
    files: Mutex<HashMap<PathBuf, Arc<OnceCell<Arc<PrivateKey>>>>>,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Identities {
    /// Prepares the keys, and opens the one that the settings name, so that a key that cannot be
    /// used is known before anything is launched. The others are opened when their turn comes.
    ///
    /// When the agent holds the named key, its file stays closed and nobody is asked.
    pub async fn load(settings: Settings, ask: Ask) -> Result<Self, SshError> {
        let identities = Self { settings, ask, files: Mutex::default() };
        if let Some(path) = &identities.settings.identity {
            let path =
                super::config::expand_tilde(&path.to_string_lossy(), &identities.settings.home);
            let mut agent = identities.agent().await;
            let held = match public_half(&path).await {
                Some(key) => agent.as_mut().is_some_and(|agent| agent.holds(&key)),
                None => false,
            };
            if !held {
                identities.open(&path).await?;
            }
        }
        Ok(identities)
    }

    /// The user's home, where `known_hosts` lies.
    pub(super) fn home(&self) -> &Path {
        &self.settings.home
    }

    /// The public key with which a login on this host is tried first, to be installed there. Its
    /// file is opened: a key that cannot be used is known before anything is launched.
    /// `None` when there is no key at all.
    pub async fn public_key(&self, hop: &Hop) -> Result<Option<PublicKey>, SshError> {
        match self.plan(hop).await.candidates.into_iter().next() {
            None => Ok(None),
            Some(Candidate::Agent { key, .. }) => Ok(PublicKey::of(&key)),
            Some(Candidate::File(path)) => Ok(PublicKey::of(self.open(&path).await?.public_key())),
        }
    }

    /// What to try on this host, in order. At most as many as a server stands.
    pub(super) async fn plan(&self, hop: &Hop) -> Plan {
        let mut agent = self.agent().await;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut wanted = hop.identities.clone();
        if wanted.is_empty() {
            let folder = ssh_folder(&self.settings.home);
            wanted = USUAL_FILES.iter().map(|name| folder.join(name)).collect();
        }
        let explicit = !hop.identities.is_empty();
        let mut files = Vec::new();
        for path in wanted {
            match (public_half(&path).await, &mut agent) {
                (Some(key), Some(agent)) if agent.holds(&key) => {
                    files.extend(agent.take(&key));
                }
                // Like `ssh`, a configured file that does not exist is passed over, but the one
                // of our own settings, which `load` has opened.
                _ if path.exists() => files.push(Candidate::File(path)),
                _ => {}
            }
        }
        let rest: Vec<Candidate> = match &mut agent {
            Some(agent) if !hop.identities_only => agent.take_all(),
            _ => Vec::new(),
        };
        if explicit {
            candidates.extend(files);
            candidates.extend(rest);
        } else {
            candidates.extend(rest);
            candidates.extend(files);
        }
        candidates.truncate(MOST_KEYS);
        Plan { candidates, agent: agent.map(|agent| agent.client) }
    }

    /// Opens a private key, once for all who want it.
    pub(super) async fn open(&self, path: &Path) -> Result<Arc<PrivateKey>, SshError> {
        let cell = {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(files.entry(path.into()).or_default())
        };
        cell.get_or_try_init(|| self.decrypt(path)).await.cloned()
    }

    async fn decrypt(&self, path: &Path) -> Result<Arc<PrivateKey>, SshError> {
        let text = read_private(path).await?;
        match decode(path, &text, None).await? {
            Decoded::Key(key) => return Ok(key),
            Decoded::Encrypted => {}
        }
        for attempt in 0..PASSPHRASE_TRIES {
            let prompt = if attempt == 0 {
                format!("Passphrase for {}", path.display())
            } else {
                format!("That was wrong. Passphrase for {}", path.display())
            };
            let Some(passphrase) = (self.ask)(prompt).await else {
                return Err(SshError::KeyEncrypted { path: path.into() });
            };
            if let Ok(Decoded::Key(key)) = decode(path, &text, Some(passphrase)).await {
                return Ok(key);
            }
        }
        Err(SshError::WrongPassphrase { path: path.into() })
    }

    /// The agent and its keys; `None` when there is none or it does not answer.
    async fn agent(&self) -> Option<Agent> {
        let socket = self.settings.agent.as_ref()?;
        let asked = tokio::time::timeout(AGENT_ANSWER, async {
            let mut client = AgentClient::connect_uds(socket).await?;
            let keys = client.request_identities().await?;
            Ok::<_, KeyError>((client, keys))
        });
        let (client, keys) = match asked.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!("the ssh-agent at {} is not used: {error}", socket.display());
                return None;
            }
            Err(_) => {
                tracing::warn!("the ssh-agent at {} does not answer", socket.display());
                return None;
            }
        };
        let keys = keys
            .into_iter()
            .map(|identity| {
                let mut key = identity.public_key().into_owned();
                key.set_comment(identity.comment());
                key
            })
            .collect();
        Some(Agent { client, keys })
    }
}

/// What to try, and the open agent for its part of it.
pub(super) struct Plan {
    pub(super) candidates: Vec<Candidate>,
    pub(super) agent: Option<AgentClient<UnixStream>>,
}

/// One key to try.
pub(super) enum Candidate {
    Agent { key: RawPublicKey, name: String },
    File(PathBuf),
}

struct Agent {
    client: AgentClient<UnixStream>,
    keys: Vec<RawPublicKey>,
}

impl Agent {
    fn holds(&self, key: &RawPublicKey) -> bool {
        self.keys.iter().any(|held| held.key_data() == key.key_data())
    }

    fn take(&mut self, key: &RawPublicKey) -> Option<Candidate> {
        let at = self.keys.iter().position(|held| held.key_data() == key.key_data())?;
        Some(candidate(self.keys.remove(at)))
    }

    fn take_all(&mut self) -> Vec<Candidate> {
        self.keys.drain(..).map(candidate).collect()
    }
}

fn candidate(key: RawPublicKey) -> Candidate {
    let comment = crate::fleet::text::clean_line(key.comment().as_ref());
    let name = format!("{comment} ({}, from ssh-agent)", key.fingerprint(HashAlg::Sha256));
    Candidate::Agent { key, name: name.trim_start().to_owned() }
}

/// The public half of a key file, without opening it: from the `.pub` beside it.
async fn public_half(path: &Path) -> Option<RawPublicKey> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    let text = tokio::fs::read_to_string(beside).await.ok()?;
    RawPublicKey::from_openssh(text.trim()).ok()
}

async fn read_private(path: &Path) -> Result<Arc<str>, SshError> {
    let owned = path.to_owned();
    blocking(path, move || {
        let unreadable = |error: io::Error| SshError::KeyUnreadable {
            path: owned.clone(),
            reason: error.to_string(),
        };
        let found = fs::metadata(&owned).map_err(unreadable)?;
        if !found.is_file() {
            return Err(unreadable(io::Error::other("it is not a regular file")));
        }
        let mode = found.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(SshError::KeyTooOpen { path: owned, mode });
        }
        Ok(Arc::from(fs::read_to_string(&owned).map_err(unreadable)?))
    })
    .await
}

enum Decoded {
    Key(Arc<PrivateKey>),
    Encrypted,
}

/// Deriving the key from a passphrase takes a good part of a second of work.
async fn decode(
    path: &Path,
    text: &Arc<str>,
    passphrase: Option<String>,
) -> Result<Decoded, SshError> {
    let (owned, text) = (path.to_owned(), Arc::clone(text));
    blocking(path, move || match russh::keys::decode_secret_key(&text, passphrase.as_deref()) {
        Ok(key) if key.is_encrypted() => Ok(Decoded::Encrypted),
        Ok(key) => Ok(Decoded::Key(Arc::new(key))),
        Err(KeyError::KeyIsEncrypted) => Ok(Decoded::Encrypted),
        Err(error) => Err(SshError::KeyUnreadable { path: owned, reason: error.to_string() }),
    })
    .await
}

async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, SshError> + Send + 'static,
) -> Result<T, SshError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| {
        Err(SshError::KeyUnreadable { path: path.into(), reason: stopped.to_string() })
    })
}
