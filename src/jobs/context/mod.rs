//! What every job works with: the way to AWS, the configuration, the journal, and what jobs must
//! know of each other.

mod cached;
mod closed;
mod deadlines;
pub(super) mod known;
pub(super) mod price_memory;
pub(super) mod questions;
pub(super) mod reporter;
pub(super) mod tasks;
pub(super) mod unavailable_pools;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{
    Notify, OnceCell, OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    Semaphore, watch,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use closed::ClosedRegions;
use deadlines::Deadlines;
use known::{Known, KnownInstances};
use price_memory::PriceMemory;
use questions::Asker;
use reporter::Reporter;
use unavailable_pools::UnavailablePools;

use crate::aws::network::NetworkReady;
use crate::aws::{Access, Aws, AwsError};
use crate::config::Config;
use crate::files::in_home;
use crate::fleet::{
    Account, AccountId, DeploymentId, Ec2State, Failure, FailureKind, HostKey, Instance,
    InstanceId, InstanceKey, Level, Machine, Region, Step,
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
    /// Between two looks at prices, which change a few times a day.
    pub prices: Duration,
    /// Between two looks for interruption notices, steady or not.
    pub notices: Duration,
    /// Between two looks at a region without instances of ours.
    pub empty: Duration,
    /// Between two looks at a node that is well.
    pub health: Duration,
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
            prices: Duration::from_mins(5),
            notices: Duration::from_secs(4),
            empty: Duration::from_mins(1),
            health: Duration::from_mins(1),
            console: Duration::from_secs(5),
            consistency: Duration::from_mins(1),
        }
    }
}

/// What every job works with.
#[derive(Debug)]
pub struct Context {
    /// How AWS is reached.
    pub access: Access,
    /// What the user asked for; `None` where there is no configuration.
    pub config: Option<Arc<Config>>,
    /// The user's home folder, for paths that begin with `~/`.
    pub home: Option<PathBuf>,
    /// Where the user's ssh-agent listens.
    pub agent: Option<PathBuf>,
    /// How bytes reach a host.
    pub dial: Arc<dyn Dial>,
    /// Where intents are written; `None` in a read-only process.
    pub journal: Option<Arc<Journal>>,
    /// Answers of AWS that stay true for a day.
    pub cache: Cache,
    /// How to ask the user.
    pub asker: Asker,
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
    shared: Shared,
}

/// A deployed node that is to be looked at for as long as it is there.
#[derive(Debug, Clone)]
pub struct MonitoredNode {
    /// Its row.
    pub key: InstanceKey,
    /// Its instance.
    pub machine: Machine,
    /// The key that its host has to show.
    pub host_key: HostKey,
}

/// Where instances can be launched in a region, as it was laid out a moment ago. EC2 may not tell
/// of it yet to who asks.
#[derive(Debug, Clone)]
pub(in crate::jobs) struct RegionNetwork {
    pub network: NetworkReady,
    /// The name of the key pair that instances are started with.
    pub key_name: Option<String>,
    pub laid_out: Instant,
}

/// What is known of the work on an instance.
#[derive(Debug, Clone, Default)]
struct Work {
    /// Says when it has to stop.
    stop: CancellationToken,
    /// How it ended, if it did. Held by whoever works on the instance.
    ended: Arc<tokio::sync::Mutex<Option<bool>>>,
}

/// Logins at once, of all jobs together: each costs this side a key exchange and an open file, of
/// which a process has 1024, and 256 on macOS.
const LOGINS: usize = 16;

/// What changes while the process runs.
#[derive(Debug)]
struct Shared {
    deployment: Mutex<DeploymentId>,
    provisional: AtomicBool,
    made_up: AtomicBool,
    aws: tokio::sync::Mutex<Option<Aws>>,
    account: OnceCell<Account>,
    refused: AtomicBool,
    deadlines: Deadlines,
    known: KnownInstances,
    closed: ClosedRegions,
    logins: Arc<Semaphore>,
    fences: Mutex<HashMap<Region, Arc<RwLock<()>>>>,
    networks: Mutex<HashMap<Region, Arc<tokio::sync::Mutex<Option<RegionNetwork>>>>>,
    unavailable_pools: UnavailablePools,
    prices: PriceMemory,
    pipelines: Mutex<HashMap<InstanceId, Work>>,
    wake_watch: Notify,
    node_check: Notify,
    monitored: Mutex<BTreeMap<InstanceKey, MonitoredNode>>,
    monitored_changed: watch::Sender<()>,
}

impl Context {
    /// A context for this deployment. A `provisional` one was made up because no file told of
    /// any: the tags are asked first.
    pub fn new(
        deployment: DeploymentId,
        provisional: bool,
        access: Access,
        config: Option<Arc<Config>>,
        journal: Option<Arc<Journal>>,
        cache: Cache,
        asker: Asker,
    ) -> Self {
        let now = access.now();
        let first = config.as_ref().and_then(|config| config.regions.first());
        let home = access.home.clone().or_else(|| first.map(|it| it.region.clone()));
        let access = Access { home, ..access };
        let shared = Shared {
            deployment: Mutex::new(deployment),
            provisional: AtomicBool::new(provisional),
            made_up: AtomicBool::new(false),
            aws: tokio::sync::Mutex::default(),
            account: OnceCell::new(),
            refused: AtomicBool::new(false),
            deadlines: journal.as_deref().map(|it| Deadlines::of(it, now)).unwrap_or_default(),
            known: KnownInstances::default(),
            closed: ClosedRegions::default(),
            logins: Arc::new(Semaphore::new(LOGINS)),
            fences: Mutex::default(),
            networks: Mutex::default(),
            unavailable_pools: UnavailablePools::default(),
            prices: PriceMemory::default(),
            pipelines: Mutex::default(),
            wake_watch: Notify::new(),
            node_check: Notify::new(),
            monitored: Mutex::default(),
            monitored_changed: watch::Sender::new(()),
        };
        Self {
            access,
            config,
            home: None,
            agent: None,
            dial: Arc::new(TcpDial),
            journal,
            cache,
            asker,
            pace: Pace::default(),
            held_connections: Semaphore::MAX_PERMITS,
            unsure_until: None,
            state_account: None,
            shared,
        }
    }

    /// Until when calls may show an effect of which no journal tells.
    pub(in crate::jobs) fn unsure_until(&self) -> Option<Instant> {
        self.unsure_until.filter(|_| !self.shared.made_up.load(Ordering::SeqCst))
    }

    /// Until when a call of the journal may show what it made.
    pub(in crate::jobs) fn shows_until(&self, call: IntentId) -> Instant {
        self.shared.deadlines.until(call, self.pace.consistency)
    }

    /// By when the calls of the journal have shown what they made.
    pub(in crate::jobs) fn deadlines(&self) -> &Deadlines {
        &self.shared.deadlines
    }

    /// Takes over what an earlier run knew of an instance.
    pub fn remember(&self, row: &Instance) {
        self.shared.known.remember(row);
    }

    /// Whether the configuration or the state names this region.
    pub(in crate::jobs) fn works_in(&self, region: &Region) -> bool {
        let config = self.config.as_ref();
        config.is_some_and(|config| config.region(region).is_some()) || self.known().has(region)
    }

    /// Whether this refusal says that its region is closed to us; it is asked no more then. One
    /// that the configuration or the state names is not closed: there it is a failure.
    pub(in crate::jobs) fn closes(&self, error: &AwsError) -> bool {
        let Some(region) = error.region.as_ref().filter(|_| error.closes_region()) else {
            return false;
        };
        let is_closed = !self.works_in(region);
        if is_closed {
            self.shared.closed.close(region);
        }
        is_closed
    }

    /// Those of these regions that are not known to be closed.
    pub(in crate::jobs) fn open_regions(&self, regions: &[Region]) -> Vec<Region> {
        self.shared.closed.open_of(regions)
    }

    /// Where to look for what is ours: the account's regions that are open to us, and those in which
    /// we know of an instance. It runs and costs on in a region that was disabled meanwhile.
    pub(in crate::jobs) async fn regions(&self) -> Result<Vec<Region>, AwsError> {
        let mut regions = self.open_regions(&self.account().await?.regions);
        regions.extend(self.known().regions());
        regions.sort();
        regions.dedup();
        Ok(regions)
    }

    /// Says in one line which regions were found closed and not said yet.
    pub(in crate::jobs) async fn say_closed(&self, reporter: &Reporter) {
        let regions: Vec<String> =
            self.shared.closed.unsaid().iter().map(ToString::to_string).collect();
        if !regions.is_empty() {
            let list = regions.join(", ");
            let text = format!("not looked at, because this identity may not use them: {list}");
            reporter.remarked(Level::Info, text).await;
        }
    }

    /// The instances that are ours by our own memory.
    pub(in crate::jobs) fn known(&self) -> &KnownInstances {
        &self.shared.known
    }

    /// What time it is where AWS is.
    pub fn now(&self) -> Timestamp {
        self.access.now()
    }

    /// Whether it may not be listed yet. Where a clock was set back, everything was launched in the
    /// future: nothing stays young for longer than the window since we heard of it.
    pub(in crate::jobs) fn is_young(&self, it: &Known) -> bool {
        let window = SignedDuration::try_from(self.pace.consistency).unwrap_or(SignedDuration::MAX);
        let age = self.now().duration_since(it.machine.birth.launched);
        age <= window && it.since.elapsed() < self.pace.consistency
    }

    /// The deployment that this process works on.
    pub fn deployment(&self) -> DeploymentId {
        lock(&self.shared.deployment).clone()
    }

    /// Whether the deployment's id was made up, and the tags were not asked yet.
    pub fn is_provisional(&self) -> bool {
        self.shared.provisional.load(Ordering::SeqCst)
    }

    /// Settles which deployment it is: the one that tags tell of, or the one that was made up.
    pub fn choose_deployment(&self, deployment: Option<DeploymentId>) {
        match deployment {
            Some(deployment) => *lock(&self.shared.deployment) = deployment,
            // Nobody can have asked for anything in the name that was just made up.
            None => self.shared.made_up.store(true, Ordering::SeqCst),
        }
        self.shared.provisional.store(false, Ordering::SeqCst);
    }

    /// Refuses to change anything while it is not known which deployment is ours.
    pub fn require_deployment(&self) -> Result<(), Failure> {
        if !self.is_provisional() {
            return Ok(());
        }
        let hint = "wait until AWS has answered; where it tells of several, start with \
                    --deployment ID";
        Err(Failure::new(
            FailureKind::Configuration,
            Step::State,
            "no file tells which deployment is ours",
            hint,
        ))
    }

    /// AWS, opened at the first use. A failure is tried again at the next. Another account than
    /// the one that our instances are in is refused before it is asked for them: there they are
    /// not, and all of them would pass for terminated.
    pub async fn aws(&self) -> Result<Aws, AwsError> {
        let mut open = self.shared.aws.lock().await;
        if let Some(aws) = &*open {
            return Ok(aws.clone());
        }
        let aws = Aws::open(&self.access).await?;
        let of_this_process = self.shared.account.get().map(|account| &account.id);
        if let Some(ours) = of_this_process.or(self.state_account.as_ref()) {
            let account = aws.account().await?;
            let is_ours = account.id == *ours;
            self.shared.refused.store(!is_ours, Ordering::SeqCst);
            if !is_ours {
                return Err(AwsError::other_account(ours, &account.id));
            }
            self.shared.account.get_or_init(|| async { self.belong_to(account) }).await;
        }
        Ok(open.insert(aws).clone())
    }

    /// Whether the credentials are of another account than our instances.
    pub fn is_of_another_account(&self) -> bool {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// What is asked for from now on is asked for in this account.
    fn belong_to(&self, account: Account) -> Account {
        if let Some(journal) = &self.journal {
            journal.belong_to(&account.id);
        }
        account
    }

    /// The credentials were refused: the next call reads them anew.
    pub(in crate::jobs) async fn forget_credentials(&self) {
        *self.shared.aws.lock().await = None;
    }

    /// Who we are. Asked once.
    pub async fn account(&self) -> Result<&Account, AwsError> {
        let aws = self.aws().await?;
        let asked = || async { aws.account().await.map(|account| self.belong_to(account)) };
        self.shared.account.get_or_try_init(asked).await
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

    /// Held while a region's network is built and launched into: nobody tears it down meanwhile.
    pub async fn build(&self, region: &Region) -> OwnedRwLockReadGuard<()> {
        self.fence(region).read_owned().await
    }

    /// Held while a region's network is laid out: two launches must not build it twice. What was
    /// laid out just now is in it.
    pub(in crate::jobs) async fn lay_out(
        &self,
        region: &Region,
    ) -> OwnedMutexGuard<Option<RegionNetwork>> {
        let mut network = self.network(region).lock_owned().await;
        network.take_if(|network| network.laid_out.elapsed() > self.pace.consistency);
        network
    }

    fn network(&self, region: &Region) -> Arc<tokio::sync::Mutex<Option<RegionNetwork>>> {
        Arc::clone(lock(&self.shared.networks).entry(region.clone()).or_default())
    }

    /// Held while a region's network is torn down: nobody launches into it meanwhile.
    pub async fn tear_down(&self, region: &Region) -> OwnedRwLockWriteGuard<()> {
        let fence = self.fence(region).write_owned().await;
        // Nobody launches now, so nobody holds it.
        *self.network(region).lock().await = None;
        fence
    }

    fn fence(&self, region: &Region) -> Arc<RwLock<()>> {
        Arc::clone(lock(&self.shared.fences).entry(region.clone()).or_default())
    }

    /// A pipeline begins to work on this instance: the token says when it has to stop.
    pub fn work_on(&self, id: &InstanceId) -> CancellationToken {
        lock(&self.shared.pipelines).entry(id.clone()).or_default().stop.clone()
    }

    /// No pipeline may work on this instance any more, nor begin to: it is being destroyed.
    pub fn stop_work_on(&self, id: &InstanceId) {
        lock(&self.shared.pipelines).entry(id.clone()).or_default().stop.cancel();
    }

    /// Works on an instance, if nobody does or did: there is one pipeline an instance. Whoever comes
    /// second waits, and hears how it ended.
    pub(in crate::jobs) async fn once(
        &self,
        id: &InstanceId,
        work: impl Future<Output = bool>,
    ) -> bool {
        let work_on = lock(&self.shared.pipelines).entry(id.clone()).or_default().clone();
        let mut ended = work_on.ended.lock().await;
        match *ended {
            Some(went_well) => went_well,
            // A job that was cancelled has left it undone.
            None => *ended.insert(work.await),
        }
    }

    /// From now on this node is looked at by whoever watches.
    pub fn monitor(&self, node: MonitoredNode) {
        lock(&self.shared.monitored).insert(node.key.clone(), node);
        self.shared.monitored_changed.send_replace(());
    }

    /// Those of these machines that do not run are looked at no more.
    pub(in crate::jobs) fn stop_monitoring(&self, machines: &[Machine]) {
        let gone = |id: &InstanceId| {
            machines.iter().any(|seen| seen.id == *id && seen.seen.state != Ec2State::Running)
        };
        lock(&self.shared.monitored).retain(|_, node| !gone(&node.machine.id));
    }

    /// The nodes that are to be looked at.
    pub(in crate::jobs) fn monitored(&self) -> Vec<MonitoredNode> {
        lock(&self.shared.monitored).values().cloned().collect()
    }

    /// Whether this node is to be looked at.
    pub(in crate::jobs) fn is_monitored(&self, key: &InstanceKey) -> bool {
        lock(&self.shared.monitored).contains_key(key)
    }

    /// Waits for the next [`Context::monitor`] after this call.
    pub(in crate::jobs) fn monitored_changed(&self) -> impl Future<Output = ()> + use<> {
        let mut monitored_changed = self.shared.monitored_changed.subscribe();
        async move {
            // The sender lives as long as the context.
            let _ = monitored_changed.changed().await;
        }
    }

    /// The queue in which every login on a node waits for its turn.
    pub(in crate::jobs) fn logins(&self) -> &Arc<Semaphore> {
        &self.shared.logins
    }

    /// The pools that had nothing to give lately.
    pub(in crate::jobs) fn unavailable_pools(&self) -> &UnavailablePools {
        &self.shared.unavailable_pools
    }

    /// The prices that were asked for lately.
    pub(in crate::jobs) fn prices(&self) -> &PriceMemory {
        &self.shared.prices
    }

    /// Something changed at AWS: whoever watches should look soon.
    pub fn wake_watch(&self) {
        self.shared.wake_watch.notify_waiters();
    }

    /// Waits for [`Context::wake_watch`]. Cancel-safe.
    pub async fn watch_woken(&self) {
        self.shared.wake_watch.notified().await;
    }

    /// Somebody wants to know how the nodes are now.
    pub(in crate::jobs) fn check_nodes_now(&self) {
        self.shared.node_check.notify_waiters();
    }

    /// Waits for [`Context::check_nodes_now`]. Cancel-safe.
    pub(in crate::jobs) async fn node_check_asked(&self) {
        self.shared.node_check.notified().await;
    }

    /// A path of the configuration, with `~/` filled in.
    pub fn path(&self, written: &std::path::Path) -> PathBuf {
        in_home(written, self.home.as_deref())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // None of these is ever left half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
