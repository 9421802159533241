//! What CloudWatch measures of our instances: GetMetricData, whose every value is paid for. And what it
//! is told of the fleet: PutMetricData.

use std::collections::BTreeMap;

use aws_smithy_types::error::ErrorMetadata;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::access::Ec2;
use super::error::AwsError;
use super::json_service::CLOUDWATCH;
use crate::fleet::cloudwatch::{Figure, InstanceMetrics, Metric, NAMESPACE, PERIOD, Series};
use crate::fleet::{DeploymentId, InstanceId};

/// The most metrics of one call (CloudWatch API reference, GetMetricData).
const QUERIES: usize = 500;
/// The most pages of one call's answer: 16 values of 500 metrics are a twelfth of what one may have.
const PAGES: usize = 10;

/// What one question told, and how many metrics were asked for: that is what AWS charges.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricData {
    /// By instance; those of which nothing is told are not there.
    pub told: BTreeMap<InstanceId, InstanceMetrics>,
    /// How many metrics were asked for.
    pub asked: u64,
}

impl Ec2 {
    /// The values of these metrics in a span of time, each in its own periods (CloudWatch
    /// GetMetricData, 500 metrics a call). Who was launched a moment ago has none yet.
    pub async fn metric_data(
        &self,
        metrics: &[(InstanceId, Metric)],
        span: SignedDuration,
        now: Timestamp,
    ) -> Result<MetricData, AwsError> {
        let mut data = MetricData::default();
        for some in metrics.chunks(QUERIES) {
            data.asked += some.len() as u64;
            for ((id, metric), series) in some.iter().zip(self.series(some, span, now).await?) {
                if !series.points().is_empty() || series.is_partial {
                    data.told.entry(id.clone()).or_default().insert(*metric, series);
                }
            }
        }
        Ok(data)
    }

    /// Tells CloudWatch these figures of a deployment in this region (CloudWatch PutMetricData). Told
    /// twice they are measured twice, at one moment: an average is the same.
    pub async fn put_figures(
        &self,
        figures: &[Figure],
        deployment: &DeploymentId,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let dimensions = json!([
            { "Name": "Deployment", "Value": deployment.as_str() },
            { "Name": "Region", "Value": self.region().as_str() },
        ]);
        let datum = |figure: &Figure| {
            json!({
                "MetricName": figure.name,
                "Dimensions": dimensions,
                "Timestamp": now.as_second(),
                "Value": figure.value,
                "Unit": figure.unit,
            })
        };
        let data: Vec<Value> = figures.iter().map(datum).collect();
        let body = json!({ "Namespace": NAMESPACE, "MetricData": data });
        let told = self.monitoring.call(CLOUDWATCH, "PutMetricData", &body).await;
        told.map_err(self.failed::<ErrorMetadata>("PutMetricData")).map(drop)
    }

    /// The series of one call's metrics, in their order.
    async fn series(
        &self,
        metrics: &[(InstanceId, Metric)],
        span: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<Series>, AwsError> {
        // Whole periods: else CloudWatch would have to cut them anew. The end is excluded.
        let longest = metrics.iter().map(|(_, metric)| metric.period()).max().unwrap_or(PERIOD);
        let end = (now.as_second() / longest.as_secs() + 1) * longest.as_secs();
        let mut body = json!({
            "StartTime": end - span.as_secs(),
            "EndTime": end,
            "MetricDataQueries": metrics.iter().enumerate().map(query).collect::<Vec<_>>(),
        });
        let mut all = vec![Series::default(); metrics.len()];
        for _ in 0..PAGES {
            let page = self.monitoring.call(CLOUDWATCH, "GetMetricData", &body).await;
            let page = page.map_err(self.failed::<ErrorMetadata>("GetMetricData"))?;
            for result in page["MetricDataResults"].as_array().into_iter().flatten() {
                let number = result["Id"].as_str().and_then(|id| id.strip_prefix('m'));
                let number = number.and_then(|number| number.parse::<usize>().ok());
                if let Some(series) = number.and_then(|number| all.get_mut(number)) {
                    series.add(points(result), result["StatusCode"] != "Complete");
                }
            }
            match page["NextToken"].as_str().filter(|token| !token.is_empty()) {
                Some(next) => body["NextToken"] = next.into(),
                None => break,
            }
        }
        Ok(all)
    }
}

/// No unit is named: CloudWatch tells nothing where it is not the one that was measured in.
fn query((number, (id, metric)): (usize, &(InstanceId, Metric))) -> Value {
    json!({
        // It has to begin with a small letter.
        "Id": format!("m{number}"),
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/EC2",
                "MetricName": metric.name(),
                "Dimensions": [{ "Name": "InstanceId", "Value": id.as_str() }],
            },
            "Period": metric.period().as_secs(),
            "Stat": metric.statistic(),
        },
    })
}

/// Moments and values, pair by pair; what is no number is none.
fn points(result: &Value) -> impl Iterator<Item = (Timestamp, f64)> + '_ {
    let list = |key: &str| result[key].as_array().map(Vec::as_slice).unwrap_or_default();
    list("Timestamps").iter().zip(list("Values")).filter_map(|(at, value)| {
        // JSON 1.0 has moments as seconds, with or without a fraction.
        #[expect(clippy::cast_possible_truncation, reason = "a moment out of range is none")]
        let at = Timestamp::from_second(at.as_f64()? as i64).ok()?;
        Some((at, value.as_f64().filter(|value| value.is_finite())?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted;

    fn asked(instances: usize) -> Vec<(InstanceId, Metric)> {
        let four = [Metric::Cpu, Metric::NetworkIn, Metric::NetworkOut, Metric::CpuCredits];
        let id = |number: usize| InstanceId::from(format!("i-{number:017x}").as_str());
        let all = |number| four.map(|metric| (id(number), metric));
        (0..instances).flat_map(all).collect()
    }

    fn now() -> Timestamp {
        "2026-11-28T12:34:56Z".parse().unwrap()
    }

    const SPAN: SignedDuration = SignedDuration::from_mins(80);

    #[tokio::test]
    async fn a_thousand_instances_take_eight_calls_and_cost_four_cents() {
        let (ec2, calls) = scripted::ec2(|_| (200, r#"{"MetricDataResults":[]}"#.into())).await;
        let data = ec2.metric_data(&asked(1000), SPAN, now()).await.unwrap();
        assert_eq!((calls.lock().unwrap().len(), data.asked), (8, 4000));
        assert!((crate::fleet::cloudwatch::usd(data.asked) - 0.04).abs() < 1e-9);
        assert!(data.told.is_empty());
        let first: Value = serde_json::from_str(&calls.lock().unwrap()[0]).unwrap();
        assert_eq!(first["MetricDataQueries"].as_array().unwrap().len(), 500);
        let (start, end) =
            (first["StartTime"].as_i64().unwrap(), first["EndTime"].as_i64().unwrap());
        assert_eq!((start % 300, end - start), (0, 80 * 60), "whole periods");
        assert!(end > now().as_second() && first.get("NextToken").is_none());
    }

    /// As the API reference has it: a page that is not all has PartialData and a token.
    #[tokio::test]
    async fn pages_are_put_together_and_what_stays_partial_says_so() {
        let (ec2, _) = scripted::ec2(|call| {
            let page = if call.contains("NextToken") {
                r#"{"MetricDataResults":[{"Id":"m0","StatusCode":"Complete",
                    "Timestamps":[1795868100],"Values":[20]},
                    {"Id":"m1","StatusCode":"PartialData","Timestamps":[],"Values":[]},
                    {"Id":"m99","StatusCode":"Complete","Timestamps":[1795868100],"Values":[1]},
                    {"Id":"nonsense"}]}"#
            } else {
                r#"{"NextToken":"2","MetricDataResults":[{"Id":"m0","StatusCode":"PartialData",
                    "Timestamps":[1795868700.0,1795868400],"Values":[12.5,null]},
                    {"Id":"m1","StatusCode":"PartialData","Timestamps":[1795868700],
                    "Values":[3000]}]}"#
            };
            (200, page.to_owned())
        })
        .await;
        let data = ec2.metric_data(&asked(1)[..2], SPAN, now()).await.unwrap();
        let told = data.told.into_values().next().unwrap();
        let cpu = &told[&Metric::Cpu];
        let values: Vec<f64> = cpu.points().iter().map(|(_, value)| *value).collect();
        assert_eq!((values, cpu.is_partial), (vec![20.0, 12.5], false), "oldest first");
        assert!(told[&Metric::NetworkIn].is_partial);
    }

    /// The service model has no output for it: the answer may have no body.
    #[tokio::test]
    async fn figures_are_told_by_deployment_and_region_in_one_call() {
        let (ec2, calls) = scripted::ec2(|_| (200, String::new())).await;
        let figures = [
            Figure::count("Instances", 3),
            Figure { name: "UsdPerHour", unit: "None", value: 0.0375 },
        ];
        ec2.put_figures(&figures, &"spot-1".into(), now()).await.unwrap();
        let calls = calls.lock().unwrap();
        let told: Value = serde_json::from_str(&calls[0]).unwrap();
        assert_eq!((calls.len(), &told["Namespace"]), (1, &json!("spot-tui")));
        let dimensions = json!([
            { "Name": "Deployment", "Value": "spot-1" },
            { "Name": "Region", "Value": ec2.region().as_str() },
        ]);
        let second = now().as_second();
        let datum = |name: &str, value: Value, unit: &str| {
            json!({ "MetricName": name, "Dimensions": dimensions, "Timestamp": second,
                    "Value": value, "Unit": unit })
        };
        let data =
            [datum("Instances", json!(3.0), "Count"), datum("UsdPerHour", json!(0.0375), "None")];
        assert_eq!(told["MetricData"], json!(data));
    }

    #[tokio::test]
    async fn a_refusal_names_the_permission() {
        let (ec2, calls) = scripted::ec2(|_| {
            let told = r#"{"__type":"com.amazon.coral.service#AccessDeniedException",
                "Message":"User: a is not authorized to perform: cloudwatch:GetMetricData"}"#;
            (400, told.to_owned())
        })
        .await;
        let error = ec2.metric_data(&asked(1), SPAN, now()).await.unwrap_err();
        assert_eq!(error.hint(), "the identity needs the permission cloudwatch:GetMetricData");
        assert_eq!(calls.lock().unwrap().len(), 1, "what is denied is not repeated");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_throttled_is_asked_again() {
        let tries = std::sync::atomic::AtomicUsize::new(0);
        let (ec2, calls) = scripted::ec2(move |_| {
            match tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => (400, r#"{"__type":"Throttling","message":"Rate exceeded"}"#.to_owned()),
                1 => (503, "<html>".to_owned()),
                _ => (200, "{}".to_owned()),
            }
        })
        .await;
        ec2.metric_data(&asked(1), SPAN, now()).await.unwrap();
        assert_eq!(calls.lock().unwrap().len(), 3);
    }
}
