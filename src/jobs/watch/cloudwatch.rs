//! What CloudWatch measured of our instances, where the configuration asks for it: every five minutes,
//! for AWS charges for each metric, and there is nothing new in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use tokio::sync::watch;

use super::question::{Question, Seen, WatchedRegion};
use crate::aws::{AwsError, Class, MetricData, is_burstable};
use crate::config::CpuCredits;
use crate::fleet::cloudwatch::{InstanceMetrics, MOST, Metric, MetricGroup, PERIOD, Series};
use crate::fleet::{Ec2State, InstanceId, Level, Machine, RegionNews};

/// Between two questions: one period.
const PACE: Duration = PERIOD.unsigned_abs();

/// How many of the newest periods may have no value yet: the one that goes on, and what is told late.
const LATEST: usize = 3;

/// Of how long what was charged for is asked anew: what comes late is among it.
const CHARGED: SignedDuration = SignedDuration::from_hours(3);
/// The same where this process knows nothing yet: the one before it may have ended days ago.
const CHARGED_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) struct CloudWatch {
    metrics: Vec<MetricGroup>,
    /// Whether burstable types run with `unlimited` credits.
    is_unlimited: bool,
    /// Those of which it is known what they were charged for before.
    known: BTreeSet<InstanceId>,
    /// Whether this identity may not read it: it is said once and not asked again.
    is_denied: bool,
}

impl CloudWatch {
    pub(super) fn new(metrics: &[MetricGroup], credits: CpuCredits) -> Self {
        Self {
            metrics: metrics.to_vec(),
            is_unlimited: credits == CpuCredits::Unlimited,
            known: BTreeSet::new(),
            is_denied: false,
        }
    }

    /// What is asked for: CPU credits only of what has them, surplus ones only where they are paid for.
    fn asked(&self, seen: &Seen) -> Vec<(InstanceId, Metric)> {
        let running = seen.machines.iter().filter(|it| it.seen.state == Ec2State::Running);
        let of = |machine: &Machine| {
            let all = self.metrics.iter().flat_map(|group| group.metrics());
            let has = |metric: &&Metric| match metric {
                Metric::CpuCredits => is_burstable(&machine.machine_type),
                metric if metric.is_surplus() => {
                    self.is_unlimited && is_burstable(&machine.machine_type)
                }
                _ => true,
            };
            let id = machine.id.clone();
            all.filter(has).map(|metric| (id.clone(), *metric)).collect::<Vec<_>>()
        };
        running.flat_map(of).collect()
    }
}

impl CloudWatch {
    async fn measured(
        &mut self,
        region: &WatchedRegion,
        asked: &[(InstanceId, Metric)],
    ) -> Result<RegionNews, AwsError> {
        // What came late fills its gap, and the newest periods are not told yet: a longer span costs
        // nothing more.
        let span = PERIOD * i32::try_from(MOST + LATEST).unwrap_or(1);
        let now = region.context.now();
        let MetricData { mut told, asked: count } =
            region.ec2.metric_data(asked, span, now).await?;
        told.values_mut().flat_map(BTreeMap::values_mut).for_each(Series::keep_newest);
        let owing = asked.iter().filter(|(_, metric)| *metric == Metric::SurplusOwed);
        let owing: Vec<InstanceId> = owing.map(|(id, _)| id.clone()).collect();
        let charged = self.charged(region, &owing, now).await?;
        let asked = count + owing.len() as u64;
        Ok(RegionNews::Metrics { told, charged, asked })
    }

    /// What surplus credits AWS charged these for, by the hour.
    async fn charged(
        &mut self,
        region: &WatchedRegion,
        owing: &[InstanceId],
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Vec<(Timestamp, f64)>>, AwsError> {
        let is_known = owing.iter().all(|id| self.known.contains(id));
        let span = if is_known { CHARGED } else { CHARGED_BEFORE };
        let asked: Vec<(InstanceId, Metric)> =
            owing.iter().map(|id| (id.clone(), Metric::SurplusCharged)).collect();
        let MetricData { told, .. } = region.ec2.metric_data(&asked, span, now).await?;
        self.known = owing.iter().cloned().collect();
        let points = |metrics: InstanceMetrics| {
            metrics.get(&Metric::SurplusCharged).map(|it| it.points().to_vec()).unwrap_or_default()
        };
        Ok(told.into_iter().map(|(id, metrics)| (id, points(metrics))).collect())
    }
}

impl Question for CloudWatch {
    const NAME: &'static str = "CloudWatch";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        let is_any = region.seen().machines.iter().any(Machine::is_alive);
        (is_any && !self.is_denied).then_some(PACE)
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let asked = self.asked(&region.seen());
        if asked.is_empty() || self.is_denied {
            return Ok(());
        }
        match self.measured(region, &asked).await {
            Ok(news) => region.reporter.learned_of(region.ec2.region(), news).await,
            Err(error) if error.class == Class::Denied => {
                self.is_denied = true;
                let text = format!("CloudWatch is not asked here: {error} ({})", error.hint());
                region.reporter.said_of(region.ec2.region(), Level::Warning, text).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A new instance has nothing to tell for minutes, and each question costs: only the first one
    /// in a region wakes it.
    async fn woken(&mut self, region: &WatchedRegion, changes: &mut watch::Receiver<Seen>) {
        if self.pace(region).is_some() || self.is_denied {
            std::future::pending::<()>().await;
        }
        // The sender lives as long as the region.
        drop(changes.changed().await);
    }
}
