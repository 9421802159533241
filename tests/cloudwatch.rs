//! CloudWatch: what it measures is seen, as late as it is, and asking costs what the arithmetic says.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use spot_tui::app::{Field, figures, measured};
use spot_tui::aws::{Access, Aws, Credentials, Ec2};
use spot_tui::demo::Scenario;
use spot_tui::fleet::cloudwatch::{Figure, Metric, Series, usd};
use spot_tui::fleet::{Amount, InstanceId, LedgerLine, Region, Thing};
use spot_tui::view::columns;

use crate::support::moto::Moto;
use crate::support::stage::Stage;

const REGION: &str = "us-west-2";

/// A dashboard over so many instances that run already.
async fn watching(metrics: &str, count: u32, scenario: &str) -> Stage {
    let config = format!(
        "regions: [{REGION}: {{ machine_type: t3.medium }}]\ncloudwatch: {{ metrics: [{metrics}] }}"
    );
    watching_with(&config, count, scenario).await
}

async fn watching_with(config: &str, count: u32, scenario: &str) -> Stage {
    let mut stage = Stage::patient(config, Scenario::parse(scenario).unwrap());
    assert_eq!(stage.cloud.world.preload_in(REGION, count, "spot-test", "demo"), count);
    stage.open().await;
    stage.until(120, "all are seen", |stage| stage.running().len() == count as usize).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_asked_for_every_five_minutes_and_no_other_time() {
    let mut stage = watching("cpu, network, credits", 3, "{}").await;
    let all = |stage: &Stage| stage.running().iter().all(|row| row.metrics.len() == 4);
    stage.until(60, "each is measured", all).await;
    let (calls, asked) = (stage.calls("GetMetricData"), stage.model().fleet.metrics_asked());
    assert_eq!((calls, asked), (1, 3 * 4));
    stage.pass(3660).await;
    let more = stage.calls("GetMetricData") - calls;
    assert_eq!(more, 12, "twelve periods, and the calls themselves");
    assert_eq!(stage.model().fleet.metrics_asked() - asked, 12 * 12);

    let (row, now) = (stage.running()[0], stage.model().now);
    let newest = row.metrics[&Metric::Cpu].newest().unwrap();
    let age = now.duration_since(newest.0);
    let as_late_as_basic = SignedDuration::from_mins(4)..SignedDuration::from_mins(15);
    assert!(as_late_as_basic.contains(&age), "{age:?}");
    assert_eq!(row.metrics[&Metric::Cpu].points().len(), 16, "as many as are drawn");
    for (field, unit) in [(Field::Cpu5m, "%"), (Field::NetIn, "B/s"), (Field::Credits, "")] {
        let said = columns::text(field, row, now);
        assert!(said.ends_with(unit) && !said.is_empty(), "{field:?}: {said}");
    }
    let shown: Vec<Field> = stage.model().table.columns.shown().collect();
    assert!(shown.contains(&Field::Credits) && shown.contains(&Field::NetOut), "{shown:?}");
    // What comes no more says nothing of now, and is no column's value.
    assert_eq!(measured(Field::Cpu5m, row, now + SignedDuration::from_mins(20)), None);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_instances_cost_the_calls_that_arithmetic_says() {
    let mut stage = watching("cpu, network, credits", 1000, "{}").await;
    let all = |stage: &Stage| stage.running().iter().all(|row| row.metrics.len() == 4);
    stage.until(120, "each is measured", all).await;
    let before = (stage.calls("GetMetricData"), stage.model().fleet.metrics_asked());
    assert_eq!(before, (8, 4000), "500 a call");
    stage.pass(3660).await;
    let asked = stage.model().fleet.metrics_asked() - before.1;
    assert_eq!((stage.calls("GetMetricData") - before.0, asked), (96, 48_000));
    assert!((usd(asked) - 0.48).abs() < 1e-9, "{} an hour", usd(asked));
}

/// All processors of two t3.medium at work: 96 surplus credits an hour each, $0.08, of which a day's 576
/// are owed and all more are charged for.
#[tokio::test(start_paused = true)]
async fn surplus_credits_are_in_the_sums_as_far_as_cloudwatch_tells_of_them() {
    let config = "aws: { cpu_credits: unlimited }\ncloudwatch: { metrics: [credits] }\n\
                  regions: [us-west-2: { machine_type: t3.medium }]";
    let mut stage = watching_with(config, 2, "cpu_percent: 100").await;
    let sum =
        |stage: &Stage| -> Amount { stage.running().iter().map(|row| row.cost.accrued).sum() };
    assert!(sum(&stage).is_partial, "nobody told of them yet");
    let is_told = |stage: &Stage| stage.running().iter().all(|row| row.metrics.len() == 2);
    stage.until(60, "each is measured", is_told).await;
    assert_eq!(stage.model().fleet.metrics_asked(), 2 * 3);
    stage.pass(9 * 3600).await;
    assert!(!sum(&stage).is_partial, "{:?}", stage.model().fleet.ledger().sum());
    let row = stage.running()[0];
    let (told, owed) = row.metrics[&Metric::SurplusOwed].newest().unwrap();
    assert_eq!(format!("{owed:.0}"), "576", "a day's");
    // It ran some seconds after its launch.
    let hours =
        told.duration_since(row.machine.as_ref().unwrap().birth.launched).as_secs_f64() / 3600.0;
    let fleet = &stage.model().fleet;
    let lines = fleet.open_hours(stage.model().now, |_, _| BTreeMap::new());
    let open = lines.iter().filter_map(|line| match line {
        LedgerLine::Entry(entry) if entry.thing == Thing::SurplusCredits => entry.usd,
        _ => None,
    });
    let posted = fleet.ledger().sum().things[&Thing::SurplusCredits];
    let usd = posted.usd + open.sum::<f64>();
    assert!(
        posted.usd > 0.16 && (usd - 2.0 * 0.08 * hours).abs() < 1e-3,
        "{posted}, {usd} in {hours} h"
    );
}

#[tokio::test(start_paused = true)]
async fn who_may_not_read_it_is_told_once_and_nothing_is_asked_again() {
    let denied = "calls: [{ action: GetMetricData, count: 99, trouble: { error: { status: 400, \
                  code: AccessDenied, message: 'not authorized: cloudwatch:GetMetricData' } } }]";
    let mut stage = watching("cpu", 2, denied).await;
    stage.pass(3660).await;
    assert_eq!(stage.calls("GetMetricData"), 1);
    let said =
        stage.log().matches("the identity needs the permission cloudwatch:GetMetricData").count();
    assert_eq!(said, 1, "{}", stage.log());
}

/// By the process that holds the state, every five minutes, and in no other region.
#[tokio::test(start_paused = true)]
async fn the_fleet_s_own_figures_are_told_where_that_is_wished() {
    let config = format!(
        "cloudwatch: {{ publish: true }}\nregions: [{REGION}: {{ machine_type: t3.medium }}]"
    );
    let mut stage = watching_with(&config, 2, "{}").await;
    stage.until(60, "they are told", |stage| stage.calls("PutMetricData") == 1).await;
    stage.pass(3660).await;
    assert_eq!(stage.calls("PutMetricData"), 13);
    let figures = figures(stage.model());
    assert_eq!(figures.keys().map(Region::as_str).collect::<Vec<_>>(), [REGION]);
    let told: BTreeMap<&str, f64> =
        figures.values().flatten().map(|figure| (figure.name, figure.value)).collect();
    assert_eq!((told["Instances"], told.contains_key("UsdPerHour")), (2.0, true), "{told:?}");
    assert!(told["UsdPerHour"] > 0.0);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_tell_figures_is_told_once() {
    let config = format!(
        "cloudwatch: {{ publish: true }}\nregions: [{REGION}: {{ machine_type: t3.medium }}]"
    );
    let denied = "calls: [{ action: PutMetricData, count: 99, trouble: { error: { status: 400, \
                  code: AccessDenied, message: 'not authorized: cloudwatch:PutMetricData' } } }]";
    let mut stage = watching_with(&config, 2, denied).await;
    stage.pass(3660).await;
    assert_eq!(stage.calls("PutMetricData"), 1);
    let needs = "the identity needs the permission cloudwatch:PutMetricData";
    assert_eq!(stage.log().matches(needs).count(), 1, "{}", stage.log());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_configured_is_not_asked_for() {
    let mut stage = watching("", 2, "{}").await;
    stage.pass(1200).await;
    assert_eq!((stage.calls("GetMetricData"), stage.calls("PutMetricData")), (0, 0));
    assert!(!stage.model().table.columns.shown().any(|field| field == Field::Credits));
}

/// moto reads JSON by the service's own model, and answers with what was put into AWS/EC2.
#[tokio::test]
async fn moto_understands_the_question_and_is_understood() {
    let moto = Moto::start();
    let ec2 = asks(&moto).await;
    let now = jiff::Timestamp::now();
    let id = InstanceId::from("i-0123456789abcdef0");
    let at = now - SignedDuration::from_mins(12);
    for (name, value) in [("CPUUtilization", 12.5), ("CPUCreditBalance", 288.0)] {
        put(&moto, name, id.as_str(), at, value).await;
    }
    let asked = [
        (id.clone(), Metric::Cpu),
        (id.clone(), Metric::NetworkIn),
        (id.clone(), Metric::CpuCredits),
    ];
    let span = SignedDuration::from_mins(80);
    let data = ec2.metric_data(&asked, span, now).await.unwrap();
    let told = &data.told[&id];
    let value = |metric| told.get(&metric).and_then(Series::newest).map(|(_, value)| value);
    assert_eq!(value(Metric::Cpu), Some(12.5));
    assert_eq!(value(Metric::CpuCredits), Some(288.0));
    assert_eq!(value(Metric::NetworkIn), None, "nothing was measured: that is not zero");
    let (ended, _) = told[&Metric::Cpu].newest().unwrap();
    assert!(ended >= at && ended <= at + SignedDuration::from_mins(10), "{at} {ended}");
    assert_eq!(data.asked, 3);
}

/// What we tell moto's CloudWatch it tells whoever asks.
#[tokio::test]
async fn moto_keeps_the_figures_that_it_is_told() {
    let moto = Moto::start();
    let ec2 = asks(&moto).await;
    let now = jiff::Timestamp::now();
    let told =
        [Figure::count("Instances", 3), Figure { name: "UsdPerHour", unit: "None", value: 0.0375 }];
    ec2.put_figures(&told, &"spot-1".into(), now).await.unwrap();
    let query = |figure: &Figure| {
        json!({ "Id": figure.name.to_lowercase(), "MetricStat": { "Period": 300, "Stat": "Average",
            "Metric": { "Namespace": "spot-tui", "MetricName": figure.name, "Dimensions": [
                { "Name": "Deployment", "Value": "spot-1" }, { "Name": "Region", "Value": REGION }] } } })
    };
    let queries: Vec<_> = told.iter().map(query).collect();
    let (start, end) = (now.as_second() - 600, now.as_second() + 600);
    let body = json!({ "StartTime": start, "EndTime": end, "MetricDataQueries": queries });
    let answer = call(&moto, "GetMetricData", &body).await;
    let values: Vec<_> = (0..2).map(|at| &answer["MetricDataResults"][at]["Values"]).collect();
    assert_eq!(values, [&json!([3.0]), &json!([0.0375])], "{answer}");
}

/// The program's own calls, to moto.
async fn asks(moto: &Moto) -> Ec2 {
    let access = Access {
        endpoint: Some(moto.url()),
        credentials: Some(Credentials::new("key", "secret", None, None, "test")),
        ..Access::default()
    };
    Aws::open(&access).await.unwrap().region(&REGION.into())
}

/// As whoever measures tells CloudWatch.
async fn put(moto: &Moto, name: &str, id: &str, at: jiff::Timestamp, value: f64) {
    let datum = json!({ "MetricName": name, "Timestamp": at.as_second(), "Value": value,
                        "Dimensions": [{ "Name": "InstanceId", "Value": id }] });
    call(moto, "PutMetricData", &json!({ "Namespace": "AWS/EC2", "MetricData": [datum] })).await;
}

/// Calls moto's CloudWatch by hand.
async fn call(moto: &Moto, action: &str, body: &Value) -> Value {
    let scope = format!("Credential=key/20261128/{REGION}/monitoring/aws4_request");
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(moto.url());
    let answer = request
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("GraniteServiceVersion20100801.{action}"))
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
        )
        .timeout(Duration::from_secs(30))
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
}
