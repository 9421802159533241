//! A machine whose instance was just launched, or whose launch was cut short: it gets what it keeps,
//! and is seen through to a node that works.

use std::sync::Arc;

use super::target::Target;
use crate::aws::Ec2;
use crate::config::MachineConfig;
use crate::fleet::{Ec2State, Failure, HostKey, InstanceKey, Machine, Phase};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::deploy::Begin;
use crate::jobs::node::inputs::DeployInputs;

/// An instance that was launched for a machine.
pub(in crate::jobs) struct Launched {
    pub context: Arc<Context>,
    pub inputs: Arc<DeployInputs>,
    pub ec2: Ec2,
    pub reporter: Reporter,
    pub key: InstanceKey,
    pub machine: Machine,
    /// The key that its host showed to an earlier run.
    pub host_key: Option<HostKey>,
    /// Whether an earlier run launched it.
    pub is_resumed: bool,
}

impl Launched {
    /// Sees it through. Answers whether it works then.
    pub(in crate::jobs) async fn see_through(self, wanted: MachineConfig) -> bool {
        let target = Target {
            context: Arc::clone(&self.context),
            ec2: self.ec2.clone(),
            reporter: self.reporter.clone(),
            key: self.key.clone(),
            id: self.machine.id.clone(),
        };
        match Box::pin(self.run(&target, &wanted)).await {
            Ok(works) => works,
            Err(failure) => {
                target.reporter.entered(&target.key, Phase::Failed(failure)).await;
                false
            }
        }
    }

    async fn run(self, target: &Target, wanted: &MachineConfig) -> Result<bool, Failure> {
        let fit = target.fit(wanted).await?;
        let is_stopped =
            target.look().await.is_ok_and(|it| it.is_some_and(|it| is_at_standstill(&it)));
        let machine = if is_stopped {
            target.bring_up(&self.inputs).await?
        } else {
            target.await_running(&self.inputs).await?
        };
        target.context.pipelines().renew(&target.id);
        let host_key = fit.host_key().or(self.host_key);
        let begin = match host_key {
            // It has just booted from a disk on which all is set up.
            host_key if is_stopped || fit.is_swapped => Begin::Start(host_key),
            Some(host_key) => Begin::Resume(Some(host_key)),
            None if self.is_resumed => Begin::Resume(None),
            None => Begin::Launch,
        };
        let setup = Some(fit.setup(wanted));
        let works = target.see_through(machine, self.inputs, begin, setup).await;
        if works && fit.root.is_some() {
            target.delete_spare(wanted).await;
        }
        Ok(works)
    }
}

fn is_at_standstill(machine: &Machine) -> bool {
    matches!(machine.seen.state, Ec2State::Stopped | Ec2State::Stopping)
}
