//! What may be spent, held against whatever asks for more at once: creates, replacements, spills.

use std::fmt::Write as _;

use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Amount, Cost, Instance, Phase};

use crate::support::stage::{Stage, Unattended, seldom};

/// What everything costs an hour that stays: what is on its way out makes room for another.
fn hourly(stage: &Stage) -> f64 {
    let goes = |row: &&Instance| {
        matches!(row.phase, Phase::Interrupted { .. } | Phase::Terminating | Phase::Terminated)
    };
    let stays = stage.model().fleet.instances().filter(|row| !goes(row));
    stays.map(|row| row.cost.hourly.usd).sum()
}

/// What everything has cost.
fn spent(stage: &Stage) -> Amount {
    stage.model().fleet.costs().values().map(|cost: &Cost| cost.accrued).sum()
}

fn config(budget: &str) -> String {
    format!(
        "regions:\n  \
         - us-west-2: {{ machine_types: [t3.medium, m5.large], instances_per_region: 3 }}\n  \
         - eu-west-1: {{ machine_type: t3.medium, instances_per_region: 2 }}\n\
         placement: {{ spill: true }}\nreplace: {{ enabled: true, hold: total, at_most: 50 }}\n\
         budget: {budget}\n"
    )
}

/// A world with little room, and that takes back what it gave.
fn scenario(seed: u64) -> Scenario {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut story = format!("seed: {seed}\ncapacity:\n");
    for zone in ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d", "eu-west-1a"] {
        let _ = writeln!(story, "  - {{ zone: {zone}, limit: {} }}", dice.u32(0..4));
    }
    // Prices that stay: a launch is judged by them, and not what they become.
    story += "prices:\n";
    for zone in ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d", "eu-west-1a", "eu-west-1b"]
    {
        let (small, large) = (dice.u32(80..300), dice.u32(300..700));
        let _ =
            writeln!(story, "  - {{ zone: {zone}, machine_type: t3.medium, usd: 0.{small:04} }}");
        let _ =
            writeln!(story, "  - {{ zone: {zone}, machine_type: m5.large, usd: 0.{large:04} }}");
    }
    story += "interruptions:\n";
    for _ in 0..dice.u32(1..5) {
        let _ =
            writeln!(story, "  - {{ at_s: {}, count: {} }}", dice.u32(60..3000), dice.u32(1..4));
    }
    Scenario::parse(&story).unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_rush_of_creates_spills_and_replacements_passes_a_rate() {
    for seed in 0..12 {
        let most = 0.06 + 0.03 * f64::from(u8::try_from(seed % 5).unwrap());
        let config = config(&format!("{{ max_hourly_usd: {most:.2} }}"));
        let mut stage = Stage::empty(&config, scenario(seed), seldom(), Unattended);
        stage.open().await;
        for round in 0..12 {
            // More at once than there is money for, from several sides.
            for region in ["us-west-2", "eu-west-1", "us-west-2", "eu-west-1"] {
                stage.command(Command::create(Some([(region.into(), 1)].into())));
            }
            for _ in 0..30 {
                stage.pass(10).await;
                let hourly = hourly(&stage);
                assert!(
                    hourly <= most + 1e-9,
                    "seed {seed}, round {round}: {hourly} of {most}\n{}",
                    stage.log()
                );
            }
        }
        assert!(stage.calls("RunInstances") > 0, "seed {seed}: nothing was asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_total_is_refused_in_time_and_kept_by_an_end_where_that_is_wished() {
    let budget = "{ total_usd: 0.3, at_cap: destroy }";
    let mut stage = Stage::empty(&config(budget), Scenario::default(), seldom(), Unattended);
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(60, "they run", |stage| stage.running().len() == 5).await;
    stage.command(Command::create(None));
    stage.command(Command::create(None));
    stage
        .until(600, "more is refused", |stage| stage.log().contains("budget.total_usd is 0.3"))
        .await;
    stage.until(24 * 3600, "all is ended", |stage| stage.model().fleet.alive().count() == 0).await;
    let spent = spent(&stage);
    assert!(spent.usd > 0.2 && spent.usd <= 0.3, "{spent}\n{}", stage.log());
    assert!(!spent.is_partial, "{spent}");
    stage.until(600, "a receipt", |stage| stage.log().contains(" instances ran ")).await;
    let log = stage.log();
    assert!(log.contains("of budget.total_usd = $0.3 is spent: there the instances"), "{log}");
    stage.command(Command::create(None));
    stage.pass(60).await;
    assert_eq!(stage.model().fleet.alive().count(), 0, "and nothing is created after it");
}
