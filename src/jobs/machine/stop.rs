//! Stops instances, and waits until they could be started again.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::target::{Target, each, gone};
use crate::aws::{AwsError, Class, retry_until};
use crate::fleet::{
    Ec2State, Failure, FailureKind, Instance, JobResult, Level, Machine, Phase, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::monitored::MonitoredNode;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::hooks::{self, Hook};
use crate::retry::STOP_TIMEOUT;

/// Stops these, each by itself. It is over when the instance is `stopped` and its spot request
/// `disabled`: before that nobody can start it again (EC2 User Guide, "Spot request status").
pub(in crate::jobs) async fn stop(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    each(context, instances, reporter, |target, _| async move { target.stop().await }).await
}

impl Target {
    async fn stop(&self) -> Result<(), Failure> {
        let is_it = |node: &MonitoredNode| node.key == self.key;
        hooks::visit_all(&self.context, Hook::Stop, is_it, &self.reporter).await;
        self.begin_stop().await?;
        self.await_stop().await
    }

    /// Asks EC2 to stop it. Where that is refused, its node is looked at on.
    pub(super) async fn begin_stop(&self) -> Result<(), Failure> {
        // Before the call: a request that is marked for our own stop looks like one that AWS is
        // about to stop, and a node that goes down like one that does not work.
        let node = self.context.rest(&self.key, &self.id);
        let ask = || async {
            let asked = self.ec2.stop(std::slice::from_ref(&self.id)).await;
            asked.into_iter().next().map_or(Ok(()), |(_, asked)| asked)
        };
        // EC2 takes five stops a second in a region, and many are asked for at once.
        let is_throttled = |error: &AwsError| error.class == Class::Retry;
        if let Err(error) = retry_until(Instant::now() + STOP_TIMEOUT, is_throttled, ask).await {
            self.context.pipelines().renew(&self.id);
            if let Some(node) = node {
                self.context.monitor(node);
            }
            return Err(error.failure(Step::Stop));
        }
        self.reporter.entered(&self.key, Phase::Stopping).await;
        Ok(())
    }

    /// A request that ends takes an instance that is stopped along.
    async fn tell_validity(&self, machine: &Machine) {
        let request = machine.seen.request.as_ref();
        let Some(until) = request.and_then(|request| request.valid_until) else { return };
        let until = until.strftime("%Y-%m-%d %H:%M UTC");
        let text = format!("its spot request is valid until {until}; then EC2 may end it");
        self.say(Level::Info, text).await;
    }

    async fn await_stop(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut waits_for_request = false;
        loop {
            match self.look().await {
                Ok(Some(machine)) if machine.is_at_rest() => {
                    self.tell_validity(&machine).await;
                    return Ok(());
                }
                Ok(None) => return Err(gone(Step::Stop, &self.id)),
                Ok(Some(machine)) => match machine.seen.state {
                    Ec2State::ShuttingDown | Ec2State::Terminated => {
                        return Err(gone(Step::Stop, &self.id));
                    }
                    Ec2State::Stopped if !waits_for_request => {
                        waits_for_request = true;
                        let text = "stopped; its spot request follows within two minutes";
                        self.say(Level::Info, text).await;
                    }
                    _ => {}
                },
                // It stops by itself; that nobody may see it now changes nothing.
                Err(error) => tracing::debug!(%error, "cannot see whether it stops"),
            }
            if Instant::now() >= deadline {
                let after = STOP_TIMEOUT.as_secs() / 60;
                return Err(Failure::new(
                    FailureKind::Aws,
                    Step::Stop,
                    format!("not at rest after {after} min"),
                    "it stops by itself: `spot-tui list` shows when",
                ));
            }
            sleep(self.context.pace.busy).await;
        }
    }
}
