//! One line of the keymap, and where it may hold.

use super::key::Key;
use crate::app::Command;

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The instance table.
    Table,
    /// The pane beside it.
    Pane,
    /// The pane beside it, with lines that can be searched.
    Reader,
    /// The log panel.
    Log,
    /// The filter line.
    Filter,
    /// The search line of a pane.
    Search,
    /// The create dialog's counts.
    Counts,
    /// A dialog with choices to pick from.
    Choice,
    /// A dialog that wants a word typed.
    Word,
    /// A dialog that wants a secret typed.
    Secret,
    /// The choice of columns.
    Columns,
    /// The command line.
    Palette,
    /// Something to read.
    Reading,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Table,
        Self::Pane,
        Self::Reader,
        Self::Log,
        Self::Filter,
        Self::Search,
        Self::Counts,
        Self::Choice,
        Self::Word,
        Self::Secret,
        Self::Columns,
        Self::Palette,
        Self::Reading,
    ];

    /// What the help calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Table => "instances",
            Self::Pane => "pane",
            Self::Reader => "lines",
            Self::Log => "log",
            Self::Filter => "filter",
            Self::Search => "search",
            Self::Counts => "create",
            Self::Choice => "choice",
            Self::Word => "confirmation",
            Self::Secret => "secret",
            Self::Columns => "columns",
            Self::Palette => "command",
            Self::Reading => "reading",
        }
    }

    /// Whether a character that is bound to nothing is typed into a field.
    pub(super) fn takes_text(self) -> bool {
        matches!(
            self,
            Self::Filter | Self::Search | Self::Counts | Self::Word | Self::Secret | Self::Palette
        )
    }
}

/// One line of the keymap.
#[derive(Debug)]
pub struct Binding {
    /// The action's name, in the palette and in the configuration; empty for a key that is fixed.
    pub name: &'static str,
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The keys, the one to show first, unless the configuration names others.
    pub(super) keys: &'static [Key],
    /// What they ask for.
    pub command: Command,
    /// What it does, in the help.
    pub help: &'static str,
    /// The word in the footer; empty for none. The footer keeps the order of the keymap and
    /// drops from the end.
    pub hint: &'static str,
}

impl Binding {
    /// The action's name, else what it does.
    pub(super) fn label(&self) -> &'static str {
        if self.name.is_empty() { self.help } else { self.name }
    }
}
