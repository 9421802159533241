//! Two machines in one world.

use std::collections::BTreeSet;
use std::fmt::Write;

use spot_tui::app::{Command, Counts};
use spot_tui::aws::Selector;
use spot_tui::demo::{Cloud, Scenario, Settings, connector};
use spot_tui::fleet::{Ec2State, InstanceId, LockStanding, Region};

use super::line::Line;
use crate::support::stage::Stage;

pub(super) const WEST: &str = "us-west-2";
pub(super) const WANTED: usize = 3;
/// So long after the last event everything is as it is to stay: a lock that nobody renews is taken
/// over after its term of five minutes and two more, what was launched is looked for during one, and
/// instances end within minutes.
pub(super) const QUIET: u64 = 900;

/// No host answers, so that each is being set up for longer than any story: none fails and has another
/// one in its place.
fn config(lock: &str) -> String {
    format!(
        "regions: [us-west-2: {{ machine_type: t3.medium, instances_per_region: {WANTED} }}]\n\
         replace: {{ at_most: 1000, within_m: 1 }}\n\
         ssh: {{ timeout_s: 3600, console_timeout_s: 3600 }}\nlock: {lock}"
    )
}

/// What a program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Holds the count.
    Keep,
    /// A dashboard at which somebody creates what seems to be missing.
    Create,
}

/// One machine, and the program on it.
pub(super) struct Machine {
    pub(super) stage: Stage,
    pub(super) line: Line,
    pub(super) role: Role,
    pub(super) is_up: bool,
    pub(super) sleeps: bool,
}

impl Machine {
    pub(super) fn new(cloud: &Cloud, role: Role, lock: &str) -> Self {
        let line = Line::new(connector(&cloud.world));
        let stage = Stage::beside(cloud, line.client(), &config(lock));
        Self { stage, line, role, is_up: false, sleeps: false }
    }

    pub(super) async fn start(&mut self) {
        self.stage.open().await;
        self.is_up = true;
        match self.role {
            Role::Keep => self.stage.command(Command::Keep),
            Role::Create => self.stage.pass(2).await,
        }
        self.create();
    }

    /// Creates what this machine sees missing, where that is its role.
    pub(super) fn create(&mut self) {
        let there = self.stage.model().fleet.alive().count();
        let missing = u32::try_from(WANTED.saturating_sub(there)).unwrap();
        if self.role == Role::Create && missing > 0 {
            self.stage.command(Command::create(Some(Counts::from([(WEST.into(), missing)]))));
        }
    }

    pub(super) fn kill(&mut self) {
        self.wake();
        self.stage.kill();
        self.is_up = false;
    }

    pub(super) async fn end(&mut self) {
        self.wake();
        self.stage.end().await;
        self.is_up = false;
    }

    pub(super) fn sleep(&mut self) {
        self.line.sleep(true);
        self.sleeps = true;
    }

    pub(super) fn wake(&mut self) {
        self.line.sleep(false);
        self.sleeps = false;
    }

    pub(super) async fn second(&mut self) {
        if self.is_up && !self.sleeps {
            self.stage.pass(1).await;
        } else {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
}

/// Two machines, and AWS.
pub(super) struct Town {
    pub(super) cloud: Cloud,
    pub(super) machines: [Machine; 2],
    /// Somebody's who never sleeps, and who asks AWS and nobody else.
    console: Stage,
    /// The most that were ever alive at once.
    pub(super) most: usize,
    pub(super) story: String,
}

impl Town {
    pub(super) fn new(roles: [Role; 2], lock: &str, seed: u64) -> Self {
        let scenario = Scenario { seed: Some(seed), ..Scenario::default() };
        Self::where_it_happens(roles, lock, scenario)
    }

    pub(super) fn where_it_happens(roles: [Role; 2], lock: &str, scenario: Scenario) -> Self {
        fastrand::seed(scenario.seed.unwrap_or_default());
        let began = "2026-11-20T09:00:00Z".parse().unwrap();
        let cloud = Cloud::new(&Settings { began, ..Settings::default() }, scenario);
        let machines = roles.map(|role| Machine::new(&cloud, role, lock));
        let console = Stage::beside(&cloud, connector(&cloud.world), &config(lock));
        Self { cloud, machines, console, most: 0, story: String::new() }
    }

    /// What EC2 has, pending or running.
    pub(super) fn alive(&self) -> BTreeSet<InstanceId> {
        let guests = self.cloud.world.guests().into_iter();
        let alive = guests.filter(|it| matches!(it.state, Ec2State::Pending | Ec2State::Running));
        alive.map(|it| it.id).collect()
    }

    pub(super) async fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let [one, other] = &mut self.machines;
            tokio::join!(Box::pin(one.second()), Box::pin(other.second()));
            self.most = self.most.max(self.alive().len());
        }
    }

    /// Until this is so; fails after so many seconds.
    pub(super) async fn until(&mut self, seconds: u64, what: &str, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..seconds {
            if is_so(self) {
                return;
            }
            self.pass(1).await;
        }
        panic!("{what}: not within {seconds} s\n{}", self.told());
    }

    /// How a machine stands to the lock.
    pub(super) fn standing(&self, which: usize) -> &LockStanding {
        &self.machines[which].stage.model().lock
    }

    /// Somebody ends one of them, who knows of no lock.
    pub(super) async fn take_one(&mut self) {
        if let Some(id) = self.alive().pop_first() {
            let ec2 = self.console.aws().await.region(&Region::from(WEST));
            ec2.terminate(&[id]).await;
        }
    }

    pub(super) fn note(&mut self, what: &str) {
        let at = self.cloud.world.clock().now();
        writeln!(self.story, "{at}: {what}, {} alive", self.alive().len()).unwrap();
    }

    pub(super) fn told(&self) -> String {
        let logs = self.machines.each_ref().map(|it| it.stage.log());
        format!("{}\n--- one\n{}\n--- other\n{}", self.story, logs[0], logs[1])
    }

    /// The locks at EC2.
    pub(super) async fn locks(&self) -> usize {
        let ec2 = self.console.aws().await.region(&Region::from(WEST));
        ec2.locks(&Selector::everything()).await.unwrap().len()
    }
}
