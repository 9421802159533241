//! Where a story is played: a demo cloud, and in front of it the program's model, its jobs, and a
//! loop between them that nobody looks at.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use spot_tui::app::{
    Command, Effect, Message, Model, Opening, Remembered, Ring, Scope, Stamped, update,
};
use spot_tui::aws::{Access, Aws, Credentials, Selector, SharedTimeSource};
use spot_tui::config;
use spot_tui::demo::{Cloud, Scenario, Settings, connector};
use spot_tui::fleet::{Ec2State, Fleet, Instance, JobId, JobKind, JobNews, Outcome, Phase};
use spot_tui::jobs::{self, Context, Desk, Lanes, Pace, lanes, questions};
use spot_tui::ssh::{ByteStream, Dial};
use spot_tui::store::{Cache, Entry, Journal, Paths, State, StateFile};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::keys::Key;

/// The longest that a job may take, in the world's time.
const LONGEST: Duration = Duration::from_hours(2);
/// The same for an ordinary stage.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct Stage {
    pub(crate) cloud: Cloud,
    pub(crate) model: Model,
    context: Arc<Context>,
    desk: Desk,
    lanes: Lanes,
    jobs: Vec<(JobId, JoinHandle<()>)>,
    /// How long the loop waits for a report before it looks at the clock.
    look: Duration,
    begun: Instant,
    /// When nothing was being changed any more.
    settled: Instant,
    folder: TempDir,
    _key: Key,
}

/// Hosts that let nobody in.
#[derive(Debug)]
struct Nobody;

impl Dial for Nobody {
    fn dial<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }
}

impl Stage {
    /// A world in which this happens, and a user with this configuration.
    pub(crate) fn set(config: &str, scenario: Scenario) -> Self {
        Self::paced(config, scenario, Pace::default(), LOOK)
    }

    /// The same for a story of days: questions are asked as seldom as will do, and no host answers,
    /// for sessions that are kept alive for days are not what it tells of.
    pub(crate) fn patient(config: &str, scenario: Scenario) -> Self {
        let pace = Pace {
            settled: Duration::from_hours(12),
            health: Duration::from_hours(24),
            empty: Duration::from_hours(24),
            notices: Duration::from_secs(110),
            prices: Duration::from_hours(1),
            ..Pace::default()
        };
        let mut stage = Self::paced(config, scenario, pace, Duration::from_mins(2));
        if let Some(context) = Arc::get_mut(&mut stage.context) {
            context.dial = Arc::new(Nobody);
        }
        stage
    }

    fn paced(config: &str, scenario: Scenario, pace: Pace, look: Duration) -> Self {
        let began = "2026-11-20T09:00:00Z".parse().unwrap();
        let cloud = Cloud::new(&Settings { began, ..Settings::default() }, scenario);
        let folder = tempfile::tempdir().unwrap();
        let key = Key::ed25519();
        let mut config = config::parse("config.yaml", config).unwrap();
        config.aws.private_ssh_key_path = Some(key.path());
        let access = Access {
            endpoint: Some("http://127.0.0.1".into()),
            credentials: Some(Credentials::new("key", "secret", None, None, "demo")),
            http: Some(connector(&cloud.world)),
            time: SharedTimeSource::new(cloud.world.clock()),
            profile: None,
        };
        let (desk, lanes) = lanes(access.time.clone());
        let config = Arc::new(config);
        let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
        let mut context = Context::new(
            "spot-test".into(),
            false,
            access,
            Some(Arc::clone(&config)),
            Some(Arc::new(journal)),
            Cache::new(folder.path().join("cache")),
            questions().0,
        );
        context.home = Some(folder.path().to_owned());
        context.dial = Arc::new(cloud.hosts.clone());
        context.pace = pace;
        let model = model(&context, Fleet::default());
        Self {
            cloud,
            context: Arc::new(context),
            model,
            desk,
            lanes,
            jobs: Vec::new(),
            look,
            begun: Instant::now(),
            settled: Instant::now(),
            folder,
            _key: key,
        }
    }

    /// Looks around, creates, and goes on for so long.
    pub(crate) async fn create(&mut self, lasts_s: u32) {
        let begun = Instant::now();
        self.take(Message::Command(Command::Refresh));
        self.take(Message::Command(Command::create(None)));
        self.go_on_until(begun + Duration::from_secs(lasts_s.into())).await;
    }

    /// Opens the dashboard: learns who we are, and watches.
    pub(crate) async fn open(&mut self) {
        self.take(Message::Command(Command::Refresh));
        let watches = |stage: &Self| stage.model.does(JobKind::Watch);
        self.until(30, "the watch begins", watches).await;
    }

    /// Gives a command.
    pub(crate) fn command(&mut self, command: Command) {
        self.take(Message::Command(command));
    }

    /// Goes on until this is so, and fails after so many seconds of the world's time.
    pub(crate) async fn until(&mut self, seconds: u64, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: not within {seconds} s\n{}", self.log());
            self.step(deadline).await;
        }
    }

    /// Lets time pass.
    pub(crate) async fn pass(&mut self, seconds: u64) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            self.step(end).await;
        }
    }

    /// Takes the next report, or looks at the clock.
    async fn step(&mut self, end: Instant) {
        let look = self.look.min(end.duration_since(Instant::now()));
        let message = match timeout(look, self.lanes.next()).await {
            Ok(report) => Message::Report(report),
            Err(_) => Message::Clock,
        };
        self.take(message);
    }

    /// Lets time pass until this second of the world, and looks at the clock then.
    pub(crate) async fn until_second(&mut self, second: u64) {
        self.pass(second.saturating_sub(self.begun.elapsed().as_secs())).await;
        self.model.fleet.reckon(self.context.now());
    }

    /// The program ends and starts again: what it knows is what its state file holds.
    pub(crate) fn restart(&mut self) {
        for (_, job) in self.jobs.drain(..) {
            job.abort();
        }
        let file = StateFile::new(Paths::new(self.folder.path().join("instances.json")));
        let rows = self.model.fleet.instances();
        let there = rows.filter(|row| row.phase != Phase::Terminated);
        let state = State {
            deployment: Some(self.model.deployment.clone()),
            entries: there.filter_map(Entry::of).collect(),
            account: self.model.account.as_ref().map(|account| account.id.clone()),
            spent: self.model.fleet.spent_for_good(),
        };
        file.write(&state, &self.model.fleet.gone()).unwrap();
        let read = file.read().unwrap().state;
        let mut fleet = Fleet::default();
        fleet.remember_spent(read.spent);
        for entry in &read.entries {
            fleet.insert(entry.instance(self.context.now()));
        }
        self.model = model(&self.context, fleet);
    }

    /// The rows that EC2 runs.
    pub(crate) fn running(&self) -> Vec<&Instance> {
        let runs =
            |row: &&Instance| row.machine.as_ref().is_some_and(|it| it.state == Ec2State::Running);
        self.model.fleet.instances().filter(runs).collect()
    }

    /// Destroys everything.
    pub(crate) async fn destroy(&mut self) {
        self.take(Message::Command(Command::destroy(Scope::All)));
        self.go_on_until(Instant::now()).await;
    }

    /// Until nothing is being changed any more, and not before this time.
    async fn go_on_until(&mut self, time: Instant) {
        let deadline = Instant::now() + LONGEST;
        loop {
            if let Ok(report) = timeout(LOOK, self.lanes.next()).await {
                self.take(Message::Report(report));
                if self.model.changing().next().is_some() {
                    self.settled = Instant::now();
                }
                continue;
            }
            assert!(Instant::now() < deadline, "it never ends:\n{}", self.log());
            self.take(Message::Clock);
            if Instant::now() >= time && self.model.changing().next().is_none() {
                return;
            }
        }
    }

    fn take(&mut self, message: Message) {
        let stamped = Stamped { at: self.context.now(), message };
        for effect in update(&mut self.model, stamped) {
            match effect {
                Effect::Start(id, job) => {
                    let (context, reporter) = (Arc::clone(&self.context), self.desk.reporter(id));
                    let job = tokio::spawn(async move {
                        reporter.tell(JobNews::Started).await;
                        let outcome = jobs::run(context, job, reporter.clone()).await;
                        reporter.tell(JobNews::Ended(outcome)).await;
                    });
                    self.jobs.push((id, job));
                }
                Effect::Cancel(id) => {
                    for (_, job) in self.jobs.iter().filter(|(other, _)| *other == id) {
                        job.abort();
                    }
                    let reporter = self.desk.reporter(id);
                    let ended = JobNews::Ended(Outcome::Cancelled);
                    tokio::spawn(async move { reporter.tell(ended).await });
                }
                Effect::Persist | Effect::Bell => {}
                other => panic!("nobody is there for {other:?}"),
            }
        }
    }

    /// How long it took until nothing was being changed any more.
    pub(crate) fn took(&self) -> Duration {
        self.settled.duration_since(self.begun)
    }

    /// What the instances printed, as far as it is kept.
    pub(crate) fn output(&self) -> String {
        let keys = self.model.fleet.instances().map(|instance| &instance.key);
        let lines = keys.filter_map(|key| self.model.log.of(key)).flat_map(Ring::lines);
        lines.map(|line| line.text.clone()).collect::<Vec<_>>().join("\n")
    }

    /// How many rows there are in each phase.
    pub(crate) fn phases(&self) -> BTreeMap<String, usize> {
        let mut phases = BTreeMap::new();
        for instance in self.model.fleet.instances() {
            *phases.entry(instance.phase.word().to_owned()).or_default() += 1;
        }
        phases
    }

    /// How many instances of ours AWS has in each zone.
    pub(crate) async fn zones(&self) -> BTreeMap<String, usize> {
        let mut zones = BTreeMap::new();
        let aws = self.aws().await;
        for region in &aws.account().await.unwrap().regions {
            for machine in aws.region(region).instances(&ours()).await.unwrap() {
                *zones.entry(machine.zone.to_string()).or_default() += 1;
            }
        }
        zones
    }

    /// How much of ours AWS has.
    pub(crate) async fn left(&self) -> usize {
        let mut left = 0;
        let aws = self.aws().await;
        for region in &aws.account().await.unwrap().regions {
            left += aws.region(region).residue(&ours()).await.unwrap().len();
        }
        left
    }

    /// A second client: what it asks costs the first one nothing.
    pub(crate) async fn aws(&self) -> Aws {
        Aws::open(&self.context.access).await.unwrap()
    }

    /// How often an action was called.
    pub(crate) fn calls(&self, action: &str) -> usize {
        self.cloud.world.calls().iter().filter(|call| call.action == action).count()
    }

    /// The faults that were not met.
    pub(crate) fn unmet(&self) -> std::collections::BTreeSet<String> {
        self.cloud.world.unmet()
    }

    /// What was said, and why rows failed, a line each.
    pub(crate) fn log(&self) -> String {
        let said = self.model.log.events().lines().map(ToString::to_string);
        let failed = self.model.fleet.instances().filter_map(|instance| match &instance.phase {
            Phase::Failed(failure) => Some(format!("{} failed: {failure}", instance.region)),
            Phase::Degraded { reason } => Some(format!("{} degraded: {reason}", instance.region)),
            _ => None,
        });
        said.chain(failed).collect::<Vec<_>>().join("\n")
    }
}

/// What the program knows when it starts with these rows.
fn model(context: &Context, fleet: Fleet) -> Model {
    Model::new(Opening {
        config: context.config.clone(),
        deployment: context.deployment(),
        fleet,
        orders: Vec::new(),
        destroys: Vec::new(),
        read_only: None,
        dashboard: true,
        now: context.now(),
        size: (140, 40),
        profile: None,
        remembered: Remembered::default(),
    })
}

fn ours() -> Selector {
    Selector::deployment(&"spot-test".into())
}
