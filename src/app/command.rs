//! The program's vocabulary: what keys, the palette and the command line can ask for.

use super::table::SortKey;
use super::{Counts, Scope};
use crate::fleet::InstanceKey;

/// Something that the user wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Learn who we are and what is there.
    Refresh,
    /// Launch and deploy. Without counts: what the configuration says.
    Create(Option<Counts>),
    /// Destroy, already confirmed.
    Destroy(Scope),
    /// Leave; asks first while jobs change something.
    Quit,

    /// Ctrl-C: leave, and the second time without a question.
    Interrupt,
    /// Ctrl-Z: give the terminal back until `fg`.
    Suspend,

    /// Move the cursor, or scroll, in what has the focus.
    Move(Motion),
    /// Give the focus to the other panel.
    NextPanel,
    /// Put the cursor on a row.
    Select(InstanceKey),
    /// Mark the row under the cursor, or take its mark away.
    Mark,
    /// Type a filter for the table.
    Filter,
    /// Sort by the next column.
    SortNext,
    /// Sort the other way round.
    SortReverse,
    /// Sort by this column; a second time the other way round.
    SortBy(SortKey),
    /// Give the whole screen to the log, or take it back.
    ZoomLog,
    /// Copy the address of the row under the cursor, else its id.
    Copy,

    /// Show everything about the row under the cursor.
    Details,
    /// Explain the keys that work now.
    Help,
    /// Ask how many to create, and where.
    AskCreate,
    /// Ask whether to destroy the marked rows, else the row under the cursor.
    AskDestroy,
    /// Ask whether to destroy what is in the region of the row under the cursor.
    AskDestroyRegion,
    /// Ask whether to destroy the whole deployment.
    AskDestroyAll,

    /// Enter: go on with what is shown.
    Accept,
    /// Escape: close it, or undo the last choice.
    Back,
    /// The choice to the right, from the last to the first.
    NextChoice,
    /// The choice to the left.
    PreviousChoice,
    /// The choice called yes or no. Does not accept it.
    Say(bool),
    /// One more of what the cursor is on.
    More,
    /// One less.
    Less,
    /// A character for a field.
    Type(char),
    /// Take the last character of a field away.
    Erase,
    /// Empty a field.
    EraseAll,
}

/// A way to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One window up.
    PageUp,
    /// One window down.
    PageDown,
    /// To the first line.
    First,
    /// To the last line.
    Last,
}

impl Motion {
    /// The place that a move from `at` leads to among `count` places, with `page` of them in the
    /// window.
    pub fn from(self, at: usize, count: usize, page: usize) -> usize {
        let to = match self {
            Self::Up => at.saturating_sub(1),
            Self::Down => at.saturating_add(1),
            Self::PageUp => at.saturating_sub(page.max(1)),
            Self::PageDown => at.saturating_add(page.max(1)),
            Self::First => 0,
            Self::Last => usize::MAX,
        };
        to.min(count.saturating_sub(1))
    }
}
