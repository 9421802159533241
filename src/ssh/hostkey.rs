//! Whether the far side is who it should be.
//!
//! No key is ever accepted without a reason that the caller named: a key that is known, a
//! fingerprint that the console told, or the explicit wish to keep the first one. Jump hosts are
//! the user's own and have to be in `known_hosts`.

use std::borrow::Cow;
use std::path::PathBuf;

use russh::keys::known_hosts::known_host_keys_path;
use russh::keys::{Algorithm, HashAlg, PublicKey as RawPublicKey};

use super::SshError;
use super::route::{Hop, ssh_folder};
use crate::fleet::{HostKey, HostKeyTrust};

/// Which host key is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeyCheck {
    /// This one, from an earlier connection.
    Known(HostKey),
    /// One with one of these fingerprints (`SHA256:...`), told by the instance's console.
    Fingerprints(Vec<String>),
    /// Whichever it shows; it is kept from then on.
    First,
    /// Nobody knows yet: the key is looked at and the connection ends with
    /// [`SshError::HostKeyUndecided`], which can be tried again.
    Undecided,
}

/// How one connection checks its host's key.
#[derive(Debug)]
pub(super) enum Check {
    Target(HostKeyCheck),
    KnownHosts { alias: String, file: PathBuf, keys: Vec<RawPublicKey> },
}

impl Check {
    /// The check of a jump host. Blocks on the disk.
    pub(super) fn jump_host(hop: &Hop, home: &std::path::Path) -> Self {
        let file = ssh_folder(home).join("known_hosts");
        let keys = known_host_keys_path(&hop.host.to_lowercase(), hop.port, &file)
            .unwrap_or_default()
            .into_iter()
            .map(|(_, key)| key)
            .collect();
        Self::KnownHosts { alias: hop.alias.clone(), file, keys }
    }

    /// The algorithms to ask for, where only some keys are known: a server that has several keys
    /// would else show one that nobody can compare.
    pub(super) fn algorithms(&self) -> Option<Cow<'static, [Algorithm]>> {
        let keys: Vec<Algorithm> = match self {
            Self::Target(HostKeyCheck::Known(known)) => RawPublicKey::from_openssh(&known.openssh)
                .ok()
                .map(|key| key.algorithm())
                .into_iter()
                .collect(),
            Self::Target(_) => return None,
            Self::KnownHosts { keys, .. } => keys.iter().map(RawPublicKey::algorithm).collect(),
        };
        let names: Vec<Algorithm> = keys.into_iter().flat_map(with_hashes).collect();
        (!names.is_empty()).then_some(Cow::Owned(names))
    }

    /// The refusal of the key that `target` showed.
    pub(super) fn refusal(&self, target: &str, got: String) -> SshError {
        let target = target.to_owned();
        match self {
            Self::Target(_) => SshError::HostKeyMismatch { target, expected: self.expected(), got },
            // The user's own host: `ssh` tells them whether it is new or has changed.
            Self::KnownHosts { alias, file, .. } => SshError::HopUnknown {
                target,
                alias: alias.clone(),
                got,
                known_hosts: file.clone(),
            },
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Target(HostKeyCheck::Known(known)) => known.fingerprint.clone(),
            Self::Target(HostKeyCheck::Fingerprints(fingerprints)) => fingerprints.join(" or "),
            _ => String::new(),
        }
    }

    /// Judges the key that `target` shows.
    pub(super) fn judge(&self, target: &str, key: &RawPublicKey) -> Result<HostKey, SshError> {
        let got = key.fingerprint(HashAlg::Sha256).to_string();
        let trust = match self {
            Self::Target(HostKeyCheck::Known(known)) => {
                let same = RawPublicKey::from_openssh(&known.openssh)
                    .is_ok_and(|known| known.key_data() == key.key_data());
                if !same {
                    return Err(self.refusal(target, got));
                }
                known.trust
            }
            Self::Target(HostKeyCheck::Fingerprints(told)) => {
                if !told.contains(&got) {
                    return Err(self.refusal(target, got));
                }
                HostKeyTrust::Console
            }
            Self::Target(HostKeyCheck::First) => HostKeyTrust::Pinned,
            Self::Target(HostKeyCheck::Undecided) => {
                return Err(SshError::HostKeyUndecided { target: target.to_owned(), got });
            }
            Self::KnownHosts { keys, .. } => {
                if !keys.iter().any(|known| known.key_data() == key.key_data()) {
                    return Err(self.refusal(target, got));
                }
                HostKeyTrust::Pinned
            }
        };
        let plain = RawPublicKey::new(key.key_data().clone(), "");
        Ok(HostKey {
            openssh: plain.to_openssh().unwrap_or_default().trim_end().to_owned(),
            fingerprint: got,
            trust,
        })
    }
}

/// An RSA key signs with SHA-2 (RFC 8332); SHA-1 is not asked for.
fn with_hashes(algorithm: Algorithm) -> Vec<Algorithm> {
    match algorithm {
        Algorithm::Rsa { .. } => [HashAlg::Sha512, HashAlg::Sha256]
            .map(|hash| Algorithm::Rsa { hash: Some(hash) })
            .into(),
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn key(line: &str) -> RawPublicKey {
        RawPublicKey::from_openssh(line).unwrap()
    }

    fn judge(check: HostKeyCheck, line: &str) -> Result<HostKey, SshError> {
        Check::Target(check).judge("h:22", &key(line))
    }

    #[test]
    fn the_first_key_is_kept_and_known_from_then_on() {
        let kept = judge(HostKeyCheck::First, KEY).unwrap();
        assert_eq!((kept.openssh.as_str(), kept.trust), (KEY, HostKeyTrust::Pinned));
        assert!(kept.fingerprint.starts_with("SHA256:"));

        let known = HostKeyCheck::Known(kept.clone());
        assert_eq!(judge(known.clone(), KEY).unwrap(), kept);
        assert!(matches!(
            judge(known, OTHER),
            Err(SshError::HostKeyMismatch { expected, .. }) if expected == kept.fingerprint
        ));
    }

    #[test]
    fn the_consoles_word_makes_it_trusted() {
        let print = key(KEY).fingerprint(HashAlg::Sha256).to_string();
        let told = HostKeyCheck::Fingerprints(vec!["SHA256:rsa".into(), print]);
        assert_eq!(judge(told.clone(), KEY).unwrap().trust, HostKeyTrust::Console);
        assert!(judge(told, OTHER).is_err());
        assert!(judge(HostKeyCheck::Fingerprints(Vec::new()), KEY).is_err());
    }

    #[test]
    fn an_undecided_key_can_be_tried_again_and_is_not_accepted() {
        let error = judge(HostKeyCheck::Undecided, KEY).unwrap_err();
        assert!(error.is_retryable() && matches!(error, SshError::HostKeyUndecided { .. }));
    }

    #[test]
    fn only_the_known_keys_algorithm_is_asked_for() {
        let known = HostKeyCheck::Known(judge(HostKeyCheck::First, KEY).unwrap());
        assert_eq!(Check::Target(known).algorithms().unwrap().as_ref(), [Algorithm::Ed25519]);
        assert!(Check::Target(HostKeyCheck::First).algorithms().is_none());
    }
}
