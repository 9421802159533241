//! From a route to a session: dial, hop from host to host, check the key, log in.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use russh::client::{self, DisconnectReason, Handle};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred, cipher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::KeepAlive;
use super::error::Operation;
use super::hostkey::Check;
use super::login::prove;
use super::{Hop, HostKeyCheck, Identities, Route, SshError};
use crate::fleet::HostKey;
use crate::fleet::text::clean_line;

/// From the first byte to the agreed key. A booting machine may stall here.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(20);
/// Opening a channel on a connection that stands.
pub(super) const OPEN_CHANNEL: Duration = Duration::from_secs(20);

/// A byte stream to a host, whatever carries it.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for T {}

/// Opens byte streams to hosts: the seam below SSH. The caller limits the time.
pub trait Dial: std::fmt::Debug + Send + Sync {
    /// Opens a stream to `host:port`.
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>>;
}

/// TCP, as in production.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDial;

impl Dial for TcpDial {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect((host, port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }
}

/// A login on a host. Ends, with all its commands, when it is dropped.
pub struct Session {
    pub(super) handle: Handle<Client>,
    pub(super) notes: Arc<Notes>,
    pub(super) target: String,
    host_key: HostKey,
    /// The jump hosts that carry it; dropped after it.
    _jumps: Vec<Handle<Client>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Session {
    /// The key that the host showed and that was accepted.
    pub fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    /// `host:port`, as dialled.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Says goodbye, so that the far side logs a clean end.
    pub async fn close(self) {
        let goodbye = self.handle.disconnect(russh::Disconnect::ByApplication, "", "");
        // Best effort: a connection that hangs is dropped all the same.
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }
}

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

/// Opens a session over the whole route.
///
/// Dropping the future drops what was opened so far.
pub async fn connect(
    dial: &dyn Dial,
    route: &Route,
    identities: &Identities,
    expect: HostKeyCheck,
) -> Result<Session, SshError> {
    let mut jumps: Vec<Handle<Client>> = Vec::new();
    for hop in &route.jumps {
        let check = known_hosts_check(hop).await?;
        let (door, _) = log_in(dial, jumps.last(), hop, check, identities).await?;
        jumps.push(door.handle);
    }
    let target = &route.target;
    let check = Check::Target(expect);
    let (door, host_key) = log_in(dial, jumps.last(), target, check, identities).await?;
    Ok(Session {
        handle: door.handle,
        notes: door.notes,
        target: target.address(),
        host_key,
        _jumps: jumps,
    })
}

async fn known_hosts_check(hop: &Hop) -> Result<Check, SshError> {
    let owned = hop.clone();
    let looked_up = tokio::task::spawn_blocking(move || Check::jump_host(&owned)).await;
    looked_up.map_err(|stopped| SshError::File {
        operation: "reading",
        path: "known_hosts".into(),
        source: io::Error::other(stopped),
    })
}

/// A byte stream to the hop: through the jump host before it, or from here.
async fn reach(
    dial: &dyn Dial,
    through: Option<&Handle<Client>>,
    hop: &Hop,
) -> Result<Box<dyn ByteStream>, SshError> {
    let target = hop.address();
    let limit = hop.connect_timeout;
    let Some(jump) = through else {
        let dialled = timeout(limit, dial.dial(&hop.host, hop.port)).await;
        let dialled = dialled.map_err(|_| SshError::TimedOut {
            operation: Operation::Connect,
            target: target.clone(),
            after: limit,
        })?;
        return dialled.map_err(|error| not_reached(target, limit, error));
    };
    let opening =
        jump.channel_open_direct_tcpip(hop.host.clone(), u32::from(hop.port), "127.0.0.1", 0);
    match timeout(limit.max(OPEN_CHANNEL), opening).await {
        Ok(Ok(channel)) => Ok(Box::new(channel.into_stream())),
        Ok(Err(russh::Error::ChannelOpenFailure(why))) => Err(not_opened(target, &why)),
        Ok(Err(error)) => {
            Err(SshError::Cut { operation: Operation::Jump, target, reason: error.to_string() })
        }
        Err(_) => Err(SshError::TimedOut { operation: Operation::Jump, target, after: limit }),
    }
}

fn not_reached(target: String, after: Duration, source: io::Error) -> SshError {
    match source.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => {
            SshError::Refused { target, source }
        }
        io::ErrorKind::TimedOut => {
            SshError::TimedOut { operation: Operation::Connect, target, after }
        }
        _ => SshError::Unreachable { target, source },
    }
}

fn not_opened(target: String, why: &russh::ChannelOpenFailure) -> SshError {
    match why {
        russh::ChannelOpenFailure::ConnectFailed => SshError::Refused {
            target,
            source: io::Error::new(
                io::ErrorKind::ConnectionRefused,
                "the jump host could not connect",
            ),
        },
        other => SshError::Denied {
            operation: Operation::Jump,
            target,
            reason: clean_line(&format!("{other:?}")),
        },
    }
}

/// A connection on which nobody is logged in yet, or somebody is.
pub(super) struct Door {
    pub(super) handle: Handle<Client>,
    pub(super) notes: Arc<Notes>,
}

/// Connection, handshake and login on one host.
async fn log_in(
    dial: &dyn Dial,
    through: Option<&Handle<Client>>,
    hop: &Hop,
    check: Check,
    identities: &Identities,
) -> Result<(Door, HostKey), SshError> {
    let (check, turns) = (Arc::new(check), &identities.turns);
    let mut turn = None;
    loop {
        let plan = identities.plan(hop).await;
        let asks = plan.needs_agent();
        let mut stream = reach(dial, through, hop).await?;
        if asks && turn.is_none() && turns.wait_for_a_user() {
            // Who has to queue connects anew when it is their turn. That the host answers was
            // seen, so that nobody who queues behind waits for one that does not.
            drop(stream);
            turn = Some(turns.login().await);
            stream = reach(dial, through, hop).await?;
        }
        let (mut door, host_key) = shake_hands(stream, hop, Arc::clone(&check)).await?;
        match prove(&mut door, hop, identities, plan).await {
            Ok(()) => return Ok((door, host_key)),
            // It queued for its signature for so long that the server hung up.
            Err(SshError::Cut { .. }) if asks && turn.is_none() && turns.wait_for_a_user() => {}
            Err(error) => return Err(error),
        }
    }
}

async fn shake_hands(
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
