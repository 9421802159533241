//! What the program says that everything costs, beside what a script of its own makes of the story.

use std::path::Path;
use std::process::Command as Process;

use serde_json::Value;
use spot_tui::app::Command;
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

/// How often the price list was asked, and none of it in vain.
fn list_questions(stage: &Stage) -> usize {
    let calls = stage.cloud.world.calls().into_iter().filter(|call| call.action == "GetProducts");
    calls.inspect(|call| assert_eq!(call.status, 200, "{:?}", call.code)).count()
}

/// Whether all that runs has a whole price.
fn is_priced(stage: &Stage) -> bool {
    let mut rows = stage.model().fleet.alive();
    rows.all(|row| row.cost.hourly.usd > 0.0 && !row.cost.hourly.is_partial)
}

#[tokio::test(start_paused = true)]
async fn types_by_need_have_list_prices_under_a_budget() {
    let need = "{ vcpus: 2, memory_gib: 4, arch: [x86_64] }";
    let config = format!(
        "regions: [us-west-2: {{ machine_types: {need}, instances_per_region: 2, \
         lifecycle: on-demand }}]\nbudget: {{ max_hourly_usd: 1 }}"
    );
    let mut stage = Stage::set(&config, Scenario::default());
    // Nobody watches yet: the job asks by itself.
    stage.command(Command::Prices(Vec::new()));
    stage.until(60, "the prices", |stage| !stage.model().fleet.market().is_empty()).await;
    let list = stage.model().fleet.market()[&"us-west-2".into()].list.clone();
    assert!(list.on_demand.contains_key(&"t3.medium".into()), "{list:?}");
    assert!(!list.on_demand.contains_key(&"t3.small".into()), "{list:?}");
    assert!(list.gp3.is_some() && list.ipv4.is_some(), "{list:?}");
    stage.open().await;
    stage.command(Command::create(None));
    stage.until(120, "two run", |stage| stage.running().len() == 2).await;
    stage.until(600, "all prices", is_priced).await;
    assert_eq!(list_questions(&stage), 4, "once");
    assert!(!stage.log().contains("price list"), "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn what_an_older_configuration_launched_has_list_prices_and_more_may_be_launched() {
    let config = "regions: [us-west-2: { machine_type: m5.large, instances_per_region: 1 }]\n\
                  budget: { max_hourly_usd: 1 }";
    let story = "running:
      - { zone: us-west-2a, machine_type: t3.medium, deployment: spot-test }
      - { zone: eu-west-1a, machine_type: c5.large, deployment: spot-test }";
    let mut stage = Stage::patient(config, Scenario::parse(story).unwrap());
    // EC2 does not tell at once of what is there.
    stage.pass(5).await;
    stage.open().await;
    stage.until(60, "both are there", |stage| stage.running().len() == 2).await;
    stage.until(600, "all prices", is_priced).await;
    let has_list = |stage: &Stage| {
        let types =
            [("us-west-2", "t3.medium"), ("us-west-2", "m5.large"), ("eu-west-1", "c5.large")];
        let market = stage.model().fleet.market();
        types.iter().all(|(region, name)| {
            let prices = market.get(&(*region).into());
            prices.is_some_and(|it| it.list.on_demand.contains_key(&(*name).into()))
        })
    };
    stage.until(600, "all list prices", has_list).await;
    let asked = list_questions(&stage);
    assert!(asked <= 12, "at first, and once for each region with something new: {asked}");
    stage.command(Command::create(None));
    stage.until(600, "one more runs", |stage| stage.running().len() == 3).await;
    stage.pass(24 * 3600).await;
    assert_eq!(list_questions(&stage), asked, "not again within a week: {}", stage.log());
}
