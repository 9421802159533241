//! What it is worth to weigh the risk of interruption: a week in the demo's market, whose interruptions
//! follow the bands of AWS's Spot Advisor, with and without weighing. It is the program's own loop and
//! its jobs, with hosts, on the paused clock; a lost node is replaced by itself.
//!
//! A node is useful from ten minutes after its launch on, which is what set-up and lost work are taken
//! for here. Prices and chance follow from the seed; the bands are those of 2025-06-28.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot be taken has no number"
)]

#[expect(dead_code, reason = "the tests ask more of it")]
#[path = "../tests/support"]
mod support {
    mod keys;
    mod root;
    pub(crate) mod stage;
}
#[expect(dead_code, reason = "the others measure processes")]
mod table;

use std::time::{Duration, Instant};

use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::jobs::Pace;
use support::stage::{Stage, seldom};
use table::print;

const WEEK: u64 = 7 * 24 * 3600;
/// Nodes of each region.
const NODES: u32 = 20;
/// Hours until a node is useful.
const SET_UP: f64 = 10.0 / 60.0;
const SEEDS: std::ops::Range<u64> = 0..8;
/// Two processors and 8 GiB: what a program that needs those can choose from.
const TYPES: &str =
    "t3.large, t3a.large, t4g.large, m5.large, m5d.large, m6g.large, m6i.large, r5.large";

/// How it is placed, and under what name.
const WAYS: [(&str, &str); 4] = [
    ("the price alone", "corridor_pct: 0"),
    ("within 10 % (the default)", "corridor_pct: 10"),
    ("within 30 %", "corridor_pct: 30"),
    ("an interruption costs $5", "interruption_cost_usd: 5"),
];

/// What a week came to.
#[derive(Clone, Copy)]
struct Week {
    interruptions: f64,
    usd: f64,
    useful: f64,
}

fn main() {
    let begun = Instant::now();
    let head = format!(
        "{:>15} {:>17} {:>17} {:>19}",
        "interruptions", "USD", "useful hours", "USD an useful hour"
    );
    print(
        &format!("a week, 3 x {NODES} nodes, {} seeds: mean +- spread", SEEDS.count()),
        &head,
        "",
    );
    for (name, placement) in WAYS {
        let weeks: Vec<Week> = SEEDS.map(|seed| week(placement, seed)).collect();
        let of = |digits: usize, of: fn(&Week) -> f64| {
            let told: Vec<f64> = weeks.iter().map(of).collect();
            let (mean, spread) = mean_and_spread(&told);
            format!("{mean:.digits$} +- {spread:.digits$}")
        };
        let told = format!(
            "{:>15} {:>17} {:>17} {:>19}",
            of(1, |it| it.interruptions),
            of(2, |it| it.usd),
            of(0, |it| it.useful),
            of(5, |it| it.usd / it.useful),
        );
        print(name, &told, "");
    }
    print("all of it took", &format!("{:.0} s", begun.elapsed().as_secs_f64()), "some minutes");
}

fn mean_and_spread(told: &[f64]) -> (f64, f64) {
    let count = f64::from(u32::try_from(told.len()).unwrap());
    let mean = told.iter().sum::<f64>() / count;
    let squares: f64 = told.iter().map(|it| (it - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

/// One week, from the first launch to the last end.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn week(placement: &str, seed: u64) -> Week {
    let regions = ["eu-west-1", "us-east-1", "us-west-2"].map(|region| {
        format!("  - {region}: {{ machine_types: [{TYPES}], instances_per_region: {NODES} }}\n")
    });
    let config = format!(
        "regions:\n{}placement: {{ risk_url: http://127.0.0.1/spot-advisor-data.json, {placement} }}\n\
         replace: {{ enabled: true, at_most: 1000 }}\n",
        regions.concat()
    );
    let scenario = Scenario::parse(&format!("seed: {seed}\nreclaims: 1")).unwrap();
    // A node that is well is looked at seldom: nothing happens to it but what EC2 tells.
    let pace = Pace { steady: Duration::from_hours(1), ..seldom() };
    let mut stage = Stage::paced(&config, scenario, pace);
    stage.open().await;
    stage.command(Command::create(None));
    stage.pass(WEEK).await;
    stage.destroy().await;
    let ledger = stage.model().fleet.ledger();
    let sum = ledger.sum();
    let instances = f64::from(u32::try_from(ledger.instances()).unwrap());
    Week {
        interruptions: f64::from(u32::try_from(sum.interruptions).unwrap()),
        usd: sum.total().usd,
        useful: sum.hours - instances * SET_UP,
    }
}
