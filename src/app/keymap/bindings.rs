//! All bindings, as data, in the order of the help and of the footer.

use crossterm::event::KeyCode;

use super::key::{Key, char, ctrl, key, shift};
use super::{Binding, Context};
use crate::app::Pane;
use crate::app::command::{Command, Copied, Motion};

const TABLE: &[Context] = &[Context::Table];
const SIDE: &[Context] = &[Context::Pane, Context::Reader];
const READER: &[Context] = &[Context::Reader];
/// Where a row is chosen, or one is looked at.
const ROW: &[Context] = &[Context::Table, Context::Pane, Context::Reader];
const PANELS: &[Context] = &[Context::Table, Context::Pane, Context::Reader, Context::Log];
const MOVING: &[Context] =
    &[Context::Table, Context::Pane, Context::Reader, Context::Log, Context::Reading];
const ARROWS: &[Context] = &[Context::Filter, Context::Counts, Context::Columns, Context::Palette];
const FIELDS: &[Context] = &[
    Context::Filter,
    Context::Search,
    Context::Counts,
    Context::Word,
    Context::Secret,
    Context::Palette,
];
const DIALOGS: &[Context] =
    &[Context::Counts, Context::Choice, Context::Word, Context::Secret, Context::Palette];
const EVERYWHERE: &[Context] = &Context::ALL;

/// All of them.
pub(super) static BINDINGS: &[Binding] = &[
    named("create", PANELS, &[char('c')], Command::AskCreate, "create instances", "create"),
    named(
        "destroy",
        ROW,
        &[char('d'), key(KeyCode::Delete)],
        Command::AskDestroy,
        "destroy the marked instances, else the one chosen",
        "destroy",
    ),
    named(
        "details",
        TABLE,
        &[key(KeyCode::Enter)],
        Command::Open(Pane::Details),
        "everything about the instance under the cursor",
        "details",
    ),
    bind(SIDE, &[key(KeyCode::Esc)], Command::Back, "close, and back to the instances", "close"),
    bind(SIDE, &[key(KeyCode::Enter)], Command::Zoom, "the whole screen for it, and back", "zoom"),
    bind(READER, &[char('/')], Command::Search, "look for words", "search"),
    bind(READER, &[char('n')], Command::NextMatch, "to the next line with them", "next"),
    bind(READER, &[char('N')], Command::PreviousMatch, "to the one before", ""),
    bind(READER, &[char('&')], Command::OnlyMatches, "only lines with them, or all", "only"),
    named(
        "export",
        READER,
        &[char('x')],
        Command::Export(None),
        "write what is shown to a file",
        "export",
    ),
    named("help", PANELS, &[char('?'), key(KeyCode::F(1))], Command::Help, "these keys", "help"),
    named(
        "quit",
        PANELS,
        &[char('q')],
        Command::Quit,
        "leave; asks first while something is under way",
        "quit",
    ),
    bind(
        &[Context::Log],
        &[key(KeyCode::Esc)],
        Command::Back,
        "to the newest line and back to the instances",
        "instances",
    ),
    named(
        "log",
        PANELS,
        &[char('l')],
        Command::ZoomLog,
        "the whole screen for the log, and back",
        "log",
    ),
    named(
        "output",
        PANELS,
        &[char('o')],
        Command::Open(Pane::Output),
        "what this instance printed",
        "output",
    ),
    named("map", PANELS, &[char('m')], Command::Open(Pane::Map), "the fleet on the map", "map"),
    named(
        "prices",
        PANELS,
        &[char('$')],
        Command::Open(Pane::Prices),
        "what instances cost, and cost before",
        "prices",
    ),
    named(
        "events",
        PANELS,
        &[char('e')],
        Command::Open(Pane::Events),
        "everything that happened",
        "events",
    ),
    named(
        "filter",
        &[Context::Table, Context::Pane, Context::Log],
        &[char('/')],
        Command::Filter,
        "show only rows with these words: region:us phase:failed -type:t3",
        "filter",
    ),
    named("mark", TABLE, &[char(' ')], Command::Mark, "mark, or take the mark away", "mark"),
    named("palette", PANELS, &[char(':')], Command::AskPalette, "type a command", "command"),
    named("sort", TABLE, &[char('s')], Command::SortNext, "sort by the next column", "sort"),
    named("reverse", TABLE, &[char('S')], Command::SortReverse, "sort the other way round", ""),
    named(
        "columns",
        TABLE,
        &[char('C')],
        Command::AskColumns,
        "choose the columns and their order",
        "columns",
    ),
    named(
        "mark-range",
        TABLE,
        &[char('v')],
        Command::MarkRange,
        "mark from here to where the cursor goes; again ends it",
        "",
    ),
    named("mark-all", TABLE, &[char('a')], Command::MarkAll, "mark every row that is shown", ""),
    named("mark-others", TABLE, &[char('i')], Command::MarkOthers, "mark those that are not", ""),
    named("ssh", ROW, &[char('t')], Command::Shell, "a shell on the instance, and back", "ssh"),
    named(
        "copy",
        ROW,
        &[char('y')],
        Command::Copy(Copied::Address),
        "copy the address, else the id",
        "",
    ),
    named("copy-id", ROW, &[], Command::Copy(Copied::Id), "copy the instance's id", ""),
    named("copy-ssh", ROW, &[], Command::Copy(Copied::Ssh), "copy the command that logs in", ""),
    named("copy-menu", ROW, &[char('Y')], Command::AskCopy, "choose what to copy", ""),
    named(
        "refresh",
        PANELS,
        &[char('r')],
        Command::Refresh,
        "look at all regions and nodes now",
        "refresh",
    ),
    named(
        "destroy-region",
        TABLE,
        &[char('R')],
        Command::AskDestroyRegion,
        "destroy everything in this row's region",
        "",
    ),
    named(
        "destroy-all",
        PANELS,
        &[char('D')],
        Command::AskDestroyAll,
        "destroy the whole deployment",
        "",
    ),
    named(
        "nuke",
        PANELS,
        &[char('X')],
        Command::AskNuke,
        "destroy everything of spot-tui in this account",
        "",
    ),
    named(
        "cleanup",
        PANELS,
        &[char('U')],
        Command::AskCleanUp,
        "remove what is left of deployments that are gone",
        "",
    ),
    named(
        "recover",
        PANELS,
        &[char('W')],
        Command::Recover,
        "write the state anew from the tags",
        "",
    ),
    named(
        "next-panel",
        PANELS,
        &[key(KeyCode::Tab), key(KeyCode::BackTab)],
        Command::NextPanel,
        "to the next panel",
        "",
    ),
    named("zoom", PANELS, &[char('z')], Command::Zoom, "the whole screen for this panel", ""),
    named("grow", PANELS, &[char('+'), char('=')], Command::Grow, "make this panel larger", ""),
    named("shrink", PANELS, &[char('-')], Command::Shrink, "make this panel smaller", ""),
    named("hide-log", PANELS, &[char('L')], Command::ToggleLog, "hide the log, or show it", ""),
    named("next-theme", PANELS, &[char('T')], Command::NextTheme, "other colours", ""),
    named(
        "mouse",
        PANELS,
        &[char('M')],
        Command::ToggleMouse,
        "take the mouse, or give it back to the terminal",
        "",
    ),
    bind(MOVING, &[key(KeyCode::Up), char('k')], Command::Move(Motion::Up), "up", ""),
    bind(MOVING, &[key(KeyCode::Down), char('j')], Command::Move(Motion::Down), "down", ""),
    bind(
        MOVING,
        &[key(KeyCode::PageUp), ctrl('b'), ctrl('u')],
        Command::Move(Motion::PageUp),
        "a page up",
        "",
    ),
    bind(
        MOVING,
        &[key(KeyCode::PageDown), ctrl('f'), ctrl('d')],
        Command::Move(Motion::PageDown),
        "a page down",
        "",
    ),
    bind(
        MOVING,
        &[char('g'), key(KeyCode::Home)],
        Command::Move(Motion::First),
        "to the first",
        "",
    ),
    bind(
        MOVING,
        &[char('G'), key(KeyCode::End)],
        Command::Move(Motion::Last),
        "to the last, and follow",
        "",
    ),
    bind(TABLE, &[key(KeyCode::Esc)], Command::Back, "take the marks away, then the filter", ""),
    bind(
        &[Context::Reading],
        &[key(KeyCode::Esc), char('q'), key(KeyCode::Enter), char('?')],
        Command::Back,
        "close",
        "close",
    ),
    bind(
        &[Context::Counts],
        &[char('+'), char('='), key(KeyCode::Right)],
        Command::More,
        "one more",
        "more",
    ),
    bind(&[Context::Counts], &[char('-'), key(KeyCode::Left)], Command::Less, "one less", "less"),
    bind(ARROWS, &[key(KeyCode::Up)], Command::Move(Motion::Up), "up", ""),
    bind(ARROWS, &[key(KeyCode::Down)], Command::Move(Motion::Down), "down", ""),
    bind(
        &[Context::Filter, Context::Counts],
        &[key(KeyCode::Tab)],
        Command::Move(Motion::Down),
        "down",
        "",
    ),
    bind(&[Context::Columns], &[char('k')], Command::Move(Motion::Up), "up", ""),
    bind(&[Context::Columns], &[char('j')], Command::Move(Motion::Down), "down", ""),
    bind(&[Context::Columns], &[char(' ')], Command::Mark, "show it, or hide it", "show"),
    bind(
        &[Context::Columns],
        &[key(KeyCode::Left), char('h'), char('K'), shift(KeyCode::Up)],
        Command::Shift(false),
        "move it to the left",
        "earlier",
    ),
    bind(
        &[Context::Columns],
        &[key(KeyCode::Right), char('l'), char('J'), shift(KeyCode::Down)],
        Command::Shift(true),
        "move it to the right",
        "later",
    ),
    bind(&[Context::Columns], &[char('s')], Command::SortNext, "sort by it", "sort"),
    bind(&[Context::Columns], &[char('0')], Command::EraseAll, "all as at first", "reset"),
    bind(
        &[Context::Columns],
        &[key(KeyCode::Esc), key(KeyCode::Enter), char('q'), char('C')],
        Command::Back,
        "close",
        "close",
    ),
    bind(
        &[Context::Palette],
        &[key(KeyCode::Tab)],
        Command::Complete,
        "finish the word",
        "complete",
    ),
    bind(
        &[Context::Choice],
        &[key(KeyCode::Right), key(KeyCode::Tab), char('l'), key(KeyCode::Down), char('j')],
        Command::NextChoice,
        "the next choice",
        "choose",
    ),
    bind(
        &[Context::Choice],
        &[key(KeyCode::Left), key(KeyCode::BackTab), char('h'), key(KeyCode::Up), char('k')],
        Command::PreviousChoice,
        "the choice before",
        "",
    ),
    bind(&[Context::Choice], &[char('y')], Command::Say(true), "go to Yes", ""),
    bind(&[Context::Choice], &[char('n')], Command::Say(false), "go to No", ""),
    bind(DIALOGS, &[key(KeyCode::Enter)], Command::Accept, "go on", "go on"),
    bind(DIALOGS, &[key(KeyCode::Esc)], Command::Back, "back, and nothing is done", "back"),
    bind(
        &[Context::Filter, Context::Search],
        &[key(KeyCode::Enter)],
        Command::Accept,
        "keep the words and go back",
        "keep",
    ),
    bind(
        &[Context::Filter, Context::Search],
        &[key(KeyCode::Esc)],
        Command::Back,
        "forget the words",
        "show all",
    ),
    bind(FIELDS, &[key(KeyCode::Backspace)], Command::Erase, "erase a character", ""),
    bind(FIELDS, &[ctrl('u')], Command::EraseAll, "erase all of it", ""),
    bind(EVERYWHERE, &[ctrl('c')], Command::Interrupt, "leave; twice: without a question", ""),
    bind(EVERYWHERE, &[ctrl('z')], Command::Suspend, "back to the shell until fg", ""),
];

/// An action with a name: it is in the palette, and its keys can be chosen in the configuration.
const fn named(
    name: &'static str,
    contexts: &'static [Context],
    keys: &'static [Key],
    command: Command,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { name, contexts, keys, command, help, hint }
}

const fn bind(
    contexts: &'static [Context],
    keys: &'static [Key],
    command: Command,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    named("", contexts, keys, command, help, hint)
}
