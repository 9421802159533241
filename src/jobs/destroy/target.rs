//! What a destroy leaves nothing of.

use crate::aws::Selector;
use crate::fleet::{DeploymentId, LaunchId};
use crate::store::Intent;

/// What a destroy leaves nothing of in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) enum Target {
    /// A deployment.
    Deployment(DeploymentId),
    /// What one launch made; the deployment's network goes with it when nothing else needs it.
    Launch(DeploymentId, LaunchId),
    /// Everything that this program made in the account.
    Account,
}

impl Target {
    /// What has to end.
    pub(super) fn selector(&self) -> Selector {
        match self {
            Self::Launch(deployment, launch) => Selector::deployment(deployment).made_for(launch),
            other => other.network(),
        }
    }

    /// Whose network goes when nothing in it is alive.
    pub(super) fn network(&self) -> Selector {
        match self {
            Self::Deployment(deployment) | Self::Launch(deployment, _) => {
                Selector::deployment(deployment)
            }
            Self::Account => Selector::everything(),
        }
    }

    /// Whether what this intent makes has to go.
    pub(super) fn covers(&self, intent: &Intent) -> bool {
        match self {
            Self::Deployment(deployment) => intent.deployment == *deployment,
            Self::Launch(deployment, launch) => {
                intent.deployment == *deployment
                    && intent.launch.as_ref().is_some_and(|of| of == launch || of.is_of(launch))
            }
            Self::Account => true,
        }
    }
}
