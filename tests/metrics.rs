//! Metrics: what is told of a fleet that lives in the demo, in both texts; and that the dashboard for
//! Grafana asks for nothing that is not told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use spot_tui::app::Command;
use spot_tui::demo::Scenario;
use spot_tui::headless::{Calls, MetricsFormat, metrics};

use crate::support::stage::Stage;

const CONFIG: &str = "regions:\n  - us-west-2: { machine_type: t3.medium, instances_per_region: 2 }\n  \
                      - eu-west-1: { machine_type: t3.medium, instances_per_region: 1 }\n";

fn calls() -> Calls {
    [(("RunInstances".to_owned(), "ok".to_owned()), 3)].into()
}

/// What one line says: the metric with its labels, and its value.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name, value.parse().unwrap_or_else(|_| panic!("{line}")))
        })
        .collect()
}

/// The same without the classes of times, whose ends are written in two ways, `10` and `10.0`.
fn same(text: &str) -> BTreeMap<&str, f64> {
    samples(text).into_iter().filter(|(name, _)| !name.contains("_bucket{")).collect()
}

async fn ready() -> Stage {
    let mut stage = Stage::set(CONFIG, Scenario::parse("{}").unwrap());
    stage.open().await;
    stage.command(Command::create(None));
    let all_ready = |stage: &Stage| stage.phases().get("Ready") == Some(&3);
    stage.until(2400, "three are ready", all_ready).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn a_fleet_is_told_by_what_it_is_and_what_happened() {
    let mut stage = ready().await;
    let text = metrics(stage.model(), &calls(), MetricsFormat::Prometheus);
    let told = samples(&text);
    let of = |name: &str| told.get(name).copied().unwrap_or_else(|| panic!("{name}:\n{text}"));
    for (name, count) in [
        ("instances{region=\"us-west-2\",lifecycle=\"spot\",phase=\"Ready\"}", "2"),
        ("instances{region=\"eu-west-1\",lifecycle=\"spot\",phase=\"Ready\"}", "1"),
        // What is not there is 0.
        ("instances{region=\"us-west-2\",lifecycle=\"spot\",phase=\"Failed\"}", "0"),
        ("instances_by_type{region=\"us-west-2\",machine_type=\"t3.medium\"}", "2"),
        ("instances_wanted{region=\"us-west-2\"}", "2"),
        ("launches_total{region=\"us-west-2\"}", "2"),
        ("interruptions_total{region=\"us-west-2\"}", "0"),
        ("time_to_ready_seconds_count", "3"),
        ("time_to_ready_seconds_bucket{le=\"+Inf\"}", "3"),
        ("phase_duration_seconds_count{phase=\"Configuring\"}", "3"),
        ("aws_requests_total{action=\"RunInstances\",result=\"ok\"}", "3"),
    ] {
        assert_eq!(of(&format!("spot_tui_{name}")).to_string(), count, "{name}");
    }
    assert!(of("spot_tui_cost_per_hour_usd{region=\"us-west-2\"}") > 0.0);
    assert!(of("spot_tui_last_look_timestamp_seconds{region=\"us-west-2\"}") > 1e9);
    for row in stage.model().fleet.instances() {
        let id = row.id().unwrap().as_str();
        assert!(!text.contains(id), "no instance is a label: {id}");
    }
    stage.destroy().await;
    let text = metrics(stage.model(), &calls(), MetricsFormat::Prometheus);
    let left = samples(&text);
    let ready = left.iter().filter(|(name, _)| name.contains("phase=\"Ready\""));
    assert!(ready.map(|(_, count)| *count).sum::<f64>() == 0.0, "{text}");
}

#[tokio::test(start_paused = true)]
async fn both_texts_say_the_same_and_keep_their_forms() {
    let stage = ready().await;
    let plain = metrics(stage.model(), &calls(), MetricsFormat::Prometheus);
    let open = metrics(stage.model(), &calls(), MetricsFormat::OpenMetrics);
    assert!(open.ends_with("# EOF\n"), "{open}");
    assert!(!plain.contains("EOF"));
    assert_eq!(same(&plain), same(&open));
    let names = |text: &str, what: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(what));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    for text in [&plain, &open] {
        let types = names(text, "# TYPE ");
        let unique: BTreeSet<&String> = types.iter().collect();
        assert_eq!(types.len(), unique.len(), "each is described once");
        assert_eq!(types, names(text, "# HELP "));
    }
    for unit in names(&open, "# UNIT ") {
        assert!(unit.ends_with("_usd") || unit.ends_with("_seconds"), "{unit}");
    }
}

/// The metrics that an expression names.
fn named(expression: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression.split(|c| !is_part(c)).filter(|word| word.starts_with("spot_tui_")).collect()
}

#[tokio::test(start_paused = true)]
async fn grafana_s_dashboard_asks_for_what_is_told() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((&dashboard["uid"], &dashboard["id"]), (&"spot-tui".into(), &Value::Null));
    let stage = ready().await;
    let text = metrics(stage.model(), &calls(), MetricsFormat::OpenMetrics);
    // Whatever has no sample yet is described all the same.
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut told: BTreeSet<String> = BTreeSet::new();
    for line in types {
        let (name, kind) = line.split_once(' ').unwrap();
        match kind {
            "counter" => drop(told.insert(format!("{name}_total"))),
            "histogram" => told.extend(["bucket", "sum", "count"].map(|it| format!("{name}_{it}"))),
            "info" => drop(told.insert(format!("{name}_info"))),
            _ => drop(told.insert(name.to_owned())),
        }
    }
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 10);
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            let named = named(expression);
            assert!(!named.is_empty(), "{expression}");
            for name in named {
                assert!(told.contains(name), "{}: {name} is not told", panel["title"]);
            }
        }
    }
}
