//! What CloudWatch tells of instances, where it is asked: values for five minutes each, some minutes
//! late, which AWS charges for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use strum::VariantArray;

/// For how long each value stands: EC2's basic monitoring.
pub const PERIOD: SignedDuration = SignedDuration::from_mins(5);
/// From so long after its period on a newest value is late: basic monitoring takes up to ten minutes,
/// and half as long again is nobody's doing.
const LATE: SignedDuration = SignedDuration::from_mins(15);
/// How many values are kept: twice as many as a graph has columns.
pub const MOST: usize = 16;
/// USD for a metric that is asked for with GetMetricData, outside the free tier (CloudWatch pricing).
const USD: f64 = 0.01 / 1000.0;

/// What is measured (EC2 User Guide, "CloudWatch metrics for your instances").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// The work of its processors, percent.
    Cpu,
    /// Bytes that came in.
    NetworkIn,
    /// Bytes that went out.
    NetworkOut,
    /// The CPU credits that a burstable type has left, each a minute of a whole vCPU.
    CpuCredits,
    /// Those that it spent beyond what it had, and has neither earned back nor paid for.
    SurplusOwed,
    /// Those of them that AWS charges for.
    SurplusCharged,
}

impl Metric {
    /// CloudWatch's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUUtilization",
            Self::NetworkIn => "NetworkIn",
            Self::NetworkOut => "NetworkOut",
            Self::CpuCredits => "CPUCreditBalance",
            Self::SurplusOwed => "CPUSurplusCreditBalance",
            Self::SurplusCharged => "CPUSurplusCreditsCharged",
        }
    }

    /// Whether only burstable types that run with `unlimited` credits have it.
    pub fn is_surplus(self) -> bool {
        matches!(self, Self::SurplusOwed | Self::SurplusCharged)
    }

    /// For how long each of its values stands. What is charged for is told by the hour of the clock: so
    /// a long time is few values.
    pub fn period(self) -> SignedDuration {
        if self == Self::SurplusCharged { SignedDuration::from_hours(1) } else { PERIOD }
    }

    /// What of the measurements of a period is asked for.
    pub fn statistic(self) -> &'static str {
        match self {
            Self::Cpu | Self::CpuCredits | Self::SurplusOwed => "Average",
            Self::NetworkIn | Self::NetworkOut | Self::SurplusCharged => "Sum",
        }
    }
}

impl Metric {
    /// A value as people read it: traffic a second, and all else as it is.
    pub fn rate(self, value: f64) -> f64 {
        match self {
            Self::NetworkIn | Self::NetworkOut => value / PERIOD.as_secs_f64(),
            _ => value,
        }
    }
}

/// What a user asks for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray)]
pub enum MetricGroup {
    /// The work of the processors.
    Cpu,
    /// What comes in and goes out.
    Network,
    /// The CPU credits of burstable types.
    Credits,
}

impl MetricGroup {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// Its word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Network => "network",
            Self::Credits => "credits",
        }
    }

    /// What it stands for.
    pub fn metrics(self) -> &'static [Metric] {
        match self {
            Self::Cpu => &[Metric::Cpu],
            Self::Network => &[Metric::NetworkIn, Metric::NetworkOut],
            Self::Credits => &[Metric::CpuCredits, Metric::SurplusOwed],
        }
    }
}

/// The namespace of what is published: AWS keeps those that begin with `AWS/`.
pub const NAMESPACE: &str = "spot-tui";

/// A figure of the fleet in one region, as CloudWatch is told of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// CloudWatch's word for its unit.
    pub unit: &'static str,
    /// How much it is.
    pub value: f64,
}

impl Figure {
    /// How many there are of something.
    pub fn count(name: &'static str, count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self { name, unit: "Count", value: count.into() }
    }
}

/// What is told of one instance.
pub type InstanceMetrics = BTreeMap<Metric, Series>;

/// The newest values of one metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Each with the beginning of its period, oldest first.
    points: Vec<(Timestamp, f64)>,
    /// Whether CloudWatch says that it does not tell all.
    pub is_partial: bool,
}

impl Series {
    /// Takes in a further page, in any order.
    pub fn add(&mut self, points: impl Iterator<Item = (Timestamp, f64)>, is_partial: bool) {
        self.points.extend(points);
        self.points.sort_by_key(|(at, _)| *at);
        self.points.dedup_by_key(|(at, _)| *at);
        self.is_partial = is_partial;
    }

    /// Keeps no more than are shown.
    pub fn keep_newest(&mut self) {
        self.points.drain(..self.points.len().saturating_sub(MOST));
    }

    /// The values, each with the beginning of its period, oldest first.
    pub fn points(&self) -> &[(Timestamp, f64)] {
        &self.points
    }

    /// The newest value, and when its period ended.
    pub fn newest(&self) -> Option<(Timestamp, f64)> {
        self.points.last().map(|(at, value)| (*at + PERIOD, *value))
    }

    /// Whether the newest value is older than CloudWatch takes: it says nothing of now.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.newest().is_some_and(|(at, _)| now.duration_since(at) > LATE)
    }
}

/// What so many metrics cost.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub fn usd(asked: u64) -> f64 {
    asked as f64 * USD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn pages_make_one_series_whose_newest_may_be_late() {
        let mut series = Series::default();
        assert_eq!((series.newest(), series.is_late(at(0))), (None, false), "silent is not zero");
        series.add([(at(10), 3.0), (at(5), 2.0)].into_iter(), true);
        series.add([(at(5), 2.0), (at(0), 1.0)].into_iter(), false);
        assert_eq!(series.points(), [(at(0), 1.0), (at(5), 2.0), (at(10), 3.0)]);
        assert_eq!(series.newest(), Some((at(15), 3.0)));
        assert!(!series.is_partial && !series.is_late(at(30)) && series.is_late(at(31)));
        series.add((0..40).map(|n| (at(5 * n), 0.0)), false);
        series.keep_newest();
        assert_eq!((series.points().len(), series.points()[MOST - 1].0), (MOST, at(195)));
    }
}
