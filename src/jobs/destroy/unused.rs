//! What a create laid out and nobody uses, because there was no room: it goes again.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::Destruction;
use crate::config::Network;
use crate::fleet::Region;
use crate::jobs::context::Context;
use crate::jobs::context::fences::RegionNetwork;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::jobs::intents::destroy_target::DestroyTarget;

/// Removes the networks of these regions in which nothing of the deployment is alive. Answers in how
/// many of them something would not go.
pub(in crate::jobs) async fn remove_unused(
    context: &Arc<Context>,
    regions: BTreeSet<Region>,
    reporter: &Reporter,
) -> usize {
    // Without AWS they stay, and the next destroy finds them.
    let Ok(aws) = context.aws().await else { return 0 };
    let mut removals = JoinSet::new();
    for region in regions {
        let (context, reporter) = (Arc::clone(context), reporter.clone());
        let target = DestroyTarget::Deployment(context.deployment());
        let destruction = Destruction::new(context, aws.region(&region), reporter, target);
        removals.spawn(async move { usize::from(destruction.remove_unused().await) });
    }
    together(removals, || 1).await.into_iter().sum()
}

impl Destruction {
    /// Answers whether something would not go.
    async fn remove_unused(&self) -> bool {
        // What was asked for and not answered may yet come, and another create may be at work: both
        // need the network.
        if !self.unanswered().is_empty() {
            return false;
        }
        self.until_listed().await;
        self.clear().await
    }

    /// Waits until EC2 tells of what was laid out a moment ago: what it does not tell of is not
    /// removed, and holds the rest. For the whole window where nobody knows what that is.
    async fn until_listed(&self) {
        let consistency = self.context.pace.consistency;
        let made = self.context.fences().lay_out(self.region(), consistency).await.clone();
        let ours = self.target.network();
        let settings = self.context.config.as_ref().map(|config| &config.aws);
        let is_dedicated = settings.is_some_and(|aws| aws.network == Network::Dedicated);
        let is_users = settings.is_some_and(|aws| aws.ssh_key_name.is_some());
        let deadline = Instant::now() + consistency;
        while Instant::now() < deadline {
            if let Some(RegionNetwork { network, key_name, .. }) = &made {
                let key_name = key_name.as_deref().filter(|_| !is_users);
                let told = self.ec2.tells_of(&ours, network, key_name, is_dedicated).await;
                // Who may not ask that learns it in the teardown.
                if told.unwrap_or(true) {
                    return;
                }
            }
            sleep(self.context.pace.busy).await;
        }
    }
}
