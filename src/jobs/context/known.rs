//! Which instances are ours by our own memory: nothing counts as gone before EC2 was asked for it by
//! its id. Tags can be taken away by anybody, and then a look by tags does not tell of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tokio::time::Instant;

use super::lock::lock;
use crate::fleet::{DeploymentId, Instance, InstanceId, Machine, Region};

/// The instances that were alive when they were last heard of, by region.
#[derive(Debug, Default)]
pub(in crate::jobs) struct KnownInstances(Mutex<BTreeMap<Region, BTreeMap<InstanceId, Known>>>);

/// One of them.
#[derive(Debug, Clone)]
pub(in crate::jobs) struct Known {
    deployment: DeploymentId,
    /// It, as EC2 last told of it.
    pub machine: Box<Machine>,
    /// Whether it runs on without its tags.
    is_untagged: bool,
    /// Whether it runs with the tags of a predecessor, whose state this was.
    is_inherited: bool,
    /// When this process first heard of it.
    pub since: Instant,
}

impl KnownInstances {
    /// What an earlier run left in the state file.
    pub(in crate::jobs) fn remember(&self, row: &Instance) {
        if let Some(machine) = &row.machine {
            self.note(&row.region, &row.deployment, std::slice::from_ref(machine));
        }
    }

    /// What EC2 tells of instances with all their tags.
    pub(in crate::jobs) fn note(
        &self,
        region: &Region,
        deployment: &DeploymentId,
        machines: &[Machine],
    ) {
        let mut regions = lock(&self.0);
        let known = regions.entry(region.clone()).or_default();
        for machine in machines {
            if machine.is_alive() {
                let (deployment, machine) = (deployment.clone(), Box::new(machine.clone()));
                let id = machine.id.clone();
                let since = known.get(&id).map_or_else(Instant::now, |known| known.since);
                let (is_untagged, is_inherited) = (false, false);
                let now = Known { deployment, machine, is_untagged, is_inherited, since };
                known.insert(id, now);
            } else {
                known.remove(&machine.id);
            }
        }
    }

    /// Whether any is in this region.
    pub(in crate::jobs) fn has(&self, region: &Region) -> bool {
        lock(&self.0).get(region).is_some_and(|known| !known.is_empty())
    }

    /// Where there is any.
    pub(in crate::jobs) fn regions(&self) -> Vec<Region> {
        let regions = lock(&self.0);
        let known = regions.iter().filter(|(_, known)| !known.is_empty());
        known.map(|(region, _)| region.clone()).collect()
    }

    /// Those of a deployment that a look by tags did not tell of.
    pub(in crate::jobs) fn unlisted(
        &self,
        region: &Region,
        deployment: &DeploymentId,
        listed: &[Machine],
    ) -> BTreeMap<InstanceId, Known> {
        let listed: BTreeSet<&InstanceId> = listed.iter().map(|machine| &machine.id).collect();
        let regions = lock(&self.0);
        let known = regions.get(region).into_iter().flatten();
        let unlisted =
            known.filter(|(id, it)| it.deployment == *deployment && !listed.contains(id));
        unlisted.map(|(id, it)| (id.clone(), it.clone())).collect()
    }

    /// It runs, and its tags are gone. True when that is new.
    pub(in crate::jobs) fn lost_its_tags(&self, region: &Region, id: &InstanceId) -> bool {
        let mut regions = lock(&self.0);
        let known = regions.get_mut(region).and_then(|known| known.get_mut(id));
        known.is_some_and(|known| !std::mem::replace(&mut known.is_untagged, true))
    }

    /// It runs with the tags of a predecessor. True when that is new.
    pub(in crate::jobs) fn is_inherited(&self, region: &Region, id: &InstanceId) -> bool {
        let mut regions = lock(&self.0);
        let known = regions.get_mut(region).and_then(|known| known.get_mut(id));
        known.is_some_and(|known| !std::mem::replace(&mut known.is_inherited, true))
    }

    /// EC2 does not know it.
    pub(in crate::jobs) fn forget(&self, region: &Region, id: &InstanceId) {
        if let Some(known) = lock(&self.0).get_mut(region) {
            known.remove(id);
        }
    }

    /// Those that run without their tags, as the last look saw it.
    pub(in crate::jobs) fn untagged(&self, region: &Region) -> BTreeSet<InstanceId> {
        let regions = lock(&self.0);
        let known = regions.get(region).into_iter().flatten();
        known.filter(|(_, it)| it.is_untagged).map(|(id, _)| id.clone()).collect()
    }
}
