//! What jobs are asked to do, and the words in which they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccountId, DeploymentId, Failure, Instance, InstanceId, InstanceKey, Kept, LaunchId, Machine,
    MachineType, Pool, Records, Region, Retention, SpotRequestId, Zone,
};

/// A job under way. Numbers are never used again within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// [`Job::Identify`].
    Identify,
    /// [`Job::Survey`].
    Survey,
    /// [`Job::Watch`].
    Watch,
    /// [`Job::SignIn`].
    SignIn,
    /// [`Job::FindDeployments`].
    FindDeployments,
    /// [`Job::Lock`].
    Lock,
    /// [`Job::Prices`].
    Prices,
    /// [`Job::Preflight`], and [`Job::CheckMachines`].
    Preflight,
    /// [`Job::Create`].
    Create,
    /// [`Job::Resume`].
    Resume,
    /// [`Job::Drain`].
    Drain,
    /// [`Job::Retire`].
    Retire,
    /// [`Job::Stop`].
    Stop,
    /// [`Job::Start`].
    Start,
    /// [`Job::Reboot`].
    Reboot,
    /// [`Job::Exec`].
    Exec,
    /// [`Job::Logs`].
    Logs,
    /// [`Job::Pull`].
    Pull,
    /// [`Job::Diagnose`].
    Diagnose,
    /// [`Job::Destroy`].
    Destroy,
    /// [`Job::Inspect`].
    Inspect,
    /// [`Job::CleanUp`].
    CleanUp,
    /// [`Job::Forget`].
    Forget,
    /// [`Job::Discard`].
    Discard,
    /// [`Job::Snapshot`].
    Snapshot,
    /// [`Job::Restore`].
    Restore,
}

impl JobKind {
    /// The verb, for the log and the question at quit.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Survey => "survey",
            Self::Watch => "watch",
            Self::SignIn => "login",
            Self::FindDeployments => "deployments",
            Self::Lock => "lock",
            Self::Prices => "prices",
            Self::Preflight => "check",
            Self::Create => "create",
            Self::Resume => "resume",
            Self::Drain => "drain",
            Self::Retire => "retire",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Reboot => "reboot",
            Self::Exec => "exec",
            Self::Logs => "logs",
            Self::Pull => "pull",
            Self::Diagnose => "diagnose",
            Self::Destroy => "destroy",
            Self::Inspect => "inspect",
            Self::CleanUp => "cleanup",
            Self::Forget => "forget",
            Self::Discard => "discard",
            Self::Snapshot => "snapshot",
            Self::Restore => "restore",
        }
    }
}

/// Work for the outside of the program.
#[derive(Debug, Clone, PartialEq)]
pub enum Job {
    /// Who are we, and which regions does the account have? Answers with [`JobNews::Account`](super::JobNews).
    Identify,
    /// One look at the deployment in all enabled regions, by tags.
    Survey,
    /// The same again and again, each region at its own pace, until cancelled.
    Watch,
    /// Sign in with a code from the user's device, which is asked for.
    SignIn,
    /// Which deployments are there, in all enabled regions, by tags? Answers with
    /// [`JobNews::Deployments`](super::JobNews).
    FindDeployments,
    /// Take the lock between machines, for this purpose, or find out who has it:
    /// [`JobNews::Lock`](super::JobNews).
    Lock(&'static str),
    /// Learn what these machine types cost in these regions.
    Prices(BTreeMap<Region, Vec<MachineType>>),
    /// Ask AWS all that a create in these regions asks before it makes anything.
    Preflight(BTreeMap<Region, u32>),
    /// The same of launching these machines anew, before their instances are ended; and see to it that
    /// what they are to keep outlives these.
    CheckMachines(Vec<Instance>),
    /// Launch and deploy. One entry a region; each runs by itself.
    Create(Vec<Launch>),
    /// Take up again what an earlier run left between Pending and Ready.
    Resume(Vec<Instance>),
    /// Stop the nodes on these in good order: EC2 takes them back.
    Drain(Vec<Instance>),
    /// Take the nodes on these out of the work: they are not needed. Which of them are out is
    /// [`InstanceNews::Retired`](super::InstanceNews).
    Retire(Vec<Instance>),
    /// Stop these, and wait until they could be started again.
    Stop(Vec<Instance>),
    /// Start these, and see them through to a node that works. One that runs is only seen through.
    Start(Vec<Instance>),
    /// Reboot these by EC2, and see them come back.
    Reboot(Vec<Instance>),
    /// Run a command of the user's on these, all at once. What they print is output; how it ended
    /// on each is [`InstanceNews::CommandResult`](super::InstanceNews).
    Exec(String, Vec<Instance>),
    /// Read logs on these. What they say is output; how it ended on each is
    /// [`InstanceNews::CommandResult`](super::InstanceNews).
    Logs(Logs, Vec<Instance>),
    /// Bring files from these, a folder each. What is said of them is output; how it ended on each is
    /// [`InstanceNews::CommandResult`](super::InstanceNews).
    Pull(Pull, Vec<Instance>),
    /// Look closely at the nodes on these. What was found is output and
    /// [`InstanceNews::Diagnosed`](super::InstanceNews), the verdict
    /// [`InstanceNews::CommandResult`](super::InstanceNews).
    Diagnose(Vec<Instance>),
    /// Terminate these, and remove the network of every region where nothing of the deployment
    /// is left alive.
    Destroy(DestroyScope),
    /// Say what of ours is in these regions, of whatever deployment; in all where none is named.
    Inspect(Vec<Region>),
    /// Remove what is left of deployments where nothing of them is alive.
    CleanUp {
        /// Where; in all regions where none is named.
        regions: Vec<Region>,
        /// Only say what is left.
        dry_run: bool,
    },
    /// Strike these unfinished creates from the journal. What they made is not touched.
    Forget(Vec<PendingCreate>),
    /// Delete what machines keep, of which each is named here: disks with their data, addresses.
    Discard(Vec<(Region, Kept)>),
    /// Make snapshots of what these machines keep, and delete those that have had their time.
    Snapshot(Vec<SnapshotWish>),
    /// Make a volume of a snapshot beside the machine's own, or give it the place of that.
    Restore(RestoreWish),
}

impl Job {
    /// Its kind.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Identify => JobKind::Identify,
            Self::Survey => JobKind::Survey,
            Self::Watch => JobKind::Watch,
            Self::SignIn => JobKind::SignIn,
            Self::FindDeployments => JobKind::FindDeployments,
            Self::Lock(_) => JobKind::Lock,
            Self::Prices(_) => JobKind::Prices,
            Self::Preflight(_) | Self::CheckMachines(_) => JobKind::Preflight,
            Self::Create(_) => JobKind::Create,
            Self::Resume(_) => JobKind::Resume,
            Self::Drain(_) => JobKind::Drain,
            Self::Retire(_) => JobKind::Retire,
            Self::Stop(_) => JobKind::Stop,
            Self::Start(_) => JobKind::Start,
            Self::Reboot(_) => JobKind::Reboot,
            Self::Exec(..) => JobKind::Exec,
            Self::Logs(..) => JobKind::Logs,
            Self::Pull(..) => JobKind::Pull,
            Self::Diagnose(_) => JobKind::Diagnose,
            Self::Destroy(_) => JobKind::Destroy,
            Self::Inspect(_) => JobKind::Inspect,
            Self::CleanUp { .. } => JobKind::CleanUp,
            Self::Forget(_) => JobKind::Forget,
            Self::Discard(_) => JobKind::Discard,
            Self::Snapshot(_) => JobKind::Snapshot,
            Self::Restore(_) => JobKind::Restore,
        }
    }

    /// The verb, for the log and the question at quit.
    pub fn verb(&self) -> &'static str {
        self.kind().verb()
    }

    /// Whether it changes anything at AWS: such a job is asked about when the user quits.
    pub fn is_mutating(&self) -> bool {
        matches!(
            self,
            Self::Create(_)
                | Self::Resume(_)
                | Self::Stop(_)
                | Self::Start(_)
                | Self::Reboot(_)
                | Self::Destroy(_)
                | Self::CleanUp { dry_run: false, .. }
                | Self::Forget(_)
                | Self::Discard(_)
                | Self::Snapshot(_)
                | Self::Restore(_)
        )
    }
}

/// A machine whose volumes are to have snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotWish {
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub machine: String,
    /// The user's own tags.
    pub tags: BTreeMap<String, String>,
    /// Whether the schedule asks: then only for what has none of today.
    pub is_scheduled: bool,
    /// How many of the schedule's are kept; without it none of them goes.
    pub retention: Option<Retention>,
}

/// A machine that is to get back what a snapshot has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreWish {
    /// Where it is.
    pub region: Region,
    /// Its name.
    pub machine: String,
    /// The user's own tags.
    pub tags: BTreeMap<String, String>,
    /// Which step of it.
    pub step: Restore,
}

/// A step on the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// Make a volume of this snapshot, beside the machine's own.
    Make {
        /// Its id.
        snapshot: String,
        /// Where it is made, if not in the zone of the machine's own.
        zone: Option<Zone>,
    },
    /// This volume takes the place of the machine's own, which lies beside it from then on.
    Use(String),
}

impl Default for Restore {
    fn default() -> Self {
        Self::Make { snapshot: String::new(), zone: None }
    }
}

/// Which log of a node is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// The journal of this unit; else the log of the deployment.
    pub unit: Option<String>,
    /// Whether what is added is read as well, until the job is stopped.
    pub follow: bool,
}

/// Files to be brought from nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pull {
    /// Files and folders over there; relative ones begin at the home folder.
    pub paths: Vec<String>,
    /// The folder on this side, in which each node has one.
    pub to: PathBuf,
    /// The most that is brought from one node, in bytes.
    pub most: u64,
}

impl Pull {
    /// These, to where they go unless somebody says otherwise: below this folder, and no more of a
    /// node than fits on a disk of today.
    pub fn here(paths: Vec<String>) -> Self {
        Self { paths, to: PathBuf::from("pulled"), most: 16 << 30 }
    }

    /// What is wrong with its paths, if anything is.
    pub fn trouble(&self) -> Option<String> {
        let is_wrong = |path: &&String| {
            path.is_empty()
                || path.contains(|c: char| c.is_control())
                || path.split('/').any(|part| part == "..")
        };
        let wrong = self.paths.iter().find(is_wrong);
        wrong.map(|path| format!("'{}' cannot be brought: no `..`, one line", path.escape_debug()))
    }
}

/// What a budget leaves for one instance, in USD an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceCeiling {
    /// In all, wherever it is launched.
    pub whole: f64,
    /// For its processors alone, by region: storage, addresses and what surplus credits may come to
    /// cost more in one than in another. A region that is not in it is beyond the budget.
    pub processors: BTreeMap<Region, f64>,
}

/// `count` new instances in one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// Where.
    pub region: Region,
    /// The launch's id, unique in the deployment.
    pub id: LaunchId,
    /// One row each, all planned.
    pub keys: Vec<InstanceKey>,
    /// What an earlier run of this launch made, as far as it has a row already.
    pub known: BTreeSet<InstanceId>,
    /// The rows among these whose deployment is to be taken up again.
    pub resumed: Vec<Instance>,
    /// The most that one of these may cost: what the budget leaves. `None` where no budget limits
    /// it.
    pub price_ceiling: Option<PriceCeiling>,
    /// What happened to our own instances, by which places are ranked.
    pub records: Records,
    /// How many instances stay in each place of each region: none is to have more than its share.
    pub there: BTreeMap<Region, BTreeMap<Pool, u32>>,
    /// What AWS took back, where the program launches these by itself in its place: the creates
    /// that made it do not make it again.
    pub replaces: Vec<Machine>,
    /// Whether the program launches by itself, to hold a count.
    pub by_itself: bool,
    /// Whether these are on demand although the configuration means spot: it was refused for long.
    pub on_demand: bool,
    /// The machine of the configuration that it is about: then it is of one instance.
    pub machine: Option<String>,
}

impl Launch {
    /// A launch of which nothing was made yet.
    pub fn new(region: Region, id: LaunchId, keys: Vec<InstanceKey>) -> Self {
        let (known, resumed, replaces) = (BTreeSet::new(), Vec::new(), Vec::new());
        Self {
            region,
            id,
            keys,
            known,
            resumed,
            price_ceiling: None,
            records: Records::default(),
            there: BTreeMap::new(),
            replaces,
            by_itself: false,
            on_demand: false,
            machine: None,
        }
    }

    /// The rows that it works on.
    pub fn rows(&self) -> impl Iterator<Item = &InstanceKey> {
        self.keys.iter().chain(self.resumed.iter().map(|instance| &instance.key))
    }
}

/// A create of one region that an earlier run did not bring to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCreate {
    /// For which deployment.
    pub deployment: DeploymentId,
    /// Where.
    pub region: Region,
    /// The launch's id.
    pub launch: LaunchId,
    /// How many are wanted: without those that were destroyed by name meanwhile.
    pub count: u32,
    /// Those of which EC2 told that it made them.
    pub made: BTreeSet<InstanceId>,
    /// The region that they were asked for in, where that one had no room for them.
    pub origin: Option<Region>,
    /// Whether the program asked for it by itself, to hold a count.
    pub is_replacement: bool,
    /// The machine of the configuration that it is about: no count is meant then.
    pub machine: Option<String>,
}

impl PendingCreate {
    /// The region whose count it is a part of.
    pub fn counts_for(&self) -> &Region {
        self.origin.as_ref().unwrap_or(&self.region)
    }

    /// Whether this create made the instance.
    pub fn made(&self, machine: &Machine) -> bool {
        self.made.contains(&machine.id) || machine.is_of(&self.launch)
    }
}

/// What a destroy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestroyScope {
    /// These instances, by region.
    Instances(BTreeMap<Region, Vec<Termination>>),
    /// Everything of the deployment in this region, also what only its tags tell of.
    Region(Region),
    /// Everything of the deployment in every enabled region, also what only its tags tell of.
    Everything,
    /// What these launches made: a create that was cancelled is taken back.
    Launches(Vec<(Region, LaunchId)>),
    /// Everything that this program ever made in these regions, of whatever deployment; in every
    /// enabled region where none is named.
    Account(Vec<Region>),
}

/// A destroy in one region that an earlier run did not bring to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDestroy {
    /// Of which deployment.
    pub deployment: DeploymentId,
    /// Where.
    pub region: Region,
    /// The launch that is to be taken back, if it is about one.
    pub launch: Option<LaunchId>,
    /// What it had found by then.
    pub terminations: Vec<Termination>,
}

impl PendingDestroy {
    /// Whether it ends this instance.
    pub fn ends(&self, machine: &Machine) -> bool {
        self.terminations.iter().any(|termination| termination.id == machine.id)
            || self.launch.as_ref().is_some_and(|launch| machine.is_of(launch))
    }
}

/// An instance that is to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Termination {
    /// Its row.
    pub key: InstanceKey,
    /// Its id.
    pub id: InstanceId,
    /// The spot request to cancel first.
    pub spot_request: Option<SpotRequestId>,
}

/// How serious a sentence is, in the words of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something happens.
    Info,
    /// Something was reached.
    Success,
    /// Something needs attention but goes on.
    Warning,
    /// Something failed.
    Error,
}

impl Level {
    /// `INFO`, `SUCCESS`, `WARNING`, `ERROR`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Success => "SUCCESS",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// How a command of the user's ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    /// Whether it ended with 0.
    pub went_well: bool,
    /// `exit status 1`, or why it could not be run.
    pub end: String,
}

/// EC2 takes an instance back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which one.
    pub instance: InstanceId,
    /// When it ends, where EC2 said so.
    pub ends: Option<Timestamp>,
}

/// Who we are at AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// The last part of our ARN: the creator's name.
    pub creator: String,
    /// Our ARN.
    pub arn: String,
    /// The regions that are enabled for the account, sorted.
    pub regions: Vec<Region>,
}

/// What is known of a region's network of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkState {
    /// Being built or adopted.
    Building,
    /// In place.
    Ready,
    /// Being removed.
    Removing,
    /// Verified empty.
    Gone,
    /// Some of it would not go: ids and reasons.
    Residue(Vec<String>),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything that was asked for.
    Done,
    /// Some of it failed; the rows and regions say what.
    Partly {
        /// How many things failed: instances, or regions.
        failed: usize,
    },
    /// Nothing could be done.
    Failed(Failure),
    /// Stopped by the user.
    Cancelled,
}

/// What a runbook comes to: how many instances or regions of it failed, or why nothing could be
/// done.
pub type JobResult = Result<usize, Failure>;

impl From<JobResult> for Outcome {
    fn from(result: JobResult) -> Self {
        match result {
            Ok(0) => Self::Done,
            Ok(failed) => Self::Partly { failed },
            Err(failure) => Self::Failed(failure),
        }
    }
}
