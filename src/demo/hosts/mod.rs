//! Machines that answer SSH without being there: russh's server on a stream in the process or on
//! a loopback port. They know the commands that spot-tui sends and no others.
//!
//! ```text
//! Directory  what a host needs to know of its instance; the world answers it
//! Hosts ── door      who may connect, and the TCP front
//!            └── session   keys, channels ── line     the stream, which can be cut
//!                  └── process   pipes, exit status, signals
//!                        └── shell   text -> Request
//!                              ├── upload ── files   a tar.gz in memory
//!                              ├── deployment        deploy_services.sh
//!                              ├── status            node-status
//!                              ├── journal           what the units wrote
//!                              └── programs          hostname, uptime, df, ...
//! machine   what lasts from login to login          identity   keys and ids out of the seed
//! ```
//!
//! Times are virtual: they follow tokio's clock and [`Directory::speed`]. The same seed gives the
//! same keys, ids and durations. Nothing here runs a program or writes a file.

mod deployment;
mod door;
mod files;
mod identity;
mod journal;
mod line;
mod machine;
mod process;
mod programs;
mod session;
mod shell;
mod status;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::fleet::{InstanceId, Region};
use files::Tree;
use machine::Machine;

pub use files::{FileOnHost, Kind};
pub use identity::{fingerprint, private_key};

/// What the hosts ask the world that they are in.
pub trait Directory: Send + Sync + 'static {
    /// The instance that has this address, while it runs or boots.
    fn host(&self, address: IpAddr) -> Option<HostState>;

    /// The instance restarts: its sshd goes down for some seconds and its boot counter goes up.
    fn reboot(&self, instance: &InstanceId);

    /// The time in the world.
    fn now(&self) -> Timestamp;

    /// How many seconds of the world pass in one of tokio's.
    fn speed(&self) -> f64 {
        1.0
    }
}

/// An instance as its host has to know it, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct HostState {
    /// Whose host it is.
    pub instance: InstanceId,
    /// Where it runs.
    pub region: Region,
    /// Who may log in: lines as in `authorized_keys`. Any user name will do.
    pub authorized_keys: Vec<String>,
    /// Whether it was set up before anybody looked, by nobody knows whom: it takes every key, has
    /// the files of [`Hosts::stock`], and its services run.
    pub preloaded: bool,
    /// Whether anything listens on the port.
    pub sshd_up: bool,
    /// Which boot this is; the first is 1.
    pub boot: u64,
    /// When this boot began.
    pub booted_at: Timestamp,
    /// When cloud-init is through with the first boot.
    pub cloud_init_done_at: Timestamp,
    /// There and back again: for a connection, and for each command.
    pub round_trip: Duration,
    /// What goes wrong.
    pub faults: Vec<HostFault>,
}

/// What can go wrong with a host, for as long as the directory says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HostFault {
    /// No key is accepted.
    RefuseKey,
    /// From its second boot on it shows another host key than that of [`Hosts::fingerprint`].
    ChangeHostKey,
    /// The connection is cut when an upload has sent so many bytes.
    CutUpload {
        /// The byte at which it is cut.
        at: u64,
        /// How many uploads to this host suffer it.
        #[serde(default = "once")]
        times: u32,
    },
    /// The deployment prints so many lines as fast as they can be read.
    FloodLog(u32),
    /// The deployment prints escape sequences.
    EscapeSequences,
    /// From its second boot on it restarts again some seconds after a login, and before its
    /// services run.
    RebootForever,
    /// Connections to it are neither accepted nor refused.
    NeverUp,
    /// cloud-init takes so many seconds more.
    SlowCloudInit(u32),
    /// An upload finds no space left.
    DiskFull,
}

fn once() -> u32 {
    1
}

/// All hosts of a world. Clones are the same hosts.
#[derive(Clone)]
pub struct Hosts {
    shared: Arc<Shared>,
}

struct Shared {
    directory: Arc<dyn Directory>,
    seed: u64,
    machines: Mutex<HashMap<InstanceId, Arc<Machine>>>,
    /// By checksum: what many hosts were sent is kept once, as long as one of them has it.
    bundles: Mutex<HashMap<String, Weak<Tree>>>,
    listeners: Mutex<HashMap<SocketAddr, JoinHandle<()>>>,
    /// What a preloaded host has.
    stock: Mutex<Arc<Tree>>,
}

impl std::fmt::Debug for Hosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hosts").field("seed", &self.shared.seed).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for listener in lock(&self.listeners).values() {
            listener.abort();
        }
    }
}

impl Hosts {
    /// The hosts of the instances that the directory tells of.
    pub fn new(directory: Arc<dyn Directory>, seed: u64) -> Self {
        let shared = Shared {
            directory,
            seed,
            machines: Mutex::default(),
            bundles: Mutex::default(),
            listeners: Mutex::default(),
            stock: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Says what a host has that was set up before the world began: paths as in an upload, modes,
    /// contents.
    pub fn stock(&self, files: impl IntoIterator<Item = (PathBuf, u32, Bytes)>) {
        *lock(&self.shared.stock) = Arc::new(Tree::of(files));
    }

    /// The fingerprint of an instance's host key, `SHA256:...`, as its console prints it.
    pub fn fingerprint(&self, instance: &InstanceId) -> String {
        identity::fingerprint(self.shared.seed, instance)
    }

    /// What was uploaded to an instance, by its whole path there.
    pub fn files(&self, instance: &InstanceId) -> BTreeMap<PathBuf, FileOnHost> {
        self.machine(instance).files()
    }

    /// An instance is gone for good, and so is what was on it.
    pub fn forget(&self, instance: &InstanceId) {
        lock(&self.shared.machines).remove(instance);
    }

    /// What the hosts ask.
    #[cfg(test)]
    pub(super) fn directory(&self) -> &Arc<dyn Directory> {
        &self.shared.directory
    }

    fn machine(&self, instance: &InstanceId) -> Arc<Machine> {
        let mut machines = lock(&self.shared.machines);
        Arc::clone(machines.entry(instance.clone()).or_default())
    }

    fn now(&self) -> Timestamp {
        self.shared.directory.now()
    }

    /// Lets time of the world pass.
    async fn pause(&self, time: Duration) {
        let speed = self.shared.directory.speed().max(f64::MIN_POSITIVE);
        tokio::time::sleep(Duration::try_from_secs_f64(time.as_secs_f64() / speed).unwrap_or(time))
            .await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // None of these is ever left half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
