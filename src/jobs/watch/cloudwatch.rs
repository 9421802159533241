//! What CloudWatch measured of our instances, where the configuration asks for it: every five minutes,
//! for AWS charges for each metric, and there is nothing new in between.

use std::time::Duration;

use tokio::sync::watch;

use super::question::{Question, Seen, WatchedRegion};
use crate::aws::{AwsError, Class, MetricData, is_burstable};
use crate::fleet::cloudwatch::{MOST, Metric, MetricGroup, PERIOD};
use crate::fleet::{Ec2State, InstanceId, Level, Machine, RegionNews};

/// Between two questions: one period.
const PACE: Duration = PERIOD.unsigned_abs();

/// How many of the newest periods may have no value yet: the one that goes on, and what is told late.
const LATEST: usize = 3;

pub(super) struct CloudWatch {
    metrics: Vec<MetricGroup>,
    /// Whether this identity may not read it: it is said once and not asked again.
    is_denied: bool,
}

impl CloudWatch {
    pub(super) fn new(metrics: &[MetricGroup]) -> Self {
        Self { metrics: metrics.to_vec(), is_denied: false }
    }

    /// What is asked for: CPU credits only of what has them.
    fn asked(&self, seen: &Seen) -> Vec<(InstanceId, Metric)> {
        let running = seen.machines.iter().filter(|it| it.seen.state == Ec2State::Running);
        let of = |machine: &Machine| {
            let all = self.metrics.iter().flat_map(|group| group.metrics());
            let has = |metric: &&Metric| {
                **metric != Metric::CpuCredits || is_burstable(&machine.machine_type)
            };
            let id = machine.id.clone();
            all.filter(has).map(|metric| (id.clone(), *metric)).collect::<Vec<_>>()
        };
        running.flat_map(of).collect()
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
        // What came late fills its gap, and the newest periods are not told yet: a longer span costs
        // nothing more.
        let span = PERIOD * i32::try_from(MOST + LATEST).unwrap_or(1);
        match region.ec2.metric_data(&asked, span, region.context.now()).await {
            Ok(MetricData { told, asked }) => {
                let news = RegionNews::Metrics { told, asked };
                region.reporter.learned_of(region.ec2.region(), news).await;
            }
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
    async fn woken(&self, region: &WatchedRegion, changes: &mut watch::Receiver<Seen>) {
        if self.pace(region).is_some() || self.is_denied {
            std::future::pending::<()>().await;
        }
        // The sender lives as long as the region.
        drop(changes.changed().await);
    }
}
