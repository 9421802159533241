//! The fleet follows the work: a day of load at an orchestrator that answers as Bacalhau does, beside
//! fleets that stay as they are. Through the whole program, on the paused clock.

mod command;
mod cpu;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::fleet::Phase;
use spot_tui::jobs::Pace;

use crate::support::orchestrator::{Orchestrator, Submitted};
use crate::support::stage::Stage;

/// How often the orchestrator's side goes on.
const STEP: u64 = 15;

/// A day is long: what does not matter to it is asked for seldom.
fn pace() -> Pace {
    Pace {
        steady: Duration::from_mins(2),
        health: Duration::from_mins(30),
        empty: Duration::from_hours(1),
        notices: Duration::from_mins(1),
        prices: Duration::from_hours(1),
        ..Pace::default()
    }
}

/// A keeper, an orchestrator, and its nodes: those that are ready are connected.
struct Town {
    stage: Stage,
    orchestrator: Orchestrator,
    /// How many were there at each step.
    sizes: Vec<usize>,
    known: BTreeSet<String>,
    /// How many ever became ready.
    launched: usize,
}

impl Town {
    async fn set(count: u32, scale: &str, more: &str) -> Self {
        let orchestrator = Orchestrator::start_here().await;
        let config = format!(
            "regions: [us-west-2: {{ machine_type: t3.medium, instances_per_region: {count} }}]\n\
             bacalhau: {{ api: '{}' }}\n{scale}\n{more}",
            orchestrator.url()
        );
        let mut stage = Stage::paced(&config, Scenario::default(), pace());
        stage.event_loop = stage.event_loop.ticking(Duration::from_secs(10));
        stage.open().await;
        stage.command(Command::Keep);
        Self { stage, orchestrator, sizes: Vec::new(), known: BTreeSet::new(), launched: 0 }
    }

    fn now(&self) -> Timestamp {
        self.stage.model().now
    }

    /// Lets a while pass: nodes connect when they are ready and are lost when they end, jobs go on.
    async fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds.div_ceil(STEP) {
            self.stage.pass(STEP).await;
            let rows = self.stage.model().fleet.instances();
            let is_there = |phase: &Phase| matches!(phase, Phase::Ready | Phase::Degraded { .. });
            let ready: BTreeSet<String> = rows
                .filter(|row| is_there(&row.phase))
                .filter_map(|row| row.id().map(ToString::to_string))
                .collect();
            for id in ready.difference(&self.known) {
                self.launched += 1;
                self.orchestrator.register(id, "CONNECTED");
            }
            for id in self.known.difference(&ready) {
                self.orchestrator.disconnect(id);
            }
            // Who was rejected and may work again shakes hands within seconds.
            self.orchestrator.shake_hands(&ready);
            self.known = ready;
            let now = self.now();
            self.orchestrator.with_jobs(|jobs, nodes| jobs.step(now, nodes));
            self.sizes.push(self.stage.running().len());
        }
    }

    /// Somebody has work.
    fn submit(&self, number: usize, count: u32, takes_s: i64) {
        submit(&self.orchestrator, self.now(), number, count, takes_s);
    }

    fn usd(&self) -> f64 {
        self.stage.model().fleet.costs().values().map(|cost| cost.accrued.usd).sum()
    }
}

/// The shortest time from one more to one fewer, in seconds, of the sizes at each step.
fn soonest(sizes: &[usize]) -> u64 {
    let (mut grown, mut soonest) = (None, u64::MAX);
    for (step, two) in (0..).zip(sizes.windows(2)) {
        match two[1].cmp(&two[0]) {
            std::cmp::Ordering::Greater => grown = Some(step),
            std::cmp::Ordering::Less => {
                soonest = grown.take().map_or(soonest, |at| soonest.min((step - at) * STEP));
            }
            std::cmp::Ordering::Equal => {}
        }
    }
    soonest
}

/// How often the size changed from growing to shrinking, or back.
fn switches(sizes: &[usize]) -> usize {
    let steps = sizes.windows(2).map(|two| two[1].cmp(&two[0]));
    let mut moves: Vec<std::cmp::Ordering> = steps.filter(|it| it.is_ne()).collect();
    moves.dedup();
    moves.len().saturating_sub(1)
}

fn submit(orchestrator: &Orchestrator, at: Timestamp, number: usize, count: u32, takes_s: i64) {
    let job = Submitted {
        id: format!("j-{number}"),
        kind: "batch",
        count,
        cpu: 800,
        at,
        takes_s: Some(takes_s),
        constraints: json!([]),
    };
    orchestrator.with_jobs(|jobs, _| jobs.submit(job));
}

/// How a day went.
struct Day {
    mean_wait: f64,
    longest_wait: i64,
    usd: f64,
    most: usize,
    switches: usize,
    lost: usize,
}

impl Day {
    fn of(waited: &[i64], usd: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
        let mean_wait = waited.iter().sum::<i64>() as f64 / waited.len() as f64;
        let longest_wait = waited.iter().copied().max().unwrap();
        Self { mean_wait, longest_wait, usd, most: 0, switches: 0, lost: 0 }
    }
}

/// How many jobs begin in each hour: little at night, a morning, a noon, an afternoon.
const HOURS: [u32; 24] =
    [2, 1, 1, 1, 2, 4, 8, 16, 30, 40, 36, 24, 12, 14, 28, 36, 34, 24, 14, 8, 6, 4, 3, 2];

/// A day of them: when each begins, in steps; how many parts it has, and how long each takes.
fn load() -> Vec<(u64, u32, i64)> {
    let mut chance = fastrand::Rng::with_seed(7);
    let mut jobs = Vec::new();
    for (hour, count) in (0..).zip(HOURS) {
        for _ in 0..count {
            let step = (hour * 3600 + chance.u64(0..3600)) / STEP;
            jobs.push((step, chance.u32(1..=6), chance.i64(300..900)));
        }
    }
    jobs.sort_unstable();
    jobs
}

/// How long a fleet of so many that are always there takes for the same; that costs so much an hour
/// each, and nothing else.
async fn fixed(count: u32, hourly_usd: f64) -> Day {
    let orchestrator = Orchestrator::start_here().await;
    for number in 0..count {
        orchestrator.register(&format!("i-{number}"), "CONNECTED");
    }
    let began: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let mut jobs = load().into_iter().enumerate().peekable();
    for step in 0..25 * 3600 / STEP {
        let at = began + Duration::from_secs(step * STEP);
        while let Some((number, (_, count, takes))) = jobs.next_if(|(_, job)| job.0 <= step) {
            submit(&orchestrator, at, number, count, takes);
        }
        orchestrator.with_jobs(|jobs, nodes| jobs.step(at, nodes));
    }
    let waited = orchestrator.with_jobs(|jobs, _| jobs.waited.clone());
    Day::of(&waited, hourly_usd * f64::from(count) * 25.0)
}

#[tokio::test(start_paused = true)]
async fn a_day_of_load_waits_little_and_costs_little() {
    let mut town = Town::set(1, "scale: { by: queue, min: 1, max: 12 }", "").await;
    town.pass(600).await;
    let (began, first) = (town.usd(), town.sizes.len() as u64);
    let hourly = town.stage.running()[0].cost.hourly.usd;
    let mut jobs = load().into_iter().enumerate().peekable();
    for step in 0..25 * 3600 / STEP {
        while let Some((number, (_, count, takes))) = jobs.next_if(|(_, job)| job.0 <= step) {
            town.submit(number, count, takes);
        }
        town.pass(STEP).await;
        assert_eq!(town.sizes.len() as u64, first + step + 1);
    }
    let (waiting, waited, lost) =
        town.orchestrator.with_jobs(|jobs, _| (jobs.waiting(), jobs.waited.clone(), jobs.lost));
    assert_eq!(waiting, 0, "{}", town.stage.log());
    let most = town.sizes.iter().copied().max().unwrap();
    let scaled =
        Day { most, switches: switches(&town.sizes), lost, ..Day::of(&waited, town.usd() - began) };
    // As much money, and as many at the most.
    let (small, large) = (fixed(6, hourly).await, fixed(12, hourly).await);
    let mut told = String::new();
    for (name, day) in [("1 to 12", &scaled), ("6", &small), ("12", &large)] {
        let Day { mean_wait, longest_wait, usd, .. } = day;
        writeln!(told, "{name:>7}: waits {mean_wait:6.1} s, {longest_wait:5} s at most; ${usd:.3}")
            .unwrap();
    }
    let Day { most, switches, lost, .. } = scaled;
    let (soonest, unused) = (
        soonest(&town.sizes),
        town.launched - town.orchestrator.with_jobs(|jobs, _| jobs.used_nodes()),
    );
    writeln!(
        told,
        "{most} at most, {switches} switches, none sooner than {soonest} s after a launch; {unused} \
         nodes did nothing, {lost} parts were lost"
    )
    .unwrap();
    std::io::stdout().write_all(told.as_bytes()).unwrap();
    assert!(scaled.usd < large.usd * 0.6, "{told}");
    assert!(scaled.mean_wait < small.mean_wait / 2.0, "{told}");
    // Jobs come one by one: it follows, and no node goes within ten minutes of a launch.
    assert!(
        switches <= 2 * 25 && soonest >= 600 && most <= 12 && lost == 0,
        "{told}\n{}",
        town.stage.log()
    );
}

/// Four that are ready, nothing to do, and the least is one.
async fn four(more: &str) -> Town {
    let mut town = Town::set(4, "scale: { by: queue, min: 1, max: 8 }", more).await;
    town.pass(300).await;
    assert_eq!(town.known.len(), 4, "{}", town.stage.log());
    town
}

#[tokio::test(start_paused = true)]
async fn a_blind_hour_changes_nothing() {
    let mut town = four("").await;
    town.submit(1, 4, 600);
    town.pass(60).await;
    let before = (town.known.clone(), town.stage.model().upkeep.counts().clone());
    // What waits is more than the four can do, and nobody is told of it; then there is nothing to do.
    town.orchestrator.refuse(503, r#"{"Message":"etcd is away"}"#);
    town.submit(2, 40, 120);
    town.pass(3600).await;
    assert_eq!((town.known.clone(), town.stage.model().upkeep.counts().clone()), before);
    let said = town.stage.log().matches("blind: holds 4").count();
    assert_eq!(said, 1, "{}", town.stage.log());
    assert_eq!(town.stage.model().upkeep.reason(), Some("blind"));
    town.orchestrator.relent();
    town.pass(300).await;
    assert_eq!(town.known.len(), 4, "a lull is looked at for ten minutes first");
    town.pass(2400).await;
    assert_eq!(town.known.len(), 1, "{}", town.stage.log());
    assert_eq!(town.orchestrator.nodes().len(), 1, "those that went are forgotten");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_gets_work_at_the_fence_is_given_back_to_it() {
    let mut town = four("").await;
    town.orchestrator.race(true);
    town.pass(1200).await;
    assert!(
        town.stage.log().contains("it stays: it has got work meanwhile"),
        "{}",
        town.stage.log()
    );
    assert_eq!((town.known.len(), town.stage.model().upkeep.total()), (4, 4));
    for id in &town.known {
        assert_eq!(town.orchestrator.node(id).unwrap()["Membership"], "APPROVED", "{id}");
    }
    town.orchestrator.race(false);
    town.pass(3600).await;
    assert_eq!(town.known.len(), 1, "{}", town.stage.log());
}

#[tokio::test(start_paused = true)]
async fn killed_behind_the_fence_it_goes_on_and_leaves_no_node_without_work() {
    let mut town = four("").await;
    let fenced = |town: &Town| {
        let nodes = town.known.iter().filter_map(|id| town.orchestrator.node(id));
        nodes.filter(|node| node["Membership"] == "REJECTED").count()
    };
    let mut passed = 0;
    while fenced(&town) == 0 {
        town.stage.pass(1).await;
        passed += 1;
        assert!(passed < 2400, "{}", town.stage.log());
    }
    assert_eq!(town.stage.model().upkeep.retiring().len(), 1);
    town.stage.kill();
    town.stage.visit();
    town.stage.open().await;
    town.stage.command(Command::Keep);
    town.pass(3600).await;
    assert_eq!((town.known.len(), town.stage.model().upkeep.total()), (1, 1));
    assert_eq!((fenced(&town), town.orchestrator.nodes().len()), (0, 1), "{}", town.stage.log());
    assert_eq!(town.stage.calls("RunInstances"), 1, "none comes in the place of one that went");
}
