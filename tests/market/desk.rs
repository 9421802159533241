//! A user at the program: a model, its jobs, and a world behind the wire. It does what the loop
//! does, and keeps the world's time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use spot_tui::app::{Command, Effect, Message, Model, Opening, Stamped, update};
use spot_tui::aws::{Access, Credentials, SharedTimeSource};
use spot_tui::config::{Config, parse};
use spot_tui::demo::{Scenario, Settings, World, connector};
use spot_tui::fleet::{About, Ec2State, Fleet, Instance, Job, JobId, Outcome, Progress};
use spot_tui::jobs::{self, Context, Desk, Lanes, lanes, questions};
use spot_tui::ssh::{ByteStream, Dial};
use spot_tui::store::{Cache, Journal, Paths};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::support::keys::Key;

pub(super) const DEPLOYMENT: &str = "spot-test";

/// Nobody is at home: what is launched never lets anybody in.
#[derive(Debug)]
struct Nobody;

impl Dial for Nobody {
    fn dial<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }
}

/// A user at the program.
pub(super) struct User {
    pub(super) world: World,
    pub(super) model: Model,
    context: Arc<Context>,
    desk: Desk,
    lanes: Lanes,
    jobs: JoinSet<()>,
    stops: BTreeMap<JobId, CancellationToken>,
    _folder: tempfile::TempDir,
    _key: Key,
}

impl User {
    /// A user with this configuration in a world in which this story happens.
    pub(super) fn new(config: &str, story: &str) -> Self {
        Self::dialling(config, story, |_, _| Arc::new(Nobody))
    }

    /// The same, whose hosts are dialled otherwise.
    pub(super) fn dialling(
        config: &str,
        story: &str,
        dial: impl FnOnce(&World, &Key) -> Arc<dyn Dial>,
    ) -> Self {
        let settings =
            Settings { began: "2026-11-20T09:00:00Z".parse().unwrap(), ..Settings::default() };
        let world = World::new(&settings, Scenario::parse(story).unwrap());
        let (folder, key) = (tempfile::tempdir().unwrap(), Key::ed25519());
        let config = Arc::new(configured(config, &key));
        let access = Access {
            credentials: Some(Credentials::new("key", "secret", None, None, "demo")),
            http: Some(connector(&world)),
            time: SharedTimeSource::new(world.clock()),
            ..Access::default()
        };
        let (desk, lanes) = lanes(access.time.clone());
        let mut context = Context::new(
            DEPLOYMENT.into(),
            false,
            access,
            Some(Arc::clone(&config)),
            Some(Arc::new(
                Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap(),
            )),
            Cache::new(folder.path().join("cache")),
            questions().0,
        );
        context.home = Some(folder.path().to_owned());
        context.dial = dial(&world, &key);
        let model = Model::new(Opening {
            config: Some(config),
            deployment: DEPLOYMENT.into(),
            fleet: Fleet::default(),
            orders: Vec::new(),
            read_only: None,
            dashboard: true,
            now: world.clock().now(),
            size: (140, 40),
        });
        let (context, jobs) = (Arc::new(context), JoinSet::new());
        let stops = BTreeMap::new();
        Self { world, model, context, desk, lanes, jobs, stops, _folder: folder, _key: key }
    }

    /// Gives a command.
    pub(super) fn command(&mut self, command: Command) {
        self.handle(Message::Command(command));
    }

    /// Opens the dashboard: learns who we are, and watches.
    pub(super) async fn open(&mut self) {
        self.command(Command::Refresh);
        self.until(30, "the watch begins", |user| {
            user.model.active().any(|(_, job)| job.verb == "watch")
        })
        .await;
    }

    /// Goes on until this is so, or fails after so many seconds of the world's time.
    pub(super) async fn until(
        &mut self,
        seconds: u64,
        what: &str,
        mut is_so: impl FnMut(&Self) -> bool,
    ) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: not within {seconds} s\n{}", self.told());
            self.step(deadline).await;
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&mut self, seconds: u64) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            self.step(end).await;
        }
    }

    /// The next report, or the next second.
    async fn step(&mut self, end: Instant) {
        let tick = (Instant::now() + Duration::from_secs(1)).min(end);
        tokio::select! {
            biased;
            report = self.lanes.next() => self.handle(Message::Report(report)),
            () = sleep_until(tick) => self.handle(Message::Clock),
        }
    }

    fn handle(&mut self, message: Message) {
        let stamped = Stamped { at: self.world.clock().now(), message };
        for effect in update(&mut self.model, stamped) {
            match effect {
                Effect::Start(id, job) => self.start(id, job),
                Effect::Cancel(id) => self.stops[&id].cancel(),
                _ => {}
            }
        }
        self.model.settle();
    }

    fn start(&mut self, id: JobId, job: Job) {
        let stop = CancellationToken::new();
        self.stops.insert(id, stop.clone());
        let (context, reporter) = (Arc::clone(&self.context), self.desk.reporter(id));
        self.jobs.spawn(async move {
            let outcome = tokio::select! {
                outcome = jobs::run(context, job, reporter.clone()) => outcome,
                () = stop.cancelled() => Outcome::Cancelled,
            };
            reporter.send(About::Job, Progress::Ended(outcome)).await;
        });
    }

    /// The rows that EC2 runs.
    pub(super) fn running(&self) -> Vec<&Instance> {
        let is_running =
            |row: &&Instance| row.machine.as_ref().is_some_and(|it| it.state == Ec2State::Running);
        self.model.fleet.instances().filter(is_running).collect()
    }

    /// How often an action was called.
    pub(super) fn calls(&self, action: &str) -> usize {
        self.world.calls().iter().filter(|call| call.action == action).count()
    }

    /// Everything that was said, for a message.
    pub(super) fn told(&self) -> String {
        let lines = self.model.log.events().since(0);
        lines.map(|line| format!("{line}\n")).collect()
    }

    pub(super) fn met_every_fault(&self) {
        let unmet = self.world.unmet();
        assert!(unmet.is_empty(), "these faults never came: {unmet:?}");
    }
}

/// A configuration with our key, files that are there, and no questions to the internet.
fn configured(text: &str, key: &Key) -> Config {
    let mut config = parse("config.yaml", text).unwrap_or_else(|wrong| panic!("{wrong}"));
    config.aws.private_ssh_key_path = Some(key.path());
    config.ssh.allow_from =
        spot_tui::config::AllowFrom::Networks(vec!["203.0.113.7/32".parse().unwrap()]);
    config
}
