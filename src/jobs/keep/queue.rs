//! What waits at the orchestrator, and which nodes nothing is on.
//!
//! A job's state says neither: `Queued` means that the last look matched no node at all, so such a job
//! may have parts that run, and one that says `Running` may have parts that wait. What waits is what a
//! job is to have without the parts that run or are done (Bacalhau 1.9, `pkg/orchestrator/scheduler`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::bacalhau::{BacalhauError, JobSeen, JobType, Node, Orchestrator, Placed};
use crate::config::Config;
use crate::fleet::{Demand, InstanceId, NodeLoad, QueueLook, Region};
use crate::jobs::context::Context;

/// How old a job may be that is found at the first look: there is no list of those that are not over.
const HORIZON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far a later look goes back behind the newest job of the one before.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// The most pages of a look.
const PAGES: usize = 500;
/// The label in which a node says to which deployment it belongs (`generate_bacalhau_config.sh`).
const DEPLOYMENT: &str = "deployment";
/// The one in which it says where it is.
const REGION: &str = "region";

/// An orchestrator that is asked again and again.
pub(super) struct Queue {
    orchestrator: Orchestrator,
    /// The jobs that were not over at the last look.
    live: BTreeSet<String>,
    /// When the newest job was made that was seen.
    newest: Option<Timestamp>,
}

/// Jobs that are not over, and where they run.
type LiveJobs = Vec<(JobSeen, Placed)>;

impl Queue {
    pub(super) fn new(orchestrator: Orchestrator) -> Self {
        Self { orchestrator, live: BTreeSet::new(), newest: None }
    }

    /// One look.
    pub(super) async fn look(&mut self, context: &Context) -> Result<QueueLook, BacalhauError> {
        let nodes = self.orchestrator.nodes().await?;
        let jobs = self.live_jobs(context.now()).await?;
        let deployment = context.deployment();
        let is_ours = |node: &&Node| {
            let of = node.labels.get(DEPLOYMENT);
            node.is_working() && of.is_none_or(|of| of == deployment.as_str())
        };
        let ours: Vec<&Node> = nodes.iter().filter(is_ours).collect();
        let loads = ours.iter().map(|node| (InstanceId::new(&*node.id), load(node, &jobs)));
        let config = context.config.as_deref();
        Ok(QueueLook { nodes: loads.collect(), demand: demand(&jobs, &ours, config) })
    }

    /// All jobs that are not over: those of the last look, and what came since.
    pub(super) async fn live_jobs(&mut self, now: Timestamp) -> Result<LiveJobs, BacalhauError> {
        self.find(now).await?;
        let mut jobs = Vec::new();
        for id in self.live.clone() {
            match self.orchestrator.job(&id).await? {
                Some((job, placed)) if !job.is_over => jobs.push((job, placed)),
                _ => {
                    self.live.remove(&id);
                }
            }
        }
        Ok(jobs)
    }

    async fn find(&mut self, now: Timestamp) -> Result<(), BacalhauError> {
        let until = self.newest.map_or(now - HORIZON, |newest| newest - OVERLAP);
        let (mut token, mut newest) = (None, self.newest);
        for _ in 0..PAGES {
            let page = self.orchestrator.jobs(token.as_deref()).await?;
            newest = page.jobs.iter().map(|job| job.created).max().max(newest);
            let is_last = page.jobs.last().is_none_or(|oldest| oldest.created < until);
            let live = page.jobs.into_iter().filter(|job| !job.is_over);
            self.live.extend(live.map(|job| job.id));
            token = page.next;
            if is_last || token.is_none() {
                break;
            }
        }
        // Only now: what a look that broke off has not seen is looked for again.
        self.newest = newest;
        Ok(())
    }
}

/// Whether any of these jobs is at work on a node, but what runs on every node anyway.
pub(super) fn is_at_work(jobs: &LiveJobs, node: &str) -> bool {
    executions(jobs, node, |kind| kind != JobType::Daemon) > 0
}

fn executions(jobs: &LiveJobs, node: &str, of: impl Fn(JobType) -> bool) -> u64 {
    let jobs = jobs.iter().filter(|(job, _)| of(job.kind));
    jobs.filter_map(|(_, placed)| placed.active.get(node)).sum()
}

fn load(node: &Node, jobs: &LiveJobs) -> NodeLoad {
    let everywhere = |kind| matches!(kind, JobType::Daemon | JobType::Ops);
    let daemons = executions(jobs, &node.id, |kind| kind == JobType::Daemon);
    // What it counts itself has what no job that is known explains: one that is older than all looks.
    let unexplained = node.executions > executions(jobs, &node.id, |_| true);
    NodeLoad {
        capacity: node.capacity,
        enqueued: node.enqueued,
        is_busy: executions(jobs, &node.id, |kind| !everywhere(kind)) > 0 || unexplained,
        is_idle: !is_at_work(jobs, &node.id) && node.executions <= daemons,
    }
}

/// What waits for a node. Jobs that run on every node there is wait for none.
fn demand(jobs: &LiveJobs, nodes: &[&Node], config: Option<&Config>) -> Vec<Demand> {
    let is_spread = |job: &JobSeen| matches!(job.kind, JobType::Batch | JobType::Service);
    let waits = jobs.iter().filter(|(job, _)| is_spread(job)).filter_map(|(job, placed)| {
        let placed = u32::try_from(placed.partitions.len()).unwrap_or(u32::MAX);
        let count = job.count.saturating_sub(placed);
        (count > 0).then(|| Demand {
            job: job.id.clone(),
            count,
            each: job.each,
            regions: regions(job, nodes, config),
        })
    });
    waits.collect()
}

/// Where of the configuration a node would do for a job; `None` where it has no constraints.
fn regions(job: &JobSeen, nodes: &[&Node], config: Option<&Config>) -> Option<BTreeSet<Region>> {
    if job.constraints.is_empty() {
        return None;
    }
    let allows = |labels: &BTreeMap<String, String>| {
        job.constraints.iter().all(|constraint| constraint.allows(labels))
    };
    let of = |region: &Region| {
        let is_there =
            |node: &&&Node| node.labels.get(REGION).is_some_and(|it| it == region.as_str());
        let mut there = nodes.iter().filter(is_there).peekable();
        if there.peek().is_some() {
            return there.any(|node| allows(&node.labels));
        }
        // Nobody knows the labels of a node that is not there yet but these.
        let known = [(REGION, region.as_str()), ("managed-by", "spot-tui")];
        allows(&known.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
    };
    let regions = config.iter().flat_map(|config| &config.regions).map(|it| &it.region);
    Some(regions.filter(|region| of(region)).cloned().collect())
}
