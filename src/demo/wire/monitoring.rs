//! CloudWatch, as far as anybody here asks it: GetMetricData of the metrics that EC2 measures by
//! itself, in JSON 1.0 (service model 2010-08-01: shapes, limits and the words of its statuses; EC2
//! User Guide, "CloudWatch metrics for your instances": names, units, what only burstable types
//! have). Basic monitoring: a value for each whole five minutes, some minutes later.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::message::Answer;
use super::services::json_answer;
use crate::demo::world::instance::Instance;
use crate::demo::world::region::RegionWorld;
use crate::demo::world::{Refusal, State};

const PERIOD: SignedDuration = SignedDuration::from_mins(5);
/// How long a value takes to be told.
const DELAY: SignedDuration = SignedDuration::from_mins(4);
/// The most metrics, and the most values, of one answer (API reference, GetMetricData).
const MOST_METRICS: usize = 500;
const MOST_VALUES: usize = 100_800;
/// The work of processors, percent, over some hours.
const MEAN: f64 = 12.0;

/// Answers a call.
pub(super) fn answer(
    state: &State,
    region: &str,
    action: &str,
    body: &[u8],
    request_id: &str,
) -> Answer {
    let asked = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let answered = match (action, state.regions.get(region)) {
        ("GetMetricData", Some(region)) => metric_data(region, &asked),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    };
    json_answer(answered, request_id)
}

fn metric_data(region: &RegionWorld, asked: &Value) -> Result<Value, Refusal> {
    let invalid = |message: &str| Refusal::with_status(400, "ValidationError", message.to_owned());
    let queries = asked["MetricDataQueries"].as_array().map(Vec::as_slice).unwrap_or_default();
    if queries.len() > MOST_METRICS {
        return Err(invalid(
            "The collection MetricDataQueries must not have a size greater than 500.",
        ));
    }
    let (Some(start), Some(end)) = (moment(&asked["StartTime"]), moment(&asked["EndTime"])) else {
        return Err(invalid("The parameters StartTime and EndTime are required."));
    };
    if start >= end {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    let mut left = MOST_VALUES;
    let results: Vec<Value> = queries
        .iter()
        .map(|query| {
            let all = series(region, query, start, end);
            let shown: Vec<&(Timestamp, f64)> = all.iter().rev().take(left).collect();
            left -= shown.len();
            json!({
                "Id": query["Id"],
                "Label": query["MetricStat"]["Metric"]["MetricName"],
                "Timestamps": shown.iter().map(|(at, _)| at.as_second()).collect::<Vec<_>>(),
                "Values": shown.iter().map(|(_, value)| value).collect::<Vec<_>>(),
                "StatusCode": if shown.len() < all.len() { "PartialData" } else { "Complete" },
            })
        })
        .collect();
    Ok(json!({ "MetricDataResults": results, "Messages": [] }))
}

fn moment(value: &Value) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a moment out of range is none")]
    Timestamp::from_second(value.as_f64()? as i64).ok()
}

/// The values of one metric, oldest first: nothing of what is not there or not measured.
fn series(
    region: &RegionWorld,
    query: &Value,
    start: Timestamp,
    end: Timestamp,
) -> Vec<(Timestamp, f64)> {
    let asked = &query["MetricStat"];
    let metric = &asked["Metric"];
    let id = metric["Dimensions"].as_array().and_then(|list| {
        let is_id = |it: &&Value| it["Name"] == "InstanceId";
        list.iter().find(is_id)?["Value"].as_str()
    });
    let instance = id.and_then(|id| region.instances.get(id));
    let since = instance.and_then(|instance| instance.running_since);
    let (Some(instance), Some(since)) = (instance, since) else { return Vec::new() };
    if metric["Namespace"] != "AWS/EC2" || asked["Period"] != json!(PERIOD.as_secs()) {
        return Vec::new();
    }
    let name = metric["MetricName"].as_str().unwrap_or_default();
    let first = start.max(since).as_second().div_euclid(PERIOD.as_secs()) * PERIOD.as_secs();
    let periods =
        std::iter::successors(Timestamp::from_second(first).ok(), |at| at.checked_add(PERIOD).ok());
    let told = |at: &Timestamp| *at < end && *at + PERIOD + DELAY <= region.now;
    periods
        .skip_while(|at| *at < start)
        .take_while(told)
        .filter_map(|at| Some((at, value(instance, name, at, since)?)))
        .collect()
}

/// What was measured in the period from then on: a load that comes and goes over an hour, each
/// instance's at another time, and what comes of it.
#[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
fn value(instance: &Instance, name: &str, at: Timestamp, since: Timestamp) -> Option<f64> {
    let minutes = (at.as_second().rem_euclid(86_400) / 60) as f64;
    let own = f64::from(instance.ordinal % 12) * 5.0;
    let load = MEAN + 8.0 * ((minutes + own) / 60.0 * std::f64::consts::TAU).sin();
    let hours = (at + PERIOD).duration_since(since).as_secs_f64().max(0.0) / 3600.0;
    match name {
        "CPUUtilization" => Some(load),
        "NetworkIn" => Some((load * 300_000.0).round()),
        "NetworkOut" => Some((load * 90_000.0).round()),
        // It earns its baseline and spends its load, a credit for a minute of a whole vCPU.
        "CPUCreditBalance" => {
            instance.credits.as_ref()?;
            let an_hour = |share: f64| share * f64::from(instance.shape.vcpus) * 60.0;
            let earned = an_hour(instance.shape.baseline());
            Some(((earned - an_hour(MEAN / 100.0)) * hours).clamp(0.0, earned * 24.0).round())
        }
        _ => None,
    }
}
