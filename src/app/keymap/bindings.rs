//! All bindings, as data, in the order of the help and of the footer.

use std::sync::LazyLock;

use crossterm::event::KeyCode;
use strum::IntoEnumIterator;

use super::binding::{Binding, Context, bind, named};
use super::dialogs::DIALOG_BINDINGS;
use super::key::{char, ctrl, key, shift};
use crate::app::action::{Action, Aim, Way};
use crate::app::command::{
    Command, Copied, LeaveCommand, LinesCommand, Motion, PanelsCommand, Press, RowCommand,
    ScreenCommand, TableCommand,
};
use crate::app::{Pane, Panel, View};

const TABLE: &[Context] = &[Context::Table];
const SIDE: &[Context] = &[Context::Pane, Context::Reader];
const READER: &[Context] = &[Context::Reader];
/// Where a row is chosen, or one is looked at.
const ROW: &[Context] = &[Context::Table, Context::Pane, Context::Reader];
const PANELS: &[Context] = &[Context::Table, Context::Pane, Context::Reader, Context::Log];
const MOVING: &[Context] =
    &[Context::Table, Context::Pane, Context::Reader, Context::Log, Context::Reading];

/// All of them: what can be done comes first, for that is what the footer has to offer.
pub(super) static BINDINGS: LazyLock<Vec<Binding>> = LazyLock::new(|| {
    let ways = Action::iter()
        .flat_map(|action| action.entry().ways.iter().map(move |way| of_way(action.clone(), way)));
    let others = OTHERS.iter().chain(DIALOG_BINDINGS).chain(EVERYWHERE);
    ways.chain(others.cloned()).collect()
});

/// The keys of a way to ask for an action.
fn of_way(action: Action, way: &'static Way) -> Binding {
    let contexts = match way.aim {
        Aim::Chosen => ROW,
        Aim::Region => TABLE,
        Aim::Deployment | Aim::Account => PANELS,
    };
    named(way.name, contexts, way.keys, Command::Ask(action, way.aim), way.help, way.hint)
}

/// What is no action, in the table, the panes and the log.
static OTHERS: &[Binding] = &[
    named(
        "details",
        TABLE,
        &[key(KeyCode::Enter)],
        Command::Panels(PanelsCommand::Open(Pane::Details)),
        "details of the selected instance",
        "details",
    ),
    bind(
        SIDE,
        &[key(KeyCode::Esc), char('q')],
        Command::Press(Press::Back),
        "close, and back to the instances",
        "close",
    ),
    bind(
        SIDE,
        &[key(KeyCode::Enter)],
        Command::Panels(PanelsCommand::Zoom),
        "the whole screen for it, and back",
        "zoom",
    ),
    bind(READER, &[char('/')], Command::Lines(LinesCommand::Search), "look for words", "search"),
    bind(
        READER,
        &[char('n')],
        Command::Lines(LinesCommand::Next),
        "to the next line with them",
        "next",
    ),
    bind(READER, &[char('N')], Command::Lines(LinesCommand::Previous), "to the one before", ""),
    bind(
        READER,
        &[char('&')],
        Command::Lines(LinesCommand::Only),
        "only lines with them, or all",
        "only",
    ),
    named(
        "export",
        READER,
        &[char('x')],
        Command::Lines(LinesCommand::Export(None)),
        "write what is shown to a file",
        "export",
    ),
    named(
        "filter",
        &[Context::Table, Context::Pane, Context::Log],
        &[char('/')],
        Command::Screen(ScreenCommand::Filter),
        "show only rows with these words: region:us phase:failed -type:t3",
        "filter",
    ),
    named(
        "palette",
        PANELS,
        &[char(':')],
        Command::Screen(ScreenCommand::Palette),
        "type a command",
        "command",
    ),
    named(
        "help",
        PANELS,
        &[char('?'), key(KeyCode::F(1))],
        Command::Screen(ScreenCommand::Help),
        "these keys",
        "help",
    ),
    named(
        "quit",
        TABLE,
        &[char('q')],
        Command::Leave(LeaveCommand::Quit),
        "leave; asks first while something is under way",
        "quit",
    ),
    bind(
        &[Context::Log],
        &[key(KeyCode::Esc), char('q')],
        Command::Press(Press::Back),
        "to the newest line and back to the instances",
        "instances",
    ),
    named(
        "ssh",
        ROW,
        &[char('t')],
        Command::Row(RowCommand::Shell(None)),
        "a shell on the instance, and back",
        "ssh",
    ),
    named(
        "rows",
        PANELS,
        &[char('1')],
        Command::Panels(PanelsCommand::Show(View::Rows)),
        "a row an instance",
        "",
    ),
    named(
        "regions",
        PANELS,
        &[char('2')],
        Command::Panels(PanelsCommand::Show(View::Regions)),
        "a row a region; Enter shows its instances",
        "",
    ),
    named(
        "grid",
        PANELS,
        &[char('3')],
        Command::Panels(PanelsCommand::Show(View::Grid)),
        "a cell an instance; C: by state, CPU, price or age",
        "",
    ),
    named(
        "whole-map",
        PANELS,
        &[char('4')],
        Command::Panels(PanelsCommand::OpenWhole(Pane::Map)),
        "the map on the whole screen",
        "",
    ),
    named(
        "whole-prices",
        PANELS,
        &[char('5')],
        Command::Panels(PanelsCommand::OpenWhole(Pane::Prices)),
        "prices on the whole screen",
        "",
    ),
    named(
        "whole-events",
        PANELS,
        &[char('6')],
        Command::Panels(PanelsCommand::OpenWhole(Pane::Events)),
        "events on the whole screen",
        "",
    ),
    named(
        "log",
        PANELS,
        &[char('l')],
        Command::Panels(PanelsCommand::ZoomLog),
        "the whole screen for the log, and back",
        "log",
    ),
    named(
        "output",
        PANELS,
        &[char('o')],
        Command::Panels(PanelsCommand::Open(Pane::Output)),
        "what this instance printed",
        "output",
    ),
    named(
        "map",
        PANELS,
        &[char('m')],
        Command::Panels(PanelsCommand::Open(Pane::Map)),
        "the fleet on the map",
        "map",
    ),
    named(
        "prices",
        PANELS,
        &[char('$')],
        Command::Panels(PanelsCommand::Open(Pane::Prices)),
        "what instances cost, and cost before",
        "prices",
    ),
    named(
        "events",
        PANELS,
        &[char('e')],
        Command::Panels(PanelsCommand::Open(Pane::Events)),
        "everything that happened",
        "events",
    ),
    named(
        "mark",
        TABLE,
        &[char(' ')],
        Command::Table(TableCommand::Mark),
        "mark, or take the mark away",
        "mark",
    ),
    named(
        "sort",
        TABLE,
        &[char('s')],
        Command::Screen(ScreenCommand::SortMenu),
        "choose what to sort by",
        "sort",
    ),
    named(
        "reverse",
        TABLE,
        &[char('S')],
        Command::Table(TableCommand::SortReverse),
        "reverse the order",
        "",
    ),
    named(
        "columns",
        TABLE,
        &[char('C')],
        Command::Screen(ScreenCommand::Columns),
        "choose the columns and their order",
        "columns",
    ),
    named(
        "mark-range",
        TABLE,
        &[char('v')],
        Command::Table(TableCommand::MarkRange),
        "mark from here to where the cursor goes; again ends it",
        "",
    ),
    bind(
        TABLE,
        &[char('n')],
        Command::Table(TableCommand::FindNext),
        "to the next row that the last filter finds",
        "",
    ),
    bind(TABLE, &[char('N')], Command::Table(TableCommand::FindPrevious), "to the one before", ""),
    named(
        "mark-all",
        TABLE,
        &[char('a')],
        Command::Table(TableCommand::MarkAll),
        "mark every row that is shown",
        "",
    ),
    named(
        "mark-others",
        TABLE,
        &[char('i')],
        Command::Table(TableCommand::MarkOthers),
        "mark those that are not",
        "",
    ),
    named(
        "answers",
        PANELS,
        &[char('O')],
        Command::Panels(PanelsCommand::Open(Pane::Answers)),
        "what that command printed, side by side",
        "",
    ),
    named(
        "copy",
        ROW,
        &[char('y')],
        Command::Row(RowCommand::Copy(Copied::Address)),
        "copy the address, else the id",
        "",
    ),
    named(
        "copy-id",
        ROW,
        &[],
        Command::Row(RowCommand::Copy(Copied::Id)),
        "copy the instance's id",
        "",
    ),
    named(
        "copy-ssh",
        ROW,
        &[],
        Command::Row(RowCommand::Copy(Copied::Ssh)),
        "copy the command that logs in",
        "",
    ),
    named(
        "copy-menu",
        ROW,
        &[char('Y')],
        Command::Screen(ScreenCommand::CopyMenu),
        "choose what to copy",
        "",
    ),
    named("login", PANELS, &[char('I')], Command::SignIn, "sign in to AWS again", ""),
    named("refresh", PANELS, &[char('r')], Command::Refresh, "refresh all regions now", "refresh"),
    named(
        "next-panel",
        PANELS,
        &[key(KeyCode::Tab), key(KeyCode::BackTab)],
        Command::Panels(PanelsCommand::Next),
        "to the next panel",
        "",
    ),
    named(
        "zoom",
        PANELS,
        &[char('z')],
        Command::Panels(PanelsCommand::Zoom),
        "the whole screen for this panel",
        "",
    ),
    named(
        "grow",
        PANELS,
        &[char('+'), char('=')],
        Command::Panels(PanelsCommand::Grow),
        "make this panel larger",
        "",
    ),
    named(
        "shrink",
        PANELS,
        &[char('-')],
        Command::Panels(PanelsCommand::Shrink),
        "make this panel smaller",
        "",
    ),
    named(
        "hide-log",
        PANELS,
        &[char('L')],
        Command::Panels(PanelsCommand::ToggleLog),
        "hide the log, or show it",
        "",
    ),
    named(
        "next-theme",
        PANELS,
        &[char('T')],
        Command::Screen(ScreenCommand::NextTheme),
        "switch to the next theme",
        "",
    ),
    named(
        "mouse",
        PANELS,
        &[char('M')],
        Command::Screen(ScreenCommand::ToggleMouse),
        "take the mouse, or give it back to the terminal",
        "",
    ),
    bind(MOVING, &[key(KeyCode::Up), char('k')], Command::Press(Press::Move(Motion::Up)), "up", ""),
    bind(
        MOVING,
        &[key(KeyCode::Down), char('j')],
        Command::Press(Press::Move(Motion::Down)),
        "down",
        "",
    ),
    bind(
        MOVING,
        &[key(KeyCode::PageUp), ctrl('b'), ctrl('u')],
        Command::Press(Press::Move(Motion::PageUp)),
        "a page up",
        "",
    ),
    bind(
        MOVING,
        &[key(KeyCode::PageDown), ctrl('f'), ctrl('d')],
        Command::Press(Press::Move(Motion::PageDown)),
        "a page down",
        "",
    ),
    bind(
        MOVING,
        &[char('g'), key(KeyCode::Home)],
        Command::Press(Press::Move(Motion::First)),
        "to the first",
        "",
    ),
    bind(
        MOVING,
        &[char('G'), key(KeyCode::End)],
        Command::Press(Press::Move(Motion::Last)),
        "to the last, and follow",
        "",
    ),
    bind(
        TABLE,
        &[ctrl('e'), shift(KeyCode::Down)],
        Command::Panels(PanelsCommand::Scroll(Panel::Side, Motion::Down)),
        "down in the pane beside it",
        "",
    ),
    bind(
        TABLE,
        &[ctrl('y'), shift(KeyCode::Up)],
        Command::Panels(PanelsCommand::Scroll(Panel::Side, Motion::Up)),
        "up in the pane beside it",
        "",
    ),
    bind(TABLE, &[key(KeyCode::Left)], Command::Press(Press::Move(Motion::Left)), "left", ""),
    bind(TABLE, &[key(KeyCode::Right)], Command::Press(Press::Move(Motion::Right)), "right", ""),
    bind(
        TABLE,
        &[key(KeyCode::Esc)],
        Command::Press(Press::Back),
        "take the marks away, then the filter",
        "",
    ),
];

/// What works whatever has the keyboard.
static EVERYWHERE: &[Binding] = &[
    bind(
        Context::ALL,
        &[ctrl('c')],
        Command::Leave(LeaveCommand::Interrupt),
        "leave; twice: without a question",
        "",
    ),
    bind(
        Context::ALL,
        &[ctrl('z')],
        Command::Leave(LeaveCommand::Suspend),
        "back to the shell until fg",
        "",
    ),
];
