//! `known_hosts` as sshd(8) has it: several names a line, patterns and their negations, hashed
//! names, ports, and the markers `@cert-authority` and `@revoked`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey as RawPublicKey, PublicKeyOrCertificate};
use sha1::Sha1;

use super::config::{Case, Pattern};
use super::route::{Hop, KnownHosts};
use crate::files::{MOST, read_bounded};

const DEFAULT_PORT: u16 = 22;
/// What hashed names begin with, and all that OpenSSH knows.
const HASHED: &str = "|1|";
const SALT: usize = 20;

/// All that the files say about one host.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownKeys {
    /// Under its name, with the port where that is not 22.
    named: Vec<Entry>,
    /// Under its name alone, which counts where the other one is not known (`ssh` looks so, too).
    without_port: Vec<Entry>,
    /// Lines about it whose key cannot be read.
    unreadable: Vec<String>,
    /// The name that a certificate has to be for.
    principal: String,
}

#[derive(Debug, Clone)]
struct Entry {
    /// `FILE:LINE`.
    at: String,
    marker: Marker,
    key: RawPublicKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Plain,
    Authority,
    Revoked,
}

/// What the files say about a key that a host shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Known,
    /// Nothing is known of the host; the lines about it that could not be read.
    New(Vec<String>),
    /// Another key is known, here.
    Changed(String),
    /// It was called back, here.
    Revoked(String),
}

impl KnownKeys {
    /// Looks the host up. Files that are missing say nothing. Blocks on the disk.
    pub(super) fn look_up(hop: &Hop) -> Self {
        let KnownHosts { alias, user_files, system_files, .. } = &hop.known_hosts;
        let host = hop.host.to_lowercase();
        let (name, plain) = match alias {
            // An alias stands for itself, without a port.
            Some(alias) => (alias.clone(), None),
            None if hop.port == DEFAULT_PORT => (host.clone(), None),
            None => (format!("[{host}]:{}", hop.port), Some(host.clone())),
        };
        let mut known = Self { principal: alias.clone().unwrap_or(host), ..Self::default() };
        for file in user_files.iter().chain(system_files) {
            let Ok(text) = read_bounded(file, MOST) else { continue };
            let text = String::from_utf8_lossy(&text);
            for (index, line) in text.lines().enumerate() {
                let at = format!("{}:{}", file.display(), index + 1);
                known.read_line(&at, line, &name, plain.as_deref());
            }
        }
        known
    }

    fn read_line(&mut self, at: &str, line: &str, name: &str, plain: Option<&str>) {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        let (marker, names) = match first {
            "@cert-authority" => (Marker::Authority, words.next()),
            "@revoked" => (Marker::Revoked, words.next()),
            _ => (Marker::Plain, Some(first)),
        };
        // A marker that nobody knows, as `ssh` has it: the line says nothing.
        let Some(names) = names.filter(|names| !names.is_empty() && !names.starts_with(['#', '@']))
        else {
            return;
        };
        let is_named = is_meant(names, name);
        let is_plain = plain.is_some_and(|plain| is_meant(names, plain));
        if !is_named && !is_plain {
            return;
        }
        let key: Vec<&str> = words.take(2).collect();
        let Ok(key) = RawPublicKey::from_openssh(&key.join(" ")) else {
            self.unreadable.push(at.to_owned());
            return;
        };
        let entry = Entry { at: at.to_owned(), marker, key };
        if is_named { self.named.push(entry) } else { self.without_port.push(entry) }
    }

    /// The keys that it may show, to ask for their types.
    pub(super) fn keys(&self) -> Vec<&RawPublicKey> {
        let plain = self.entries().filter(|entry| entry.marker == Marker::Plain);
        plain.map(|entry| &entry.key).collect()
    }

    /// Where they are written.
    pub(super) fn places(&self) -> Vec<&str> {
        let plain = self.entries().filter(|entry| entry.marker == Marker::Plain);
        plain.map(|entry| entry.at.as_str()).collect()
    }

    /// Whether a certificate of one of the authorities would do.
    pub(super) fn has_authority(&self) -> bool {
        self.entries().any(|entry| entry.marker == Marker::Authority)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.named.iter().chain(&self.without_port)
    }

    /// What the files say of this key. A certificate that no known authority vouches for is taken
    /// for its bare key, as by `ssh`.
    pub(super) fn judge(&self, shown: &PublicKeyOrCertificate) -> Verdict {
        let key = shown.public_key();
        let same = |entry: &&Entry| entry.key.key_data() == key.key_data();
        let authority = shown.certificate().map(Certificate::signature_key);
        let revoked = self.entries().filter(|entry| entry.marker == Marker::Revoked);
        for entry in revoked {
            if same(&entry) || authority == Some(entry.key.key_data()) {
                return Verdict::Revoked(entry.at.clone());
            }
        }
        if let Some(certificate) = shown.certificate()
            && self.entries().any(|entry| {
                entry.marker == Marker::Authority
                    && vouches(&entry.key, certificate, &self.principal)
            })
        {
            return Verdict::Known;
        }
        let plain = |entries: &'_ [Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| entry.marker == Marker::Plain).cloned().collect()
        };
        let (named, without_port) = (plain(&self.named), plain(&self.without_port));
        if named.iter().chain(&without_port).any(|entry| same(&entry)) {
            return Verdict::Known;
        }
        // A key under the bare name belongs to the server on port 22: it says nothing of this one.
        match named.first() {
            Some(other) => Verdict::Changed(other.at.clone()),
            None => Verdict::New(self.unreadable.clone()),
        }
    }
}

/// Whether a line's names mean this host.
fn is_meant(names: &str, host: &str) -> bool {
    match names.strip_prefix(HASHED) {
        Some(hashed) => is_hash_of(hashed, host),
        None => Pattern::any(&Pattern::list(names), host, Case::Ignored),
    }
}

fn is_hash_of(hashed: &str, host: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else { return false };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else {
        return false;
    };
    mac(&salt, host).is_some_and(|mac| mac.verify_slice(&hash).is_ok())
}

fn mac(salt: &[u8], host: &str) -> Option<Hmac<Sha1>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(host.as_bytes());
    Some(mac)
}

/// Whether this authority made this certificate, for this host, and for now (PROTOCOL.certkeys).
fn vouches(authority: &RawPublicKey, certificate: &Certificate, host: &str) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let fingerprint = authority.fingerprint(HashAlg::Sha256);
    let principals = certificate.valid_principals();
    certificate.signature_key() == authority.key_data()
        && certificate.cert_type() == CertType::Host
        && certificate.critical_options().iter().next().is_none()
        && certificate.validate_at(now, [&fingerprint]).is_ok()
        && (principals.is_empty()
            || principals
                .iter()
                .any(|name| Pattern::any(&[Pattern::parse(name)], host, Case::Ignored)))
}

/// Keeps a new host's key in the user's first file, as `ssh` does after accept-new. Blocks on the
/// disk.
pub(super) fn remember(hop: &Hop, key: &RawPublicKey) -> io::Result<PathBuf> {
    let KnownHosts { alias, user_files, is_hashed, .. } = &hop.known_hosts;
    let nowhere = || io::Error::other("ssh_config names no UserKnownHostsFile");
    let path = user_files.first().ok_or_else(nowhere)?;
    let host = hop.host.to_lowercase();
    let name = match alias {
        Some(alias) => alias.clone(),
        None if hop.port == DEFAULT_PORT => host,
        None => format!("[{host}]:{}", hop.port),
    };
    let name = if *is_hashed { hash(&name).ok_or_else(nowhere)? } else { name };
    let key = RawPublicKey::new(key.key_data().clone(), "");
    let key = key.to_openssh().map_err(io::Error::other)?;
    append(path, &format!("{name} {}\n", key.trim_end()))?;
    Ok(path.clone())
}

fn hash(name: &str) -> Option<String> {
    let salt: [u8; SALT] = std::array::from_fn(|_| fastrand::u8(..));
    let hash = mac(&salt, name)?.finalize().into_bytes();
    Some(format!("{HASHED}{}|{}", STANDARD.encode(salt), STANDARD.encode(hash)))
}

/// One write, so that others who add a line at the same time cut none in two.
fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let ends_open = fs::read(path).is_ok_and(|text| text.last().is_some_and(|&end| end != b'\n'));
    let line = if ends_open { format!("\n{line}") } else { line.to_owned() };
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?.write_all(line.as_bytes())
}
