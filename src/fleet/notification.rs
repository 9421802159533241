//! What is told to people who sit before no screen: one event of a fleet, and of which kind it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use strum::{IntoStaticStr, VariantArray};

use super::text::hexadecimal;
use super::{DeploymentId, Level, Region};

/// What a notification is of: the words of `on` in the configuration.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum NotificationKind {
    /// AWS takes an instance back, or has done so.
    Interrupted,
    /// An instance was given up, or does not work; or one works again that did not.
    Failed,
    /// Instances are launched in the place of interrupted ones, or that is refused.
    Replaced,
    /// An instance was seen working.
    Ready,
    /// A cap on what is spent comes near, or is reached.
    Budget,
    /// An instance is older than it may get.
    Lifetime,
    /// What a day of UTC came to.
    Daily,
    /// What a week of UTC came to, from Monday on.
    Weekly,
    /// That one can be told something. Nobody has to ask for it.
    Test,
}

impl NotificationKind {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;
    /// Those that are told of where the configuration names none: what somebody may want to act on.
    pub const USUAL: [Self; 5] =
        [Self::Interrupted, Self::Failed, Self::Replaced, Self::Budget, Self::Lifetime];

    /// Its word.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

/// One event that somebody asked to be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Whoever tells of the same event again, be it another process, gives it the same id.
    pub id: String,
    /// When it was seen.
    pub at: Timestamp,
    /// Of which kind it is.
    pub kind: NotificationKind,
    /// How serious it is.
    pub level: Level,
    /// Whose it is.
    pub deployment: DeploymentId,
    /// Where it is, if it is in one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Whom it is about: an instance's label, a limit.
    pub about: String,
    /// What happened, in one sentence without control characters.
    pub text: String,
    /// Who is to be told: the targets of the configuration, by name.
    pub to: Vec<String>,
}

#[cfg(test)]
impl Notification {
    /// One for tests, each of its own number: of an instance that was given up in us-west-2.
    pub(crate) fn sample(number: usize) -> Self {
        Self {
            id: format!("{number:032x}"),
            at: Timestamp::UNIX_EPOCH,
            kind: NotificationKind::Failed,
            level: Level::Error,
            deployment: "d".into(),
            region: Some("us-west-2".into()),
            about: format!("i-{number}"),
            text: "gave up".into(),
            to: vec!["ops".into()],
        }
    }
}

/// The id of what happens to this subject; `occasion` tells apart what may happen to it again.
pub fn notification_id(
    deployment: &DeploymentId,
    kind: NotificationKind,
    subject: &str,
    occasion: &str,
) -> String {
    let parts = [deployment.as_str(), kind.word(), subject, occasion];
    // No part holds a line feed: all of them are names or times.
    hexadecimal(&Sha256::digest(parts.join("\n"))[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_has_the_same_id_and_no_other_has() {
        let id = |subject: &str, occasion: &str| {
            notification_id(&"d".into(), NotificationKind::Failed, subject, occasion)
        };
        assert_eq!(id("i-1", ""), id("i-1", ""));
        assert_eq!(id("i-1", "").len(), 32);
        assert_ne!(id("i-1", ""), id("i-2", ""));
        assert_ne!(id("i-1", ""), id("i-1", "2026-11-28T10:00:00Z"));
    }
}
