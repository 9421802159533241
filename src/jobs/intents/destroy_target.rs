//! What a destroy leaves nothing of.

use super::actions::is_nuke;
use crate::aws::Selector;
use crate::fleet::{DeploymentId, LaunchId};
use crate::store::Intent;

/// What a destroy leaves nothing of in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) enum DestroyTarget {
    /// A deployment.
    Deployment(DeploymentId),
    /// What one launch made; the deployment's network goes with it when nothing else needs it.
    Launch(DeploymentId, LaunchId),
    /// Everything that this program made in the account.
    Account,
}

impl DestroyTarget {
    /// What has to end.
    pub(in crate::jobs) fn selector(&self) -> Selector {
        match self {
            Self::Launch(deployment, launch) => Selector::deployment(deployment).made_for(launch),
            other => other.network(),
        }
    }

    /// Whose network goes when nothing in it is alive.
    pub(in crate::jobs) fn network(&self) -> Selector {
        match self {
            Self::Deployment(deployment) | Self::Launch(deployment, _) => {
                Selector::deployment(deployment)
            }
            Self::Account => Selector::everything(),
        }
    }

    /// Of which deployment; `None` for the account.
    pub(in crate::jobs) fn deployment(&self) -> Option<DeploymentId> {
        match self {
            Self::Deployment(deployment) | Self::Launch(deployment, _) => Some(deployment.clone()),
            Self::Account => None,
        }
    }

    /// The launch that is taken back.
    pub(in crate::jobs) fn launch(&self) -> Option<&LaunchId> {
        match self {
            Self::Launch(_, launch) => Some(launch),
            Self::Deployment(_) | Self::Account => None,
        }
    }

    /// Whether what this intent makes, or destroys, has to go.
    pub(in crate::jobs) fn covers(&self, intent: &Intent) -> bool {
        match self {
            Self::Deployment(deployment) => intent.deployment == *deployment && !is_nuke(intent),
            Self::Launch(deployment, launch) => {
                intent.deployment == *deployment
                    && intent.launch.as_ref().is_some_and(|of| of == launch || of.is_of(launch))
            }
            Self::Account => true,
        }
    }
}
