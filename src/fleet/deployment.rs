//! A deployment as its tags tell of it.

use std::fmt;

use jiff::Timestamp;

use super::DeploymentId;
use super::text::clean_line;

/// A deployment that has something in a region, or in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentSeen {
    /// Its id, from the tag.
    pub deployment: DeploymentId,
    /// Who created it, from the tag.
    pub creator: Option<String>,
    /// How many of its instances are not terminated.
    pub alive: usize,
    /// When its newest part was made, from the tag.
    pub newest: Option<Timestamp>,
}

impl DeploymentSeen {
    /// Who created it, and how many of its instances are alive.
    pub fn about(&self) -> String {
        // Tags are other people's text.
        let creator = clean_line(self.creator.as_deref().unwrap_or("unknown"));
        format!("by {creator}, {} alive", self.alive)
    }
}

impl fmt::Display for DeploymentSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", clean_line(self.deployment.as_str()), self.about())
    }
}
