//! The deployed nodes that are looked at for as long as they are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tokio::sync::{Notify, watch};

use super::lock::lock;
use crate::fleet::{Ec2State, HostKey, InstanceId, InstanceKey, Machine, Region};

/// A deployed node that is to be looked at for as long as it is there.
#[derive(Debug, Clone)]
pub struct MonitoredNode {
    /// Its row.
    pub key: InstanceKey,
    /// Its instance.
    pub machine: Machine,
    /// The key that its host has to show.
    pub host_key: HostKey,
}

/// Which [`MonitoredNodes::add`] a node is there by: what was stopped and started is another one than
/// before, at another address.
pub(in crate::jobs) type Turn = u64;

/// All of them.
#[derive(Debug)]
pub(in crate::jobs) struct MonitoredNodes {
    nodes: Mutex<BTreeMap<InstanceKey, (Turn, MonitoredNode)>>,
    /// The newest turn.
    changed: watch::Sender<Turn>,
    asked: Notify,
    /// Where EC2 does not tell of interruptions.
    untold: Mutex<BTreeSet<Region>>,
}

impl Default for MonitoredNodes {
    fn default() -> Self {
        let (nodes, asked, untold) = (Mutex::default(), Notify::new(), Mutex::default());
        Self { nodes, changed: watch::Sender::new(0), asked, untold }
    }
}

impl MonitoredNodes {
    /// From now on this node is looked at by whoever watches.
    pub(in crate::jobs) fn add(&self, node: MonitoredNode) {
        self.changed.send_modify(|turn| {
            *turn += 1;
            lock(&self.nodes).insert(node.key.clone(), (*turn, node));
        });
    }

    /// This one is looked at no more.
    pub(in crate::jobs) fn drop(&self, key: &InstanceKey) -> Option<MonitoredNode> {
        lock(&self.nodes).remove(key).map(|(_, node)| node)
    }

    /// Those of these machines that do not run are looked at no more.
    pub(in crate::jobs) fn drop_stopped(&self, machines: &[Machine]) {
        let is_gone = |id: &InstanceId| {
            machines.iter().any(|seen| seen.id == *id && seen.seen.state != Ec2State::Running)
        };
        lock(&self.nodes).retain(|_, (_, node)| !is_gone(&node.machine.id));
    }

    /// The nodes that are to be looked at.
    pub(in crate::jobs) fn all(&self) -> Vec<(Turn, MonitoredNode)> {
        lock(&self.nodes).values().cloned().collect()
    }

    /// Whether this node is to be looked at, and was not added anew since.
    pub(in crate::jobs) fn has(&self, key: &InstanceKey, turn: Turn) -> bool {
        lock(&self.nodes).get(key).is_some_and(|(newest, _)| *newest == turn)
    }

    /// Waits for the next [`MonitoredNodes::add`] after this call.
    pub(in crate::jobs) fn changed(&self) -> impl Future<Output = ()> + use<> {
        let mut changed = self.changed.subscribe();
        async move {
            // The sender lives as long as the context.
            let _ = changed.changed().await;
        }
    }

    /// Somebody wants to know how the nodes are now.
    pub(in crate::jobs) fn ask(&self) {
        self.asked.notify_waiters();
    }

    /// Waits for [`MonitoredNodes::ask`]. Cancel-safe.
    pub(in crate::jobs) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Notes whether EC2 tells of interruptions in a region.
    pub(in crate::jobs) fn note_told(&self, region: &Region, is_told: bool) {
        let mut untold = lock(&self.untold);
        if is_told {
            untold.remove(region);
        } else {
            untold.insert(region.clone());
        }
    }

    /// Whether EC2 tells of interruptions in every region; else the nodes know first.
    pub(in crate::jobs) fn is_told(&self) -> bool {
        lock(&self.untold).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::HostKeyTrust;
    use crate::fleet::tests::machine;

    #[test]
    fn what_was_stopped_and_started_is_another_one_than_before() {
        let nodes = MonitoredNodes::default();
        let machine = machine("i-1", Ec2State::Running);
        let key = InstanceKey::adopted(&machine.id);
        let (openssh, fingerprint) = ("ssh-ed25519 AAAA".into(), "SHA256:x".into());
        let host_key = HostKey { openssh, fingerprint, trust: HostKeyTrust::Console };
        nodes.add(MonitoredNode { key: key.clone(), machine, host_key });
        let first = nodes.all()[0].0;
        assert!(nodes.has(&key, first));
        let dropped = nodes.drop(&key).unwrap();
        assert!(!nodes.has(&key, first));
        nodes.add(dropped);
        assert!(!nodes.has(&key, first), "whoever looked at it before ends");
        assert!(nodes.has(&key, nodes.all()[0].0));
    }
}
