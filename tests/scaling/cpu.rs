//! By the work of the processors: nodes among which something else spreads it, and no orchestrator.

use std::time::Duration;

use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::jobs::Pace;

use super::{STEP, soonest, switches};
use crate::support::stage::{Stage, Wire};

/// A keeper of nodes that it visits each minute.
struct Office {
    stage: Stage,
    wire: Wire,
    /// How many were there at each step.
    sizes: Vec<usize>,
}

impl Office {
    async fn open(count: u32, scale: &str, work: &str) -> Self {
        let config = format!(
            "regions: [us-west-2: {{ machine_type: t3.medium, instances_per_region: {count} }}]\n\
             scale: {{ by: cpu, {scale} }}"
        );
        let pace = Pace {
            steady: Duration::from_mins(1),
            empty: Duration::from_hours(1),
            notices: Duration::from_mins(1),
            prices: Duration::from_hours(1),
            ..Pace::default()
        };
        let scenario = Scenario::parse(&format!("work: {work}")).unwrap();
        let (mut stage, wire) = Stage::wired(&config, scenario, pace);
        stage.event_loop = stage.event_loop.ticking(Duration::from_secs(10));
        stage.open().await;
        stage.command(Command::Keep);
        Self { stage, wire, sizes: Vec::new() }
    }

    /// Lets time pass until this second of the world.
    async fn until(&mut self, second: u64) {
        while self.sizes.len() as u64 * STEP < second {
            self.stage.pass(STEP).await;
            self.sizes.push(self.stage.running().len());
        }
    }

    fn size(&self) -> usize {
        self.stage.running().len()
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_come_with_the_load_and_go_after_it() {
    let work = "[{ percent: 100 }, { from_s: 2400, percent: 540 }, { from_s: 7200, percent: 0 }]";
    let mut office = Office::open(2, "min: 1, max: 8", work).await;
    office.until(2400).await;
    assert_eq!(office.size(), 2, "at 50 % of 60: {}", office.stage.log());
    office.until(7200).await;
    assert_eq!(office.size(), 8, "{:?}\n{}", office.sizes, office.stage.log());
    assert!(office.stage.log().contains("cpu 75 %, wants 3, has 2: +1"), "{}", office.stage.log());
    office.until(7740).await;
    assert_eq!(office.size(), 8, "a lull is looked at for ten minutes first");
    office.until(10_800).await;
    assert_eq!(office.size(), 1, "{:?}\n{}", office.sizes, office.stage.log());
    let most = office.sizes.iter().max();
    let seen = (most, switches(&office.sizes), soonest(&office.sizes) >= 600);
    assert_eq!(seen, (Some(&8), 1, true), "{:?}", office.sizes);
}

/// What was heard last says nothing of now: of idle nodes none goes, of busy ones none comes.
#[tokio::test(start_paused = true)]
async fn who_hears_nothing_of_the_nodes_holds_them() {
    for work in ["[{ percent: 240 }, { from_s: 1800, percent: 0 }]", "[{ percent: 240 }]"] {
        let mut office = Office::open(4, "min: 1, max: 8", work).await;
        office.until(2250).await;
        assert_eq!(office.size(), 4, "{}", office.stage.log());
        office.wire.cut(true);
        office.until(5850).await;
        let log = office.stage.log();
        assert_eq!(office.size(), 4, "{work}: {log}");
        assert_eq!(office.stage.model().upkeep.total(), 4, "{work}: {log}");
        assert_eq!(office.stage.model().upkeep.reason(), Some("blind"), "{work}: {log}");
        let said = "blind: holds 4: no node tells of its processors";
        assert_eq!(log.matches(said).count(), 1, "{work}: {log}");
        office.wire.cut(false);
        office.until(8400).await;
        let log = office.stage.log();
        assert!(log.contains("sees again: cpu"), "{work}: {log}");
        assert_eq!(office.size(), if work.contains("1800") { 1 } else { 4 }, "{work}: {log}");
    }
}
