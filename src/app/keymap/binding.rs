//! One line of the keymap, and where it may hold.

use strum::{IntoStaticStr, VariantArray};

use super::key::Key;
use crate::app::{Action, Command, LinesCommand, PanelsCommand, ScreenCommand};

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Context {
    /// The instance table.
    #[strum(serialize = "instances")]
    Table,
    /// The pane beside it.
    Pane,
    /// The pane beside it, with lines that can be searched.
    #[strum(serialize = "lines")]
    Reader,
    /// The log panel.
    Log,
    /// The filter line.
    Filter,
    /// The search line of a pane.
    Search,
    /// The create dialog's counts.
    #[strum(serialize = "create")]
    Counts,
    /// A dialog with buttons.
    Choice,
    /// A dialog with a list to pick from.
    #[strum(serialize = "list")]
    Menu,
    /// A dialog that wants a word typed.
    #[strum(serialize = "confirmation")]
    Word,
    /// A dialog that wants a secret typed.
    Secret,
    /// A dialog that wants the code of a page.
    #[strum(serialize = "sign-in")]
    Code,
    /// A dialog of what is confirmed on a page.
    Page,
    /// The choice of columns.
    Columns,
    /// The command line.
    #[strum(serialize = "command")]
    Palette,
    /// A key that follows another.
    #[strum(serialize = "keys")]
    Strip,
    /// Something to read.
    Reading,
}

impl Context {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// What the help calls it.
    pub fn title(self) -> &'static str {
        self.into()
    }

    /// Whether a character that is bound to nothing is typed into a field.
    pub(super) fn takes_text(self) -> bool {
        matches!(
            self,
            Self::Filter
                | Self::Search
                | Self::Counts
                | Self::Word
                | Self::Secret
                | Self::Code
                | Self::Palette
                | Self::Strip
        )
    }

    /// Whether that text may be of any alphabet.
    pub(super) fn takes_letters(self) -> bool {
        self.takes_text() && !matches!(self, Self::Counts | Self::Strip)
    }
}

/// One line of the keymap.
#[derive(Debug, Clone)]
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

/// What bindings are for, in the order of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Group {
    /// Work that is done to instances.
    Do,
    /// What ends something for good.
    Destroy,
    /// What is shown.
    Look,
    /// Which rows, in which order.
    Choose,
    /// The cursor, and the lines of a pane.
    Move,
    /// The screen itself, and the way out.
    Screen,
}

impl Group {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// What the help calls it.
    pub fn title(self) -> &'static str {
        self.into()
    }
}

impl Binding {
    /// What it is for.
    pub fn group(&self) -> Group {
        match &self.command {
            Command::Ask(Action::Destroy | Action::Nuke | Action::CleanUp, _) => Group::Destroy,
            Command::Ask(..)
            | Command::AskFor(..)
            | Command::Act(..)
            | Command::Row(_)
            | Command::Refresh
            | Command::Keep
            | Command::SignIn
            | Command::Page(_)
            | Command::Prices(_)
            | Command::PriceFleet
            | Command::PricesOf(_)
            | Command::PriceBudget
            | Command::Preflight(..)
            | Command::Inspect(_)
            | Command::FindLeftOvers(_)
            | Command::User(_)
            | Command::Visit(_)
            | Command::Lines(LinesCommand::ExportTable(_)) => Group::Do,
            Command::Panels(
                PanelsCommand::Open(_)
                | PanelsCommand::OpenWhole(_)
                | PanelsCommand::Show(_)
                | PanelsCommand::Prices(_)
                | PanelsCommand::ZoomLog,
            ) => Group::Look,
            Command::Table(_)
            | Command::View(_)
            | Command::Screen(
                ScreenCommand::Filter | ScreenCommand::SortMenu | ScreenCommand::Columns,
            ) => Group::Choose,
            Command::Press(_) | Command::Lines(_) | Command::Panels(PanelsCommand::Scroll(..)) => {
                Group::Move
            }
            Command::Panels(_) | Command::Screen(_) | Command::Leave(_) => Group::Screen,
        }
    }

    /// The action's name, else what it does.
    pub(super) fn label(&self) -> &'static str {
        if self.name.is_empty() { self.help } else { self.name }
    }
}

/// An action with a name: it is in the palette, and its keys can be chosen in the configuration.
pub(super) const fn named(
    name: &'static str,
    contexts: &'static [Context],
    keys: &'static [Key],
    command: Command,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { name, contexts, keys, command, help, hint }
}

/// A key that is fixed.
pub(super) const fn bind(
    contexts: &'static [Context],
    keys: &'static [Key],
    command: Command,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    named("", contexts, keys, command, help, hint)
}
