//! The way to a host: who answers at an address, and how, in the process and over TCP.

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};

use super::lock::lock;
use super::session::serve_session;
use super::{HostFault, HostState, Hosts, Shared};

/// Where sshd listens.
const PORT: u16 = 22;
/// Bytes under way in one direction.
const PIPE: usize = 64 * 1024;
/// After a connection could not be accepted: mostly because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long a silent host holds a TCP connection; whoever dialled has given up by then.
const SILENCE: Duration = Duration::from_mins(2);

impl Hosts {
    /// Connects to a host: the bytes that come out are SSH. The caller limits the time.
    ///
    /// Refused where nobody listens; never answered where the host never comes up.
    pub async fn open(&self, address: IpAddr, port: u16) -> io::Result<DuplexStream> {
        let state = self.admit(address).await?;
        if port != PORT {
            return Err(refused(address, port));
        }
        let (near, far) = duplex(PIPE);
        tokio::spawn(serve_session(self.clone(), address, state, far));
        Ok(near)
    }

    /// Opens a door on loopback to the host of an instance, whatever its address is, and tells
    /// where: for an ssh of this machine. The same door each time.
    pub async fn front(&self, address: IpAddr) -> io::Result<SocketAddr> {
        if let Some(known) = lock(&self.shared.fronts).get(&address) {
            return Ok(*known);
        }
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let bound = listener.local_addr()?;
        let accepting = tokio::spawn(accept(Arc::downgrade(&self.shared), listener, address));
        lock(&self.shared.listeners).insert(bound, accepting);
        lock(&self.shared.fronts).insert(address, bound);
        Ok(bound)
    }

    /// Listens on a loopback address for whoever is outside of the process, and tells where.
    ///
    /// May be called again for the same place. The host that answers is the one that has the
    /// address when a connection comes in.
    pub async fn serve(&self, address: IpAddr, port: u16) -> io::Result<SocketAddr> {
        if !address.is_loopback() {
            let text = format!(
                "{address} is not a loopback address: a demo host is not shown to a network"
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        let asked = SocketAddr::new(address, port);
        if lock(&self.shared.listeners).contains_key(&asked) {
            return Ok(asked);
        }
        let listener = TcpListener::bind(asked).await?;
        let bound = listener.local_addr()?;
        let accepting = tokio::spawn(accept(Arc::downgrade(&self.shared), listener, address));
        lock(&self.shared.listeners).insert(bound, accepting);
        Ok(bound)
    }

    /// Nobody listens on this address any more.
    pub fn stop_serving(&self, address: IpAddr) {
        lock(&self.shared.listeners).retain(|bound, accepting| {
            let stays = bound.ip() != address;
            if !stays {
                accepting.abort();
            }
            stays
        });
    }

    /// The host that answers at an address, after the time that a TCP handshake takes.
    async fn admit(&self, address: IpAddr) -> io::Result<HostState> {
        let Some(state) = self.shared.directory.host(address) else {
            return Err(refused(address, PORT));
        };
        if state.faults.contains(&HostFault::NeverUp) {
            return pending().await;
        }
        self.pause(state.round_trip).await;
        if state.sshd_up { Ok(state) } else { Err(refused(address, PORT)) }
    }
}

fn refused(address: IpAddr, port: u16) -> io::Error {
    let text = format!("nothing listens on {}", SocketAddr::new(address, port));
    io::Error::new(io::ErrorKind::ConnectionRefused, text)
}

/// Holds the hosts only while a connection comes in, so that they can be dropped.
async fn accept(shared: Weak<Shared>, listener: TcpListener, address: IpAddr) {
    loop {
        let accepted = listener.accept().await;
        let Some(shared) = shared.upgrade() else { return };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(answer(Hosts { shared }, address, stream))),
            Err(error) => {
                tracing::warn!(%error, %address, "a connection to a demo host was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A port that is bound cannot refuse: a connection that a real host would refuse is reset.
async fn answer(hosts: Hosts, address: IpAddr, stream: TcpStream) {
    let Ok(admitted) = tokio::time::timeout(SILENCE, hosts.admit(address)).await else { return };
    match admitted {
        Ok(state) => {
            // Only slower without.
            let _ = stream.set_nodelay(true);
            serve_session(hosts, address, state, stream).await;
        }
        Err(_) => {
            let _ = stream.set_zero_linger();
        }
    }
}
