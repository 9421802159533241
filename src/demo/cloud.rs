//! An AWS with its machines: a world, and the SSH hosts of the instances in it.
//!
//! The world knows when an instance runs; how its system boots, restarts and gets through
//! cloud-init is told here, out of the same seed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::boot::{FirstBoot, to_sshd};
use super::dice::Dice;
use super::hosts::{Directory, HostState, Hosts, fingerprint, public_key};
use super::scenario::Scenario;
use super::shapes::Shape;
use super::world::{Guest, HostKeys, IdleStop, Settings, World};
use crate::fleet::InstanceId;

/// There and back again, in seconds.
const ROUND_TRIP: (f64, f64) = (0.02, 0.2);

/// A world and its hosts. Clones are the same.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// What AWS's API answers from.
    pub world: World,
    /// What SSH reaches.
    pub hosts: Hosts,
}

impl Cloud {
    /// A new world, in which this story happens, and nobody in it yet.
    pub fn new(settings: &Settings, scenario: Scenario) -> Self {
        let seed = scenario.seed.unwrap_or(settings.seed);
        let world = World::new(settings, scenario);
        world.set_host_keys(Arc::new(Keys { seed }));
        let register = Register { world: world.clone(), seed, restarts: Mutex::default() };
        let hosts = Hosts::new(Arc::new(register), seed);
        Self { world, hosts }
    }
}

/// What the consoles print.
struct Keys {
    seed: u64,
}

impl HostKeys for Keys {
    fn fingerprint(&self, id: &InstanceId) -> Option<String> {
        Some(fingerprint(self.seed, id))
    }

    fn public_key(&self, id: &InstanceId) -> Option<String> {
        public_key(self.seed, id)
    }
}

/// Which instance is behind an address, and how its system is.
struct Register {
    world: World,
    seed: u64,
    /// How often an instance restarted, and when it last did.
    restarts: Mutex<HashMap<InstanceId, (u64, Timestamp)>>,
}

impl Directory for Register {
    fn host(&self, address: IpAddr) -> Option<HostState> {
        let guest = self.world.guest(address)?;
        let (started, root) = (guest.running_since?, guest.root.clone()?);
        let first = guest.first_ran.unwrap_or(started);
        let restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        let (restarts, restarted) = restarts.get(&guest.id).copied().unwrap_or((0, started));
        let (boots, booted) = guest.booted;
        // A stop and a start, or a reboot by EC2, is a boot as one from within is.
        let (boot, booted_at) = (restarts + boots, restarted.max(booted.unwrap_or(started)));
        // A host adds its own slowness.
        let cloud_init_done_at =
            first + FirstBoot::of(self.seed, guest.id.as_str(), guest.cpu_part, 0).done;
        let listens_at = booted_at + to_sshd(self.seed, guest.id.as_str(), boot, guest.cpu_part);
        Some(HostState {
            sshd_up: guest.boots && self.now() >= listens_at,
            boot,
            booted_at,
            cloud_init_done_at,
            cpu: guest.cpu_part,
            work: guest.work,
            round_trip: self.round_trip(&guest),
            preloaded: guest.preloaded,
            authorized_keys: guest.public_key.into_iter().collect(),
            idle: guest.idle,
            lease_ends_at: guest.lease_ends_at,
            rebalance: guest.rebalance,
            faults: guest.faults,
            instance: guest.id,
            root,
            keys_of: guest.keys_of,
            volumes: guest.volumes,
            restored: guest.restored,
            has_instance_store: Shape::named(guest.machine_type.as_str())
                .is_some_and(|shape| shape.disk_gb > 0),
            region: guest.region,
        })
    }

    fn reboot(&self, instance: &InstanceId) {
        let now = self.now();
        let mut restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, at) = restarts.entry(instance.clone()).or_insert((0, now));
        (*count, *at) = (*count + 1, now);
        // Its timers begin anew.
        self.world.renew_lease(instance, None);
    }

    fn stop_when_idle(&self, instance: &InstanceId, after: Option<Duration>) {
        self.world.change_idle_stop(instance, |known, now| {
            let after = SignedDuration::try_from(after?).ok()?;
            let known = known.unwrap_or(IdleStop { after, set_at: now, held_until: None });
            Some(IdleStop { after, ..known })
        });
    }

    fn keep_awake(&self, instance: &InstanceId, span: Duration) {
        self.world.change_idle_stop(instance, |known, now| {
            let until = now.checked_add(span).ok();
            Some(IdleStop { held_until: until, ..known? })
        });
    }

    fn renew_lease(&self, instance: &InstanceId, term: Option<Duration>) -> bool {
        let term = term.and_then(|term| SignedDuration::try_from(term).ok());
        self.world.renew_lease(instance, term)
    }

    fn now(&self) -> Timestamp {
        self.world.clock().now()
    }

    fn speed(&self) -> f64 {
        self.world.clock().speed()
    }
}

impl Register {
    /// The same for all machines of a region.
    fn round_trip(&self, guest: &Guest) -> Duration {
        let mut dice = Dice::named(self.seed, &format!("{} far away", guest.region));
        dice.seconds(ROUND_TRIP.0, ROUND_TRIP.1).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_boots_after_its_instance_and_again_after_a_restart() {
        let cloud = Cloud::new(&Settings::default(), Scenario::default());
        assert_eq!(cloud.world.preload_in("us-west-2", 1, "spot-1", "demo"), 1);
        let guest = cloud.world.guests().remove(0);
        let address = IpAddr::from(guest.public_ip);
        let register = Arc::clone(cloud.hosts.directory());
        let state = register.host(address).unwrap();
        assert!(state.sshd_up, "it was launched long ago: {state:?}");
        assert_eq!(state.boot, 1);
        register.reboot(&guest.id);
        let state = register.host(address).unwrap();
        assert!(!state.sshd_up);
        assert_eq!((state.boot, state.instance), (2, guest.id));
        tokio::time::sleep(Duration::from_secs(18)).await;
        assert!(register.host(address).unwrap().sshd_up);
        assert!(register.host("198.18.200.200".parse().unwrap()).is_none());
    }
}
