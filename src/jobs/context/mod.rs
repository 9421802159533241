//! What every job works with: the way to AWS, the configuration, the journal, and what jobs must
//! know of each other.

mod cached;
mod closed;
mod cloud;
mod deadlines;
pub(super) mod fences;
pub(super) mod kept;
mod kept_regions;
pub(super) mod known;
pub(super) mod launch_lock;
mod lock;
mod lock_holder;
pub(super) mod monitored;
mod ours;
pub(super) mod pipelines;
pub(super) mod price_memory;
pub(super) mod questions;
mod regions;
pub(super) mod reporter;
pub(super) mod tasks;
pub(super) mod unavailable_pools;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use closed::ClosedRegions;
use cloud::Cloud;
use deadlines::Deadlines;
use fences::Fences;
use kept_regions::KeptRegions;
use known::{Known, KnownInstances};
use launch_lock::LaunchLock;
use monitored::{MonitoredNode, MonitoredNodes};
use ours::OurDeployment;
use pipelines::Pipelines;
use price_memory::PriceMemory;
use questions::Asker;
use unavailable_pools::UnavailablePools;

use crate::aws::{Access, Aws, AwsError};
use crate::config::Config;
use crate::files::in_home;
use crate::fleet::cloudwatch::Figure;
use crate::fleet::tags::Origin;
use crate::fleet::{
    Account, AccountId, DeploymentId, Failure, FailureKind, Instance, InstanceId, InstanceKey,
    Region, Step,
};
use crate::ssh::{Dial, TcpDial};
use crate::store::{Cache, IntentId, Journal};

/// How fast jobs look again while they wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at instances whose state is about to change. EC2 allows 20 a second.
    pub busy: Duration,
    /// Between two looks at a steady region.
    pub steady: Duration,
    /// Between two looks at all of a steady region, where nobody watches: those in between ask only
    /// for what does not run, and see each change of state as soon.
    pub whole: Duration,
    /// Between two looks at prices, which change a few times a day.
    pub prices: Duration,
    /// Between two looks for interruption notices, steady or not.
    pub notices: Duration,
    /// Between two looks at a region without instances of ours.
    pub empty: Duration,
    /// Between two looks at a node that is well.
    pub health: Duration,
    /// The same where nobody watches: the distance grows with each good look up to this.
    pub rest: Duration,
    /// Between two looks at the console for a host key.
    pub console: Duration,
    /// How long to look for what a call of unknown outcome may have made. DescribeInstances is
    /// eventually consistent; clients in the field wait about a minute.
    pub consistency: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            busy: Duration::from_millis(2500),
            steady: Duration::from_secs(15),
            whole: Duration::ZERO,
            prices: Duration::from_mins(5),
            notices: Duration::from_secs(4),
            empty: Duration::from_mins(1),
            health: Duration::from_mins(1),
            rest: Duration::from_mins(1),
            console: Duration::from_secs(5),
            consistency: Duration::from_mins(1),
        }
    }
}

/// What a context is made of. All but the first four have a default:
/// `ContextSettings { journal, ..ContextSettings::new(deployment, access, cache, asker) }`.
#[derive(Debug)]
pub struct ContextSettings {
    /// The deployment that this process works on.
    pub deployment: DeploymentId,
    /// How AWS is reached.
    pub access: Access,
    /// Answers of AWS that stay true for a day.
    pub cache: Cache,
    /// How to ask the user.
    pub asker: Asker,
    /// Whether the deployment was made up because no file told of any: the tags are asked first.
    pub is_provisional: bool,
    /// What the user asked for; `None` where there is no configuration.
    pub config: Option<Arc<Config>>,
    /// The user's home folder, for paths that begin with `~/`.
    pub home: Option<PathBuf>,
    /// What this machine is called: who finds the lock between machines taken reads it.
    pub host: String,
    /// Where on it this process's number counts, as [`store::pid_namespace`](crate::store::pid_namespace)
    /// has it; empty where nobody knows.
    pub boot: String,
    /// Where the user's ssh-agent listens.
    pub agent: Option<PathBuf>,
    /// How bytes reach a host.
    pub dial: Arc<dyn Dial>,
    /// Where intents are written; `None` in a read-only process.
    pub journal: Option<Arc<Journal>>,
    /// How fast to look again.
    pub pace: Pace,
    /// How many connections to nodes are held open between two looks. The others are made anew.
    pub held_connections: usize,
    /// Until when calls may show an effect of which no journal tells: it was lost or cannot be
    /// read. `None` where it is whole.
    pub unsure_until: Option<Instant>,
    /// The account that the state file's instances are in; `None` where there are none, or an
    /// older version wrote it.
    pub state_account: Option<AccountId>,
}

impl ContextSettings {
    /// For a process that only looks, and has no configuration.
    pub fn new(deployment: DeploymentId, access: Access, cache: Cache, asker: Asker) -> Self {
        Self {
            deployment,
            access,
            cache,
            asker,
            is_provisional: false,
            config: None,
            home: None,
            host: String::new(),
            boot: String::new(),
            agent: None,
            dial: Arc::new(TcpDial),
            journal: None,
            pace: Pace::default(),
            held_connections: Semaphore::MAX_PERMITS,
            unsure_until: None,
            state_account: None,
        }
    }
}

/// What every job works with. What changes while the process runs is in parts of its own.
#[derive(Debug)]
pub struct Context {
    /// How AWS is reached.
    pub access: Access,
    /// What the user asked for; `None` where there is no configuration.
    pub config: Option<Arc<Config>>,
    /// How bytes reach a host.
    pub dial: Arc<dyn Dial>,
    /// How fast to look again.
    pub pace: Pace,
    /// The user's home folder, for paths that begin with `~/`.
    pub home: Option<PathBuf>,
    /// The fleet's figures by region, as whoever holds the model last told them.
    pub figures: watch::Sender<BTreeMap<Region, Vec<Figure>>>,
    pub(in crate::jobs) agent: Option<PathBuf>,
    pub(in crate::jobs) host: String,
    pub(in crate::jobs) boot: String,
    pub(in crate::jobs) asker: Asker,
    pub(in crate::jobs) held_connections: usize,
    journal: Option<Arc<Journal>>,
    cache: Cache,
    unsure_until: Option<Instant>,
    ours: OurDeployment,
    cloud: Cloud,
    closed: ClosedRegions,
    deadlines: Deadlines,
    known: KnownInstances,
    kept_regions: KeptRegions,
    fences: Fences,
    launch_lock: LaunchLock,
    pipelines: Pipelines,
    monitored: MonitoredNodes,
    logins: Arc<Semaphore>,
    unavailable_pools: UnavailablePools,
    prices: PriceMemory,
    wake_watch: Notify,
}

/// Logins at once, of all jobs together: each costs this side a key exchange and an open file, of
/// which a process has 1024, and 256 on macOS.
const LOGINS: usize = 16;

impl Context {
    /// A context of these, in which nothing is known yet.
    pub fn new(settings: ContextSettings) -> Self {
        let ContextSettings { deployment, access, config, journal, .. } = settings;
        let deadlines = journal.as_deref().map(|it| Deadlines::of(it, access.now()));
        let first = config.as_ref().and_then(|config| config.regions.first());
        let home = access.home.clone().or_else(|| first.map(|it| it.region.clone()));
        let access = Access { home, ..access };
        Self {
            launch_lock: LaunchLock::new(&access),
            access,
            config,
            dial: settings.dial,
            pace: settings.pace,
            home: settings.home,
            figures: watch::Sender::default(),
            agent: settings.agent,
            host: settings.host,
            boot: settings.boot,
            asker: settings.asker,
            held_connections: settings.held_connections,
            cache: settings.cache,
            unsure_until: settings.unsure_until,
            ours: OurDeployment::new(deployment, settings.is_provisional),
            cloud: Cloud::new(settings.state_account, journal.clone()),
            closed: ClosedRegions::default(),
            deadlines: deadlines.unwrap_or_default(),
            known: KnownInstances::default(),
            kept_regions: KeptRegions::default(),
            fences: Fences::default(),
            pipelines: Pipelines::default(),
            monitored: MonitoredNodes::default(),
            logins: Arc::new(Semaphore::new(LOGINS)),
            unavailable_pools: UnavailablePools::default(),
            prices: PriceMemory::default(),
            wake_watch: Notify::new(),
            journal,
        }
    }

    /// What time it is where AWS is.
    pub fn now(&self) -> Timestamp {
        self.access.now()
    }

    /// A path of the configuration, with `~/` filled in.
    pub fn path(&self, written: &Path) -> PathBuf {
        in_home(written, self.home.as_deref())
    }

    /// The configuration, or why there is nothing to launch from.
    pub fn config(&self) -> Result<&Arc<Config>, Failure> {
        self.config.as_ref().ok_or_else(|| {
            let hint = "run `spot-tui setup`, or name a file with --config";
            Failure::new(FailureKind::Configuration, Step::State, "there is no configuration", hint)
        })
    }

    /// The journal, or why nothing may be changed.
    pub fn journal(&self) -> Result<&Arc<Journal>, Failure> {
        self.journal.as_ref().ok_or_else(|| {
            let hint = "start without --read-only, and end the other process that holds the state";
            Failure::new(FailureKind::Configuration, Step::State, "this process only reads", hint)
        })
    }

    /// The deployment that this process works on.
    pub fn deployment(&self) -> DeploymentId {
        self.ours.id()
    }

    /// Whether the deployment's id was made up, and the tags were not asked yet.
    pub fn is_provisional(&self) -> bool {
        self.ours.is_provisional()
    }

    /// Whether its id was made up, and the tags tell of none either.
    pub fn is_made_up(&self) -> bool {
        self.ours.is_made_up()
    }

    /// Settles which deployment it is: the one that tags tell of, or the one that was made up.
    pub fn choose_deployment(&self, deployment: Option<DeploymentId>) {
        self.ours.choose(deployment);
    }

    /// Refuses to change anything while it is not known which deployment is ours.
    pub fn require_deployment(&self) -> Result<(), Failure> {
        self.ours.require()
    }

    /// AWS, opened at the first use. Another account than the one that our instances are in is
    /// refused.
    pub async fn aws(&self) -> Result<Aws, AwsError> {
        self.cloud.aws(&self.access).await
    }

    /// Who we are. Asked once.
    pub async fn account(&self) -> Result<&Account, AwsError> {
        self.cloud.account(&self.access).await
    }

    /// Whose everything is that is made from now on, with these tags of the user's.
    pub(in crate::jobs) async fn origin(
        &self,
        extra: BTreeMap<String, String>,
    ) -> Result<Origin, Failure> {
        let account = self.account().await.map_err(|error| error.failure(Step::Account))?;
        let (deployment, creator) = (self.deployment(), account.creator.clone());
        Ok(Origin { deployment, creator, at: self.now(), extra })
    }

    /// Whether the credentials are of another account than our instances.
    pub fn is_of_another_account(&self) -> bool {
        self.cloud.is_refused()
    }

    /// The credentials were refused: the next call reads them anew.
    pub(in crate::jobs) async fn forget_credentials(&self) {
        self.cloud.forget().await;
    }

    /// Until when calls may show an effect of which no journal tells.
    pub(in crate::jobs) fn unsure_until(&self) -> Option<Instant> {
        self.unsure_until.filter(|_| !self.ours.is_made_up())
    }

    /// Until when a call of the journal may show what it made.
    pub(in crate::jobs) fn shows_until(&self, call: IntentId) -> Instant {
        self.deadlines.until(call, self.pace.consistency)
    }

    /// By when the calls of the journal have shown what they made.
    pub(in crate::jobs) fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Takes over what an earlier run knew of an instance.
    pub fn remember(&self, row: &Instance) {
        self.known.remember(row);
    }

    /// The instances that are ours by our own memory.
    pub(in crate::jobs) fn known(&self) -> &KnownInstances {
        &self.known
    }

    /// Whether it may not be listed yet. Where a clock was set back, everything was launched in the
    /// future: nothing stays young for longer than the window since we heard of it.
    pub(in crate::jobs) fn is_young(&self, it: &Known) -> bool {
        let window = SignedDuration::try_from(self.pace.consistency).unwrap_or(SignedDuration::MAX);
        let age = self.now().duration_since(it.machine.birth.launched);
        age <= window && it.since.elapsed() < self.pace.consistency
    }

    /// What keeps launches and teardowns of a region apart.
    pub(in crate::jobs) fn fences(&self) -> &Fences {
        &self.fences
    }

    /// The lock between machines.
    pub(in crate::jobs) fn launch_lock(&self) -> &LaunchLock {
        &self.launch_lock
    }

    /// The work on each instance.
    pub(in crate::jobs) fn pipelines(&self) -> &Pipelines {
        &self.pipelines
    }

    /// We are about to stop this instance: nobody works on it or looks at its node any more, and
    /// that its spot request is marked for a stop is no notice. Answers with its node, where that was
    /// looked at: a stop may be refused.
    pub(in crate::jobs) fn rest(
        &self,
        key: &InstanceKey,
        id: &InstanceId,
    ) -> Option<MonitoredNode> {
        self.pipelines.rest(id);
        self.monitored.drop(key)
    }

    /// From now on this node is looked at by whoever watches.
    pub fn monitor(&self, node: MonitoredNode) {
        self.monitored.add(node);
    }

    /// The nodes that are to be looked at.
    pub(in crate::jobs) fn monitored(&self) -> &MonitoredNodes {
        &self.monitored
    }

    /// The queue in which every login on a node waits for its turn.
    pub(in crate::jobs) fn logins(&self) -> &Arc<Semaphore> {
        &self.logins
    }

    /// The pools that had nothing to give lately.
    pub(in crate::jobs) fn unavailable_pools(&self) -> &UnavailablePools {
        &self.unavailable_pools
    }

    /// The prices that were asked for lately.
    pub(in crate::jobs) fn prices(&self) -> &PriceMemory {
        &self.prices
    }

    /// Something changed at AWS: whoever watches should look soon.
    pub fn wake_watch(&self) {
        self.wake_watch.notify_waiters();
    }

    /// Waits for [`Context::wake_watch`]. Cancel-safe.
    pub async fn watch_woken(&self) {
        self.wake_watch.notified().await;
    }
}
