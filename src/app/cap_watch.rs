//! What is remembered of the caps on spending.

use jiff::Timestamp;

/// What was said of caps, and done.
#[derive(Debug, Clone, Default)]
pub(super) struct CapWatch {
    /// Of which caps it was said that they come near, and in which month; and that they are reached.
    pub said: Vec<(&'static str, String, bool)>,
    /// Since when it is known that one is reached.
    pub reached: Option<Timestamp>,
    /// Since when a price is missing of what was spent, or was last asked for.
    pub lacking: Option<Timestamp>,
    /// When it was last tried to destroy all.
    pub ended: Option<Timestamp>,
}
