//! The one stream on which jobs report: news of the job itself, of a region or of an instance,
//! each with only the facts that it can have.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cloudwatch::InstanceMetrics;
use super::vitals::Vitals;
use super::{
    Account, Attempt, CommandResult, DeploymentId, DeploymentSeen, Diagnosis, FailedCheck, Failure,
    HostKey, InstanceId, InstanceKey, JobId, Kept, LaunchId, Level, LockStanding, Machine,
    NetworkState, Notice, Outcome, Phase, QueueLook, Region, RegionPrices, Transfer,
};

/// One report of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Which job reports.
    pub job: JobId,
    /// When it was sent.
    pub at: Timestamp,
    /// What it tells.
    pub news: News,
}

/// What a report tells, by its subject.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// Of the job itself, or of all regions.
    Job(JobNews),
    /// Of a region.
    Region(Region, RegionNews),
    /// Of an instance: the key of its row, or its id where the job knows no row.
    Instance(InstanceKey, InstanceNews),
}

/// Who or what a sentence is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The job itself.
    Job,
    /// A region.
    Region(Region),
    /// One row.
    Instance(InstanceKey),
}

/// News of a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobNews {
    /// It began.
    Started,
    /// Who we are, and the regions that are enabled for the account.
    Account(Account),
    /// The deployment that this process works on.
    Deployment(DeploymentId),
    /// The deployments that tags tell of in the account.
    Deployments(Vec<DeploymentSeen>),
    /// The login has ended, and calls wait for the next one; `None` when they go on.
    LoginEnded(Option<Failure>),
    /// How much work the orchestrator has; or why it does not tell.
    Queue(Result<QueueLook, String>),
    /// How many instances the user's program wants; or why it does not tell.
    Advice(Result<u32, String>),
    /// How this process stands to the lock between machines.
    Lock(LockStanding),
    /// A sentence for people.
    Said(Level, String),
    /// It is over. The last report of every job.
    Ended(Outcome),
}

/// News of a region.
#[derive(Debug, Clone, PartialEq)]
pub enum RegionNews {
    /// A look at the whole region: these of the deployment's instances it told of.
    Surveyed(Vec<Machine>),
    /// A look at the region told of no instance in another state than the look before.
    Unchanged,
    /// EC2 does not know these any more.
    Vanished(Vec<InstanceId>),
    /// It could not be looked at; what is shown of it is old.
    Unanswered(String),
    /// A launch was tried in it.
    Tried(Attempt),
    /// A launch found no room where it was asked for: this one goes on with it here.
    Spilled(LaunchId),
    /// What its prices are.
    Prices(RegionPrices),
    /// How many GiB of storage instances in it have.
    Storage(BTreeMap<InstanceId, u32>),
    /// What machines keep in it, all of it.
    Kept(Vec<Kept>),
    /// Which of its instances fail which of EC2's checks; all others fail none.
    StatusChecks(BTreeMap<InstanceId, Vec<FailedCheck>>),
    /// What CloudWatch measured of its instances.
    Metrics {
        /// By instance; of all others it told nothing.
        told: BTreeMap<InstanceId, InstanceMetrics>,
        /// The surplus CPU credits that AWS charges for, each with the beginning of its hour.
        charged: BTreeMap<InstanceId, Vec<(Timestamp, f64)>>,
        /// How many metrics were asked for: what AWS charges.
        asked: u64,
    },
    /// EC2 takes instances in it back.
    Notices(Vec<Notice>),
    /// Its network: made, being removed, gone.
    Network(NetworkState),
    /// A sentence for people.
    Said(Level, String),
}

/// News of an instance.
#[derive(Debug, Clone, PartialEq)]
pub enum InstanceNews {
    /// It entered a phase.
    Entered(Phase),
    /// What EC2 tells about it, from a launch's answer or from a look.
    Seen(Box<Machine>),
    /// The host showed this key.
    HostKey(HostKey),
    /// How the node is, from a look at it.
    Vitals(Box<Vitals>),
    /// How the user's command ended on it.
    CommandResult(CommandResult),
    /// What a close look at the node found.
    Diagnosed(Box<Diagnosis>),
    /// Its node is out of the work, and nothing was on it; or why it stays.
    Retired(Result<(), String>),
    /// A launch was tried for it.
    Tried(Attempt),
    /// It found no place where it was planned: it is tried in this region.
    Moved(Region),
    /// A sentence for people.
    Said(Level, String),
    /// A line that came from the far side. Untrusted text; may be dropped under load.
    Output(String),
    /// Bytes of the upload so far. May be dropped under load.
    Transferred(Transfer),
}
