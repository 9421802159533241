//! How an instance is paid for.

use serde::{Deserialize, Serialize};

/// How an instance is paid for (API field `instanceLifecycle`, and the spot request's type).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// A one-time spot request: it ends with the instance.
    #[default]
    Spot,
    /// A persistent spot request: it launches again until it is cancelled.
    PersistentSpot,
    /// No spot request behind it.
    OnDemand,
}

impl Lifecycle {
    /// The word in the table and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::PersistentSpot => "persistent-spot",
            Self::OnDemand => "on-demand",
        }
    }
}
