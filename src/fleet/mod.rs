//! What is true: the fleet, its instances, their phases, and the words in which jobs report.
//!
//! Pure: no tokio, no AWS, no SSH, no files, no clock, no randomness. Time comes in with the
//! report that is applied.

mod apart;
mod apply;
pub mod bill;
mod change;
pub mod cloudwatch;
pub mod cost;
mod deployment;
mod diagnosis;
mod digest;
pub mod entry;
mod failure;
mod fold;
mod hours;
pub mod identity;
mod idle;
mod ids;
mod instance;
mod instance_store;
mod kept;
mod kept_kind;
pub mod ledger;
mod lifecycle;
mod load;
mod lock;
mod machine;
pub mod market;
mod news;
mod notification;
mod phase;
mod posting;
mod progress;
mod question;
pub mod ranking;
mod region_locations;
pub mod risk;
mod snapshots;
pub mod spending;
mod spot_breaker;
mod status_check;
pub mod surplus;
pub mod tags;
pub mod text;
mod unattached;
mod unpriced;
mod upkeep;
pub mod vitals;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use apart::Apart;
pub use bill::{Amount, Cost};
pub use change::{Change, IllegalStep};
pub use deployment::DeploymentSeen;
pub use diagnosis::Diagnosis;
pub use digest::{Digest, Group, Told};
pub use entry::{Entry, Holder, HolderId, HolderKind, LedgerLine, Thing};
pub use failure::{Failure, FailureKind, Step};
pub use fold::fold;
pub use idle::{Hold, IDLE_STOP, Idle};
pub(crate) use ids::names;
pub use ids::{
    AccountId, DeploymentId, ImageId, InstanceId, InstanceKey, LaunchId, MachineType, Region,
    SecurityGroupId, SpotRequestId, SubnetId, VpcId, Zone,
};
pub use instance::{Attempt, HostKey, HostKeyTrust, Instance};
pub use instance_store::INSTANCE_STORE;
pub use kept::{Kept, SnapshotOf};
pub use kept_kind::KeptKind;
pub use ledger::{Ledger, Sum};
pub use lifecycle::Lifecycle;
pub use load::{Demand, Fit, NodeLoad, QueueLook, Resources};
pub use lock::{Judgement, LockHolder, LockStanding, LockTerm, held_by, lock_name};
pub use machine::{Birth, Machine, RequestState, SERVICE_INITIATED, Seen};
pub use market::{Market, Pool, PriceList, RegionPrices};
pub use news::{InstanceNews, JobNews, News, RegionNews, Report, Subject};
pub use notification::{Notification, NotificationKind, notification_id};
pub use phase::{Ec2State, Health, Phase, Transfer};
pub use progress::{
    Account, CommandResult, DestroyScope, Job, JobId, JobKind, JobResult, Launch, Level, Logs,
    NetworkState, Notice, Outcome, PendingCreate, PendingDestroy, PriceCeiling, Pull, Restore,
    RestoreWish, SnapshotWish, Termination,
};
pub use question::{Question, QuestionId, Secret, Wanted};
pub use ranking::{Ranked, Ranking, Records, Weights};
pub use region_locations::{REGION_LOCATIONS, RegionLocation};
pub use risk::{Advice, Band, Record, Risk};
pub use snapshots::{Retention, expired, is_due};
pub use spending::{Entries, Grouping, Spending};
pub use spot_breaker::{SpotBreaker, SpotTurn};
pub use status_check::{FailedCheck, StatusCheck};
pub use unpriced::Unpriced;
pub use upkeep::{Debt, Replacement, Reset, Upkeep};

/// All instances of one deployment, and what is known of its regions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    // Boxed: a tree of rows themselves is half empty.
    instances: BTreeMap<InstanceKey, Box<Instance>>,
    keys: BTreeMap<InstanceId, InstanceKey>,
    regions: BTreeMap<Region, RegionView>,
    market: Market,
    spent: BTreeMap<Region, Amount>,
    costs: BTreeMap<Region, Cost>,
    kept: BTreeMap<Region, Vec<Kept>>,
    /// What of it no instance has, as far as the ledger does not have all of that.
    apart: Vec<Apart>,
    ledger: Ledger,
    /// How many metrics CloudWatch was asked for.
    metrics_asked: u64,
    /// Whether AWS may charge for surplus CPU credits.
    has_surplus: bool,
    /// Those that are gone and have no row any more.
    gone: BTreeSet<InstanceId>,
}

/// What is known of a region.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RegionView {
    /// When it last answered.
    pub answered: Option<Timestamp>,
    /// Why it did not answer since.
    pub trouble: Option<String>,
    /// Our network in it.
    pub network: Option<NetworkState>,
    /// The newest attempts to launch there, oldest first.
    pub attempts: VecDeque<Attempt>,
}

impl Fleet {
    /// How many metrics CloudWatch was asked for since this process began; AWS charges for each.
    pub fn metrics_asked(&self) -> u64 {
        self.metrics_asked
    }

    /// All instances, in the order of their keys.
    pub fn instances(&self) -> impl ExactSizeIterator<Item = &Instance> {
        self.instances.values().map(Box::as_ref)
    }

    /// One instance by its row.
    pub fn get(&self, key: &InstanceKey) -> Option<&Instance> {
        self.instances.get(key).map(Box::as_ref)
    }

    /// One instance by its EC2 id.
    pub fn by_id(&self, id: &InstanceId) -> Option<&Instance> {
        self.keys.get(id).and_then(|key| self.get(key))
    }

    /// What is known of the regions, by name.
    pub fn regions(&self) -> &BTreeMap<Region, RegionView> {
        &self.regions
    }

    /// What is known of prices, by region.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// What machines keep, by region: also of those that have no instance now.
    pub fn kept(&self) -> impl Iterator<Item = (&Region, &Kept)> {
        self.kept.iter().flat_map(|(region, kept)| kept.iter().map(move |it| (region, it)))
    }

    /// What the machine of this name keeps.
    pub fn kept_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Region, &'a Kept)> {
        self.kept().filter(move |(_, it)| it.machine == name)
    }

    /// What is kept and no instance that is there has.
    pub fn kept_apart(&self) -> impl Iterator<Item = (&Region, &Kept)> {
        self.kept().filter(|(_, it)| !self.has_row(it))
    }

    fn has_row(&self, kept: &Kept) -> bool {
        let row = kept.instance.as_ref().and_then(|id| self.by_id(id));
        row.is_some_and(Instance::is_alive)
    }

    /// What each region costs and has cost, as last reckoned; of instances that are gone too.
    pub fn costs(&self) -> &BTreeMap<Region, Cost> {
        &self.costs
    }

    /// What instances cost that have no row any more, by region: an earlier run's among them.
    pub fn spent(&self) -> &BTreeMap<Region, Amount> {
        &self.spent
    }

    /// What is to be remembered when terminated rows are forgotten.
    pub fn spent_for_good(&self) -> BTreeMap<Region, Amount> {
        let mut spent = self.spent.clone();
        for gone in self.instances.values().filter(|instance| instance.phase.is_over()) {
            *spent.entry(gone.region.clone()).or_default() += self.cost_for_good(gone);
        }
        spent
    }

    /// What an instance that is gone has cost.
    fn cost_for_good(&self, gone: &Instance) -> Amount {
        let until = gone.bill.gone.or(gone.bill.ended).unwrap_or(gone.since);
        cost::cost(gone, self.prices(&gone.region), until).accrued
    }

    /// Takes over what an earlier run has spent.
    pub fn remember_spent(&mut self, spent: BTreeMap<Region, Amount>) {
        self.spent = spent;
    }

    /// Says that burstable machines run with `unlimited` CPU credits: what they cost is at least what
    /// is known.
    pub fn expect_surplus(&mut self) {
        self.has_surplus = true;
        for row in self.instances.values_mut() {
            row.bill.surplus.is_unlimited = true;
        }
    }

    /// Reckons what everything costs at this moment.
    pub fn reckon(&mut self, now: Timestamp) {
        let unknown = RegionPrices::default();
        self.costs = self
            .spent
            .iter()
            .map(|(region, spent)| (region.clone(), Cost { accrued: *spent, ..Cost::default() }))
            .collect();
        for instance in self.instances.values_mut() {
            let prices = self.market.get(&instance.region).unwrap_or(&unknown);
            instance.cost = cost::cost(instance, prices, now);
            if instance.machine.is_some() {
                *self.costs.entry(instance.region.clone()).or_default() += instance.cost;
            }
        }
        self.reckon_apart(now);
    }

    /// What is kept and no instance has is in no row, and costs all the same.
    fn reckon_apart(&mut self, now: Timestamp) {
        let mut costs = std::mem::take(&mut self.costs);
        for (region, kept) in self.kept_apart() {
            let hourly = kept.hourly(&self.prices(region).list);
            *costs.entry(region.clone()).or_default() +=
                Cost { hourly, on_demand: hourly, ..Cost::default() };
        }
        for (region, accrued) in self.unposted_apart(now) {
            *costs.entry(region.clone()).or_default() += Cost { accrued, ..Cost::default() };
        }
        self.costs = costs;
    }

    /// The prices of a region, as far as they are known.
    pub fn prices(&self, region: &Region) -> &RegionPrices {
        static UNKNOWN: RegionPrices = RegionPrices::UNKNOWN;
        self.market.get(region).unwrap_or(&UNKNOWN)
    }

    /// What an instance costs no more, an hour, when it is stopped, or ended: what it keeps goes on.
    pub fn frees(&self, row: &Instance, is_stopped: bool) -> Amount {
        let list = &self.prices(&row.region).list;
        let stays: Amount = if is_stopped {
            cost::asleep(row, list)
        } else {
            let its = self.kept().filter(|(_, it)| it.instance.as_ref() == row.id());
            its.map(|(_, it)| it.hourly(list)).sum()
        };
        let Amount { usd, is_partial } = row.cost.hourly;
        Amount { usd: (usd - stays.usd).max(0.0), is_partial: is_partial || stays.is_partial }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.instances.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// The instances that exist and are not gone.
    pub fn alive(&self) -> impl Iterator<Item = &Instance> {
        self.instances().filter(|instance| instance.is_alive())
    }

    /// The instances that are gone, also those whose rows were taken out: no file may keep them.
    pub fn gone(&self) -> BTreeSet<InstanceId> {
        let rows = self.instances().filter(|instance| instance.phase.is_over());
        rows.filter_map(Instance::id).chain(&self.gone).cloned().collect()
    }

    /// Puts a row in: a planned one, or one that an earlier run left in the state file.
    pub fn insert(&mut self, mut instance: Instance) {
        instance.bill.surplus.is_unlimited = self.has_surplus;
        if let Some(id) = instance.id() {
            self.keys.insert(id.clone(), instance.key.clone());
        }
        self.regions.entry(instance.region.clone()).or_default();
        self.instances.insert(instance.key.clone(), Box::new(instance));
    }

    /// Gives a row the phases that an earlier run saw it in, before the one that it has.
    pub fn recall(&mut self, id: &InstanceId, mut timeline: Vec<(Timestamp, Phase)>) {
        let row = self.keys.get(id).and_then(|key| self.instances.get_mut(key));
        if let Some(row) = row {
            timeline.retain(|(at, _)| *at < row.since);
            timeline.append(&mut row.timeline);
            row.timeline = timeline;
        }
    }

    /// Takes a row out: what never came to be, or what is gone and was looked at.
    pub fn remove(&mut self, key: &InstanceKey) -> Option<Instance> {
        let instance = self.instances.remove(key)?;
        if let Some(id) = instance.id() {
            self.keys.remove(id);
            let accrued = if instance.cost == Cost::UNKNOWN {
                self.cost_for_good(&instance)
            } else {
                instance.cost.accrued
            };
            *self.spent.entry(instance.region.clone()).or_default() += accrued;
            if !instance.is_alive() {
                self.gone.insert(id.clone());
            }
        }
        Some(*instance)
    }
}

#[cfg(test)]
pub(crate) mod tests;
