//! Where a story is played: a demo cloud, and in front of it the program's own loop with its model
//! and its jobs, seen from an edge where nobody sits.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use spot_tui::app::dialog::Leave;
use spot_tui::app::{
    Choose, Command, Effect, LeaveCommand, Message, Model, Opening, Press, Remembered, Ring, Scope,
};
use spot_tui::aws::{
    Access, Aws, Credentials, Logins, Selector, SharedHttpClient, SharedTimeSource,
};
use spot_tui::config;
use spot_tui::demo::hosts::Hosts;
use spot_tui::demo::{Cloud, Scenario, Settings, connector};
use spot_tui::fleet::{Ec2State, Fleet, Instance, JobId, JobKind, Phase, Upkeep};
use spot_tui::jobs::{
    self, Context, MonitoredNode, Pace, Questions, ReportSender, questions, report_channel,
};
use spot_tui::runtime::engine::Engine;
use spot_tui::runtime::event_loop::{Edge, EventLoop};
use spot_tui::ssh::{ByteStream, Dial};
use spot_tui::store::{Cache, Journal, Paths, State, StateFile, StoredInstance};
use tempfile::TempDir;
use tokio::io::{copy, copy_bidirectional, duplex, sink};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::keys::Key;

/// The longest that a job may take, in the world's time.
const LONGEST: Duration = Duration::from_hours(2);

pub(crate) struct Stage<E = Unattended> {
    pub(crate) cloud: Cloud,
    pub(crate) event_loop: EventLoop<E>,
    context: Arc<Context>,
    report_sender: ReportSender,
    begun: Instant,
    /// When nothing was being changed any more.
    steady: Instant,
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

/// A world in which this happens.
fn world(scenario: Scenario) -> Cloud {
    // The program's own chance, in its pauses: the same seed tells the same story.
    fastrand::seed(scenario.seed.unwrap_or_default());
    let began = "2026-11-20T09:00:00Z".parse().unwrap();
    Cloud::new(&Settings { began, ..Settings::default() }, scenario)
}

/// The way to the hosts: while it is cut nobody gets through, and who was is not heard of any more.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    hosts: Hosts,
    is_cut: Arc<watch::Sender<bool>>,
    losses: Arc<watch::Sender<()>>,
}

impl Wire {
    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.send_replace(is_cut);
    }

    /// The connections that are open end on our side, and the hosts do not notice: what runs there
    /// goes on. New ones get through.
    pub(crate) fn lose(&self) {
        self.losses.send_replace(());
    }
}

impl Dial for Wire {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        let (mut is_cut, mut losses) = (self.is_cut.subscribe(), self.losses.subscribe());
        Box::pin(async move {
            if *is_cut.borrow() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let mut far = self.hosts.dial(host, port).await?;
            let (near, mut middle) = duplex(64 << 10);
            tokio::spawn(async move {
                let is_lost = tokio::select! {
                    _ = copy_bidirectional(&mut middle, &mut far) => false,
                    _ = is_cut.wait_for(|is_cut| *is_cut) => false,
                    _ = losses.changed() => true,
                };
                if is_lost {
                    drop(middle);
                    let _ = copy(&mut far, &mut sink()).await;
                }
            });
            Ok(Box::new(near) as Box<dyn ByteStream>)
        })
    }
}

/// An edge where nobody presses keys and nobody looks.
#[derive(Debug)]
pub(crate) struct Unattended;

impl Edge for Unattended {
    async fn input(&mut self) -> Message {
        pending().await
    }

    fn show(&mut self, model: &mut Model) -> io::Result<()> {
        model.refresh();
        Ok(())
    }

    async fn act(&mut self, effect: Effect, _: &Model) -> io::Result<()> {
        assert_eq!(effect, Effect::Bell, "nobody is there for it");
        Ok(())
    }
}

/// What a story of days asks as seldom as will do.
pub(crate) fn seldom() -> Pace {
    Pace {
        steady: Duration::from_hours(12),
        health: Duration::from_hours(24),
        empty: Duration::from_hours(24),
        notices: Duration::from_secs(110),
        prices: Duration::from_hours(1),
        ..Pace::default()
    }
}

impl Stage {
    /// A world in which this happens, and a user with this configuration.
    pub(crate) fn set(config: &str, scenario: Scenario) -> Self {
        Self::with_edge(config, scenario, Pace::default(), Unattended)
    }

    /// Another machine's program in a world that is there, which it reaches by this client: it shares
    /// no file with any other. No host answers, and it looks less often: there are two in each story.
    pub(crate) fn beside(cloud: &Cloud, http: SharedHttpClient, config: &str) -> Self {
        let nobody: Arc<dyn Dial> = Arc::new(Nobody);
        let (busy, notices) = (Duration::from_secs(10), Duration::from_secs(30));
        let (prices, console) = (Duration::from_hours(1), Duration::from_mins(1));
        let pace = Pace { busy, notices, prices, console, ..Pace::default() };
        Self::in_cloud(cloud, http, config, (pace, Unattended, Some(nobody)))
    }

    /// The same with a pace of its own: a story of days has not the time to be asked after each second.
    pub(crate) fn paced(config: &str, scenario: Scenario, pace: Pace) -> Self {
        let mut stage = Self::with_edge(config, scenario, pace, Unattended);
        stage.event_loop = stage.event_loop.ticking(Duration::from_mins(1));
        stage
    }

    /// The same over a wire that can be cut.
    pub(crate) fn wired(config: &str, scenario: Scenario, pace: Pace) -> (Self, Wire) {
        let cloud = world(scenario);
        let (is_cut, losses) = (watch::Sender::new(false), watch::Sender::new(()));
        let (is_cut, losses) = (Arc::new(is_cut), Arc::new(losses));
        let wire = Wire { hosts: cloud.hosts.clone(), is_cut, losses };
        let (http, dial) = (connector(&cloud.world), Arc::new(wire.clone()));
        let stage = Self::in_cloud(&cloud, http, config, (pace, Unattended, Some(dial)));
        (stage, wire)
    }

    /// The same for a story of days: questions are asked as seldom as will do, and no host answers,
    /// for sessions that are kept alive for days are not what it tells of.
    pub(crate) fn patient(config: &str, scenario: Scenario) -> Self {
        let mut stage = Self::empty(config, scenario, seldom(), Unattended);
        stage.event_loop = stage.event_loop.ticking(Duration::from_mins(2));
        stage
    }
}

impl<E: Edge> Stage<E> {
    /// A world without hosts, seen from this edge.
    pub(crate) fn empty(config: &str, scenario: Scenario, pace: Pace, edge: E) -> Self {
        Self::build(config, scenario, pace, edge, Some(Arc::new(Nobody)))
    }

    /// A world with hosts, seen from this edge.
    fn with_edge(config: &str, scenario: Scenario, pace: Pace, edge: E) -> Self {
        Self::build(config, scenario, pace, edge, None)
    }

    fn build(
        config: &str,
        scenario: Scenario,
        pace: Pace,
        edge: E,
        dial: Option<Arc<dyn Dial>>,
    ) -> Self {
        let cloud = world(scenario);
        let http = connector(&cloud.world);
        Self::in_cloud(&cloud, http, config, (pace, edge, dial))
    }

    fn in_cloud(
        cloud: &Cloud,
        http: SharedHttpClient,
        config: &str,
        (pace, edge, dial): (Pace, E, Option<Arc<dyn Dial>>),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::ed25519();
        let asks_for_lock = config.contains("lock: auto");
        let mut config = config::parse("config.yaml", config).unwrap();
        // One program alone needs none, and would ask AWS for it in the midst of every story.
        config.lock = asks_for_lock;
        config.aws.private_ssh_key_path = Some(key.path());
        let access = Access {
            home: None,
            endpoint: Some("http://127.0.0.1".into()),
            credentials: Some(Credentials::new("key", "secret", None, None, "demo")),
            http: Some(http),
            time: SharedTimeSource::new(cloud.world.clock()),
            profile: None,
            logins: Logins::default(),
        };
        let config = Arc::new(config);
        let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
        let (asker, questions) = questions();
        let cache = Cache::new(folder.path().join("cache"));
        let context = Arc::new(Context::new(jobs::ContextSettings {
            config: Some(Arc::clone(&config)),
            journal: Some(Arc::new(journal)),
            home: Some(folder.path().to_owned()),
            dial: dial.unwrap_or_else(|| Arc::new(cloud.hosts.clone())),
            // Between two visits of a story of days a connection is only kept alive, and that takes its time.
            held_connections: if pace.health < Duration::from_mins(10) { usize::MAX } else { 0 },
            pace,
            host: "stage".into(),
            ..jobs::ContextSettings::new("spot-test".into(), access, cache, asker)
        }));
        let (engine, report_sender) =
            engine(&context, Fleet::default(), Upkeep::default(), questions);
        Self {
            cloud: cloud.clone(),
            event_loop: EventLoop::new(engine, edge),
            context,
            report_sender,
            begun: Instant::now(),
            steady: Instant::now(),
            folder,
            _key: key,
        }
    }

    /// Looks around, creates, and goes on for so long.
    pub(crate) async fn create(&mut self, lasts_s: u32) {
        let begun = Instant::now();
        self.command(Command::Refresh);
        self.command(Command::create(None));
        self.go_on_until(begun + Duration::from_secs(lasts_s.into())).await;
    }

    /// Opens the dashboard: learns who we are, and watches.
    pub(crate) async fn open(&mut self) {
        self.command(Command::Refresh);
        let watches = |stage: &Self| stage.model().does(JobKind::Watch);
        self.until(30, "the watch begins", watches).await;
    }

    /// Gives a command.
    pub(crate) fn command(&mut self, command: Command) {
        let left = self.event_loop.engine.handle(Message::Command(command));
        assert!(left.iter().all(|effect| *effect == Effect::Bell), "nobody is there for {left:?}");
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

    /// From now on an instance prints a line this often, for as long as the stage stands.
    pub(crate) fn chatter(&self, every: Duration) {
        let key = self.model().fleet.instances().next().unwrap().key.clone();
        let reporter = self.report_sender.reporter(JobId(0));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                reporter.output(&key, "Setting up docker-ce".to_owned());
            }
        });
    }

    /// Lets the loop take one step, and waits for that until this moment.
    async fn step(&mut self, end: Instant) {
        if let Ok(left) = timeout_at(end, self.event_loop.step()).await {
            assert_eq!(left.unwrap(), None, "nobody wanted to leave");
        }
    }

    /// Lets time pass until this second of the world, and looks at the clock then.
    pub(crate) async fn until_second(&mut self, second: u64) {
        self.pass(second.saturating_sub(self.begun.elapsed().as_secs())).await;
        self.event_loop.engine.model.fleet.reckon(self.context.now());
    }

    /// Destroys everything.
    pub(crate) async fn destroy(&mut self) {
        self.command(Command::destroy(Scope::All));
        self.go_on_until(Instant::now()).await;
    }

    /// Until nothing is being changed any more, and not before this time.
    async fn go_on_until(&mut self, time: Instant) {
        let deadline = Instant::now() + LONGEST;
        while Instant::now() < time || self.model().changing().next().is_some() {
            assert!(Instant::now() < deadline, "it never ends:\n{}", self.log());
            self.step(deadline).await;
            if self.model().changing().next().is_some() {
                self.steady = Instant::now();
            }
        }
    }
}

impl Stage {
    /// The program ends and starts again: what it knows is what its state file holds.
    pub(crate) fn restart(&mut self) {
        let file = StateFile::new(Paths::new(self.folder.path().join("instances.json")));
        let rows = self.model().fleet.instances();
        let there = rows.filter(|row| row.phase != Phase::Terminated);
        let state = State {
            deployment: Some(self.model().deployment.clone()),
            entries: there.filter_map(StoredInstance::of).collect(),
            account: self.model().account.as_ref().map(|account| account.id.clone()),
            spent: self.model().fleet.spent_for_good(),
            upkeep: Some(self.model().upkeep.clone()),
        };
        file.write(&state, &self.model().fleet.gone()).unwrap();
        let read = file.read().unwrap().state;
        let mut fleet = Fleet::default();
        fleet.remember_spent(read.spent);
        for entry in &read.entries {
            fleet.insert(entry.instance(self.context.now()));
        }
        // Its jobs end with it.
        let upkeep = read.upkeep.unwrap_or_default();
        upkeep.kept_in().iter().for_each(|region| self.context.remember_kept(region));
        (self.event_loop.engine, self.report_sender) =
            engine(&self.context, fleet, upkeep, questions().1);
    }

    /// The user leaves and lets what is at work be stopped and taken back.
    pub(crate) async fn stop_the_work(&mut self) {
        self.command(Command::Leave(LeaveCommand::Quit));
        let place = Leave::ALL.iter().position(|way| *way == Leave::Cancel).unwrap();
        for _ in 0..place {
            self.command(Command::Press(Press::Choose(Choose::Next)));
        }
        self.command(Command::Press(Press::Accept));
        let deadline = Instant::now() + LONGEST;
        while timeout_at(deadline, self.event_loop.step()).await.unwrap().unwrap().is_none() {}
    }

    /// Somebody garbles the journal.
    pub(crate) fn change_journal(&self, change: impl FnOnce(&str) -> String) {
        let path = Paths::new(self.folder.path().join("instances.json")).journal();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, change(&text)).unwrap();
    }

    /// The program is killed and started again: its journal is read anew.
    pub(crate) fn kill(&mut self) {
        let config = self.context.config.clone();
        self.kill_with(config);
    }

    /// The same, with another configuration.
    pub(crate) fn configure(&mut self, config: &str) {
        let mut config = config::parse("config.yaml", config).unwrap();
        config.lock = false;
        let old = self.context.config.as_ref().unwrap();
        config.aws.private_ssh_key_path.clone_from(&old.aws.private_ssh_key_path);
        self.kill_with(Some(Arc::new(config)));
    }

    fn kill_with(&mut self, config: Option<Arc<config::Config>>) {
        let (old, folder) = (&self.context, self.folder.path());
        let journal = Journal::open(&Paths::new(folder.join("instances.json"))).unwrap();
        let (access, cache) = (old.access.clone(), Cache::new(folder.join("cache")));
        self.context = Arc::new(Context::new(jobs::ContextSettings {
            config,
            journal: Some(Arc::new(journal)),
            home: old.home.clone(),
            dial: Arc::clone(&old.dial),
            held_connections: if old.pace.health < Duration::from_mins(10) {
                usize::MAX
            } else {
                0
            },
            pace: old.pace,
            host: "stage".into(),
            ..jobs::ContextSettings::new(old.deployment(), access, cache, questions().0)
        }));
        self.restart();
    }
}

impl Stage {
    /// What an end does: the lock between machines is let go of, and the next start finds the files.
    pub(crate) async fn end(&mut self) {
        jobs::release_lock(&self.context).await;
        self.kill();
    }

    /// What a start does besides: the nodes of the state file are visited, as `runtime/startup.rs` has it.
    pub(crate) fn visit(&self) {
        for row in self.model().fleet.instances() {
            let Some((machine, host_key)) = row.machine.clone().zip(row.host_key.clone()) else {
                continue;
            };
            let is_deployed = matches!(row.phase, Phase::Ready | Phase::Degraded { .. });
            if is_deployed {
                self.context.monitor(MonitoredNode { key: row.key.clone(), machine, host_key });
            }
        }
    }

    /// What is of the stage's deployment.
    pub(crate) fn ours() -> Selector {
        Selector::deployment(&"spot-test".into())
    }
}

impl<E> Stage<E> {
    /// What the program knows.
    pub(crate) fn model(&self) -> &Model {
        &self.event_loop.engine.model
    }

    /// The rows that EC2 runs.
    pub(crate) fn running(&self) -> Vec<&Instance> {
        let runs = |row: &&Instance| {
            row.machine.as_ref().is_some_and(|it| it.seen.state == Ec2State::Running)
        };
        self.model().fleet.instances().filter(runs).collect()
    }

    /// How long it took until nothing was being changed any more.
    pub(crate) fn took(&self) -> Duration {
        self.steady.duration_since(self.begun)
    }

    /// What the instances printed, as far as it is kept.
    pub(crate) fn output(&self) -> String {
        let keys = self.model().fleet.instances().map(|instance| &instance.key);
        let lines = keys.filter_map(|key| self.model().log.of(key)).flat_map(Ring::lines);
        lines.map(|line| line.text.clone()).collect::<Vec<_>>().join("\n")
    }

    /// How many rows there are in each phase.
    pub(crate) fn phases(&self) -> BTreeMap<String, usize> {
        let mut phases = BTreeMap::new();
        for instance in self.model().fleet.instances() {
            *phases.entry(instance.phase.word().to_owned()).or_default() += 1;
        }
        phases
    }

    /// How many instances of ours AWS has in each zone.
    pub(crate) async fn zones(&self) -> BTreeMap<String, usize> {
        let mut zones = BTreeMap::new();
        let aws = self.aws().await;
        for region in &aws.account().await.unwrap().regions {
            for machine in aws.region(region).instances(&Stage::ours()).await.unwrap() {
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
            left += aws.region(region).residue(&Stage::ours()).await.unwrap().len();
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
        let said = self.model().log.events().lines().map(ToString::to_string);
        let failed = self.model().fleet.instances().filter_map(|instance| match &instance.phase {
            Phase::Failed(failure) => Some(format!("{} failed: {failure}", instance.region)),
            Phase::Degraded { reason } => Some(format!("{} degraded: {reason}", instance.region)),
            _ => None,
        });
        said.chain(failed).collect::<Vec<_>>().join("\n")
    }
}

/// The engine of a program that starts with these rows. No state file is written: a restart does.
fn engine(
    context: &Arc<Context>,
    fleet: Fleet,
    upkeep: Upkeep,
    questions: Questions,
) -> (Engine, ReportSender) {
    let (report_sender, report_receiver) = report_channel(context.access.time.clone());
    let model = Model::new(Opening {
        config: context.config.clone(),
        deployment: context.deployment(),
        fleet,
        upkeep,
        pending_creates: context.journal().map(|it| jobs::unfinished(it)).unwrap_or_default(),
        destroys: context.journal().map(|it| jobs::unfinished_destroys(it)).unwrap_or_default(),
        read_only: None,
        dashboard: true,
        now: context.now(),
        size: (140, 40),
        visits: None,
        signs_in_here: false,
        remembered: Remembered::default(),
        past: Vec::new(),
    });
    (
        Engine::new(
            model,
            Arc::clone(context),
            report_sender.clone(),
            report_receiver,
            questions,
            None,
        ),
        report_sender,
    )
}
