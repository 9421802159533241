//! The world behind the wire: a deterministic state machine. It knows nothing of HTTP.
//!
//! Nothing runs in it by itself. Each call first lets happen what is due by the clock, then looks
//! or changes; so time is whatever the clock says, and between two calls nothing is spent.

mod account;
pub(crate) mod advisor;
mod build;
pub(crate) mod console;
mod demolish;
mod elastic_ips;
mod fleets;
pub(crate) mod groups;
mod idle;
pub(crate) mod images;
pub(crate) mod instance;
mod launch;
mod laws;
mod lease;
mod life;
mod market;
pub(crate) mod network;
pub(crate) mod order;
pub(crate) mod pace;
mod play;
mod preload;
mod rebalance;
mod refusal;
pub(crate) mod region;
mod requests;
pub(crate) mod resource;
mod root_tasks;
mod rules;
pub(crate) mod spot;
pub(crate) mod template;
pub(crate) mod volume;
mod volumes;
mod work;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::clock::Clock;
use super::hosts::HostFault;
use super::scenario::{Scenario, Trouble};
use crate::fleet::REGION_LOCATIONS;
use crate::fleet::{Ec2State, Idle, InstanceId, Region};
pub(in crate::demo) use instance::IdleStop;
use instance::{Fate, Instance, Lease};
pub(crate) use laws::Laws;
pub use laws::Settings;
use play::Play;
pub(crate) use refusal::Refusal;
use region::RegionWorld;

/// How many calls are remembered.
const CALLS_KEPT: usize = 50_000;

/// Who knows the host keys of the instances: the console prints their fingerprints.
pub trait HostKeys: Send + Sync {
    /// `SHA256:...` of an instance's host key; `None` while it has none.
    fn fingerprint(&self, id: &InstanceId) -> Option<String>;

    /// The key itself, one line of OpenSSH's; `None` where only its fingerprint is known.
    fn public_key(&self, _: &InstanceId) -> Option<String> {
        None
    }
}

/// A call that the world got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSeen {
    /// When, in the world's time.
    pub at: Timestamp,
    /// Where.
    pub region: String,
    /// The action, `RunInstances`.
    pub action: String,
    /// The HTTP status of the answer; 0 where there was none.
    pub status: u16,
    /// AWS's code, where it was refused.
    pub code: Option<String>,
}

/// What whoever plays a host has to know of the instance behind an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Guest {
    /// The instance.
    pub id: InstanceId,
    /// Where it is.
    pub region: Region,
    /// Its place among the launches of its region, from 1.
    pub ordinal: u32,
    /// Its address in the VPC, from which its host name is made.
    pub private_ip: Ipv4Addr,
    /// Its address on the internet.
    pub public_ip: Ipv4Addr,
    /// Its machine type.
    pub machine_type: String,
    /// EC2's state.
    pub state: Ec2State,
    /// Since when it has been running; `None` when it is not.
    pub running_since: Option<Timestamp>,
    /// When it ran for the first time: cloud-init does its work then.
    pub first_ran: Option<Timestamp>,
    /// How often its system was started from outside, and when it last was.
    pub booted: (u64, Option<Timestamp>),
    /// The instance that booted from its root volume first; `None` while it has no root.
    pub root: Option<InstanceId>,
    /// The instance for which its host keys were made.
    pub keys_of: InstanceId,
    /// The volumes that are attached to it.
    pub volumes: Vec<String>,
    /// Those of them that were made of a snapshot, and are not blank.
    pub restored: Vec<String>,
    /// The key pair's public key, one line of OpenSSH's.
    pub public_key: Option<String>,
    /// Its user-data, base64.
    pub user_data: String,
    /// Whether it was set up before the world began.
    pub preloaded: bool,
    /// Whether its system ever starts.
    pub boots: bool,
    /// The part of its processors that it has while it starts.
    pub cpu_part: f64,
    /// How busy they are, in percent, where a story says so.
    pub work: Option<u8>,
    /// How it stands, where it stops by itself.
    pub idle: Option<Idle>,
    /// When it ends itself, if it does.
    pub lease_ends_at: Option<Timestamp>,
    /// Since when AWS recommends to rebalance it.
    pub rebalance: Option<Timestamp>,
    /// What it does wrong.
    pub faults: Vec<HostFault>,
}

/// A world. Cheap to clone; all clones are the same world.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    clock: Clock,
    latency: Duration,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// Everything that changes.
pub(crate) struct State {
    pub(crate) laws: Arc<Laws>,
    pub(crate) regions: BTreeMap<&'static str, RegionWorld>,
    pub(crate) keys: Option<Arc<dyn HostKeys>>,
    play: Play,
    calls: VecDeque<CallSeen>,
    /// How many requests there were: the number of the next one.
    pub(crate) requests: u64,
}

impl World {
    /// A new world, in which this story happens.
    pub fn new(settings: &Settings, scenario: Scenario) -> Self {
        let laws = Arc::new(Laws {
            seed: scenario.seed.unwrap_or(settings.seed),
            began: settings.began,
            account: settings.account.clone(),
            user: settings.user.clone(),
            opted_in: settings.opted_in.clone(),
            addresses: settings.addresses,
            lag: SignedDuration::try_from(settings.lag).unwrap_or(SignedDuration::MAX),
            throttles: settings.throttles,
            scenario,
        });
        let regions = REGION_LOCATIONS.iter().map(|place| {
            let mut region = RegionWorld::new(place, &laws);
            region.begin(&laws.user);
            (place.code, region)
        });
        let state = State {
            regions: regions.collect(),
            play: Play::new(&laws),
            laws,
            keys: None,
            calls: VecDeque::new(),
            requests: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            clock: Clock::new(settings.began, settings.speed),
            latency: settings.latency,
        }
    }

    /// The world's clock, which is also a time source for the SDK.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// How long a call takes outside.
    pub(crate) fn latency(&self) -> Duration {
        self.clock.outside(self.latency)
    }

    /// Says who knows the hosts' keys.
    pub fn set_host_keys(&self, keys: Arc<dyn HostKeys>) {
        self.now().keys = Some(keys);
    }

    /// Starts with instances that run already, of this deployment and creator, spread over the
    /// regions that need no opt-in. Answers how many there are.
    pub fn preload(&self, count: u32, deployment: &str, creator: &str) -> u32 {
        let mut state = self.now();
        let enabled: Vec<&str> =
            REGION_LOCATIONS.iter().filter(|place| !place.opt_in).map(|place| place.code).collect();
        let mut done = 0;
        for (index, code) in enabled.iter().enumerate() {
            let index = u32::try_from(index).unwrap_or(0);
            let regions = u32::try_from(enabled.len()).unwrap_or(1);
            let share = count / regions + u32::from(index < count % regions);
            if let Some(region) = state.regions.get_mut(code) {
                done += region.preload(share, deployment, creator);
            }
        }
        done
    }

    /// Starts with instances that run already, all in one region. Answers how many there are.
    pub fn preload_in(&self, region: &str, count: u32, deployment: &str, creator: &str) -> u32 {
        let mut state = self.now();
        let region = state.regions.get_mut(region);
        region.map_or(0, |region| region.preload(count, deployment, creator))
    }

    /// The instance that an address leads to now.
    pub fn guest(&self, address: IpAddr) -> Option<Guest> {
        let mut state = self.now();
        let state = &mut *state;
        for region in state.regions.values_mut() {
            let found = region
                .instances
                .values()
                .find(|it| it.public_ip.map(IpAddr::from) == Some(address));
            let told = found.and_then(|instance| region.rebalance_of(instance));
            if let Some(guest) = found.and_then(|instance| guest(region, instance)) {
                region.hits.extend(told.map(|(index, _)| format!("rebalances[{index}]")));
                let faults = state.laws.scenario.hosts.iter().enumerate();
                for (index, _) in
                    faults.filter(|(_, fault)| fault.is_about(guest.region.as_str(), guest.ordinal))
                {
                    region.hits.insert(format!("hosts[{index}]"));
                }
                return Some(guest);
            }
        }
        None
    }

    /// Changes when an instance stops by itself.
    pub(in crate::demo) fn change_idle_stop(
        &self,
        id: &InstanceId,
        change: impl FnOnce(Option<IdleStop>, Timestamp) -> Option<IdleStop>,
    ) {
        let mut state = self.now();
        let id = id.as_str();
        let mut regions = state.regions.values_mut();
        let Some(region) = regions.find(|it| it.instances.contains_key(id)) else { return };
        let now = region.now;
        if let Some(instance) = region.instances.get_mut(id) {
            instance.idle_stop = change(instance.idle_stop, now);
        }
        region.expect_idle_stop(id);
    }

    /// Sets an instance's lease anew, for another term if one is given. Answers whether it has one.
    pub(in crate::demo) fn renew_lease(
        &self,
        id: &InstanceId,
        term: Option<SignedDuration>,
    ) -> bool {
        let mut state = self.now();
        let mut regions = state.regions.values_mut();
        let region = regions.find(|it| it.instances.contains_key(id.as_str()));
        region.is_some_and(|region| region.renew_lease(id.as_str(), term))
    }

    /// All instances that have a public address, in the order of their regions.
    pub fn guests(&self) -> Vec<Guest> {
        let state = self.now();
        let of = |region: &RegionWorld| {
            region.instances.values().filter_map(|it| guest(region, it)).collect::<Vec<_>>()
        };
        state.regions.values().flat_map(of).collect()
    }

    /// The public addresses that are taken now.
    pub fn public_addresses(&self) -> BTreeSet<Ipv4Addr> {
        let state = self.now();
        let taken = state.regions.values().flat_map(|region| region.instances.values());
        taken.filter_map(|instance| instance.public_ip).collect()
    }

    /// The calls so far, oldest first; the last 50,000.
    pub fn calls(&self) -> Vec<CallSeen> {
        self.now().calls.iter().cloned().collect()
    }

    /// The faults of the scenario that were met so far: `calls[0]`, `capacity[1]`, ...
    pub fn hits(&self) -> BTreeSet<String> {
        let state = self.now();
        let mut hits = state.play.hits.clone();
        hits.extend(state.regions.values().flat_map(|region| region.hits.iter().cloned()));
        hits
    }

    /// The faults of the scenario that were not met: a story that has some tells nothing.
    pub fn unmet(&self) -> BTreeSet<String> {
        let laws = Arc::clone(&self.now().laws);
        let scenario = &laws.scenario;
        let lists = [
            ("capacity", scenario.capacity.len()),
            ("calls", scenario.calls.len()),
            ("instances", scenario.instances.len()),
            ("interruptions", scenario.interruptions.len()),
            ("rebalances", scenario.rebalances.len()),
            ("hosts", scenario.hosts.len()),
            ("consoles", scenario.consoles.len()),
            ("impaired", scenario.impaired.len()),
            ("zones_without_subnets", scenario.zones_without_subnets.len()),
        ];
        let mut all: BTreeSet<String> = lists
            .into_iter()
            .flat_map(|(name, count)| (0..count).map(move |index| format!("{name}[{index}]")))
            .collect();
        let account = &scenario.account;
        let switches = [
            ("spot_vcpus", scenario.spot_vcpus.is_some()),
            ("reclaims", scenario.reclaims.is_some()),
            ("account.free_plan", account.free_plan),
            (
                "account.pending_verification_until_s",
                account.pending_verification_until_s.is_some(),
            ),
            ("account.blocked", account.blocked),
            ("account.allowed_regions", !account.allowed_regions.is_empty()),
            ("account.kms_refuses_spot", account.kms_refuses_spot),
            ("account.guard_duty", account.guard_duty),
        ];
        let on = switches.into_iter().filter(|(_, is_on)| *is_on);
        all.extend(on.map(|(name, _)| name.to_owned()));
        &all - &self.hits()
    }

    /// The state at this moment.
    pub(crate) fn now(&self) -> MutexGuard<'_, State> {
        // A panic while it was held leaves at worst one resource half made.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let State { play, regions, .. } = &mut *state;
        play.advance(regions, now);
        state
    }
}

impl State {
    /// Counts a call for the scenario: what happens to it, if anything.
    pub(crate) fn trouble(&mut self, action: &str, region: &str) -> Option<Trouble> {
        self.play.count(action, region)
    }

    /// A part of the scenario was met.
    pub(crate) fn hit(&mut self, part: &str) {
        self.play.hits.insert(part.to_owned());
    }

    /// Remembers a call.
    pub(crate) fn remember(&mut self, call: CallSeen) {
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }
}

fn guest(region: &RegionWorld, instance: &Instance) -> Option<Guest> {
    let key = instance.key_name.as_ref().and_then(|name| region.network.keys.get(name));
    let mut guest = Guest {
        id: instance.id.as_str().into(),
        region: region.place.code.into(),
        ordinal: instance.ordinal,
        private_ip: instance.private_ip,
        public_ip: instance.public_ip?,
        machine_type: instance.shape.name.into(),
        state: instance.state,
        running_since: instance.running_since,
        first_ran: instance.first_ran,
        booted: (instance.boots, instance.booted_at),
        keys_of: region.keys_of(instance).into(),
        volumes: instance.volumes.clone(),
        restored: region.restored(instance),
        root: region.root_of(&instance.id).and_then(|it| it.root_of.as_deref()).map(Into::into),
        public_key: key.map(|key| key.public.clone()),
        user_data: instance.user_data.clone(),
        preloaded: instance.preloaded,
        boots: instance.fate == Fate::Good,
        cpu_part: region.cpu_part(instance),
        work: region.work(),
        idle: region.idle_of(instance),
        lease_ends_at: instance.lease.map(Lease::ends_at),
        rebalance: region.rebalance_of(instance).map(|(_, since)| since),
        faults: Vec::new(),
    };
    let faults = region.laws.scenario.hosts.iter();
    guest.faults = faults
        .filter(|fault| fault.is_about(guest.region.as_str(), guest.ordinal))
        .map(|it| it.fault.clone())
        .collect();
    Some(guest)
}
