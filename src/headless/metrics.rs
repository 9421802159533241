//! The model as metrics, for Prometheus: what stands is read off it at the moment of the scrape, so
//! that what is gone is gone here, too. Nothing is a label that has many values: no instance, no id.
//!
//! A price that AWS did not tell has no sample: 0 would be a price.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::app::{Histogram, Model, SECONDS};
use crate::fleet::{Instance, Lifecycle, Region};

/// In which words metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsFormat {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus' own text, 0.0.4.
    Prometheus,
}

impl MetricsFormat {
    /// What a scraper takes, by its header `Accept`.
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// What an answer says of itself.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// What the model does not know: the calls to AWS of this process, by action and result.
pub type Calls = BTreeMap<(String, String), u64>;

/// All metrics of this moment.
pub fn metrics(model: &Model, calls: &Calls, format: MetricsFormat) -> String {
    let mut registry = Registry::with_prefix("spot_tui");
    registry.register_collector(Box::new(Metrics(collect(model, calls))));
    let mut out = String::new();
    let written = match format {
        MetricsFormat::OpenMetrics => text::encode(&mut out, &registry),
        MetricsFormat::Prometheus => prometheus_text::encode(&mut out, &registry),
    };
    // A text takes whatever is written to it.
    written.map_or_else(|_| String::new(), |()| out)
}

type Labels = Vec<(&'static str, String)>;

/// One metric with all its samples.
#[derive(Debug)]
struct Metric {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    samples: Samples,
}

#[derive(Debug)]
enum Samples {
    Gauge(Vec<(Labels, f64)>),
    Counter(Vec<(Labels, f64)>),
    Histogram(Vec<(Labels, Histogram)>),
    Info(Labels),
}

#[derive(Debug)]
struct Metrics(Vec<Metric>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for Metric { name, help, unit, samples } in &self.0 {
            let kind = match samples {
                Samples::Gauge(_) => MetricType::Gauge,
                Samples::Counter(_) => MetricType::Counter,
                Samples::Histogram(_) => MetricType::Histogram,
                Samples::Info(_) => MetricType::Info,
            };
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), kind)?;
            samples.encode(&mut metric)?;
        }
        Ok(())
    }
}

impl Samples {
    fn encode(&self, metric: &mut MetricEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Self::Gauge(samples) => samples
                .iter()
                .try_for_each(|(labels, value)| metric.encode_family(labels)?.encode_gauge(value)),
            Self::Counter(samples) => samples.iter().try_for_each(|(labels, value)| {
                metric.encode_family(labels)?.encode_counter::<Labels, f64, f64>(value, None)
            }),
            Self::Histogram(samples) => samples.iter().try_for_each(|(labels, times)| {
                let ends = SECONDS.iter().copied().chain([f64::INFINITY]);
                let classes: Vec<(f64, u64)> = ends.zip(times.classes).collect();
                let (sum, count) = (times.sum, times.count());
                let mut one = metric.encode_family(labels)?;
                one.encode_histogram::<Labels>(sum, count, &classes, None)
            }),
            Self::Info(labels) => metric.encode_info(labels),
        }
    }
}

fn usd() -> Unit {
    Unit::Other("usd".to_owned())
}

fn gauge(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
) -> Metric {
    Metric { name, help, unit, samples: Samples::Gauge(samples) }
}

fn counter(
    name: &'static str,
    unit: Option<Unit>,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
) -> Metric {
    Metric { name, help, unit, samples: Samples::Counter(samples) }
}

fn in_region(region: &Region) -> Labels {
    vec![("region", region.to_string())]
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

fn size(count: usize) -> f64 {
    number(count as u64)
}

fn collect(model: &Model, calls: &Calls) -> Vec<Metric> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    let build = Metric {
        name: "build",
        help: "The program that tells",
        unit: None,
        samples: Samples::Info(version),
    };
    let mut all = vec![build];
    all.extend(instances(model));
    all.extend(money(model));
    all.extend(happened(model));
    all.extend(questions(model, calls));
    all
}

/// The regions that are of interest: those of the configuration, and those where something is.
fn regions(model: &Model) -> BTreeSet<Region> {
    let configured = model.config.iter().flat_map(|config| &config.regions);
    let configured = configured.map(|it| it.region.clone());
    configured.chain(model.fleet.alive().map(|row| row.region.clone())).collect()
}

const LIFECYCLES: [(&str, Lifecycle); 3] = [
    ("spot", Lifecycle::Spot),
    ("persistent-spot", Lifecycle::PersistentSpot),
    ("on-demand", Lifecycle::OnDemand),
];

/// The phases of what is there. What is over is told by counters.
const PHASES: [&str; 17] = [
    "Planned",
    "Requesting",
    "Pending",
    "Running",
    "Connecting",
    "Uploading",
    "Configuring",
    "Rebooting",
    "Verifying",
    "Ready",
    "Degraded",
    "Interrupted",
    "Stopping",
    "Stopped",
    "Starting",
    "Terminating",
    "Failed",
];

fn instances(model: &Model) -> Vec<Metric> {
    let mut phases: BTreeMap<(&Region, &str, &str), usize> = BTreeMap::new();
    let mut types: BTreeMap<(&Region, &str), usize> = BTreeMap::new();
    let regions = regions(model);
    for region in &regions {
        let lifecycle = model.config.as_ref().and_then(|config| config.region(region));
        let lifecycle = lifecycle.map_or(Lifecycle::Spot, |wanted| wanted.lifecycle);
        for phase in PHASES {
            phases.insert((region, word(lifecycle), phase), 0);
        }
    }
    for row in model.fleet.instances().filter(|row| !row.phase.is_over()) {
        let lifecycle = word(lifecycle(row, model));
        *phases.entry((&row.region, lifecycle, row.phase.word())).or_default() += 1;
        if let Some(machine) = &row.machine {
            *types.entry((&row.region, machine.machine_type.as_str())).or_default() += 1;
        }
    }
    let phases = phases.into_iter().map(|((region, lifecycle, phase), count)| {
        let (region, lifecycle) = (region.to_string(), lifecycle.to_owned());
        let labels =
            vec![("region", region), ("lifecycle", lifecycle), ("phase", phase.to_owned())];
        (labels, size(count))
    });
    let types = types.into_iter().map(|((region, machine_type), count)| {
        let labels = vec![("region", region.to_string()), ("machine_type", machine_type.into())];
        (labels, size(count))
    });
    let wanted = regions.iter().map(|region| {
        // Nobody has asked for any there.
        let count = model.upkeep.wanted(region).unwrap_or_default();
        (in_region(region), f64::from(count))
    });
    vec![
        gauge("instances", None, "Instances by the phase that they are in", phases.collect()),
        gauge("instances_by_type", None, "Instances by machine type", types.collect()),
        gauge("instances_wanted", None, "Instances that there shall be", wanted.collect()),
    ]
}

fn word(lifecycle: Lifecycle) -> &'static str {
    LIFECYCLES.iter().find(|(_, it)| *it == lifecycle).map_or("", |(word, _)| word)
}

fn lifecycle(row: &Instance, model: &Model) -> Lifecycle {
    let planned = || Some(model.config.as_ref()?.region(&row.region)?.lifecycle);
    let told = row.machine.as_ref().map(|machine| machine.birth.lifecycle);
    told.or_else(planned).unwrap_or(Lifecycle::Spot)
}

fn money(model: &Model) -> Vec<Metric> {
    let costs = || model.fleet.costs().iter();
    // What is partial is less than it is: it has a sample of its own.
    let hourly = costs().filter(|(_, cost)| !cost.hourly.is_unknown());
    let hourly = hourly.map(|(region, cost)| (in_region(region), cost.hourly.usd));
    let spent = costs().filter(|(_, cost)| !cost.accrued.is_unknown());
    let spent = spent.map(|(region, cost)| (in_region(region), cost.accrued.usd));
    let partial = costs().filter(|(_, cost)| cost.accrued.is_partial || cost.hourly.is_partial);
    let partial = vec![(Labels::new(), size(partial.count()))];
    let saved = model.fleet.ledger().sum().saved();
    let saved = saved.into_iter().map(|usd| (Labels::new(), usd)).collect();
    let mut prices = Vec::new();
    for (region, known) in model.fleet.market() {
        let types: BTreeSet<&str> =
            known.spot.keys().map(|pool| pool.machine_type.as_str()).collect();
        for machine_type in types {
            let cheapest = known.cheapest(&[machine_type.into()], Lifecycle::Spot);
            let labels =
                vec![("region", region.to_string()), ("machine_type", machine_type.into())];
            prices.extend(cheapest.map(|(_, usd)| (labels, usd)));
        }
    }
    vec![
        gauge("cost_per_hour", Some(usd()), "What everything costs an hour", hourly.collect()),
        counter("spent", Some(usd()), "What was spent since the first day", spent.collect()),
        gauge(
            "regions_with_partial_costs",
            None,
            "Regions in whose costs a price is missing",
            partial,
        ),
        gauge("saved", Some(usd()), "How much less than on demand that was", saved),
        gauge("spot_price_per_hour", Some(usd()), "The cheapest zone's spot price", prices),
    ]
}

fn happened(model: &Model) -> Vec<Metric> {
    let counters = &model.counters;
    let of = |counts: &BTreeMap<Region, u64>| {
        // From the beginning, so that the first one is seen as a rise.
        let zero = regions(model).into_iter().map(|region| (region, 0));
        let mut all: BTreeMap<Region, u64> = zero.collect();
        all.extend(counts.iter().map(|(region, count)| (region.clone(), *count)));
        all.iter().map(|(region, count)| (in_region(region), number(*count))).collect()
    };
    let refusals = counters.refusals.iter().map(|((region, code), count)| {
        (vec![("region", region.to_string()), ("code", code.clone())], number(*count))
    });
    let phases = counters.phases.iter();
    let phases = phases.map(|(phase, times)| (vec![("phase", (*phase).to_owned())], *times));
    let told = [("delivered", model.notify.delivered), ("given_up", model.notify.given_up)];
    let told = told.map(|(result, count)| (vec![("result", result.to_owned())], number(count)));
    let times = |name, help, samples| Metric {
        name,
        help,
        unit: Some(Unit::Seconds),
        samples: Samples::Histogram(samples),
    };
    let replaced = vec![(Labels::new(), number(counters.replacements))];
    vec![
        counter("interruptions", None, "Instances that AWS took back", of(&counters.interruptions)),
        counter("launches", None, "Instances that EC2 made", of(&counters.launches)),
        counter("refusals", None, "Launches that AWS refused, by its code", refusals.collect()),
        counter("replacements", None, "Instances launched in place of others", replaced),
        counter("notifications", None, "Messages to who is told, by result", told.to_vec()),
        times(
            "time_to_ready",
            "From the request until an instance was seen working",
            vec![(Labels::new(), counters.ready)],
        ),
        times("phase_duration", "How long instances were in a phase", phases.collect()),
    ]
}

fn questions(model: &Model, calls: &Calls) -> Vec<Metric> {
    let looks = model.fleet.regions().iter();
    let looks = looks.filter_map(|(region, view)| {
        let at = view.answered?;
        let seconds = at.as_duration().as_secs_f64();
        Some((in_region(region), seconds))
    });
    let calls = calls.iter().map(|((action, result), count)| {
        (vec![("action", action.clone()), ("result", result.clone())], number(*count))
    });
    vec![
        gauge(
            "last_look_timestamp",
            Some(Unit::Seconds),
            "When a region last told what is in it",
            looks.collect(),
        ),
        counter("aws_requests", None, "Requests to AWS, by action and result", calls.collect()),
        counter(
            "cloudwatch_metrics",
            None,
            "Metrics asked for of CloudWatch, which charges for each",
            vec![(Labels::new(), number(model.fleet.metrics_asked()))],
        ),
    ]
}
