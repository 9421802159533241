//! Machines that answer SSH without being there: russh's server on a stream in the process or on
//! a loopback port. They know the commands that spot-tui sends and no others.
//!
//! ```text
//! directory  what a host needs to know of its instance; the world answers it
//! Hosts ── door      who may connect, and the TCP front
//!            └── session   keys, channels ── line     the stream, which can be cut
//!                  └── process   pipes, exit status, signals
//!                        └── shell   text -> Request
//!                              ├── upload ── files   a tar.gz in memory
//!                              ├── deployment        deploy_services.sh
//!                              ├── status            node-status
//!                              ├── journal           what the units wrote
//!                              ├── programs ── root  uptime, df, ls, cat, ...
//!                              └── terminal          a shell that one can type into
//! host      a machine at a login          machine    what lasts from login to login
//! start     how far its services are      identity   keys and ids out of the seed
//! ```
//!
//! Times are virtual: they follow tokio's clock and [`Directory::speed`]. The same seed gives the
//! same keys, ids and durations. Nothing here runs a program or writes a file.

mod deployment;
mod directory;
mod door;
mod download;
mod files;
mod host;
mod identity;
mod journal;
mod line;
mod lock;
mod machine;
mod process;
mod programs;
mod root;
mod session;
mod shell;
mod start;
mod status;
mod terminal;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::fleet::InstanceId;
use files::Tree;
use lock::lock;
use machine::Machine;

pub use directory::{Answer, Directory, HostFault, HostState};
pub use files::{FileOnHost, Kind};
pub use identity::{fingerprint, private_key, public_key};
pub use machine::{Arrival, Arrived};

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
    /// Where on loopback a host's door is, by its own address.
    fronts: Mutex<HashMap<IpAddr, SocketAddr>>,
    /// Who mounted a home volume, the first of them formatted it.
    mounts: Mutex<BTreeMap<String, Vec<InstanceId>>>,
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
            fronts: Mutex::default(),
            mounts: Mutex::default(),
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

    /// What reached the host of an instance over SSH, and when; the oldest first.
    pub fn arrivals(&self, instance: &InstanceId) -> Vec<Arrival> {
        self.machine(instance).arrivals()
    }

    /// Which instances mounted a volume as their home, the first of which formatted it.
    pub fn mounts(&self, volume: &str) -> Vec<InstanceId> {
        lock(&self.shared.mounts).get(volume).cloned().unwrap_or_default()
    }

    /// An instance mounts a volume. Answers whether it was blank.
    fn mount(&self, volume: &str, instance: &InstanceId) -> bool {
        let mut mounts = lock(&self.shared.mounts);
        let by = mounts.entry(volume.to_owned()).or_default();
        let is_blank = by.is_empty();
        if by.last() != Some(instance) {
            by.push(instance.clone());
        }
        is_blank
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
