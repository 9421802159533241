//! Our own keys: files, certificates, the ssh-agent, and the order in which they are tried.
//!
//! Each file is opened once for the whole fleet, so that a passphrase is asked for once. Secrets
//! never appear in errors, logs or `Debug`.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, Error as KeyError, HashAlg, PrivateKey, PublicKey as RawPublicKey};
use tokio::sync::OnceCell;

use super::agent::{Agent, Turns};
use super::config::AgentChoice;
use super::route::ssh_folder;
use super::{Hop, Settings, SshError};
use crate::files::read_text;
use crate::fleet::text::clean_line;

/// How often a passphrase is asked for before giving up, as `ssh` does.
const PASSPHRASE_TRIES: usize = 3;
/// OpenSSH's `MaxAuthTries`: a server hangs up after so many keys.
pub(super) const MOST_KEYS: usize = 6;
/// The files that `ssh` tries when nothing is configured, the best first.
pub(super) const USUAL_FILES: [&str; 5] =
    ["id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa"];
/// What marks a key in the old PEM form that has a passphrase, and the one cipher that is read.
const OLD_CIPHER: &str = "DEK-Info:";
const READABLE_CIPHER: &str = "AES-128-CBC";
/// No key and no certificate is larger.
const LARGEST_KEY: u64 = 1024 * 1024;

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
        let text = read_text(path, LARGEST_KEY).map_err(|error| unreadable(error.to_string()))?;
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
    pub(super) turns: Turns,
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Identities {
    /// Prepares the keys, and opens the one that the settings name, so that a key that cannot be
    /// used is known before anything is launched. The others are opened when their turn comes.
    /// `hop` is any host of ours: it says which agent there is.
    ///
    /// When the agent holds the named key, its file stays closed and nobody is asked.
    pub async fn load(settings: Settings, hop: &Hop, ask: Ask) -> Result<Self, SshError> {
        let identities = Self { settings, ask, files: Mutex::default(), turns: Turns::default() };
        if identities.settings.identity.is_some() {
            identities.public_key(hop).await?;
        }
        Ok(identities)
    }

    /// The public key with which a login on this host is tried first, to be installed there. Its
    /// file is opened: a key that cannot be used is known before anything is launched.
    /// `None` when there is no key at all.
    pub async fn public_key(&self, hop: &Hop) -> Result<Option<PublicKey>, SshError> {
        let plan = self.plan(hop).await;
        let Some(first) = plan.candidates.into_iter().next() else {
            return plan.unusable.into_iter().next().map_or(Ok(None), Err);
        };
        // A host that is new trusts no authority of ours: what is installed is the key itself.
        let key = match first.signature {
            Signature::Agent => first.key,
            Signature::File(path) => Some(self.open(&path).await?.public_key().clone()),
        };
        Ok(key.as_ref().and_then(PublicKey::of))
    }

    /// The same without opening anything: nobody is asked for a passphrase.
    pub async fn public_key_at_hand(&self, hop: &Hop) -> Option<PublicKey> {
        let plan = self.plan(hop).await;
        plan.candidates.iter().find_map(|candidate| candidate.key.as_ref()).and_then(PublicKey::of)
    }

    /// What to try on this host, in order. At most as many as a server stands.
    pub(super) async fn plan(&self, hop: &Hop) -> AuthPlan {
        let agent = self.agent(hop).await;
        let explicit = !hop.identities.is_empty();
        let wanted = if explicit {
            hop.identities.clone()
        } else {
            let folder = ssh_folder(&self.settings.home);
            USUAL_FILES.iter().map(|name| folder.join(name)).collect()
        };
        let mut certificates = Certificates::read(hop, agent.as_ref()).await;
        let mut unusable = Vec::new();
        let mut named: Vec<Candidate> = Vec::new();
        for path in wanted {
            match self.named(&path, agent.as_ref()).await {
                // Like `ssh`, a configured file that does not exist is passed over, but the one of
                // our own settings.
                Named::Missing if self.settings.identity.as_ref() != Some(&path) => {}
                Named::Missing => {
                    let found = tokio::fs::metadata(&path).await;
                    let reason = found.err().map(|error| error.to_string()).unwrap_or_default();
                    unusable.push(SshError::KeyUnreadable { path, reason });
                }
                Named::NobodySigns => unusable.push(SshError::KeyNotInAgent { path }),
                Named::There { key, signature } => {
                    certificates.add_one_beside(&path).await;
                    let name = path.display().to_string();
                    named.extend(certificates.candidates(key, signature, &name));
                }
            }
        }
        let mut rest: Vec<Candidate> = Vec::new();
        if let Some(agent) = agent.as_ref().filter(|_| !hop.identities_only) {
            for key in agent.keys() {
                let name = name_in_agent(&key);
                rest.extend(certificates.candidates(Some(key), Signature::Agent, &name));
            }
            rest.retain(|candidate| !named.iter().any(|other| other.is_same(candidate)));
        }
        let (first, second) = if explicit { (named, rest) } else { (rest, named) };
        let mut candidates: Vec<Candidate> = first.into_iter().chain(second).collect();
        candidates.truncate(MOST_KEYS);
        let passed_over = certificates.passed_over;
        AuthPlan { candidates, agent, unusable, passed_over }
    }

    /// What a key's path turns out to be. A file that is open is not read again.
    async fn named(&self, path: &Path, agent: Option<&Agent>) -> Named {
        match self.cell(path).get() {
            Some(open) => {
                let key = open.public_key();
                let held = agent.is_some_and(|agent| agent.holds(key));
                let signature = if held { Signature::Agent } else { Signature::File(path.into()) };
                Named::There { key: Some(key.clone()), signature }
            }
            None => Named::look_at(path, agent).await,
        }
    }

    /// Opens a private key, once for all who want it.
    pub(super) async fn open(&self, path: &Path) -> Result<Arc<PrivateKey>, SshError> {
        self.cell(path).get_or_try_init(|| self.decrypt(path)).await.cloned()
    }

    fn cell(&self, path: &Path) -> Arc<OnceCell<Arc<PrivateKey>>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(files.entry(path.into()).or_default())
    }

    async fn decrypt(&self, path: &Path) -> Result<Arc<PrivateKey>, SshError> {
        let text = read_private(path).await?;
        check_form(path, &text)?;
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

    /// The agent that is meant for this host, if it answers.
    async fn agent(&self, hop: &Hop) -> Option<Agent> {
        let socket = match &hop.agent {
            AgentChoice::Usual => self.settings.agent.as_deref()?,
            AgentChoice::Nobody => return None,
            AgentChoice::At(socket) => socket,
        };
        Agent::open(socket).await
    }
}

/// What to try, and the open agent for its part of it.
pub(super) struct AuthPlan {
    pub(super) candidates: Vec<Candidate>,
    pub(super) agent: Option<Agent>,
    /// Keys that were asked for and cannot be used.
    pub(super) unusable: Vec<SshError>,
    /// Certificates that do not hold now, in words.
    pub(super) passed_over: Vec<String>,
}

impl AuthPlan {
    /// Whether the agent may have to sign.
    pub(super) fn needs_agent(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.signature == Signature::Agent)
    }
}

/// One thing to try.
#[derive(Debug)]
pub(super) struct Candidate {
    /// As the user knows it.
    pub(super) name: String,
    /// The public half; `None` where it shows only when the file is opened.
    pub(super) key: Option<RawPublicKey>,
    pub(super) certificate: Option<Certificate>,
    pub(super) signature: Signature,
}

/// Who has the private half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signature {
    Agent,
    File(PathBuf),
}

impl Candidate {
    fn is_same(&self, other: &Self) -> bool {
        let data = |one: &Self| one.key.as_ref().map(|key| key.key_data().clone());
        data(self) == data(other) && self.certificate == other.certificate
    }
}

/// What a key's path turns out to be.
enum Named {
    Missing,
    /// A public key whose private half nobody has.
    NobodySigns,
    There {
        key: Option<RawPublicKey>,
        signature: Signature,
    },
}

impl Named {
    /// An `IdentityFile` may be a private key, or a public one whose private half is in the agent
    /// (ssh_config(5)). What the agent holds needs no file.
    async fn look_at(path: &Path, agent: Option<&Agent>) -> Self {
        let text = read_small(path).await;
        let public = text.as_deref().and_then(public_key);
        let is_public = public.is_some();
        let key = match public.or_else(|| text.as_deref().and_then(public_half)) {
            Some(key) => Some(key),
            None => read_small(&beside(path, ".pub")).await.as_deref().and_then(public_key),
        };
        let held = key.as_ref().zip(agent).is_some_and(|(key, agent)| agent.holds(key));
        match (held, is_public) {
            (true, _) => Self::There { key, signature: Signature::Agent },
            (false, true) => Self::NobodySigns,
            // One that cannot be read says so when its turn comes.
            (false, false) if path.exists() => {
                Self::There { key, signature: Signature::File(path.into()) }
            }
            (false, false) => Self::Missing,
        }
    }
}

/// The user certificates that may be shown.
#[derive(Default)]
struct Certificates {
    /// Each with the name under which the user knows it.
    valid: Vec<(String, Certificate)>,
    passed_over: Vec<String>,
}

impl Certificates {
    /// Those that `CertificateFile` names, and the agent's.
    async fn read(hop: &Hop, agent: Option<&Agent>) -> Self {
        let mut certificates = Self::default();
        for path in &hop.certificates {
            certificates.add_file(path).await;
        }
        for certificate in agent.into_iter().flat_map(Agent::certificates) {
            let name = format!("{} (a certificate, from ssh-agent)", certificate.comment());
            certificates.add(name, certificate.clone());
        }
        certificates
    }

    /// The one that lies beside a key, as `ssh` looks for it.
    async fn add_one_beside(&mut self, key: &Path) {
        let plain = key.to_string_lossy();
        let private = plain.strip_suffix(".pub").unwrap_or(&plain);
        let path = beside(Path::new(private), "-cert.pub");
        if path.exists() {
            self.add_file(&path).await;
        }
    }

    async fn add_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        let text = read_small(path).await.unwrap_or_default();
        match Certificate::from_openssh(text.trim()) {
            Ok(certificate) => self.add(name, certificate),
            Err(error) => self.passed_over.push(format!("{name} (not used: {error})")),
        }
    }

    fn add(&mut self, name: String, certificate: Certificate) {
        if self.valid.iter().any(|(_, other)| *other == certificate) {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let trouble = if certificate.cert_type() != CertType::User {
            Some("it is a host's")
        } else if now < certificate.valid_after() {
            Some("it is not valid yet")
        } else if now >= certificate.valid_before() {
            Some("it has expired")
        } else {
            None
        };
        match trouble {
            Some(why) => self.passed_over.push(format!("{name} (not used: {why})")),
            None => self.valid.push((name, certificate)),
        }
    }

    /// The certificates of this key, then the key itself.
    fn candidates(
        &self,
        key: Option<RawPublicKey>,
        signature: Signature,
        name: &str,
    ) -> Vec<Candidate> {
        let data = key.as_ref().map(RawPublicKey::key_data);
        let certified = self.valid.iter().filter(|(_, one)| Some(one.public_key()) == data);
        let certified = certified.map(|(name, certificate)| Candidate {
            name: name.clone(),
            key: key.clone(),
            certificate: Some(certificate.clone()),
            signature: signature.clone(),
        });
        let mut candidates: Vec<Candidate> = certified.collect();
        let name = name.to_owned();
        candidates.push(Candidate { name, key, certificate: None, signature });
        candidates
    }
}

fn name_in_agent(key: &RawPublicKey) -> String {
    let comment = key.comment().to_string();
    let name = format!("{comment} ({}, from ssh-agent)", key.fingerprint(HashAlg::Sha256));
    name.trim_start().to_owned()
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The text of a file that may be a key; none where it is no file, or too large for one.
async fn read_small(path: &Path) -> Option<String> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read_text(&path, LARGEST_KEY).ok()).await.ok().flatten()
}

fn public_key(text: &str) -> Option<RawPublicKey> {
    RawPublicKey::from_openssh(text.trim()).ok()
}

/// OpenSSH keeps the public half readable, also where the private one has a passphrase.
fn public_half(text: &str) -> Option<RawPublicKey> {
    PrivateKey::from_openssh(text).ok().map(|key| key.public_key().clone())
}

/// OpenSSL's old way with a passphrase is read for one cipher only.
fn check_form(path: &Path, text: &str) -> Result<(), SshError> {
    let cipher = text.lines().find_map(|line| line.strip_prefix(OLD_CIPHER));
    let cipher = cipher.map(|rest| rest.split(',').next().unwrap_or_default().trim());
    match cipher {
        None | Some(READABLE_CIPHER) => Ok(()),
        Some(cipher) => {
            Err(SshError::KeyInOldForm { path: path.into(), cipher: clean_line(cipher) })
        }
    }
}

async fn read_private(path: &Path) -> Result<Arc<str>, SshError> {
    let owned = path.to_owned();
    blocking(path, move || {
        let unreadable = |error: io::Error| SshError::KeyUnreadable {
            path: owned.clone(),
            reason: error.to_string(),
        };
        let text = read_text(&owned, LARGEST_KEY).map_err(unreadable)?;
        let found = fs::metadata(&owned).map_err(unreadable)?;
        // As OpenSSH minds it (authfile.c): the mode of somebody else's file is theirs to choose.
        let mode = found.mode() & 0o7777;
        if mode & 0o077 != 0 && found.uid() == rustix::process::getuid().as_raw() {
            return Err(SshError::KeyTooOpen { path: owned, mode });
        }
        Ok(Arc::from(text))
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
