//! Whether to leave, and how.

use super::leave::Leave;
use super::next::Next;
use crate::app::Left;
use crate::app::command::{Choose, Press};

/// Whether to leave, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuitForm {
    /// What is under way: `create #3 in us-west-2`.
    pub jobs: Vec<String>,
    /// The chosen way's place in [`Leave::ALL`].
    pub at: usize,
    /// Where to.
    pub to: Left,
}

impl QuitForm {
    /// The chosen way.
    pub fn choice(&self) -> Leave {
        Leave::ALL.get(self.at).copied().unwrap_or(Leave::Stay)
    }

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        let count = Leave::ALL.len();
        match press {
            Press::Choose(Choose::Next) => self.at = (self.at + 1) % count,
            Press::Choose(Choose::Previous) => self.at = (self.at + count - 1) % count,
            Press::Accept => return Next::Leave(self.choice()),
            Press::Back | Press::Choose(Choose::No) => return Next::Close,
            Press::Pick(at) => {
                self.at = at.min(count - 1);
                return self.on_press(Press::Accept);
            }
            // There are several ways to say yes.
            Press::Choose(Choose::Yes)
            | Press::Move(_)
            | Press::Edit(_)
            | Press::Complete
            | Press::Recall(_)
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
        Next::Stay
    }
}
