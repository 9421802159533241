//! What follows from a key in a dialog.

use super::leave::Leave;
use crate::app::Command;
use crate::fleet::Secret;

/// What follows from a key in a dialog.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::app) enum Next {
    /// It stays open.
    Stay,
    /// It closes, and nothing is done.
    Close,
    /// It closes, and this is done.
    Do(Command),
    /// It closes, and the program leaves like this.
    Leave(Leave),
    /// It closes, and the job gets its answer.
    Answer(Secret),
}
