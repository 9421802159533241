//! What the program says that everything costs, beside what a script of its own makes of the story.

use std::path::Path;
use std::process::Command as Process;

use serde_json::Value;
use spot_tui::demo::Scenario;
use spot_tui::fleet::{Amount, Cost};

use crate::support::moto::python;
use crate::support::stage::Stage;

const STORY: &str = include_str!("week.yaml");
const CONFIG: &str = "regions: [us-west-2: { machine_types: [t3.medium, m5.large] }]";
const WEEK: u64 = 7 * 24 * 3600;

/// What the script makes of the story.
fn bill(until: u64) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/market");
    let output = Process::new(python())
        .arg(folder.join("bill.py"))
        .arg(folder.join("week.yaml"))
        .arg(until.to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the screen shows: the total, and each row.
fn shown(stage: &Stage) -> Value {
    let costs = stage.model().fleet.costs().values();
    let total: Amount = costs.map(|cost: &Cost| cost.accrued).sum();
    assert!(!total.is_partial, "all prices are known");
    let rows = stage.model().fleet.instances();
    let mut each: Vec<String> = rows.map(|row| format!("{:.2}", row.cost.accrued.usd)).collect();
    each.sort();
    serde_json::json!({ "total": format!("{:.2}", total.usd), "each": each })
}

#[tokio::test(start_paused = true)]
async fn a_week_costs_to_the_cent_what_the_story_says() {
    let mut stage = Stage::patient(CONFIG, Scenario::parse(STORY).unwrap());
    // EC2 does not tell at once of what is there.
    stage.pass(5).await;
    stage.open().await;
    stage.until_second(3 * 86_400).await;
    assert_eq!(shown(&stage), bill(3 * 86_400));
    assert_eq!(stage.phases()["Terminated"], 4);

    stage.restart();
    stage.open().await;
    stage.until_second(WEEK).await;
    let whole = bill(WEEK);
    assert_eq!(shown(&stage)["total"], whole["total"], "what is gone still counts");
    assert_eq!(stage.model().fleet.len(), 16, "its rows do not");
    assert!(stage.unmet().is_empty(), "{:?}", stage.unmet());
}
