//! Reboots instances by EC2, and sees their nodes come back.

use std::sync::Arc;

use super::target::{Target, each_node};
use crate::fleet::{Failure, FailureKind, Instance, JobResult, Step};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::deploy::Begin;
use crate::jobs::node::inputs::DeployInputs;

/// Reboots these, each by itself. One whose host key is not known is rebooted and not looked at.
pub(in crate::jobs) async fn reboot(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    each_node(context, instances, reporter, |target, row, inputs| async move {
        target.reboot(row, inputs).await
    })
    .await
}

impl Target {
    async fn reboot(&self, row: Instance, inputs: Arc<DeployInputs>) -> Result<(), Failure> {
        self.context.rest(&self.key, &self.id);
        self.context.pipelines().renew(&self.id);
        let (Some(machine), Some(host_key)) = (row.machine, row.host_key) else {
            let asked = self.ec2.reboot(&self.id).await;
            return asked.map_err(|error| error.failure(Step::Reboot));
        };
        if self.see_through(machine, inputs, Begin::Reboot(host_key), None).await {
            return Ok(());
        }
        let reason = "it did not come back as it was";
        let hint = "see its row; `spot-tui diagnose` looks closely";
        Err(Failure::new(FailureKind::Node, Step::Reboot, reason, hint))
    }
}
