//! CloudWatch, as far as anybody here asks it: GetMetricData of the metrics that EC2 measures by
//! itself, and PutMetricData, of which nothing is kept, in JSON 1.0 (service model 2010-08-01: shapes, limits and the words of its statuses; EC2
//! User Guide, "CloudWatch metrics for your instances": names, units, what only burstable types
//! have; "Unlimited mode concepts": when surplus credits are charged for). Basic monitoring: a value for
//! each whole five minutes, some minutes later; a longer period is made of these.

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
/// The work of processors, percent, over some hours, where no scenario says otherwise.
const MEAN: u8 = 12;

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
        ("GetMetricData", Some(region)) => {
            let mean = state.laws.scenario.cpu_percent.unwrap_or(MEAN);
            metric_data(region, mean.into(), &asked)
        }
        ("PutMetricData", Some(_)) => put(&asked),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    };
    json_answer(answered, request_id)
}

fn metric_data(region: &RegionWorld, mean: f64, asked: &Value) -> Result<Value, Refusal> {
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
            let all = series(region, mean, query, start, end);
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
    mean: f64,
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
    let period = asked["Period"].as_i64().filter(|period| period % PERIOD.as_secs() == 0);
    let Some(period) = period.filter(|_| metric["Namespace"] == "AWS/EC2") else {
        return Vec::new();
    };
    let name = metric["MetricName"].as_str().unwrap_or_default();
    let first = start.max(since).as_second().div_euclid(PERIOD.as_secs()) * PERIOD.as_secs();
    let periods =
        std::iter::successors(Timestamp::from_second(first).ok(), |at| at.checked_add(PERIOD).ok());
    let told = |at: &Timestamp| *at < end && *at + PERIOD + DELAY <= region.now;
    let points = periods
        .skip_while(|at| *at < start)
        .take_while(told)
        .filter_map(|at| Some((at, value(instance, mean, name, at, since)?)));
    in_periods(points, period, asked["Stat"] == "Sum")
}

/// The values of longer periods, each with its beginning.
fn in_periods(
    points: impl Iterator<Item = (Timestamp, f64)>,
    period: i64,
    is_sum: bool,
) -> Vec<(Timestamp, f64)> {
    let mut periods: Vec<(Timestamp, f64, f64)> = Vec::new();
    for (at, value) in points {
        let begin = at - SignedDuration::from_secs(at.as_second().rem_euclid(period));
        match periods.last_mut() {
            Some((last, sum, count)) if *last == begin => {
                (*sum, *count) = (*sum + value, *count + 1.0);
            }
            _ => periods.push((begin, value, 1.0)),
        }
    }
    let of = |(at, sum, count)| (at, if is_sum { sum } else { sum / count });
    periods.into_iter().map(of).collect()
}

/// The most metrics of one call (API reference, PutMetricData).
const MOST_DATA: usize = 1000;

/// PutMetricData: refused where the API reference says so.
fn put(asked: &Value) -> Result<Value, Refusal> {
    let refused = |code, message: &str| Err(Refusal::with_status(400, code, message.to_owned()));
    let namespace = asked["Namespace"].as_str().unwrap_or_default();
    if namespace.is_empty() || namespace.starts_with("AWS/") {
        return refused(
            "InvalidParameterValue",
            "The value AWS/ for parameter Namespace is invalid.",
        );
    }
    let data = asked["MetricData"].as_array().map(Vec::as_slice).unwrap_or_default();
    if data.is_empty() || data.len() > MOST_DATA {
        let message = "The collection MetricData must have a size of 1 to 1000.";
        return refused("InvalidParameterValue", message);
    }
    let is_whole = |it: &&Value| it["MetricName"].is_string() && it["Value"].is_number();
    if data.iter().filter(is_whole).count() < data.len() {
        return refused("MissingParameter", "MetricData.member.1.Value is required.");
    }
    Ok(json!({}))
}

/// What was measured in the period from then on: a load that comes and goes over an hour, each
/// instance's at another time, and what comes of it.
#[expect(clippy::cast_precision_loss, reason = "seconds of some days")]
fn value(
    instance: &Instance,
    mean: f64,
    name: &str,
    at: Timestamp,
    since: Timestamp,
) -> Option<f64> {
    let minutes = (at.as_second().rem_euclid(86_400) / 60) as f64;
    let own = f64::from(instance.ordinal % 12) * 5.0;
    let load = mean + 8.0 * ((minutes + own) / 60.0 * std::f64::consts::TAU).sin();
    let load = load.clamp(0.0, 100.0);
    let hours = |until: Timestamp| until.duration_since(since).as_secs_f64().max(0.0) / 3600.0;
    let credits = Credits::of(instance, mean);
    match name {
        "CPUUtilization" => Some(load),
        "NetworkIn" => Some((load * 300_000.0).round()),
        "NetworkOut" => Some((load * 90_000.0).round()),
        // It earns its baseline and spends its load, a credit for a minute of a whole vCPU.
        "CPUCreditBalance" => Some(credits?.balance(hours(at + PERIOD))),
        "CPUSurplusCreditBalance" => Some(credits?.owed(hours(at + PERIOD))),
        "CPUSurplusCreditsCharged" => {
            let charged = |until| Some(credits?.charged(hours(until)));
            Some(charged(at + PERIOD)? - charged(at)?)
        }
        _ => None,
    }
}

/// What a burstable instance earns and spends in an hour.
#[derive(Clone, Copy)]
struct Credits {
    earned: f64,
    spent: f64,
    is_unlimited: bool,
}

impl Credits {
    fn of(instance: &Instance, mean: f64) -> Option<Self> {
        let is_unlimited = instance.credits.as_deref()? == "unlimited";
        let an_hour = |share: f64| share * f64::from(instance.shape.vcpus) * 60.0;
        let (earned, spent) = (an_hour(instance.shape.baseline()), an_hour(mean / 100.0));
        Some(Self { earned, spent, is_unlimited })
    }

    /// What it earns in a day: as much as it may have, or owe.
    fn most(self) -> f64 {
        self.earned * 24.0
    }

    fn balance(self, hours: f64) -> f64 {
        ((self.earned - self.spent) * hours).clamp(0.0, self.most()).round()
    }

    /// What it has spent beyond what it earned.
    fn surplus(self, hours: f64) -> f64 {
        if self.is_unlimited { ((self.spent - self.earned) * hours).max(0.0) } else { 0.0 }
    }

    fn owed(self, hours: f64) -> f64 {
        self.surplus(hours).min(self.most())
    }

    fn charged(self, hours: f64) -> f64 {
        (self.surplus(hours) - self.most()).max(0.0)
    }
}
