//! The program's vocabulary: what keys, the palette and the command line can ask for.

use super::{Counts, Field, Pane, Panel, Scope};
use crate::config::ThemeName;
use crate::fleet::{InstanceKey, MachineType, Region};

/// Something that the user wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Learn who we are and what is there.
    Refresh,
    /// Learn what these machine types cost in every region of the configuration, in all enabled
    /// regions where there is none; without types, those of the configuration.
    Prices(Vec<MachineType>),
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
    /// The same in this panel, whichever has the focus.
    Scroll(Panel, Motion),
    /// Give the focus to the next panel.
    NextPanel,
    /// Give the focus to this panel.
    Focus(Panel),
    /// Give the whole screen to the panel that has the focus, or take it back.
    Zoom,
    /// Give the whole screen to the log, or take it back.
    ZoomLog,
    /// Make the panel that has the focus larger.
    Grow,
    /// Make it smaller.
    Shrink,
    /// Show the log, or hide it.
    ToggleLog,
    /// Show a pane beside the table; the one that is shown is closed.
    Open(Pane),
    /// Look for words in the lines of a pane.
    Search,
    /// To the next line that has them.
    NextMatch,
    /// To the one before.
    PreviousMatch,
    /// Leave out the lines without them, or show them again.
    OnlyMatches,
    /// Write the events that are shown to a file; without a name, to one that is made up.
    Export(Option<String>),

    /// Put the cursor on a row.
    Select(InstanceKey),
    /// Mark the row under the cursor, or take its mark away.
    Mark,
    /// Mark from here to where the cursor goes, or end that.
    MarkRange,
    /// Mark every row that is shown.
    MarkAll,
    /// Mark those that are not, and no others.
    MarkOthers,
    /// Type a filter for the table.
    Filter,
    /// Show the rows that pass this filter.
    SetFilter(String),
    /// Sort by the next column.
    SortNext,
    /// Sort the other way round.
    SortReverse,
    /// Sort by this column; a second time the other way round.
    SortBy(Field),
    /// Choose which columns there are, and their order.
    AskColumns,
    /// Show these columns in this order; none for those at the start.
    SetColumns(Vec<Field>),

    /// Copy something of the row under the cursor.
    Copy(Copied),
    /// Ask what to copy.
    AskCopy,
    /// Log in to the instance under the cursor, with the system's ssh.
    Shell,
    /// Type a command for the marked instances, else for the one under the cursor.
    AskRun,
    /// Look closely at the nodes there, and show what is found side by side.
    Diagnose,
    /// Run this command there, and show the answers side by side.
    Run(String),

    /// Type a command.
    AskPalette,
    /// Use this theme.
    Theme(ThemeName),
    /// Use the next theme.
    NextTheme,
    /// Take the mouse, or give it back to the terminal.
    ToggleMouse,
    /// Explain the keys that work now.
    Help,
    /// Go on in another way than this dashboard.
    Turn(Turn),
    /// Ask how many to create, and where.
    AskCreate,
    /// Ask whether to destroy the marked rows, else the row under the cursor.
    AskDestroy,
    /// Ask whether to destroy what is in the region of the row under the cursor.
    AskDestroyRegion,
    /// Ask whether to destroy the whole deployment.
    AskDestroyAll,
    /// Ask whether to destroy everything of ours in the account.
    AskNuke,
    /// Ask whether to remove what is left of deployments that are gone.
    AskCleanUp,
    /// Write the state anew from what the tags tell.
    Recover,
    /// Say what of ours there is in these regions; in all where none is named.
    Inspect(Vec<Region>),
    /// Say what is left of deployments that are gone.
    FindLeftOvers(Vec<Region>),

    /// Enter: go on with what is shown.
    Accept,
    /// Escape: close it, or undo the last choice.
    Back,
    /// Finish the word that is being typed.
    Complete,
    /// Move what the cursor is on, to the right or down.
    Shift(bool),
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

/// What can be copied of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// The address, else the id.
    Address,
    /// The EC2 id.
    Id,
    /// The command that logs in to it.
    Ssh,
}

/// Another way to go on than this dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Write a configuration, and open again.
    SetUp,
    /// Open on a cloud in this process.
    Demo,
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
