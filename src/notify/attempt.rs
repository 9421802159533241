//! What came of one try to deliver a message: by it whoever sends decides about the next.

use std::time::Duration;

/// What came of one try to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It is there.
    Delivered,
    /// It is not, and may be when it is tried again: for this reason, and, where the far side says
    /// so, not before so long.
    Later(String, Option<Duration>),
    /// It will never be: the far side refuses this message.
    Refused(String),
    /// There is nobody there. That may be for a moment: what says so a few times in a row is gone.
    Missing(String),
    /// There is nobody there, and there will never be. What was sent and what comes after it fare
    /// alike.
    Gone(String),
}
