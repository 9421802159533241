//! The orchestrator's memory of nodes whose instances are gone. Bacalhau never forgets a node by
//! itself; and one that is deleted before its instance has ended registers again.

use std::collections::BTreeSet;

use crate::bacalhau::Node;
use crate::fleet::{DeploymentId, InstanceId, Level};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::node::orchestrator::open_orchestrator;

/// The label in which a node says to which deployment it belongs (`generate_bacalhau_config.sh`).
const DEPLOYMENT: &str = "deployment";

/// Deletes the nodes of these instances, which are gone, and no others. Trouble is said once and
/// never fatal: what costs money is gone.
pub(super) async fn forget(context: &Context, gone: &BTreeSet<InstanceId>, reporter: &Reporter) {
    if gone.is_empty() {
        return;
    }
    match forget_all(context, gone).await {
        Ok(None) => {
            let text = "bacalhau.api is not configured: the orchestrator goes on listing the nodes \
                        of what is destroyed";
            reporter.remarked(Level::Info, text).await;
        }
        Ok(Some(0)) => {}
        Ok(Some(count)) => {
            let text = format!("{count} nodes deleted from the orchestrator");
            reporter.remarked(Level::Success, text).await;
        }
        Err(why) => {
            let text = format!("nodes stay in the orchestrator: {why}");
            reporter.remarked(Level::Warning, text).await;
        }
    }
}

/// How many nodes were deleted; `None` where no orchestrator is configured.
async fn forget_all(
    context: &Context,
    gone: &BTreeSet<InstanceId>,
) -> Result<Option<usize>, String> {
    let opened = open_orchestrator(context).await.map_err(|failure| failure.to_string())?;
    let Some(orchestrator) = opened else { return Ok(None) };
    let deployment = context.deployment();
    let nodes = orchestrator.nodes().await.map_err(|error| error.to_string())?;
    let mut count = 0;
    for node in nodes.iter().filter(|node| is_ours(node, gone, &deployment)) {
        orchestrator.delete(&node.id).await.map_err(|error| error.to_string())?;
        count += 1;
    }
    Ok(Some(count))
}

/// Whether a node is one of the instances that are gone: by its whole name, and unless it says
/// that it belongs to another deployment.
fn is_ours(node: &Node, gone: &BTreeSet<InstanceId>, deployment: &DeploymentId) -> bool {
    gone.contains(&InstanceId::from(node.id.as_str()))
        && node.labels.get(DEPLOYMENT).is_none_or(|of| of == deployment.as_str())
}
