//! Whether the far side is who it should be.
//!
//! No key is ever accepted without a reason that the caller named: a key that is known, a
//! fingerprint that the console told, or the explicit wish to keep the first one. Jump hosts are
//! the user's own: their `known_hosts` decides, and `StrictHostKeyChecking`, as for `ssh`. A key
//! that was revoked is refused whatever is set.

use std::borrow::Cow;

use russh::keys::{
    Algorithm, EcdsaCurve, HashAlg, PublicKey as RawPublicKey, PublicKeyOrCertificate,
};

use super::SshError;
use super::config::Strictness;
use super::known_hosts::{KnownKeys, Verdict, remember};
use super::route::Hop;
use crate::fleet::text::clean_line;
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
    KnownHosts { hop: Box<Hop>, known: KnownKeys },
}

impl Check {
    /// The check of a jump host. Blocks on the disk.
    pub(super) fn jump_host(hop: &Hop) -> Self {
        Self::KnownHosts { hop: Box::new(hop.clone()), known: KnownKeys::look_up(hop) }
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
            // Any key will do.
            Self::KnownHosts { hop, .. } if hop.known_hosts.strictness == Strictness::Off => {
                return None;
            }
            Self::KnownHosts { known, .. } => {
                known.keys().into_iter().map(RawPublicKey::algorithm).collect()
            }
        };
        let names: Vec<Algorithm> = keys.into_iter().flat_map(with_hashes).collect();
        (!names.is_empty()).then_some(Cow::Owned(names))
    }

    /// The types of certificates to ask for: all, where an authority is known.
    pub(super) fn certificates(&self) -> Cow<'static, [Algorithm]> {
        let Self::KnownHosts { known, .. } = self else { return Cow::Borrowed(&[]) };
        if !known.has_authority() {
            return Cow::Borrowed(&[]);
        }
        let curves = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
        let ecdsa = curves.map(|curve| Algorithm::Ecdsa { curve });
        let all = [Algorithm::Ed25519].into_iter().chain(ecdsa);
        Cow::Owned(all.chain(with_hashes(Algorithm::Rsa { hash: None })).collect())
    }

    /// The refusal of the key that `target` showed.
    pub(super) fn refusal(&self, target: &str, got: String) -> SshError {
        let target = target.to_owned();
        match self {
            Self::Target(_) => SshError::HostKeyMismatch { target, expected: self.expected(), got },
            Self::KnownHosts { hop, known } => SshError::HopChanged {
                target,
                alias: hop.alias.clone(),
                got,
                known: known.places().join(", "),
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

    /// Judges the key that `target` shows. Blocks on the disk where a new one is kept.
    pub(super) fn judge(
        &self,
        target: &str,
        shown: &PublicKeyOrCertificate,
    ) -> Result<HostKey, SshError> {
        let key = shown.public_key();
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
            Self::KnownHosts { hop, known } => {
                judge_jump_host(hop, target, &key, known.judge(shown))?;
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

/// What `StrictHostKeyChecking` makes of the verdict, as for `ssh`.
fn judge_jump_host(
    hop: &Hop,
    target: &str,
    key: &RawPublicKey,
    verdict: Verdict,
) -> Result<(), SshError> {
    let strictness = hop.known_hosts.strictness;
    let (target, got) = (target.to_owned(), key.fingerprint(HashAlg::Sha256).to_string());
    match verdict {
        Verdict::Known => Ok(()),
        Verdict::Revoked(at) => Err(SshError::HopRevoked { target, got, at }),
        Verdict::Changed(at) if strictness == Strictness::Off => {
            tracing::warn!(
                "{target} shows the key {got}, and {at} another one: taken all the same"
            );
            Ok(())
        }
        Verdict::Changed(known) => {
            Err(SshError::HopChanged { target, alias: hop.alias.clone(), got, known })
        }
        Verdict::New(unread) if strictness == Strictness::Known => {
            Err(unknown(hop, target, got, &unread))
        }
        Verdict::New(_) => {
            // As with `ssh`, a file that cannot be written is no reason to stay away.
            match remember(hop, key) {
                Ok(file) => tracing::info!("{target}: its key {got} is kept in {}", file.display()),
                Err(error) => tracing::warn!("{target}: its key {got} is not kept: {error}"),
            }
            Ok(())
        }
    }
}

fn unknown(hop: &Hop, target: String, got: String, unread: &[String]) -> SshError {
    let asked = hop.known_hosts.user_files.iter().chain(&hop.known_hosts.system_files);
    let known_hosts: Vec<String> = asked.map(|file| file.display().to_string()).collect();
    let unread = unread.join(", ");
    SshError::HopUnknown {
        target,
        alias: hop.alias.clone(),
        got,
        known_hosts: known_hosts.join(", "),
        unread: clean_line(&unread),
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

    fn key(line: &str) -> PublicKeyOrCertificate {
        RawPublicKey::from_openssh(line).unwrap().into()
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
        let print = key(KEY).public_key().fingerprint(HashAlg::Sha256).to_string();
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
