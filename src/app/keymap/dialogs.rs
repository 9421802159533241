//! The keys of dialogs and fields. They have no names: the configuration cannot change them.

use crossterm::event::KeyCode;

use super::binding::{Binding, Context, bind};
use super::key::{Key, alt, alt_key, char, ctrl, ctrl_key, key, shift};
use crate::app::Edit;
use crate::app::command::{
    Choose, ColumnPress, Command, Motion, Older, PageCommand, Press, ScreenCommand,
};

const ARROWS: &[Context] = &[Context::Filter, Context::Counts, Context::Columns, Context::Palette];
const FIELDS: &[Context] = &[
    Context::Filter,
    Context::Search,
    Context::Counts,
    Context::Word,
    Context::Secret,
    Context::Code,
    Context::Palette,
];
/// Fields with a cursor: a count has none, its arrows step it.
const LINES: &[Context] = &[
    Context::Filter,
    Context::Search,
    Context::Word,
    Context::Secret,
    Context::Code,
    Context::Palette,
];
const DIALOGS: &[Context] = &[
    Context::Counts,
    Context::Choice,
    Context::Menu,
    Context::Word,
    Context::Secret,
    Context::Code,
    Context::Palette,
];

const PAGES: &[Context] = &[Context::Code, Context::Page];
/// Those that are left.
const LEFT: &[Context] = &[
    Context::Counts,
    Context::Choice,
    Context::Menu,
    Context::Word,
    Context::Secret,
    Context::Code,
    Context::Page,
    Context::Palette,
];

/// All of them.
pub(super) static DIALOG_BINDINGS: &[Binding] = &[
    bind(
        &[Context::Reading],
        &[key(KeyCode::Esc), char('q'), key(KeyCode::Enter), char('?')],
        Command::Press(Press::Back),
        "close",
        "close",
    ),
    bind(
        &[Context::Reading],
        &[char('/'), char(':')],
        Command::Screen(ScreenCommand::Palette),
        "look for a command",
        "find",
    ),
    bind(
        &[Context::Counts],
        &[char('+'), char('='), key(KeyCode::Right)],
        Command::Press(Press::More),
        "one more",
        "more",
    ),
    bind(
        &[Context::Counts],
        &[char('-'), key(KeyCode::Left)],
        Command::Press(Press::Less),
        "one less",
        "less",
    ),
    bind(ARROWS, &[key(KeyCode::Up)], Command::Press(Press::Move(Motion::Up)), "up", ""),
    bind(ARROWS, &[key(KeyCode::Down)], Command::Press(Press::Move(Motion::Down)), "down", ""),
    bind(
        &[Context::Counts],
        &[key(KeyCode::Tab)],
        Command::Press(Press::Move(Motion::Down)),
        "down",
        "",
    ),
    bind(&[Context::Columns], &[char('k')], Command::Press(Press::Move(Motion::Up)), "up", ""),
    bind(&[Context::Columns], &[char('j')], Command::Press(Press::Move(Motion::Down)), "down", ""),
    bind(
        &[Context::Columns],
        &[char(' ')],
        Command::Press(Press::Column(ColumnPress::Toggle)),
        "show it, or hide it",
        "show",
    ),
    bind(
        &[Context::Columns],
        &[key(KeyCode::Left), char('h'), char('K'), shift(KeyCode::Up)],
        Command::Press(Press::Column(ColumnPress::Earlier)),
        "move it to the left",
        "earlier",
    ),
    bind(
        &[Context::Columns],
        &[key(KeyCode::Right), char('l'), char('J'), shift(KeyCode::Down)],
        Command::Press(Press::Column(ColumnPress::Later)),
        "move it to the right",
        "later",
    ),
    bind(
        &[Context::Columns],
        &[char('s')],
        Command::Press(Press::Column(ColumnPress::Sort)),
        "sort by it",
        "sort",
    ),
    bind(
        &[Context::Columns],
        &[char('0')],
        Command::Press(Press::Column(ColumnPress::Reset)),
        "all as at first",
        "reset",
    ),
    bind(
        &[Context::Columns],
        &[key(KeyCode::Esc), key(KeyCode::Enter), char('q'), char('C')],
        Command::Press(Press::Back),
        "close",
        "close",
    ),
    bind(
        &[Context::Palette, Context::Filter],
        &[key(KeyCode::Tab)],
        Command::Press(Press::Complete),
        "finish the word",
        "complete",
    ),
    bind(
        &[Context::Palette, Context::Filter],
        &[ctrl('p')],
        Command::Press(Press::Recall(Older::Yes)),
        "what was typed before",
        "before",
    ),
    bind(
        &[Context::Palette, Context::Filter],
        &[ctrl('n')],
        Command::Press(Press::Recall(Older::No)),
        "what was typed after that",
        "",
    ),
    bind(
        &[Context::Menu],
        &[key(KeyCode::Down), key(KeyCode::Tab), char('j'), key(KeyCode::Right), char('l')],
        Command::Press(Press::Choose(Choose::Next)),
        "the next one",
        "choose",
    ),
    bind(
        &[Context::Menu],
        &[key(KeyCode::Up), key(KeyCode::BackTab), char('k'), key(KeyCode::Left), char('h')],
        Command::Press(Press::Choose(Choose::Previous)),
        "the one before",
        "",
    ),
    bind(
        &[Context::Choice],
        &[key(KeyCode::Right), key(KeyCode::Tab), char('l'), key(KeyCode::Down), char('j')],
        Command::Press(Press::Choose(Choose::Next)),
        "the next choice",
        "choose",
    ),
    bind(
        &[Context::Choice],
        &[key(KeyCode::Left), key(KeyCode::BackTab), char('h'), key(KeyCode::Up), char('k')],
        Command::Press(Press::Choose(Choose::Previous)),
        "the choice before",
        "",
    ),
    bind(
        &[Context::Choice],
        &[char('y')],
        Command::Press(Press::Choose(Choose::Yes)),
        "yes",
        "yes",
    ),
    bind(&[Context::Choice], &[char('n')], Command::Press(Press::Choose(Choose::No)), "no", "no"),
    bind(
        PAGES,
        &[ctrl('o')],
        Command::Page(PageCommand::Open),
        "open the page in a browser",
        "open the page",
    ),
    bind(
        PAGES,
        &[ctrl('y')],
        Command::Page(PageCommand::Copy),
        "copy the page's address",
        "copy it",
    ),
    bind(DIALOGS, &[key(KeyCode::Enter)], Command::Press(Press::Accept), "go on", "go on"),
    bind(
        &[Context::Counts, Context::Choice, Context::Menu],
        &[char('q')],
        Command::Press(Press::Back),
        "back, and nothing is done",
        "",
    ),
    bind(
        &[Context::Choice, Context::Menu, Context::Word],
        &[key(KeyCode::PageUp)],
        Command::Press(Press::Move(Motion::PageUp)),
        "up in the list",
        "",
    ),
    bind(
        &[Context::Choice, Context::Menu, Context::Word],
        &[key(KeyCode::PageDown)],
        Command::Press(Press::Move(Motion::PageDown)),
        "down in the list",
        "",
    ),
    bind(
        &[Context::Strip],
        &[key(KeyCode::Esc)],
        Command::Press(Press::Back),
        "back, and nothing is done",
        "back",
    ),
    bind(
        LEFT,
        &[key(KeyCode::Esc)],
        Command::Press(Press::Back),
        "back, and nothing is done",
        "back",
    ),
    bind(
        &[Context::Filter, Context::Search],
        &[key(KeyCode::Enter)],
        Command::Press(Press::Accept),
        "keep the words and go back",
        "keep",
    ),
    bind(
        &[Context::Filter, Context::Search],
        &[key(KeyCode::Esc)],
        Command::Press(Press::Back),
        "forget the words",
        "show all",
    ),
    edit(FIELDS, &[key(KeyCode::Backspace)], Edit::DeletePrevChar, "erase a character"),
    edit(FIELDS, &[ctrl('u')], Edit::DeleteLine, "erase all of it"),
    edit(LINES, &[ctrl('w'), alt_key(KeyCode::Backspace)], Edit::DeletePrevWord, "erase a word"),
    edit(
        LINES,
        &[key(KeyCode::Delete)],
        Edit::DeleteNextChar,
        "erase the character under the cursor",
    ),
    edit(LINES, &[ctrl('k')], Edit::DeleteTillEnd, "erase what follows"),
    edit(LINES, &[key(KeyCode::Left), ctrl('b')], Edit::GoToPrevChar, "to the left"),
    edit(LINES, &[key(KeyCode::Right), ctrl('f')], Edit::GoToNextChar, "to the right"),
    edit(
        LINES,
        &[ctrl_key(KeyCode::Left), alt_key(KeyCode::Left), alt('b')],
        Edit::GoToPrevWord,
        "a word to the left",
    ),
    edit(
        LINES,
        &[ctrl_key(KeyCode::Right), alt_key(KeyCode::Right), alt('f')],
        Edit::GoToNextWord,
        "a word to the right",
    ),
    edit(LINES, &[key(KeyCode::Home), ctrl('a')], Edit::GoToStart, "to the beginning"),
    edit(LINES, &[key(KeyCode::End), ctrl('e')], Edit::GoToEnd, "to the end"),
];

const fn edit(
    contexts: &'static [Context],
    keys: &'static [Key],
    edit: Edit,
    help: &'static str,
) -> Binding {
    bind(contexts, keys, Command::Press(Press::Edit(edit)), help, "")
}
