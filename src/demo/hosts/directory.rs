//! What a host has to know of its instance, and what can go wrong with it.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::fleet::{Idle, InstanceId, Region};

/// What the hosts ask the world that they are in.
pub trait Directory: Send + Sync + 'static {
    /// The instance that has this address, while it runs or boots.
    fn host(&self, address: IpAddr) -> Option<HostState>;

    /// The instance restarts: its sshd goes down for some seconds and its boot counter goes up.
    fn reboot(&self, instance: &InstanceId);

    /// The instance stops by itself once nothing went on for so long; without a time, no more.
    fn stop_when_idle(&self, _: &InstanceId, _after: Option<Duration>) {}

    /// The instance does not stop by itself for so long.
    fn keep_awake(&self, _: &InstanceId, _span: Duration) {}

    /// The instance's lease is set anew, for another term if one is given. Answers whether it has one.
    fn renew_lease(&self, _: &InstanceId, _term: Option<Duration>) -> bool {
        false
    }

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
    /// The instance that booted from its disk first. What was written to the disk is known by it.
    pub root: InstanceId,
    /// The instance for which its host keys were made.
    pub keys_of: InstanceId,
    /// The volumes that are attached to it.
    pub volumes: Vec<String>,
    /// Those of them that were made of a snapshot, and are not blank.
    pub restored: Vec<String>,
    /// Whether its type brings a disk along.
    pub has_instance_store: bool,
    /// Where it runs.
    pub region: Region,
    /// Who may log in: lines as in `authorized_keys`. Any user name will do.
    pub authorized_keys: Vec<String>,
    /// Whether it was set up before anybody looked, by nobody knows whom: it takes every key, has
    /// the files of `Hosts::stock`, and its services run.
    pub preloaded: bool,
    /// Whether anything listens on the port.
    pub sshd_up: bool,
    /// Which boot this is; the first is 1.
    pub boot: u64,
    /// When this boot began.
    pub booted_at: Timestamp,
    /// When cloud-init is through with the first boot.
    pub cloud_init_done_at: Timestamp,
    /// The part of its processors that it has: what takes them takes so much longer.
    pub cpu: f64,
    /// How busy they are, in percent, where a story says so.
    pub work: Option<u8>,
    /// There and back again: for a connection, and for each command.
    pub round_trip: Duration,
    /// How it stands, where it stops by itself.
    pub idle: Option<Idle>,
    /// When it ends itself, if it does.
    pub lease_ends_at: Option<Timestamp>,
    /// Since when AWS recommends to rebalance it.
    pub rebalance: Option<Timestamp>,
    /// What goes wrong.
    pub faults: Vec<HostFault>,
}

/// What can go wrong with a host, for as long as the directory says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HostFault {
    /// No key is accepted.
    RefuseKey,
    /// From its second boot on it shows another host key than that of `Hosts::fingerprint`.
    ChangeHostKey,
    /// The connection is cut when an upload has sent so many bytes.
    CutUpload {
        /// The byte at which it is cut.
        at: u64,
        /// How many uploads to this host suffer it.
        #[serde(default = "once")]
        times: u32,
    },
    /// The connection is cut once while the deployment is at its last step, when the upload has
    /// been moved to its place.
    CutSetUp,
    /// The login user may not use sudo without a password.
    SudoPassword,
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
    /// The sensor says that it runs, and its count of readings stands still after so many.
    SensorStuck(u32),
    /// One of its answers never ends.
    Flood(Answer),
}

/// What a host is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To take an upload.
    Upload,
    /// To tell its boot's id.
    BootId,
    /// To run `deploy_services.sh`.
    SetUp,
    /// To run `node-status`.
    Status,
    /// To tell a log.
    Logs,
    /// To run a command of the user's.
    Program,
}

fn once() -> u32 {
    1
}
