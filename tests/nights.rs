//! Nights of a keeper: spot is not given, all is taken back at once, or the keeper itself is gone. Through
//! the whole program, on the paused clock; each night prints what it came to.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Instance, Lifecycle, Phase};
use spot_tui::jobs::Pace;

use crate::support::stage::Stage;

const ZONES: [&str; 3] = ["us-west-2a", "us-west-2b", "us-west-2c"];
const HOUR: u32 = 3600;

fn pace() -> Pace {
    Pace {
        steady: Duration::from_mins(1),
        health: Duration::from_mins(30),
        empty: Duration::from_hours(1),
        notices: Duration::from_secs(20),
        ..Pace::default()
    }
}

/// No zone of these has spot in this time.
fn none(zones: &[&str], from: u32, until: u32) -> String {
    let faults = zones.iter().map(|zone| {
        format!(
            "  - {{ zone: {zone}, limit: 0, spot_only: true, from_s: {from}, until_s: {until} }}\n"
        )
    });
    faults.collect()
}

/// How a night went.
struct Night {
    stage: Stage,
    /// Every five minutes: how many are there, of those on demand, and what it has cost.
    looks: Vec<(usize, usize, f64)>,
}

impl Night {
    /// Hours of a keeper of so many, with a fallback.
    async fn of(count: u32, hours: u32, scenario: &str, more: &str) -> Self {
        let zones = ZONES.join(", ");
        let config = format!(
            "regions:\n  - us-west-2: {{ machine_type: t3.medium, availability_zones: [{zones}], \
             instances_per_region: {count} }}\n{more}"
        );
        Self::with(&config, hours, scenario).await
    }

    async fn with(config: &str, hours: u32, scenario: &str) -> Self {
        let mut stage = Stage::paced(config, Scenario::parse(scenario).unwrap(), pace());
        stage.event_loop = stage.event_loop.ticking(Duration::from_secs(5));
        stage.open().await;
        stage.command(Command::Keep);
        let mut looks = Vec::new();
        for _ in 0..hours * 12 {
            stage.pass(300).await;
            let rows = stage.running();
            let on_demand = rows.iter().filter(|row| is_on_demand(row)).count();
            let usd = stage.model().fleet.costs().values().map(|cost| cost.accrued.usd).sum();
            looks.push((rows.len(), on_demand, usd));
        }
        Self { stage, looks }
    }

    fn most_on_demand(&self) -> usize {
        self.looks.iter().map(|(_, on_demand, _)| *on_demand).max().unwrap()
    }

    /// How often the share on demand changed from growing to shrinking, or back.
    fn switches(&self) -> usize {
        let steps = self.looks.windows(2).map(|two| two[1].1.cmp(&two[0].1));
        let mut moves: Vec<std::cmp::Ordering> = steps.filter(|it| it.is_ne()).collect();
        moves.dedup();
        moves.len()
    }

    /// How many were launched in all: each has a row, or is in the ledger of the world.
    fn launches(&self) -> u64 {
        self.stage.model().counters.launches.values().sum()
    }

    fn told(&self, name: &str) -> String {
        let mut told = format!("{name}:\n");
        for (hour, look) in (1..).zip(self.looks.iter().skip(11).step_by(12)) {
            let (there, on_demand, usd) = look;
            writeln!(told, "  {hour} h: {there} there, {on_demand} on demand, ${usd:.3}").unwrap();
        }
        let (launches, switches) = (self.launches(), self.switches());
        writeln!(told, "  {launches} launches, {switches} switches").unwrap();
        std::io::stdout().write_all(told.as_bytes()).unwrap();
        told + &self.stage.log()
    }
}

fn is_on_demand(row: &Instance) -> bool {
    row.machine.as_ref().is_some_and(|it| it.birth.lifecycle == Lifecycle::OnDemand)
}

fn ready(stage: &Stage) -> usize {
    stage.model().fleet.instances().filter(|row| row.phase == Phase::Ready).count()
}

const FALLBACK: &str = "fallback: true\nreplace: { at_most: 20, within_m: 10 }\n";

#[tokio::test(start_paused = true)]
async fn a_zone_that_fills_is_no_reason_to_pay_more() {
    let scenario = format!(
        "capacity:\n{}interruptions: [{{ at_s: {HOUR}, count: 4 }}]",
        none(&ZONES[..1], HOUR, 6 * HOUR)
    );
    let night = Night::of(6, 7, &scenario, FALLBACK).await;
    let told = night.told("a zone fills");
    assert_eq!(
        (night.most_on_demand(), ready(&night.stage), night.launches()),
        (0, 6, 10),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_region_dead_for_an_hour_is_half_on_demand_and_spot_again_after_it() {
    let scenario = format!(
        "capacity:\n{}interruptions: [{{ at_s: {HOUR}, count: 6 }}]",
        none(&ZONES, HOUR, 2 * HOUR)
    );
    let night = Night::of(6, 6, &scenario, FALLBACK).await;
    let told = night.told("a region is dead for an hour");
    assert_eq!(night.most_on_demand(), 3, "no more than half: {told}");
    assert_eq!((night.looks.last().unwrap().1, ready(&night.stage)), (0, 6), "{told}");
    // Six at first, three on demand, and six spot again: each probe and each way back is one of them.
    assert!(night.launches() <= 6 + 3 + 6 && night.switches() <= 2, "{told}");
    assert!(told.contains("spot is refused for 10 minutes: up to 50 % go on demand"), "{told}");
    assert!(told.contains("spot is held again"), "{told}");
    let tagged = night.stage.calls("RunInstances");
    assert!(tagged >= 3, "{told}");
}

/// The share is one of all that is wanted, wherever it is wanted.
#[tokio::test(start_paused = true)]
async fn three_regions_share_what_may_be_on_demand() {
    let zones = ["eu-west-1a", "us-east-1a", "us-west-2a"];
    let regions = zones.map(|zone| {
        format!(
            "  - {}: {{ machine_type: t3.medium, availability_zones: [{zone}], \
             instances_per_region: 4 }}\n",
            &zone[..zone.len() - 1]
        )
    });
    let config = format!("regions:\n{}{FALLBACK}", regions.concat());
    for (name, dead, lost, most) in [
        ("one of three regions is dead", &zones[2..], "count: 4, region: us-west-2", 4),
        ("three regions are dead", &zones[..], "count: 12", 6),
    ] {
        let scenario = format!(
            "capacity:\n{}interruptions: [{{ at_s: {HOUR}, {lost} }}]",
            none(dead, HOUR, 2 * HOUR)
        );
        let night = Night::with(&config, 6, &scenario).await;
        let told = night.told(name);
        assert_eq!(night.most_on_demand(), most, "half of twelve at the most: {told}");
        assert_eq!((night.looks.last().unwrap().1, ready(&night.stage)), (0, 12), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_weathered_by_spot_where_there_is_any() {
    let scenario = format!("interruptions: [{{ at_s: {HOUR}, count: 15 }}]");
    let night = Night::of(20, 3, &scenario, FALLBACK).await;
    let told = night.told("a storm of 15 of 20");
    assert_eq!(
        (night.most_on_demand(), ready(&night.stage), night.launches()),
        (0, 20, 35),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_comes_and_goes_every_five_minutes_is_no_reason_to_switch() {
    let mut scenario = "capacity:\n".to_owned();
    for minute in (60..180).step_by(10) {
        scenario += &none(&ZONES, minute * 60, (minute + 5) * 60);
    }
    scenario += "interruptions:\n";
    for minute in (60..180).step_by(10) {
        writeln!(scenario, "  - {{ at_s: {}, count: 1 }}", minute * 60).unwrap();
    }
    let night = Night::of(6, 5, &scenario, FALLBACK).await;
    let told = night.told("spot comes and goes every five minutes");
    assert_eq!(
        (night.most_on_demand(), night.switches(), ready(&night.stage)),
        (0, 0, 6),
        "{told}"
    );
    assert!(night.launches() <= 6 + 12, "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_has_no_room_for_on_demand_is_kept() {
    let scenario = format!(
        "capacity:\n{}interruptions: [{{ at_s: {HOUR}, count: 6 }}]",
        none(&ZONES, HOUR, 2 * HOUR)
    );
    // Six as spot have room, and one on demand has none.
    let more = format!("{FALLBACK}budget: {{ max_hourly_usd: 0.04 }}\n");
    let mut spot = Night::of(1, 1, "capacity: []", "").await;
    let hourly = spot.stage.running()[0].cost.hourly.usd;
    spot.stage.destroy().await;
    let more = more.replace("0.04", &format!("{:.4}", hourly * 1.6));
    let night = Night::of(
        1,
        3,
        &scenario.replace("count: 6", "count: 1"),
        &more.replace("fallback: true", "fallback: { max_share: 100 }"),
    )
    .await;
    let told = night.told("a budget for spot alone");
    assert_eq!((night.most_on_demand(), ready(&night.stage)), (0, 1), "{told}");
    assert!(told.contains("budget.max_hourly_usd"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_keeper_that_is_dead_from_midnight_on_leaves_no_node_ninety_minutes_later() {
    let scenario = format!("interruptions: [{{ at_s: {HOUR}, count: 15 }}]");
    let night = Night::of(20, 2, &scenario, &format!("{FALLBACK}lease: 90m\n")).await;
    let told = night.told("a storm of 15 of 20, and the keeper is dead from midnight on");
    assert_eq!(ready(&night.stage), 20, "{told}");
    // With the loop end its jobs: nobody renews anything.
    let Stage { cloud, event_loop, .. } = night.stage;
    drop(event_loop);
    let mut alive = Vec::new();
    for _ in 0..100 {
        alive.push(cloud.world.guests().len());
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let by_tens: Vec<usize> = alive.iter().copied().step_by(10).collect();
    writeln!(std::io::stdout(), "  alive each ten minutes from midnight on: {by_tens:?}").unwrap();
    // They were visited half an hour before at the latest.
    assert_eq!((alive[59], alive[93]), (20, 0), "{alive:?}");
}
