//! What follows from a key in a dialog, and typing into its fields.

use super::leave::Leave;
use crate::app::command::{Command, Edit};
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

/// The longest text of a field, in bytes.
const FIELD: usize = 1024;

/// Types into a field, or erases.
pub(in crate::app) fn edit(text: &mut String, edit: Edit) {
    match edit {
        Edit::Type(character) => {
            if text.len() + character.len_utf8() <= FIELD {
                text.push(character);
            }
        }
        Edit::Erase => {
            text.pop();
        }
        Edit::EraseAll => text.clear(),
    }
}
