//! One SSH connection to a host: its key, who gets in, and a program for each command.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PublicKey;
use russh::server::{
    self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Preferred, SshId, kex};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::host::Host;
use super::line::Line;
use super::lock::lock;
use super::machine::Arrived;
use super::shell::Request;
use super::terminal::Terminal;
use super::{HostFault, HostState, Hosts, process, shell};

/// As Ubuntu 24.04 says it.
const SERVER: &str = "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.14";
/// Small, so that a client sees its upload proceed as the host takes it.
const WINDOW: u32 = 64 * 1024;
/// Messages of a channel that wait for its program. A program that sleeps holds the client back.
const WAITING: usize = 4;

/// Sees a connection to its end.
pub(super) async fn serve_session<S>(hosts: Hosts, address: IpAddr, state: HostState, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let machine = hosts.machine(&state.root);
    machine.booted(state.boot);
    if state.preloaded {
        let stock = Arc::clone(&lock(&hosts.shared.stock));
        machine.settle(&stock, &state);
    }
    let cut = CancellationToken::new();
    let host = Host { hosts, machine, state: Arc::new(state), cut: cut.clone(), address };
    let config = match host.host_key() {
        Ok(key) => Arc::new(config(key)),
        Err(error) => return tracing::error!(%error, "a demo host has no key"),
    };
    let login = Login::new(host.clone());
    match server::run_stream(config, Line::new(stream, cut.clone()), login).await {
        Ok(session) => tokio::select! {
            _ = session => {}
            () = host.goes_down() => cut.cancel(),
        },
        Err(error) => tracing::debug!(%error, "a connection to a demo host ended early"),
    }
}

fn config(key: russh::keys::PrivateKey) -> server::Config {
    server::Config {
        server_id: SshId::Standard(SERVER.into()),
        methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
        auth_rejection_time: Duration::ZERO,
        max_auth_attempts: 6,
        keys: vec![key],
        window_size: WINDOW,
        channel_buffer_size: WAITING,
        // What OpenSSH 9.6 and russh have in common, and cheap for a thousand hosts in one process.
        preferred: Preferred { kex: (&[kex::CURVE25519]).into(), ..Preferred::DEFAULT },
        ..server::Config::default()
    }
}

/// russh's callbacks of one connection. Its programs end with it.
struct Login {
    host: Host,
    user: String,
    authorized: Vec<PublicKey>,
    channels: HashMap<ChannelId, Channel<Msg>>,
    /// The channels that a terminal shows.
    terminals: HashSet<ChannelId>,
    programs: JoinSet<()>,
}

impl Login {
    fn new(host: Host) -> Self {
        let refuses = host.suffers(&HostFault::RefuseKey);
        let lines = host.state.authorized_keys.iter().filter(|_| !refuses);
        let authorized =
            lines.filter_map(|line| PublicKey::from_openssh(line.trim()).ok()).collect();
        Self {
            host,
            user: String::new(),
            authorized,
            channels: HashMap::new(),
            terminals: HashSet::new(),
            programs: JoinSet::new(),
        }
    }

    fn judge(&self, key: &PublicKey) -> Auth {
        let anyone = self.host.state.preloaded && !self.host.suffers(&HostFault::RefuseKey);
        let is_known = |known: &PublicKey| known.key_data() == key.key_data();
        if anyone || self.authorized.iter().any(is_known) { Auth::Accept } else { Auth::reject() }
    }

    /// Runs a command, or a shell where there is none. Whether there is a channel to run it on.
    fn start(&mut self, id: ChannelId, request: Option<Request>) -> bool {
        while self.programs.try_join_next().is_some() {}
        let Some(channel) = self.channels.remove(&id) else { return false };
        let (host, user) = (self.host.clone(), self.user.clone());
        let is_terminal = self.terminals.remove(&id);
        self.programs.spawn(process::run(channel, is_terminal, move |stdin, output| async move {
            host.hosts.pause(host.state.round_trip).await;
            match request {
                Some(request) => shell::run(&host, &user, request, stdin, output).await,
                None => Terminal::new(&host, &user, stdin, &output).run().await,
            }
        }));
        true
    }
}

impl server::Handler for Login {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.judge(offer.public_key))
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        user.clone_into(&mut self.user);
        let judged = self.judge(key.public_key);
        if judged == Auth::Accept {
            self.host.machine.note_arrival(self.host.hosts.now(), Arrived::Login);
        }
        Ok(judged)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&id);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.start(id, Some(shell::parse(&String::from_utf8_lossy(command)))) {
            session.channel_success(id)
        } else {
            session.channel_failure(id)
        }
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.start(id, None) { session.channel_success(id) } else { session.channel_failure(id) }
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.terminals.insert(id);
        session.channel_success(id)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }
}
