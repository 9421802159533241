//! Which instances are there: asked often while something changes, seldom when a region has
//! steady. EC2 allows 20 such questions a second. Where nobody watches, a steady region is asked
//! only for those that do not run: to read a hundred that do takes ten milliseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::question::{Question, Seen, WatchedRegion};
use super::survey_region::survey_region;
use crate::aws::AwsError;
use crate::fleet::{Ec2State, InstanceId, Machine, RegionNews};

#[derive(Default)]
pub(super) struct Machines {
    /// When all were looked at; `None` where somebody knows of a change since.
    whole: Option<Instant>,
}

impl Machines {
    /// Whether nothing is known to have changed since a whole look that is good for a while.
    fn is_at_rest(&self, region: &WatchedRegion) -> bool {
        let is_fresh = self.whole.is_some_and(|at| at.elapsed() < region.context.pace.whole);
        is_fresh && !region.seen().is_changing()
    }
}

/// Whether each instance is in the state in which it was seen last.
async fn is_unchanged(region: &WatchedRegion) -> Result<bool, AwsError> {
    let told = region.ec2.not_running(&region.ours()).await?;
    let seen = region.seen();
    let others = seen.machines.iter().filter(|machine| machine.seen.state != Ec2State::Running);
    let seen: BTreeMap<InstanceId, Ec2State> =
        others.map(|machine| (machine.id.clone(), machine.seen.state)).collect();
    Ok(told == seen)
}

impl Question for Machines {
    const NAME: &'static str = "machines";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        let (seen, pace) = (region.seen(), &region.context.pace);
        Some(if seen.is_changing() {
            pace.busy
        } else if seen.machines.iter().any(Machine::is_alive) {
            pace.steady
        } else {
            pace.empty
        })
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let WatchedRegion { context, ec2, reporter, .. } = region;
        if self.is_at_rest(region) && matches!(is_unchanged(region).await, Ok(true)) {
            reporter.learned_of(ec2.region(), RegionNews::Unchanged).await;
            return Ok(());
        }
        let machines = survey_region(context, ec2, reporter).await?;
        self.whole = Some(Instant::now());
        region.note(machines);
        Ok(())
    }

    async fn woken(&mut self, region: &WatchedRegion, _: &mut watch::Receiver<Seen>) {
        region.looked_for().await;
        self.whole = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;
    use crate::aws::{Access, SharedTimeSource, scripted};
    use crate::fleet::{JobId, News};
    use crate::jobs::context::questions::questions;
    use crate::jobs::context::reporter::{ReportReceiver, report_channel};
    use crate::jobs::context::{Context, ContextSettings, Pace};
    use crate::store::Cache;

    const WHOLE: Duration = Duration::from_mins(5);

    /// A region with one instance, and what is asked of it.
    struct Story {
        state: Arc<Mutex<&'static str>>,
        calls: scripted::Calls,
        region: Arc<WatchedRegion>,
        reports: ReportReceiver,
        machines: Machines,
    }

    fn locked<T: Copy>(shared: &Mutex<T>) -> T {
        *shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What EC2 tells of `i-1`, to who asks for all and to who asks for those that do not run.
    fn told(call: &str, state: &str) -> (u16, String) {
        let is_short = call.contains("instance-state-name");
        if is_short && state == "refused" {
            return scripted::refusal("UnauthorizedOperation");
        }
        let state = if state == "refused" { "running" } else { state };
        let tags = [("ManagedBy", "spot-tui"), ("DeploymentId", "spot-1")];
        let inside = scripted::instance("i-1", state, &tags);
        let inside = if is_short && state == "running" { String::new() } else { inside };
        (200, format!("<DescribeInstancesResponse>{inside}</DescribeInstancesResponse>"))
    }

    impl Story {
        async fn new(whole: Duration) -> Self {
            let state = Arc::new(Mutex::new("running"));
            let shown = Arc::clone(&state);
            let (ec2, calls) = scripted::ec2(move |call| told(call, locked(&shown))).await;
            let (asker, _questions) = questions();
            let context = Arc::new(Context::new(ContextSettings {
                pace: Pace { whole, ..Pace::default() },
                ..ContextSettings::new(
                    "spot-1".into(),
                    Access::default(),
                    Cache::new("unused"),
                    asker,
                )
            }));
            let (sender, reports) = report_channel(SharedTimeSource::default());
            let region = WatchedRegion::new(&context, ec2, &sender.reporter(JobId(1)));
            Self { state, calls, region, reports, machines: Machines::default() }
        }

        /// EC2 tells of this state from now on.
        fn becomes(&self, state: &'static str) {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        }

        /// One look: what was asked, and what was learned.
        async fn look(&mut self) -> (String, String) {
            self.machines.ask(&self.region).await.unwrap();
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let asked = calls
                .drain(..)
                .map(|call| if call.contains("instance-state-name") { "short" } else { "whole" });
            let asked = asked.collect::<Vec<_>>().join(" ");
            let learned = std::iter::from_fn(|| self.reports.try_next()).map(|it| match it.news {
                News::Region(_, RegionNews::Unchanged) => "unchanged".to_owned(),
                News::Region(_, RegionNews::Surveyed(machines)) => {
                    machines.iter().map(|machine| machine.seen.state.to_string()).collect()
                }
                other => format!("{other:?}"),
            });
            (asked, learned.collect::<Vec<_>>().join(" "))
        }

        async fn assert_look(&mut self, asked: &str, learned: &str) {
            let look = self.look().await;
            assert_eq!((look.0.as_str(), look.1.as_str()), (asked, learned));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_watches_a_steady_region_tells_only_of_what_does_not_run() {
        let mut story = Story::new(WHOLE).await;
        story.assert_look("whole", "running").await;
        story.assert_look("short", "unchanged").await;
        story.becomes("shutting-down");
        story.assert_look("short whole", "shutting-down").await;
        story.becomes("terminated");
        story.assert_look("whole", "terminated").await;
        story.assert_look("short", "unchanged").await;
        story.becomes("running");
        story.assert_look("short whole", "running").await;
        story.assert_look("short", "unchanged").await;
        tokio::time::advance(WHOLE).await;
        story.assert_look("whole", "running").await;
    }

    #[tokio::test(start_paused = true)]
    async fn all_is_looked_at_where_somebody_knows_better_and_where_little_is_refused() {
        let mut story = Story::new(WHOLE).await;
        story.assert_look("whole", "running").await;
        story.region.look_soon();
        let (_others, mut changes) = watch::channel(Seen::default());
        story.machines.woken(&story.region, &mut changes).await;
        story.assert_look("whole", "running").await;
        story.becomes("refused");
        story.assert_look("short whole", "running").await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_watches_is_shown_all_at_each_look() {
        let mut story = Story::new(Duration::ZERO).await;
        story.assert_look("whole", "running").await;
        story.assert_look("whole", "running").await;
    }
}
