//! What kind of event something is, and whom it is about: for who reads it again.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

use crate::fleet::{Instance, InstanceId, InstanceKey, Phase, Region};

/// What kind of event it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EventKind {
    /// Any other sentence.
    #[default]
    Said,
    /// A look found an instance by its tags.
    Found,
    /// An instance goes on its way.
    Phase,
    /// It works.
    Ready,
    /// Something does not work, or was given up.
    Failed,
    /// AWS refused a launch.
    Refused,
    /// AWS announced that it takes an instance back.
    Interrupted,
    /// AWS took one back.
    Reclaimed,
    /// One is gone that nobody took back.
    Terminated,
    /// A host showed its key.
    HostKey,
    /// A region's network.
    Network,
    /// A job began or ended.
    Job,
}

impl EventKind {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word after `kind:`.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// What a phase is to who looks back.
    pub(super) fn of(phase: &Phase, is_reclaimed: bool) -> Self {
        match phase {
            Phase::Ready => Self::Ready,
            Phase::Failed(_) | Phase::Degraded { .. } => Self::Failed,
            Phase::Interrupted { .. } => Self::Interrupted,
            Phase::Terminated if is_reclaimed => Self::Reclaimed,
            Phase::Terminated => Self::Terminated,
            _ => Self::Phase,
        }
    }

    /// Whether the next start has to know it: what a look finds it finds again.
    pub(super) fn is_kept(self) -> bool {
        self != Self::Found
    }
}

/// Whom an event is about, for who reads it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Its row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<InstanceKey>,
    /// Its id, as soon as it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The phase that it entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
}

impl Origin {
    /// A row of the table.
    pub(super) fn of_row(row: &Instance) -> Self {
        Self {
            row: Some(row.key.clone()),
            instance: row.id().cloned(),
            region: Some(row.region.clone()),
            phase: None,
        }
    }
}
