//! Plays a history: the program's own loop in front of a demo cloud, killed and started again.

use std::collections::BTreeSet;

use spot_tui::app::{Action, Command, Scope};
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Ec2State, InstanceId, InstanceKey, JobKind, LaunchId, Phase, Region};

use super::book::{Alive, Book, Counts, Place};
use super::{Cut, REGIONS, Step};
use crate::support::stage::Stage;

/// What is made wrong on purpose, to see that it is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// A kill loses the journal.
    LostJournal,
    /// A kill loses where what was spilled counts.
    LostOrigin,
    /// A kill has launched one more than anybody asked for.
    Stranger,
}

/// When AWS takes two back, in seconds of the world's time.
const NOTICE: u64 = 900;
/// How long a call that was in flight may take.
const IN_FLIGHT: u64 = 30;

pub(super) struct Player {
    stage: Stage,
    planted: Planted,
}

fn config(more: &str) -> String {
    let region = |name: &&str| {
        format!("  - {name}: {{ machine_type: t3.medium, instances_per_region: 1 }}\n")
    };
    let regions: String = REGIONS.iter().map(region).collect();
    format!("regions:\n{regions}aws: {{ consistency_window_s: 10 }}\n{more}")
}

impl Player {
    pub(super) fn new(room: [u8; 2], planted: Planted) -> Self {
        // Only the first zone has room, so that some find it and others go elsewhere.
        let zones = REGIONS.iter().zip(room).flat_map(|(region, room)| {
            let letters = if *region == "us-east-1" { "abcdef" } else { "abcd" };
            letters.chars().map(move |letter| {
                let limit = if letter == 'a' { room } else { 0 };
                format!("{{ zone: {region}{letter}, limit: {limit} }}")
            })
        });
        let full: Vec<String> = zones.collect();
        let scenario = format!("capacity: [{}]", full.join(", "));
        let scenario = Scenario::parse(&scenario).unwrap();
        Self { stage: Stage::set(&config("placement: { spill: true }"), scenario), planted }
    }

    /// A dashboard that replaces, in a world where two are taken back.
    pub(super) fn replacing() -> Self {
        let scenario = format!("interruptions: [{{ at_s: {NOTICE}, count: 2 }}]");
        let scenario = Scenario::parse(&scenario).unwrap();
        Self { stage: Stage::set(&config("replace: true"), scenario), planted: Planted::Nothing }
    }

    pub(super) async fn open(&mut self) {
        self.stage.open().await;
    }

    pub(super) async fn pass(&mut self, seconds: u64) {
        self.stage.pass(seconds).await;
    }

    pub(super) async fn until_notice(&mut self, seconds: u64) {
        self.stage.until_second(NOTICE + seconds).await;
    }

    pub(super) fn log(&self) -> String {
        self.stage.log()
    }

    pub(super) async fn left(&self) -> usize {
        self.stage.left().await
    }

    /// What EC2 has, asked by another client.
    pub(super) async fn alive(&self) -> Alive {
        let aws = self.stage.aws().await;
        let mut alive = Alive::new();
        for region in REGIONS {
            let ec2 = aws.region(&region.into());
            for machine in ec2.instances(&Stage::ours()).await.unwrap() {
                if machine.seen.state != Ec2State::ShuttingDown {
                    let counts_for = asked_in(machine.birth.launch.as_ref());
                    let place = Place { region: region.into(), counts_for };
                    alive.insert(machine.id, place);
                }
            }
        }
        alive
    }

    /// Does one thing, waits for what comes of it, and holds EC2 to the book.
    pub(super) async fn play(&mut self, step: &Step, book: &mut Book) -> Result<(), String> {
        match step {
            Step::Create(counts, cut) => self.create(counts, *cut, book).await?,
            Step::DestroyNamed(count, cut) => self.destroy_named(*count, *cut, book).await?,
            Step::DestroyRegion(region) => self.destroy_region(*region, book).await?,
            Step::DestroyAll => {
                self.destroy(Scope::All).await;
                book.emptied(None, &self.alive().await)?;
            }
            Step::Forget => {
                self.stage.command(Command::Act(Action::Forget, Scope::All));
                self.pass(1).await;
                book.forgotten(&self.alive().await)?;
            }
            Step::Kill => {
                self.kill().await;
                book.stayed(&self.alive().await)?;
            }
            Step::Pass(seconds) => {
                self.pass((*seconds).into()).await;
                book.stayed(&self.alive().await)?;
            }
        }
        // A tick, in which a dashboard sees what is ready.
        self.pass(3).await;
        book.seen_ready(&self.ready());
        Ok(())
    }

    async fn create(
        &mut self,
        counts: &[u8; 3],
        cut: Option<Cut>,
        book: &mut Book,
    ) -> Result<(), String> {
        let asked = REGIONS.iter().zip(counts).filter(|(_, count)| **count > 0);
        let counts: Counts =
            asked.map(|(region, count)| (Region::from(*region), u32::from(*count))).collect();
        if counts.is_empty() {
            return Ok(());
        }
        self.stage.command(Command::create(Some(counts.clone())));
        let seconds = match cut {
            Some(Cut::Kill(seconds) | Cut::Stop(seconds)) => seconds.into(),
            None => 3600,
        };
        self.while_at_work(JobKind::Create, seconds).await;
        let is_over = !self.stage.model().does(JobKind::Create);
        if let (Some(Cut::Stop(_)), false) = (cut, is_over) {
            self.stage.stop_the_work().await;
            self.start_again().await;
            return book.taken_back(&counts, &self.alive().await);
        }
        if cut.is_some() && !is_over {
            self.kill().await;
        }
        book.created(&counts, &self.alive().await, is_over)
    }

    async fn destroy_named(
        &mut self,
        count: u8,
        cut: Option<Cut>,
        book: &mut Book,
    ) -> Result<(), String> {
        let rows = self.stage.model().fleet.alive();
        let there = rows.filter(|row| row.machine.is_some() && row.phase != Phase::Terminating);
        let named: Vec<(InstanceKey, InstanceId)> = there
            .filter_map(|row| Some((row.key.clone(), row.id()?.clone())))
            .take(count.into())
            .collect();
        let (keys, ids): (Vec<_>, BTreeSet<_>) = named.into_iter().unzip();
        self.stage.command(Command::destroy(Scope::Instances(keys)));
        if let Some(Cut::Kill(seconds) | Cut::Stop(seconds)) = cut {
            self.while_at_work(JobKind::Destroy, seconds.into()).await;
            self.kill().await;
        }
        self.while_at_work(JobKind::Destroy, 3600).await;
        book.destroyed(&ids, &self.alive().await)
    }

    async fn destroy_region(&mut self, region: u8, book: &mut Book) -> Result<(), String> {
        let region = Region::from(REGIONS[usize::from(region)]);
        // Where something is at work a region is not destroyed, and that is said.
        if self.stage.model().changing().any(|(_, job)| job.covers(&region)) {
            return Ok(());
        }
        self.destroy(Scope::Region(region.clone())).await;
        book.emptied(Some(&region), &self.alive().await)
    }

    async fn destroy(&mut self, scope: Scope) {
        self.stage.command(Command::destroy(scope));
        self.pass(1).await;
        self.while_at_work(JobKind::Destroy, 3600).await;
    }

    /// Until no such job is under way, or so many seconds are over.
    async fn while_at_work(&mut self, kind: JobKind, seconds: u64) {
        for _ in 0..seconds {
            if !self.stage.model().does(kind) {
                return;
            }
            self.pass(1).await;
        }
    }

    async fn kill(&mut self) {
        match self.planted {
            Planted::Nothing => {}
            Planted::LostJournal => self.stage.change_journal(|_| String::new()),
            Planted::LostOrigin => {
                self.stage.change_journal(|text| text.replace("\"origin\"", "\"nobody\""));
            }
            Planted::Stranger => self.launch_a_stranger(),
        }
        self.start_again().await;
        self.pass(IN_FLIGHT).await;
    }

    async fn start_again(&mut self) {
        self.stage.kill();
        self.stage.open().await;
        // What a destroy had begun is gone on with.
        self.pass(5).await;
    }

    fn launch_a_stranger(&self) {
        self.stage.cloud.world.preload_in("eu-west-1", 1, "spot-test", "tester");
    }

    fn ready(&self) -> BTreeSet<InstanceId> {
        let rows = self.stage.model().fleet.alive();
        let is_set_up = |phase: &Phase| matches!(phase, Phase::Ready | Phase::Degraded { .. });
        rows.filter(|row| is_set_up(&row.phase)).filter_map(|row| row.id().cloned()).collect()
    }
}

/// The region whose count a launch is a part of: its id names it.
fn asked_in(launch: Option<&LaunchId>) -> Region {
    let named = |region: &&&str| launch.is_some_and(|id| id.as_str().contains(**region));
    REGIONS.iter().find(named).map_or_else(|| Region::from("nowhere"), |it| Region::from(*it))
}
