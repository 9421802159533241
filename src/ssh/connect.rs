//! From a route to a session: dial, hop from host to host, check the key, log in.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use russh::client::Handle;
use tokio::time::timeout;

use super::dial::{ByteStream, Dial};
use super::error::Operation;
use super::handshake::{Client, Door, Notes, shake_hands};
use super::hostkey::Check;
use super::login::prove;
use super::{Hop, HostKeyCheck, Identities, Route, SshError};
use crate::fleet::HostKey;
use crate::fleet::text::clean_line;

/// Opening a channel on a connection that stands.
pub(super) const OPEN_CHANNEL: Duration = Duration::from_secs(20);

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
