//! One region of the world: everything in it, and its time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::instance::{Ending, Instance};
use super::laws::Laws;
use super::network::{ElasticIp, Network};
use super::order::TokenUse;
use super::pace::Buckets;
use super::resource::Resource;
use super::spot::SpotRequest;
use super::template::{Fleet, Template};
use super::volume::{RootTask, Snapshot, Volume};
use crate::demo::dice::Dice;
use crate::fleet::{REGION_LOCATIONS, RegionLocation};

/// Addresses at the beginning of the range that nobody gets: 127.0.0.1 is among them when the
/// range is the loopback's.
const UNUSED_ADDRESSES: u32 = 256;

/// Something that will happen by itself.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Pending becomes running.
    Runs(String),
    /// Stopping becomes stopped.
    Stopped(String),
    /// By chance, EC2 takes a spot instance back.
    TakenBack(String),
    /// Two minutes after the notice.
    Reclaimed(String),
    /// The request of an instance that was stopped is disabled, some time later.
    Disabled(String),
    /// EC2 starts again what it stopped.
    Restarts(String),
    /// EC2 ends what was stopped when its request was cancelled.
    Cancelled(String),
    /// Shutting-down becomes terminated.
    Ended(String),
    /// EC2 no longer tells of a terminated instance.
    Forgotten(String),
    /// An open spot request tries its luck.
    Relaunches(String),
    /// A volume has come off its instance.
    Detached(String),
    /// A task that replaces a root takes its next step.
    RootTask(String),
    /// Nothing may have gone on on an instance for long enough.
    IdleStop(String),
    /// An instance's lease may be over.
    Lease(String),
}

/// One region.
#[derive(Debug, Clone)]
pub(crate) struct RegionWorld {
    pub(crate) place: &'static RegionLocation,
    pub(crate) laws: Arc<Laws>,
    /// What time it is. Nothing in here asks a clock.
    pub(crate) now: Timestamp,
    pub(super) dice: Dice,
    /// A dry run is done on a copy that is thrown away.
    pub(crate) rehearsal: bool,
    pub(crate) network: Network,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) requests: BTreeMap<String, SpotRequest>,
    pub(crate) volumes: BTreeMap<String, Volume>,
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    pub(crate) root_tasks: BTreeMap<String, RootTask>,
    /// By allocation.
    pub(crate) elastic_ips: BTreeMap<String, ElasticIp>,
    /// What was made under a client token, by token and action.
    pub(super) made: BTreeMap<(String, String), String>,
    pub(crate) templates: BTreeMap<String, Template>,
    /// Instant fleets, by their client tokens.
    pub(super) fleets: BTreeMap<String, Fleet>,
    pub(crate) buckets: Buckets,
    pub(super) tokens: BTreeMap<(String, String), TokenUse>,
    /// How many instances were launched so far.
    pub(super) launched: u32,
    /// The faults of the scenario that were met here.
    pub(crate) hits: BTreeSet<String>,
    agenda: BTreeMap<(Timestamp, u64), Event>,
    serial: u64,
    addresses: BTreeSet<Ipv4Addr>,
    next_address: u32,
}

impl RegionWorld {
    /// A region with nothing in it but its default VPC.
    pub(super) fn new(place: &'static RegionLocation, laws: &Arc<Laws>) -> Self {
        let mut dice = Dice::named(laws.seed, place.code);
        // What is there from the beginning is not too young to be told of.
        let long_ago = laws.began - SignedDuration::from_hours(24 * 365);
        Self {
            place,
            laws: Arc::clone(laws),
            now: laws.began,
            network: Network::with_default_vpc(place, &mut dice, long_ago),
            dice,
            rehearsal: false,
            instances: BTreeMap::new(),
            requests: BTreeMap::new(),
            volumes: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            root_tasks: BTreeMap::new(),
            elastic_ips: BTreeMap::new(),
            made: BTreeMap::new(),
            templates: BTreeMap::new(),
            fleets: BTreeMap::new(),
            buckets: Buckets::default(),
            tokens: BTreeMap::new(),
            launched: 0,
            hits: BTreeSet::new(),
            agenda: BTreeMap::new(),
            serial: 0,
            addresses: BTreeSet::new(),
            next_address: 0,
        }
    }

    /// Lets everything happen that is due until then.
    pub(super) fn advance(&mut self, to: Timestamp) {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= to) {
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            match event {
                Event::Runs(id) => self.instance_runs(&id),
                Event::Stopped(id) => self.instance_stopped(&id),
                Event::TakenBack(id) => self.take_back(&id),
                Event::Reclaimed(id) => self.instance_reclaimed(&id),
                Event::Disabled(id) => self.request_disabled(&id),
                Event::Restarts(id) => self.instance_restarts(&id),
                Event::Cancelled(id) => self.end(&id, Ending::Cancelled),
                Event::Ended(id) => self.instance_ended(&id),
                Event::Forgotten(id) => self.instance_forgotten(&id),
                Event::Relaunches(id) => self.request_tries(&id),
                Event::Detached(id) => self.volume_detached(&id),
                Event::RootTask(id) => self.root_task_goes_on(&id),
                Event::IdleStop(id) => self.idle_stop_due(&id),
                Event::Lease(id) => self.lease_due(&id),
            }
        }
        self.now = self.now.max(to);
    }

    /// Puts an event on the agenda.
    pub(super) fn later(&mut self, span: SignedDuration, event: Event) {
        self.serial += 1;
        self.agenda.insert((self.now + span, self.serial), event);
    }

    /// Whether EC2 tells of something already.
    pub(crate) fn knows(&self, resource: &(impl Resource + ?Sized)) -> bool {
        let is_instance = resource.id().starts_with("i-");
        self.now.duration_since(resource.born()) >= self.laws.lag
            && (!is_instance || self.finds(resource))
    }

    /// Whether what names an instance by its id finds it, if only to end it.
    pub(crate) fn finds(&self, instance: &(impl Resource + ?Sized)) -> bool {
        let lag = self.laws.scenario.lags.newborn_s;
        self.now.duration_since(instance.born()) >= SignedDuration::from_secs(lag.into())
    }

    /// Whether filters by tag and lists of tags know of it.
    pub(crate) fn lists_tags_of(&self, resource: &(impl Resource + ?Sized)) -> bool {
        let lag = self.laws.scenario.lags.tags_s;
        self.now.duration_since(resource.born()) >= SignedDuration::from_secs(lag.into())
    }

    /// A public address that nobody has; a freed one comes round again when the range is used up.
    pub(super) fn take_public(&mut self) -> Option<Ipv4Addr> {
        let net = self.laws.addresses;
        let regions = u32::try_from(REGION_LOCATIONS.len()).ok()?;
        let mine = REGION_LOCATIONS.iter().position(|place| place.code == self.place.code)?;
        let mine = u32::try_from(mine).ok()?;
        let size = u32::MAX.checked_shr(u32::from(net.prefix_len())).unwrap_or(0);
        let slots = size.checked_sub(UNUSED_ADDRESSES)? / regions;
        for _ in 0..slots {
            let slot = self.next_address % slots;
            self.next_address = self.next_address.wrapping_add(1);
            let offset = UNUSED_ADDRESSES + slot * regions + mine;
            let address = Ipv4Addr::from(u32::from(net.network()) + offset);
            // The last part of an address is neither 0 nor 255: some programs balk at them.
            let plain = !matches!(address.octets()[3], 0 | 255);
            if plain && self.addresses.insert(address) {
                return Some(address);
            }
        }
        None
    }

    /// Gives a public address back.
    pub(super) fn free_public(&mut self, address: Option<Ipv4Addr>) {
        if let Some(address) = address {
            self.addresses.remove(&address);
        }
    }
}
