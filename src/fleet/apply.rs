//! How a report changes the fleet, and what became different by it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cloudwatch::{InstanceMetrics, Metric, Series};
use super::vitals::Vitals;
use super::{
    Change, Cost, DeploymentId, Ec2State, FailedCheck, Fleet, Idle, IllegalStep, Instance,
    InstanceId, InstanceKey, InstanceNews, JobNews, Kept, KeptKind, Machine, NetworkState, News,
    Notice, Phase, Region, RegionNews, Report, Subject, status_check, text,
};

/// The longest line from the far side, in bytes.
const MAX_LINE: usize = 16 * 1024;
/// The longest one that a row keeps as its newest.
const MAX_LAST_LINE: usize = 1024;
/// How many looks at its processors a row remembers: twice as many as a graph has columns.
const MAX_CPU: usize = 16;
/// How many attempts a region remembers.
const MAX_ATTEMPTS: usize = 100;

impl Fleet {
    /// Applies one report: the only way in which a fleet changes by itself. Answers what became
    /// different; a step that the state machine refuses is among it, and changes nothing.
    ///
    /// `deployment` is the one that adopted instances belong to.
    pub fn apply(&mut self, report: &Report, deployment: &DeploymentId) -> Vec<Change> {
        let mut applying = Applying { fleet: self, at: report.at, changes: Vec::new() };
        match &report.news {
            News::Job(news) => applying.job(news),
            News::Region(region, news) => applying.region(region, news, deployment),
            News::Instance(key, news) => applying.instance(key, news),
        }
        applying.changes
    }
}

/// One report that is being applied.
struct Applying<'a> {
    fleet: &'a mut Fleet,
    at: Timestamp,
    changes: Vec<Change>,
}

impl Applying<'_> {
    /// What a job tells of itself changes no instance; whoever follows the changes learns it.
    fn job(&mut self, news: &JobNews) {
        self.changes.push(match news {
            JobNews::Started => return,
            JobNews::Account(account) => Change::Account(account.clone()),
            JobNews::Deployment(deployment) => Change::Deployment(deployment.clone()),
            JobNews::Deployments(seen) => Change::Deployments(seen.clone()),
            JobNews::Lock(standing) => Change::Lock(standing.clone()),
            JobNews::LoginEnded(why) => Change::LoginEnded(why.clone()),
            JobNews::Queue(look) => Change::Queue(look.clone()),
            JobNews::Advice(advice) => Change::Advice(advice.clone()),
            JobNews::Said(level, said) => Change::Said(Subject::Job, *level, said.clone()),
            JobNews::Ended(outcome) => Change::Ended(outcome.clone()),
        });
    }

    fn region(&mut self, region: &Region, news: &RegionNews, deployment: &DeploymentId) {
        match news {
            RegionNews::Surveyed(machines) => {
                self.answered(region);
                self.survey(region, machines, deployment);
            }
            RegionNews::Unchanged => self.answered(region),
            RegionNews::Vanished(ids) => self.vanish(ids),
            RegionNews::Unanswered(why) => {
                let view = self.fleet.regions.entry(region.clone()).or_default();
                let known = view.trouble.replace(why.clone());
                if known.as_ref() != Some(why) {
                    self.changes.push(Change::Lost(region.clone(), why.clone()));
                }
            }
            RegionNews::Tried(attempt) => {
                let view = self.fleet.regions.entry(region.clone()).or_default();
                if view.attempts.len() == MAX_ATTEMPTS {
                    view.attempts.pop_front();
                }
                view.attempts.push_back(attempt.clone());
            }
            RegionNews::Prices(prices) => {
                self.fleet.regions.entry(region.clone()).or_default();
                self.fleet.market.insert(region.clone(), prices.clone());
                self.changes.push(Change::Priced(region.clone()));
            }
            RegionNews::Storage(storage) => {
                for instance in self.fleet.instances.values_mut() {
                    let gib = instance.id().and_then(|id| storage.get(id)).copied();
                    instance.bill.storage_gb = gib.or(instance.bill.storage_gb);
                }
                self.changes.push(Change::Priced(region.clone()));
            }
            RegionNews::Kept(kept) => self.kept(region, kept, deployment),
            RegionNews::StatusChecks(failed) => self.status_checks(region, failed),
            RegionNews::Metrics { told, charged, asked } => {
                self.fleet.metrics_asked += asked;
                self.measured(region, told, charged);
            }
            RegionNews::Notices(notices) => {
                for notice in notices {
                    self.notice(notice);
                }
            }
            RegionNews::Spilled(launch) => {
                self.changes.push(Change::Spilled(region.clone(), launch.clone()));
            }
            RegionNews::Network(state) => self.network(region, state),
            RegionNews::Said(level, said) => {
                let about = Subject::Region(region.clone());
                self.changes.push(Change::Said(about, *level, said.clone()));
            }
        }
    }

    fn answered(&mut self, region: &Region) {
        let view = self.fleet.regions.entry(region.clone()).or_default();
        (view.answered, view.trouble) = (Some(self.at), None);
    }

    /// What CloudWatch measured in a region. What it tells of surplus credits is about money.
    fn measured(
        &mut self,
        region: &Region,
        told: &BTreeMap<InstanceId, InstanceMetrics>,
        charged: &BTreeMap<InstanceId, Vec<(Timestamp, f64)>>,
    ) {
        let mut is_about_money = false;
        for row in self.fleet.instances.values_mut().filter(|row| row.region == *region) {
            let id = row.machine.as_ref().map(|machine| &machine.id);
            let charged = id.and_then(|id| charged.get(id)).map_or(&[][..], Vec::as_slice);
            row.metrics = id.and_then(|id| told.get(id)).cloned().unwrap_or_default();
            let owed = row.metrics.get(&Metric::SurplusOwed).and_then(Series::newest);
            if owed.is_some() {
                row.bill.measure(charged, owed);
                is_about_money = true;
            }
        }
        if is_about_money {
            self.changes.push(Change::Priced(region.clone()));
        }
    }

    /// What machines keep in a region. An address that is kept is paid for as long as the instance
    /// that has it is there.
    fn kept(&mut self, region: &Region, kept: &[Kept], deployment: &DeploymentId) {
        for row in self.fleet.instances.values_mut().filter(|row| row.region == *region) {
            let has = |it: &Kept| it.kind == KeptKind::Address && it.instance.as_ref() == row.id();
            row.bill.keeps_address = row.id().is_some() && kept.iter().any(has);
        }
        self.fleet.kept.insert(region.clone(), kept.to_vec());
        self.fleet.note_apart(region, deployment, self.at);
        self.changes.push(Change::Priced(region.clone()));
    }

    fn instance(&mut self, key: &InstanceKey, news: &InstanceNews) {
        let key = &self.row(key);
        match news {
            InstanceNews::Entered(phase) => self.enter(key, phase),
            InstanceNews::Seen(machine) => self.see(key, machine),
            InstanceNews::Vitals(vitals) => self.vitals(key, vitals),
            InstanceNews::CommandResult(result) => {
                self.changes.push(Change::CommandResult(key.clone(), result.clone()));
            }
            InstanceNews::Retired(retired) => {
                self.changes.push(Change::Retired(key.clone(), retired.clone()));
            }
            InstanceNews::Diagnosed(found) => {
                self.changes.push(Change::Diagnosed(key.clone(), found.clone()));
            }
            InstanceNews::Said(level, said) => {
                let about = Subject::Instance(key.clone());
                self.changes.push(Change::Said(about, *level, said.clone()));
            }
            InstanceNews::Output(line) => {
                let line = text::clean(line, MAX_LINE);
                if let Some(row) = self.fleet.instances.get_mut(key) {
                    row.last_line = Some(text::clean(&line, MAX_LAST_LINE));
                }
                self.changes.push(Change::Output(key.clone(), line));
            }
            InstanceNews::HostKey(host_key) => {
                let Some(row) = self.fleet.instances.get_mut(key) else { return };
                let known = row.host_key.replace(host_key.clone());
                if known.as_ref() != Some(host_key) {
                    self.changes.push(Change::HostKey(key.clone()));
                }
            }
            InstanceNews::Tried(attempt) => {
                let Some(row) = self.fleet.instances.get_mut(key) else { return };
                row.attempts.push(attempt.clone());
                self.changes.push(Change::Tried(key.clone(), attempt.clone()));
            }
            InstanceNews::Moved(region) => {
                let Some(row) = self.fleet.instances.get_mut(key) else { return };
                row.region = region.clone();
                self.fleet.regions.entry(region.clone()).or_default();
                self.changes.push(Change::Moved(key.clone()));
            }
            InstanceNews::Transferred(transfer) => {
                let row = self.fleet.instances.get_mut(key);
                if let Some(Phase::Uploading(so_far)) = row.map(|row| &mut row.phase) {
                    *so_far = *transfer;
                }
            }
        }
    }

    /// The row of a report. A destroy by tags names instances by their ids; a row that was
    /// planned here has another key.
    fn row(&self, key: &InstanceKey) -> InstanceKey {
        if self.fleet.get(key).is_some() {
            return key.clone();
        }
        let row = self.fleet.by_id(&key.as_str().into());
        row.map_or_else(|| key.clone(), |row| row.key.clone())
    }

    /// EC2's checks of the instances of a region. What works by its own word and fails one of them
    /// does not work; what fails none any more is what it says of itself.
    fn status_checks(&mut self, region: &Region, failed: &BTreeMap<InstanceId, Vec<FailedCheck>>) {
        let none = Vec::new();
        let mut next = Vec::new();
        let rows = self.fleet.instances.values_mut().filter(|row| row.region == *region);
        for row in rows {
            let now = row.id().and_then(|id| failed.get(id)).unwrap_or(&none);
            if *now == row.failed_checks {
                continue;
            }
            let before = status_check::told(&row.failed_checks);
            row.failed_checks.clone_from(now);
            let said_before = |reason: &str| -> Option<String> {
                let own = reason.strip_suffix(&before).filter(|_| !before.is_empty())?;
                Some(own.trim_end_matches("; ").to_owned())
            };
            let own = match &row.phase {
                Phase::Ready => Phase::Ready,
                Phase::Degraded { reason } => match said_before(reason) {
                    Some(own) if own.is_empty() => Phase::Ready,
                    Some(reason) => Phase::Degraded { reason },
                    None => row.phase.clone(),
                },
                // It is on its way: what it comes to is judged then.
                _ => continue,
            };
            next.push((row.key.clone(), own));
        }
        for (key, phase) in next {
            self.changes.push(Change::Told(key.clone()));
            self.enter(&key, &phase);
        }
    }

    fn enter(&mut self, key: &InstanceKey, next: &Phase) {
        let Some(row) = self.fleet.instances.get_mut(key) else { return };
        let next = &checked(row, next);
        if !row.phase.may_become(next) {
            let (from, to) = (row.phase.word(), next.word());
            self.changes.push(Change::Refused(IllegalStep { key: key.clone(), from, to }));
            return;
        }
        if row.phase.word() != next.word() {
            row.since = self.at;
            // What it printed on the way to the phase before says nothing of this one.
            row.last_line = None;
            row.timeline.push((self.at, next.clone()));
        }
        let from = std::mem::replace(&mut row.phase, next.clone());
        // Bytes are counted on the way; that is no transition.
        let counts = matches!((&from, next), (Phase::Uploading(_), Phase::Uploading(_)));
        if counts || from == *next {
            return;
        }
        let was_known =
            matches!(from, Phase::Interrupted { .. } | Phase::Terminating | Phase::Terminated);
        let is_interrupted = row.is_interrupted() && !was_known;
        self.changes.push(Change::Entered { key: key.clone(), from, to: next.clone() });
        if is_interrupted {
            self.changes.push(Change::Interrupted(key.clone()));
        }
    }

    /// What EC2 tells about the instance of this row.
    fn see(&mut self, key: &InstanceKey, machine: &Machine) {
        // A look may have found the instance before the launch's answer named its row: then the
        // adopted row gives way to the planned one.
        if let Some(adopted) = self.fleet.keys.get(&machine.id).cloned()
            && adopted != *key
        {
            self.fleet.instances.remove(&adopted);
            self.changes.push(Change::Joined { row: key.clone(), adopted });
        }
        let Some(row) = self.fleet.instances.get_mut(key) else { return };
        self.fleet.keys.insert(machine.id.clone(), key.clone());
        let seen = row.machine.as_ref().map_or(machine.clone(), |known| machine.seen_again(known));
        let next = phase_after(&row.phase, &seen);
        // Not of what was `seen`: only a look by itself tells of the last start.
        row.bill.see(machine, &row.phase, self.at);
        let known = row.machine.replace(seen);
        if known.is_none() {
            row.cost = Cost::UNKNOWN;
            self.changes.push(Change::Launched(key.clone()));
        } else if known != row.machine {
            self.changes.push(Change::Told(key.clone()));
        }
        if let Some(next) = next {
            self.enter(key, &next);
        }
    }

    /// How a node is. Its own metadata may say that EC2 takes it back: the same as when EC2 says
    /// so itself, only that one of both comes first.
    fn vitals(&mut self, key: &InstanceKey, vitals: &Vitals) {
        let Some(row) = self.fleet.instances.get_mut(key) else { return };
        let known = row.vitals.replace((self.at, vitals.clone()));
        if let Some(percent) = vitals.cpu_percent {
            row.cpu.drain(..(row.cpu.len() + 1).saturating_sub(MAX_CPU));
            row.cpu.push(percent);
        }
        let stops_at = |of: &Vitals| of.idle.as_ref().and_then(Idle::stops_at);
        let (was_recommended, was_told) = known.map_or((false, false), |(_, known)| {
            (known.rebalance.is_some(), stops_at(&known).is_some())
        });
        if let Some(at) = stops_at(vitals).filter(|_| !was_told) {
            self.changes.push(Change::StopsSoon(key.clone(), at));
        }
        let notice = row
            .id()
            .zip(vitals.spot_notice.as_ref())
            .map(|(id, ends)| Notice { instance: id.clone(), ends: ends.parse().ok() });
        if vitals.rebalance.is_some() && !was_recommended {
            self.changes.push(Change::Rebalance(key.clone()));
        }
        if let Some(notice) = notice {
            self.notice(&notice);
        }
    }

    /// EC2 gives notice to an instance.
    fn notice(&mut self, notice: &Notice) {
        let Some(row) = self.fleet.by_id(&notice.instance) else { return };
        let is_news = match row.phase {
            Phase::Interrupted { at } => at.is_none() && notice.ends.is_some(),
            // One that we end or stop ourselves is not interrupted any more; and the request of one
            // that we stop has the status of one that AWS is about to stop.
            Phase::Terminating | Phase::Terminated | Phase::Stopping | Phase::Stopped => false,
            _ => true,
        };
        if is_news {
            self.enter(&row.key.clone(), &Phase::Interrupted { at: notice.ends });
        }
    }

    /// A look at a whole region: newcomers are adopted. What is not told of stays as it is.
    fn survey(&mut self, region: &Region, machines: &[Machine], deployment: &DeploymentId) {
        for machine in machines {
            match self.fleet.keys.get(&machine.id).cloned() {
                Some(key) => self.see(&key, machine),
                None if machine.is_alive() => self.adopt(region, machine, deployment),
                None => {}
            }
        }
    }

    /// Gives an instance a row that is known by its tags alone. How it came to where it stands is
    /// not known, so there is one change and no step.
    fn adopt(&mut self, region: &Region, machine: &Machine, deployment: &DeploymentId) {
        let key = InstanceKey::adopted(&machine.id);
        let (region, deployment) = (region.clone(), deployment.clone());
        self.fleet.insert(Instance::planned(key.clone(), region, deployment, self.at));
        let before = self.changes.len();
        self.see(&key, machine);
        self.changes.truncate(before);
        self.changes.push(Change::Adopted(key));
    }

    /// EC2 does not know these any more.
    fn vanish(&mut self, ids: &[InstanceId]) {
        for id in ids {
            let Some(key) = self.fleet.keys.get(id).cloned() else { continue };
            if let Some(row) = self.fleet.instances.get_mut(&key)
                && let Some(machine) = &mut row.machine
            {
                machine.seen.state = Ec2State::Terminated;
                row.bill.see(machine, &row.phase, self.at);
            }
            self.enter(&key, &Phase::Terminated);
        }
    }

    /// A destroy of everything asks everywhere: that a network goes from a region where there was
    /// none is no news.
    fn network(&mut self, region: &Region, state: &NetworkState) {
        let known = self.fleet.regions.get(region).and_then(|view| view.network.as_ref());
        let goes = matches!(state, NetworkState::Removing | NetworkState::Gone);
        let was_none = matches!(known, None | Some(NetworkState::Gone));
        let has_rows = || self.fleet.instances.values().any(|row| row.region == *region);
        if known == Some(state) || (goes && was_none && !has_rows()) {
            return;
        }
        self.fleet.regions.entry(region.clone()).or_default().network = Some(state.clone());
        self.changes.push(Change::Network(region.clone(), state.clone()));
    }
}

/// The phase that a row enters: whoever fails EC2's checks is not ready.
fn checked(row: &Instance, next: &Phase) -> Phase {
    let failed = status_check::told(&row.failed_checks);
    match next {
        Phase::Ready if !failed.is_empty() => Phase::Degraded { reason: failed },
        Phase::Degraded { reason } if !failed.is_empty() && !reason.ends_with(&failed) => {
            Phase::Degraded { reason: format!("{reason}; {failed}") }
        }
        next => next.clone(),
    }
}

/// The phase that EC2's word asks for, where it asks for one. The deployment's own steps are
/// entered by the pipeline alone.
fn phase_after(phase: &Phase, machine: &Machine) -> Option<Phase> {
    let is_still = matches!(phase, Phase::Stopping | Phase::Stopped | Phase::Starting);
    let is_new = matches!(phase, Phase::Planned | Phase::Requesting);
    match machine.seen.state {
        Ec2State::Pending if *phase == Phase::Stopped => Some(Phase::Starting),
        Ec2State::Pending => is_new.then_some(Phase::Pending),
        Ec2State::Running => {
            (is_new || is_still || *phase == Phase::Pending).then_some(Phase::Running)
        }
        Ec2State::ShuttingDown if machine.was_taken_back() => {
            (!matches!(phase, Phase::Interrupted { .. } | Phase::Terminating))
                .then_some(Phase::Interrupted { at: None })
        }
        Ec2State::ShuttingDown => Some(Phase::Terminating),
        Ec2State::Terminated => Some(Phase::Terminated),
        Ec2State::Stopping => Some(Phase::Stopping),
        // Until its spot request has followed, nobody can start it again.
        Ec2State::Stopped if !machine.is_at_rest() => Some(Phase::Stopping),
        // A start that waits for EC2 to tell of it.
        Ec2State::Stopped if *phase == Phase::Starting => None,
        Ec2State::Stopped => Some(Phase::Stopped),
    }
}
