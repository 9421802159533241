//! The handshake: ciphers are agreed on, the host's key is judged, nobody is logged in yet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, DisconnectReason, Handle};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred, cipher};
use tokio::time::timeout;

use super::config::KeepAlive;
use super::dial::ByteStream;
use super::error::Operation;
use super::hostkey::Check;
use super::{Hop, SshError};
use crate::fleet::HostKey;
use crate::fleet::text::clean_line;

/// From the first byte to the agreed key. A booting machine may stall here.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(20);
/// What the connection's own task learned, for whoever holds the session.
#[derive(Debug, Default)]
pub(super) struct Notes {
    host_key: Mutex<Option<Result<HostKey, SshError>>>,
    ended: Mutex<Option<String>>,
}

impl Notes {
    /// Why the connection ended, as far as it is known.
    pub(super) fn why_ended(&self) -> String {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.clone().unwrap_or_else(|| "the connection was closed".into())
    }
}

/// russh's callbacks.
#[derive(Debug)]
pub(super) struct Client {
    check: Arc<Check>,
    target: String,
    notes: Arc<Notes>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let verdict = self.check.judge(&self.target, shown);
        let accepted = verdict.is_ok();
        *self.notes.host_key.lock().unwrap_or_else(PoisonError::into_inner) = Some(verdict);
        Ok(accepted)
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<Self::Error>,
    ) -> Result<(), Self::Error> {
        let text = match reason {
            DisconnectReason::ReceivedDisconnect(told) => clean_line(&told.message),
            DisconnectReason::Error(error) => error.to_string(),
        };
        *self.notes.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        Ok(())
    }
}

/// A connection on which nobody is logged in yet, or somebody is.
pub(super) struct Door {
    pub(super) handle: Handle<Client>,
    pub(super) notes: Arc<Notes>,
}

/// Agrees on keys with the far side, and judges the one that it shows.
pub(super) async fn shake_hands(
    stream: Box<dyn ByteStream>,
    hop: &Hop,
    check: Arc<Check>,
) -> Result<(Door, HostKey), SshError> {
    let target = hop.address();
    let config = Arc::new(client_config(&check, hop.keep_alive));
    let notes = Arc::new(Notes::default());
    let client =
        Client { check: Arc::clone(&check), target: target.clone(), notes: Arc::clone(&notes) };
    let shaken = timeout(HANDSHAKE, client::connect_stream(config, stream, client)).await;
    let verdict = notes.host_key.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (shaken, verdict) {
        (_, Some(Err(refused))) => Err(refused),
        (Ok(Ok(handle)), Some(Ok(host_key))) => Ok((Door { handle, notes }, host_key)),
        (Err(_), _) => {
            Err(SshError::TimedOut { operation: Operation::Connect, target, after: HANDSHAKE })
        }
        // Only the known key's algorithm was asked for, and the host has no such key any more.
        (Ok(Err(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. })), _)
            if check.algorithms().is_some() =>
        {
            let got = clean_line(&format!("of another type ({})", theirs.join(", ")));
            Err(check.refusal(&target, got))
        }
        (Ok(Err(error)), _) => {
            Err(SshError::Handshake { target, reason: clean_line(&error.to_string()) })
        }
        (Ok(Ok(_)), None) => {
            Err(SshError::Handshake { target, reason: "no host key was shown".into() })
        }
    }
}

/// Ciphers with AES-GCM first: 40 % faster than the default on machines with AES instructions.
/// Keepalive alone does not end a connection whose writes block, inactivity alone ends idle ones:
/// both together do right.
fn client_config(check: &Check, alive: KeepAlive) -> client::Config {
    let mut preferred = Preferred {
        cipher: (&[
            cipher::AES_128_GCM,
            cipher::AES_256_GCM,
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_CTR,
            cipher::AES_128_CTR,
        ])
            .into(),
        key: Preferred::DEFAULT
            .key
            .iter()
            .filter(|algorithm| **algorithm != Algorithm::Rsa { hash: None })
            .cloned()
            .collect::<Vec<_>>()
            .into(),
        ..Preferred::DEFAULT
    };
    let unanswered = u32::try_from(alive.count).unwrap_or(u32::MAX);
    if let Some(algorithms) = check.algorithms() {
        preferred.key = algorithms;
    }
    preferred.host_key_certificates = check.certificates();
    client::Config {
        client_id: russh::SshId::Standard(
            concat!("SSH-2.0-spot-tui_", env!("CARGO_PKG_VERSION")).into(),
        ),
        preferred,
        keepalive_interval: Some(alive.interval),
        keepalive_max: alive.count,
        // One interval more than the questions take.
        inactivity_timeout: Some(alive.interval.saturating_mul(unanswered.saturating_add(1))),
        ..client::Config::default()
    }
}
