//! What is true: the fleet, its instances, their phases, and the words in which jobs report.
//!
//! Pure: no tokio, no AWS, no SSH, no files, no clock, no randomness. Time comes in with the
//! report that is applied.

pub mod cost;
mod diagnosis;
mod failure;
pub mod health;
pub mod identity;
mod ids;
mod instance;
pub mod market;
mod phase;
mod places;
mod progress;
mod question;
pub mod tags;
pub mod text;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

pub use cost::{Amount, Cost};
pub use diagnosis::Diagnosis;
pub use failure::{Failure, FailureKind, Step};
pub(crate) use ids::names;
pub use ids::{
    AccountId, DeploymentId, ImageId, InstanceId, InstanceKey, LaunchId, MachineType, Region,
    SecurityGroupId, SpotRequestId, SubnetId, VpcId, Zone,
};
pub use instance::{
    Attempt, HostKey, HostKeyTrust, Instance, Lifecycle, Machine, SERVICE_INITIATED,
};
pub use market::{Market, Pool, PriceList, RegionPrices};
pub use phase::{Ec2State, Health, Phase, Transfer};
pub use places::{PLACES, Place};
pub use progress::{
    About, Account, Doom, Doomed, Fact, Job, JobId, Launch, Level, NetworkState, Notice, Order,
    Outcome, Progress, Ran, Report, Victim,
};
pub use question::{Question, QuestionId, Secret};

/// All instances of one deployment, and what is known of its regions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fleet {
    instances: BTreeMap<InstanceKey, Instance>,
    keys: BTreeMap<InstanceId, InstanceKey>,
    regions: BTreeMap<Region, RegionView>,
    market: Market,
    spent: BTreeMap<Region, Amount>,
    costs: BTreeMap<Region, Cost>,
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

/// How many attempts a region remembers.
const ATTEMPTS: usize = 100;

/// A step that the state machine refused. The last good phase stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {from} cannot become {to}")]
pub struct IllegalStep {
    /// The row.
    pub key: InstanceKey,
    /// The phase that stays, by its word.
    pub from: &'static str,
    /// The phase that was refused, by its word.
    pub to: &'static str,
}

impl Fleet {
    /// All instances, in the order of their keys.
    pub fn instances(&self) -> impl ExactSizeIterator<Item = &Instance> {
        self.instances.values()
    }

    /// One instance by its row.
    pub fn get(&self, key: &InstanceKey) -> Option<&Instance> {
        self.instances.get(key)
    }

    /// One instance by its EC2 id.
    pub fn by_id(&self, id: &InstanceId) -> Option<&Instance> {
        self.keys.get(id).and_then(|key| self.instances.get(key))
    }

    /// What is known of the regions, by name.
    pub fn regions(&self) -> &BTreeMap<Region, RegionView> {
        &self.regions
    }

    /// What is known of prices, by region.
    pub fn market(&self) -> &Market {
        &self.market
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
        let unknown = RegionPrices::default();
        for gone in self.instances.values().filter(|instance| instance.phase.is_over()) {
            let prices = self.market.get(&gone.region).unwrap_or(&unknown);
            let until = gone.bill.ended.unwrap_or(gone.since);
            *spent.entry(gone.region.clone()).or_default() +=
                cost::cost(gone, prices, until).accrued;
        }
        spent
    }

    /// Takes over what an earlier run has spent.
    pub fn remember_spent(&mut self, spent: BTreeMap<Region, Amount>) {
        self.spent = spent;
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
        self.instances.values().filter(|instance| instance.is_alive())
    }

    /// The instances that are gone, also those whose rows were taken out: no file may keep them.
    pub fn gone(&self) -> BTreeSet<InstanceId> {
        let rows = self.instances.values().filter(|instance| instance.phase.is_over());
        rows.filter_map(Instance::id).chain(&self.gone).cloned().collect()
    }

    /// Puts a row in: a planned one, or one that an earlier run left in the state file.
    pub fn insert(&mut self, instance: Instance) {
        if let Some(id) = instance.id() {
            self.keys.insert(id.clone(), instance.key.clone());
        }
        self.regions.entry(instance.region.clone()).or_default();
        self.instances.insert(instance.key.clone(), instance);
    }

    /// Takes a row out: what never came to be, or what is gone and was looked at.
    pub fn remove(&mut self, key: &InstanceKey) -> Option<Instance> {
        let instance = self.instances.remove(key)?;
        if let Some(id) = instance.id() {
            self.keys.remove(id);
            *self.spent.entry(instance.region.clone()).or_default() += instance.cost.accrued;
            if !instance.is_alive() {
                self.gone.insert(id.clone());
            }
        }
        Some(instance)
    }

    /// Applies one report: the only way in which a fleet changes by itself.
    ///
    /// `deployment` is the one that adopted instances belong to.
    pub fn apply(&mut self, report: &Report, deployment: &DeploymentId) -> Result<(), IllegalStep> {
        match (&report.about, &report.progress) {
            (About::Instance(key), Progress::Entered(phase)) => self.enter(key, phase, report.at),
            (About::Instance(key), Progress::Transferred(transfer)) => {
                if let Some(instance) = self.instances.get_mut(key)
                    && let Phase::Uploading(so_far) = &mut instance.phase
                {
                    *so_far = *transfer;
                }
                Ok(())
            }
            (About::Instance(key), Progress::Output(line)) => {
                if let Some(instance) = self.instances.get_mut(key) {
                    instance.last_line = Some(line.clone());
                }
                Ok(())
            }
            (About::Instance(key), Progress::Learned(fact)) => {
                self.learn_of_instance(key, fact, report.at)
            }
            (About::Region(region), Progress::Learned(fact)) => {
                self.learn_of_region(region, fact, report.at, deployment)
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, key: &InstanceKey, next: &Phase, at: Timestamp) -> Result<(), IllegalStep> {
        let Some(instance) = self.instances.get_mut(key) else { return Ok(()) };
        if !instance.phase.may_become(next) {
            return Err(IllegalStep {
                key: key.clone(),
                from: instance.phase.word(),
                to: next.word(),
            });
        }
        if instance.phase.word() != next.word() {
            instance.since = at;
            instance.timeline.push((at, next.clone()));
        }
        instance.phase = next.clone();
        Ok(())
    }

    fn learn_of_instance(
        &mut self,
        key: &InstanceKey,
        fact: &Fact,
        at: Timestamp,
    ) -> Result<(), IllegalStep> {
        match fact {
            Fact::Seen(machine) => self.see(key, machine, at),
            Fact::HostKey(host_key) => {
                if let Some(instance) = self.instances.get_mut(key) {
                    instance.host_key = Some(host_key.clone());
                }
                Ok(())
            }
            Fact::Vitals(vitals) => {
                if let Some(instance) = self.instances.get_mut(key) {
                    instance.vitals = Some((at, vitals.clone()));
                }
                Ok(())
            }
            Fact::Tried(attempt) => {
                if let Some(instance) = self.instances.get_mut(key) {
                    instance.attempts.push(attempt.clone());
                }
                Ok(())
            }
            Fact::Moved(region) => {
                if let Some(instance) = self.instances.get_mut(key) {
                    instance.region = region.clone();
                    self.regions.entry(region.clone()).or_default();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn learn_of_region(
        &mut self,
        region: &Region,
        fact: &Fact,
        at: Timestamp,
        deployment: &DeploymentId,
    ) -> Result<(), IllegalStep> {
        let view = self.regions.entry(region.clone()).or_default();
        match fact {
            Fact::Surveyed(machines) => {
                view.answered = Some(at);
                view.trouble = None;
                self.survey(region, machines, at, deployment)
            }
            Fact::Vanished(ids) => self.vanish(ids, at),
            Fact::Unanswered(why) => {
                view.trouble = Some(why.clone());
                Ok(())
            }
            Fact::Network(state) => {
                view.network = Some(state.clone());
                Ok(())
            }
            Fact::Tried(attempt) => {
                if view.attempts.len() == ATTEMPTS {
                    view.attempts.pop_front();
                }
                view.attempts.push_back(attempt.clone());
                Ok(())
            }
            Fact::Prices(prices) => {
                self.market.insert(region.clone(), prices.clone());
                Ok(())
            }
            Fact::Storage(storage) => {
                for instance in self.instances.values_mut() {
                    let gib = instance.id().and_then(|id| storage.get(id)).copied();
                    instance.bill.storage_gb = gib.or(instance.bill.storage_gb);
                }
                Ok(())
            }
            Fact::Notices(notices) => self.notice(notices, at),
            _ => Ok(()),
        }
    }

    /// What EC2 tells about the instance of this row.
    fn see(
        &mut self,
        key: &InstanceKey,
        machine: &Machine,
        at: Timestamp,
    ) -> Result<(), IllegalStep> {
        // A look may have found the instance before the launch's answer named its row: then the
        // adopted row gives way to the planned one.
        if let Some(other) = self.keys.get(&machine.id).cloned()
            && other != *key
        {
            self.instances.remove(&other);
        }
        let Some(instance) = self.instances.get_mut(key) else { return Ok(()) };
        self.keys.insert(machine.id.clone(), key.clone());
        let next = phase_after(&instance.phase, machine);
        instance.bill.see(machine, instance.phase.notice(), at);
        instance.machine = Some(machine.clone());
        next.map_or(Ok(()), |next| self.enter(key, &next, at))
    }

    /// EC2 gives notice to instances of a region.
    fn notice(&mut self, notices: &[Notice], at: Timestamp) -> Result<(), IllegalStep> {
        let mut refused = Ok(());
        for notice in notices {
            let Some(instance) = self.by_id(&notice.instance) else { continue };
            let is_news = match instance.phase {
                Phase::Interrupted { at } => at.is_none() && notice.ends.is_some(),
                // One that we end ourselves is not interrupted any more.
                Phase::Terminating | Phase::Terminated => false,
                _ => true,
            };
            if is_news {
                let (key, next) = (instance.key.clone(), Phase::Interrupted { at: notice.ends });
                refused = self.enter(&key, &next, at).and(refused);
            }
        }
        refused
    }

    /// A look at a whole region: newcomers are adopted. What is not told of stays as it is.
    fn survey(
        &mut self,
        region: &Region,
        machines: &[Machine],
        at: Timestamp,
        deployment: &DeploymentId,
    ) -> Result<(), IllegalStep> {
        let mut refused = Ok(());
        for machine in machines {
            let key = match self.keys.get(&machine.id) {
                Some(key) => key.clone(),
                None if !machine.is_alive() => continue,
                None => {
                    let key = InstanceKey::adopted(&machine.id);
                    self.insert(Instance::planned(
                        key.clone(),
                        region.clone(),
                        deployment.clone(),
                        at,
                    ));
                    key
                }
            };
            refused = self.see(&key, machine, at).and(refused);
        }
        refused
    }

    /// EC2 does not know these any more.
    fn vanish(&mut self, ids: &[InstanceId], at: Timestamp) -> Result<(), IllegalStep> {
        let mut refused = Ok(());
        let rows: Vec<InstanceKey> =
            ids.iter().filter_map(|id| self.keys.get(id)).cloned().collect();
        for key in rows {
            if let Some(instance) = self.instances.get_mut(&key)
                && let Some(machine) = &mut instance.machine
            {
                machine.state = Ec2State::Terminated;
                instance.bill.see(machine, instance.phase.notice(), at);
            }
            refused = self.enter(&key, &Phase::Terminated, at).and(refused);
        }
        refused
    }
}

/// The phase that EC2's word asks for, where it asks for one. The deployment's own steps are
/// entered by the pipeline alone.
fn phase_after(phase: &Phase, machine: &Machine) -> Option<Phase> {
    match machine.state {
        Ec2State::Pending if matches!(phase, Phase::Planned | Phase::Requesting) => {
            Some(Phase::Pending)
        }
        Ec2State::Running
            if matches!(
                phase,
                Phase::Planned
                    | Phase::Requesting
                    | Phase::Pending
                    | Phase::Stopping
                    | Phase::Stopped
            ) =>
        {
            Some(Phase::Running)
        }
        Ec2State::ShuttingDown if machine.was_taken_back() => {
            (!matches!(phase, Phase::Interrupted { .. } | Phase::Terminating))
                .then_some(Phase::Interrupted { at: None })
        }
        Ec2State::ShuttingDown => Some(Phase::Terminating),
        Ec2State::Terminated => Some(Phase::Terminated),
        Ec2State::Stopping => Some(Phase::Stopping),
        Ec2State::Stopped => Some(Phase::Stopped),
        Ec2State::Pending | Ec2State::Running => None,
    }
}

#[cfg(test)]
mod tests;
