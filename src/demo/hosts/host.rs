//! A host as a login and its programs know it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::ssh_key;
use tokio_util::sync::CancellationToken;

use super::machine::Machine;
use super::{HostFault, HostState, Hosts, identity};
use crate::fleet::InstanceId;

/// Between two looks whether the machine is still the one that was logged in to.
const LOOK: Duration = Duration::from_secs(1);
/// How long a machine that restarts for ever stays up after a login.
const SHORT_LIFE: Duration = Duration::from_secs(8);

/// A machine, as it was when somebody logged in.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) hosts: Hosts,
    pub(super) machine: Arc<Machine>,
    /// As it was when the connection came in.
    pub(super) state: Arc<HostState>,
    /// Cuts the connection.
    pub(super) cut: CancellationToken,
    pub(super) address: IpAddr,
}

impl Host {
    pub(super) fn instance(&self) -> &InstanceId {
        &self.state.instance
    }

    pub(super) fn suffers(&self, fault: &HostFault) -> bool {
        self.state.faults.contains(fault)
    }

    /// A number below `limit` that is always the same for this instance.
    pub(super) fn pick(&self, matter: &str, limit: u64) -> u64 {
        identity::pick(self.hosts.shared.seed, self.instance(), matter, limit)
    }

    pub(super) fn boot_id(&self) -> String {
        let seed = self.hosts.shared.seed;
        identity::boot_id(seed, self.instance(), self.state.boot).to_string()
    }

    pub(super) fn host_key(&self) -> Result<russh::keys::PrivateKey, ssh_key::Error> {
        let seed = self.hosts.shared.seed;
        if self.suffers(&HostFault::ChangeHostKey) && self.state.boot > 1 {
            return identity::other_host_key(seed, &self.state.keys_of);
        }
        identity::host_key(seed, &self.state.keys_of)
    }

    /// Ends when the machine went down, restarted, or became another one.
    pub(super) async fn goes_down(&self) {
        if self.suffers(&HostFault::RebootForever) && self.state.boot > 1 {
            self.hosts.pause(SHORT_LIFE).await;
            return self.hosts.shared.directory.reboot(self.instance());
        }
        loop {
            self.hosts.pause(LOOK).await;
            let same = self.hosts.shared.directory.host(self.address).is_some_and(|now| {
                now.sshd_up && now.boot == self.state.boot && now.instance == self.state.instance
            });
            if !same {
                return;
            }
        }
    }
}
