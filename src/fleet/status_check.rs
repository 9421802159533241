//! EC2's own checks of an instance: of the machine under it, of its system, and of its disks.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What EC2 looks at (EC2 User Guide, "Status checks for Amazon EC2 instances").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusCheck {
    /// The host: power, network, hardware. AWS mends it, or a stop and a start move the instance.
    System,
    /// The instance's own system: it hangs, or its network is set up wrong.
    Instance,
    /// Its volumes: they do not answer.
    AttachedEbs,
}

impl StatusCheck {
    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Instance => "instance",
            Self::AttachedEbs => "EBS",
        }
    }
}

/// A check that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedCheck {
    /// Which.
    pub check: StatusCheck,
    /// Since when, where EC2 says so.
    pub since: Option<Timestamp>,
}

impl fmt::Display for FailedCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EC2's {} status check fails", self.check.word())?;
        match self.since {
            Some(since) => write!(f, " since {} UTC", since.strftime("%H:%M")),
            None => Ok(()),
        }
    }
}

/// All that fail in one sentence; empty where none does.
pub(super) fn told(failed: &[FailedCheck]) -> String {
    failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
