//! What is remembered of a job: what it works on, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::fleet::{
    DestroyScope, InstanceKey, Job, JobKind, Launch, LaunchId, Machine, Outcome, Region,
};

/// A job and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// What it does.
    pub kind: JobKind,
    /// The same as a word.
    pub verb: &'static str,
    /// Whether it changes anything at AWS.
    pub is_mutating: bool,
    /// When it was asked for.
    pub asked: Timestamp,
    /// Whether it was said already what it is for: nobody asked for it, and that it went well is no news.
    pub is_told: bool,
    /// How it ended, and when.
    pub outcome: Option<(Timestamp, Outcome)>,
    /// The rows that it works on.
    pub keys: BTreeSet<InstanceKey>,
    /// The regions that it works in; `None` for all.
    pub regions: Option<BTreeSet<Region>>,
    /// What it launches: taken back when it is cancelled.
    pub launches: Vec<(Region, LaunchId)>,
    /// The most that each row that it launches may cost an hour in all, where a budget limits that.
    pub price_ceilings: BTreeMap<InstanceKey, f64>,
    /// The rows that it launches on demand in the place of spot.
    pub on_demand: BTreeSet<InstanceKey>,
    /// The machines of the configuration that it launches.
    pub machines: BTreeSet<String>,
    /// Which of them each row is that it launches: none has its name before EC2 has answered.
    pub machine_of: BTreeMap<InstanceKey, String>,
    /// Those in whose place it launches: that AWS took back, or that still work until then.
    pub replaces: Vec<Machine>,
}

impl JobRecord {
    pub(super) fn new(job: &Job, asked: Timestamp) -> Self {
        let (keys, regions) = match job {
            Job::Create(launches) => (
                launches.iter().flat_map(Launch::rows).cloned().collect(),
                Some(launches.iter().map(|launch| launch.region.clone()).collect()),
            ),
            Job::CheckMachines(instances)
            | Job::Resume(instances)
            | Job::Retire(instances)
            | Job::Stop(instances)
            | Job::Start(instances)
            | Job::Reboot(instances) => (
                instances.iter().map(|instance| instance.key.clone()).collect(),
                Some(instances.iter().map(|instance| instance.region.clone()).collect()),
            ),
            Job::Destroy(DestroyScope::Instances(terminations)) => (
                terminations
                    .values()
                    .flatten()
                    .map(|termination| termination.key.clone())
                    .collect(),
                Some(terminations.keys().cloned().collect()),
            ),
            Job::Destroy(DestroyScope::Region(region)) => {
                (BTreeSet::new(), Some(BTreeSet::from([region.clone()])))
            }
            Job::Destroy(DestroyScope::Launches(launches)) => {
                (BTreeSet::new(), Some(launches.iter().map(|(region, _)| region.clone()).collect()))
            }
            Job::Preflight(counts) => (BTreeSet::new(), Some(counts.keys().cloned().collect())),
            Job::Forget(pending_creates) => (
                BTreeSet::new(),
                Some(pending_creates.iter().map(|order| order.region.clone()).collect()),
            ),
            Job::Restore(wish) => (BTreeSet::new(), Some([wish.region.clone()].into())),
            Job::Snapshot(wishes) => {
                (BTreeSet::new(), Some(wishes.iter().map(|it| it.region.clone()).collect()))
            }
            Job::Discard(named) => {
                (BTreeSet::new(), Some(named.iter().map(|(region, _)| region.clone()).collect()))
            }
            _ => (BTreeSet::new(), None),
        };
        let launches = match job {
            Job::Create(launches) => launches.as_slice(),
            _ => &[],
        };
        let capped = launches.iter().filter_map(|it| Some((it, it.price_ceiling.as_ref()?.whole)));
        let price_ceilings =
            capped.flat_map(|(it, most)| it.rows().map(move |key| (key.clone(), most))).collect();
        let named = launches.iter().filter_map(|it| Some((it, it.machine.as_ref()?)));
        let machine_of = named
            .flat_map(|(it, name)| it.rows().map(move |key| (key.clone(), name.clone())))
            .collect();
        let on_demand = launches.iter().filter(|it| it.on_demand);
        let on_demand = on_demand.flat_map(Launch::rows).cloned().collect();
        let machines = launches.iter().filter_map(|it| it.machine.clone()).collect();
        let replaces = launches.iter().flat_map(|it| it.replaces.clone()).collect();
        let launches = launches.iter().map(|it| (it.region.clone(), it.id.clone())).collect();
        let is_mutating = job.is_mutating();
        Self {
            kind: job.kind(),
            verb: job.verb(),
            is_mutating,
            asked,
            is_told: false,
            outcome: None,
            keys,
            regions,
            launches,
            price_ceilings,
            on_demand,
            machines,
            machine_of,
            replaces,
        }
    }

    /// It launches in this region, too.
    pub(super) fn spilled(&mut self, region: &Region, launch: &LaunchId) {
        if let Some(regions) = &mut self.regions {
            regions.insert(region.clone());
        }
        self.launches.push((region.clone(), launch.clone()));
    }

    /// Whether it is under way.
    pub fn is_active(&self) -> bool {
        self.outcome.is_none()
    }

    /// Whether it works in a region.
    pub fn covers(&self, region: &Region) -> bool {
        self.regions.as_ref().is_none_or(|regions| regions.contains(region))
    }

    /// `create in us-west-2`, `create in 3 regions`.
    pub fn short_title(&self) -> String {
        match &self.regions {
            Some(regions) if regions.len() > 1 => {
                format!("{} in {} regions", self.verb, regions.len())
            }
            _ => self.title(),
        }
    }

    /// `create in us-west-2, eu-west-1`.
    pub fn title(&self) -> String {
        match &self.regions {
            Some(regions) if !regions.is_empty() => {
                let names: Vec<&str> = regions.iter().map(Region::as_str).collect();
                format!("{} in {}", self.verb, names.join(", "))
            }
            _ => self.verb.to_owned(),
        }
    }
}
