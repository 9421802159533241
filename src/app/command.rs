//! The program's vocabulary: what keys, the palette and the command line can ask for.
//!
//! A command belongs to who carries it out, and each of them matches all of its own: one that
//! nobody carries out does not compile.

use std::collections::BTreeMap;

use super::{Action, Aim, Counts, Edit, Field, Pane, Panel, Scope, View, Visit};
use crate::config::ThemeName;
use crate::fleet::{DeploymentId, InstanceKey, MachineType, Region};

/// Something that the user wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Learn who we are and what is there.
    Refresh,
    /// Hold the wanted count from now on, without anybody who looks on.
    Keep,
    /// Sign in to AWS, as the profile does.
    SignIn,
    /// For the page that a question names.
    Page(PageCommand),
    /// Learn what these machine types cost in every region of the configuration and of its machines, in
    /// all enabled regions where there is none; without types, those of the configuration.
    Prices(Vec<MachineType>),
    /// Learn what that costs which is there or kept, or was spent without a price.
    PriceFleet,
    /// Learn what these cost; a region without types for what has a price in it without any.
    PricesOf(BTreeMap<Region, Vec<MachineType>>),
    /// Learn what the configuration launches, and what is there: by that a budget judges.
    PriceBudget,
    /// Ask whether a create of so many in these regions would begin; or one in the place of this row.
    Preflight(Counts, Option<InstanceKey>),
    /// Say what of ours there is in these regions; in all where none is named.
    Inspect(Vec<Region>),
    /// Say what is left of deployments that are gone.
    FindLeftOvers(Vec<Region>),
    /// Ask whether to do something to what this is aimed at.
    Ask(Action, Aim),
    /// The same to what is named.
    AskFor(Action, Scope),
    /// Do it, already confirmed.
    Act(Action, Scope),
    /// Go, or stand aside.
    Leave(LeaveCommand),
    /// For the rows of the table.
    Table(TableCommand),
    /// For how the screen is divided.
    Panels(PanelsCommand),
    /// For the lines of a pane.
    Lines(LinesCommand),
    /// For the row under the cursor, outside of the screen.
    Row(RowCommand),
    /// For views with a name.
    View(ViewCommand),
    /// For the user's own commands.
    User(UserCommand),
    /// For looking elsewhere.
    Visit(VisitCommand),
    /// For what lies over the table, and for looks.
    Screen(ScreenCommand),
    /// For whatever has the keyboard: a dialog, a field, else a panel.
    Press(Press),
}

impl Command {
    /// Launch and deploy. Without counts: what the configuration says.
    pub fn create(counts: Option<Counts>) -> Self {
        Self::Act(Action::Create(counts), Scope::All)
    }

    /// Launch and deploy so many more than there are.
    pub fn more(counts: Counts) -> Self {
        Self::Act(Action::More(counts), Scope::All)
    }

    /// Destroy, already confirmed.
    pub fn destroy(scope: Scope) -> Self {
        Self::Act(Action::Destroy, scope)
    }
}

/// For the page that a question names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageCommand {
    /// Show it in the browser.
    Open,
    /// Copy its address.
    Copy,
}

/// Ways to go, and to stand aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaveCommand {
    /// Leave; asks first while jobs change something.
    Quit,
    /// Ctrl-C: leave, and the second time without a question.
    Interrupt,
    /// Ctrl-Z: give the terminal back until `fg`.
    Suspend,
    /// Go on in another way than this dashboard.
    Turn(Turn),
    /// Ask who holds the state to hand it over.
    TakeOver,
}

/// For the rows of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableCommand {
    /// Put the cursor on a row.
    Select(InstanceKey),
    /// Put the cursor on a region, where regions are shown.
    SelectRegion(Region),
    /// Mark the row under the cursor, or take its mark away.
    Mark,
    /// Mark from here to where the cursor goes, or end that.
    MarkRange,
    /// Mark every row that is shown.
    MarkAll,
    /// Mark those that are not, and no others.
    MarkOthers,
    /// To the next row that the last filter finds, be the others shown or not.
    FindNext,
    /// To the one before.
    FindPrevious,
    /// Make the rows of every region one line each, or show all of them again.
    FoldAll(bool),
    /// Show the rows that pass this filter.
    SetFilter(String),
    /// Sort the other way round.
    SortReverse,
    /// Sort by this column; a second time the other way round.
    SortBy(Field),
    /// Show these columns in this order; none for those at the start.
    SetColumns(Vec<Field>),
}

/// For how the screen is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanelsCommand {
    /// Move in this panel, whichever has the focus.
    Scroll(Panel, Motion),
    /// Give the focus to the next panel.
    Next,
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
    /// Show a pane on the whole screen.
    OpenWhole(Pane),
    /// Show the fleet in this way.
    Show(View),
    /// Show other prices.
    Prices(PriceStep),
    /// Put the edge of this panel at this column or line of the terminal.
    Split(Panel, u16),
}

/// A step in the choice of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceStep {
    /// A day or seven.
    Span,
    /// The next machine type.
    NextType,
    /// The one before.
    PreviousType,
    /// The next region that has prices.
    NextRegion,
    /// The one before.
    PreviousRegion,
}

/// For the lines of a pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinesCommand {
    /// Look for words in them.
    Search,
    /// To the next line that has them.
    Next,
    /// To the one before.
    Previous,
    /// Leave out the lines without them, or show them again.
    Only,
    /// Write the events that are shown to a file; without a name, to one that is made up.
    Export(Option<String>),
    /// The same of the rows that the table shows.
    ExportTable(Option<String>),
    /// Show the events that are like this: `since:1h kind:reclaimed`.
    Events(String),
}

/// For the row under the cursor, outside of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowCommand {
    /// Copy something of it.
    Copy(Copied),
    /// Log in to its instance, or to this one, with the system's ssh.
    Shell(Option<InstanceKey>),
    /// Show its page in AWS's console.
    Console,
}

/// For views with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewCommand {
    /// Offer them.
    Offer,
    /// Keep filter, order and columns under this name.
    Save(String),
    /// Show what was kept under it.
    Show(String),
    /// Forget it.
    Forget(String),
}

/// For the user's own commands, by their places in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserCommand {
    /// Offer them.
    Offer,
    /// Run one, asking first where it says so.
    Ask(usize),
    /// Run it.
    Run(usize),
}

/// For looking at what is of another profile, or at another deployment; without a name to where this
/// began, or, where one is there, to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitCommand {
    /// With this AWS profile.
    Profile(Option<String>),
    /// At this deployment.
    Deployment(Option<DeploymentId>),
}

/// For what lies over the table, and for looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenCommand {
    /// Type a filter for the table.
    Filter,
    /// Choose which columns there are, and their order.
    Columns,
    /// Ask what to copy.
    CopyMenu,
    /// Ask what to sort by.
    SortMenu,
    /// Type a command.
    Palette,
    /// Explain the keys that work now.
    Help,
    /// Use this theme.
    Theme(ThemeName),
    /// Use the next theme.
    NextTheme,
    /// Take the mouse, or give it back to the terminal.
    ToggleMouse,
}

/// What is pressed for whatever has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// Move the cursor, or scroll.
    Move(Motion),
    /// Enter: go on with what is shown.
    Accept,
    /// Escape: close it, or undo the last choice.
    Back,
    /// Type into a field, or erase.
    Edit(Edit),
    /// Finish the word that is being typed.
    Complete,
    /// What was typed before: the older, or the newer again.
    Recall(Older),
    /// Go to the choice at this place, and accept it.
    Pick(usize),
    /// Go to one of the choices. Does not accept it.
    Choose(Choose),
    /// One more of what the cursor is on.
    More,
    /// One less.
    Less,
    /// For the column under the cursor.
    Column(ColumnPress),
}

/// Which way through what was typed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// Back.
    Yes,
    /// Forth.
    No,
}

/// Which of the choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choose {
    /// The one to the right, from the last to the first.
    Next,
    /// The one to the left.
    Previous,
    /// The one called yes, and that is the answer.
    Yes,
    /// The one called no, and that is the answer.
    No,
}

impl Choose {
    /// Whether yes is chosen then, of No and Yes.
    pub(super) fn of_two(self, yes: bool) -> bool {
        match self {
            Self::Next | Self::Previous => !yes,
            Self::Yes => true,
            Self::No => false,
        }
    }

    /// Whether it leaves nothing to accept: who types `y` has answered, who moves to Yes has not.
    pub(super) fn is_an_answer(self) -> bool {
        matches!(self, Self::Yes | Self::No)
    }
}

/// What happens to a column under choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnPress {
    /// Show it, or hide it.
    Toggle,
    /// Move it to the left.
    Earlier,
    /// Move it to the right.
    Later,
    /// Sort by it.
    Sort,
    /// All of them as at first.
    Reset,
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
    /// All that is known of it, as JSON.
    Json,
    /// The address of its page in AWS's console.
    Console,
}

/// Another way to go on than this dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Write a configuration, and open again.
    SetUp,
    /// Open on a cloud in this process.
    Demo,
    /// Open anew: the state is somebody else's from now on, or ours.
    Reopen,
    /// Look elsewhere; without a visit come back to where this began.
    Visit(Option<Box<Visit>>),
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
    /// To the one to the left, where there is one.
    Left,
    /// To the one to the right.
    Right,
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
            Self::Left | Self::Right => at,
        };
        to.min(count.saturating_sub(1))
    }
}
