//! Which key does what, as data: read one way for input, the other way for hints and help.
//!
//! The same key does the same thing everywhere: Enter goes on, Escape closes, Space marks.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::Command;
use super::command::Motion;

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// The instance table.
    Table,
    /// The log panel.
    Log,
    /// The filter line.
    Filter,
    /// The create dialog's counts.
    Counts,
    /// A dialog with choices to pick from.
    Choice,
    /// A dialog that wants a word typed.
    Word,
    /// A dialog that wants a secret typed.
    Secret,
    /// Something to read.
    Reading,
}

impl Context {
    /// What the help calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Table => "instances",
            Self::Log => "log",
            Self::Filter => "filter",
            Self::Counts => "create",
            Self::Choice => "choice",
            Self::Word => "confirmation",
            Self::Secret => "secret",
            Self::Reading => "reading",
        }
    }

    /// Whether a character that is bound to nothing is typed into a field.
    fn takes_text(self) -> bool {
        matches!(self, Self::Filter | Self::Counts | Self::Word | Self::Secret)
    }
}

/// A key with its modifiers. Shift is part of the character and never a modifier of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const fn key(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::NONE }
}

const fn char(character: char) -> Key {
    key(KeyCode::Char(character))
}

const fn ctrl(character: char) -> Key {
    Key { code: KeyCode::Char(character), modifiers: KeyModifiers::CONTROL }
}

impl Key {
    /// The key of an event; `None` for a release and for a repeat that says so.
    pub fn pressed(event: KeyEvent) -> Option<Self> {
        if event.kind != KeyEventKind::Press {
            return None;
        }
        let mut modifiers =
            event.modifiers & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
        let mut code = event.code;
        if let KeyCode::Char(character) = code {
            if modifiers.contains(KeyModifiers::CONTROL) {
                code = KeyCode::Char(character.to_ascii_lowercase());
            } else if modifiers.contains(KeyModifiers::SHIFT) {
                code = KeyCode::Char(character.to_ascii_uppercase());
            }
            modifiers -= KeyModifiers::SHIFT;
        }
        if code == KeyCode::BackTab {
            modifiers -= KeyModifiers::SHIFT;
        }
        Some(Self { code, modifiers })
    }

    /// How the key is written in hints and help.
    pub fn name(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".into(),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::Esc => "Esc".into(),
            KeyCode::PageUp => "PgUp".into(),
            KeyCode::PageDown => "PgDn".into(),
            KeyCode::BackTab => "Shift-Tab".into(),
            KeyCode::F(number) => format!("F{number}"),
            other => format!("{other:?}"),
        };
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            format!("Ctrl-{}", name.to_uppercase())
        } else {
            name
        }
    }
}

/// One line of the keymap.
#[derive(Debug)]
pub struct Binding {
    /// Where it holds.
    pub contexts: &'static [Context],
    /// The keys, the one to show first.
    pub keys: &'static [Key],
    /// What they ask for.
    pub command: Command,
    /// What it does, in the help.
    pub help: &'static str,
    /// The word in the footer; empty for none. The footer keeps the order of the keymap and
    /// drops from the end.
    pub hint: &'static str,
}

const PANELS: &[Context] = &[Context::Table, Context::Log];
const MOVING: &[Context] = &[Context::Table, Context::Log, Context::Reading];
const ARROWS: &[Context] = &[Context::Filter, Context::Counts];
const FIELDS: &[Context] = &[Context::Filter, Context::Counts, Context::Word, Context::Secret];
const DIALOGS: &[Context] = &[Context::Counts, Context::Choice, Context::Word, Context::Secret];
const EVERYWHERE: &[Context] = &[
    Context::Table,
    Context::Log,
    Context::Filter,
    Context::Counts,
    Context::Choice,
    Context::Word,
    Context::Secret,
    Context::Reading,
];

/// All bindings, in the order of the help.
pub static BINDINGS: &[Binding] = &[
    bind(PANELS, &[char('c')], Command::AskCreate, "create instances", "create"),
    bind(
        PANELS,
        &[char('d'), key(KeyCode::Delete)],
        Command::AskDestroy,
        "destroy the marked instances, else the one chosen",
        "destroy",
    ),
    bind(
        PANELS,
        &[key(KeyCode::Enter)],
        Command::Details,
        "everything about the instance under the cursor",
        "details",
    ),
    bind(
        PANELS,
        &[char('?'), key(KeyCode::F(1))],
        Command::Help,
        "the keys that work here",
        "help",
    ),
    bind(
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
    bind(PANELS, &[char('l')], Command::ZoomLog, "the whole screen for the log, and back", "log"),
    bind(PANELS, &[char('/')], Command::Filter, "show only rows with these words", "filter"),
    bind(PANELS, &[char('r')], Command::Refresh, "look at all regions now", "refresh"),
    bind(&[Context::Table], &[char(' ')], Command::Mark, "mark, or take the mark away", "mark"),
    bind(&[Context::Table], &[char('s')], Command::SortNext, "sort by the next column", "sort"),
    bind(&[Context::Table], &[char('S')], Command::SortReverse, "sort the other way round", ""),
    bind(
        &[Context::Table],
        &[char('R')],
        Command::AskDestroyRegion,
        "destroy everything in this row's region",
        "",
    ),
    bind(PANELS, &[char('D')], Command::AskDestroyAll, "destroy the whole deployment", ""),
    bind(&[Context::Table], &[char('y')], Command::Copy, "copy the address, else the id", ""),
    bind(
        PANELS,
        &[key(KeyCode::Tab), key(KeyCode::BackTab)],
        Command::NextPanel,
        "to the log and back",
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
    bind(MOVING, &[char('G'), key(KeyCode::End)], Command::Move(Motion::Last), "to the last", ""),
    bind(
        &[Context::Table],
        &[key(KeyCode::Esc)],
        Command::Back,
        "take the marks away, then the filter",
        "",
    ),
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
    bind(ARROWS, &[key(KeyCode::Down), key(KeyCode::Tab)], Command::Move(Motion::Down), "down", ""),
    bind(
        &[Context::Choice],
        &[key(KeyCode::Right), key(KeyCode::Tab), char('l'), key(KeyCode::Down)],
        Command::NextChoice,
        "the next choice",
        "choose",
    ),
    bind(
        &[Context::Choice],
        &[key(KeyCode::Left), key(KeyCode::BackTab), char('h'), key(KeyCode::Up)],
        Command::PreviousChoice,
        "the choice before",
        "",
    ),
    bind(&[Context::Choice], &[char('y')], Command::Say(true), "go to Yes", ""),
    bind(&[Context::Choice], &[char('n')], Command::Say(false), "go to No", ""),
    bind(DIALOGS, &[key(KeyCode::Enter)], Command::Accept, "go on", "go on"),
    bind(DIALOGS, &[key(KeyCode::Esc)], Command::Back, "back, and nothing is done", "back"),
    bind(
        &[Context::Filter],
        &[key(KeyCode::Enter)],
        Command::Accept,
        "keep the filter and go back to the rows",
        "keep",
    ),
    bind(&[Context::Filter], &[key(KeyCode::Esc)], Command::Back, "show all rows", "show all"),
    bind(FIELDS, &[key(KeyCode::Backspace)], Command::Erase, "erase a character", ""),
    bind(FIELDS, &[ctrl('u')], Command::EraseAll, "erase all of it", ""),
    bind(EVERYWHERE, &[ctrl('c')], Command::Interrupt, "leave; twice: without a question", ""),
    bind(EVERYWHERE, &[ctrl('z')], Command::Suspend, "back to the shell until fg", ""),
];

const fn bind(
    contexts: &'static [Context],
    keys: &'static [Key],
    command: Command,
    help: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { contexts, keys, command, help, hint }
}

/// What a key asks for.
pub fn command(context: Context, event: KeyEvent) -> Option<Command> {
    let pressed = Key::pressed(event)?;
    let bound = bindings(context).find(|binding| binding.keys.contains(&pressed));
    bound.map(|binding| binding.command.clone()).or_else(|| match pressed {
        Key { code: KeyCode::Char(character), modifiers: KeyModifiers::NONE }
            if context.takes_text() && !character.is_control() =>
        {
            Some(Command::Type(character))
        }
        _ => None,
    })
}

/// The bindings that hold in a context.
pub fn bindings(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.contexts.contains(&context))
}

/// The name of the first key that asks for a command.
pub fn key_for(context: Context, command: &Command) -> Option<String> {
    bindings(context)
        .find(|binding| binding.command == *command)
        .and_then(|binding| binding.keys.first())
        .map(|key| key.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn no_key_is_bound_twice_in_a_context() {
        for context in EVERYWHERE {
            let mut seen: Vec<Key> = Vec::new();
            for key in bindings(*context).flat_map(|binding| binding.keys) {
                assert!(!seen.contains(key), "{} in {}", key.name(), context.title());
                seen.push(*key);
            }
        }
    }

    #[test]
    fn shift_is_part_of_the_letter() {
        let expected = Some(Command::AskDestroyAll);
        let shift = KeyModifiers::SHIFT;
        assert_eq!(command(Context::Table, press(KeyCode::Char('D'), shift)), expected);
        assert_eq!(command(Context::Table, press(KeyCode::Char('d'), shift)), expected);
        assert_eq!(
            command(Context::Table, press(KeyCode::Char('D'), KeyModifiers::NONE)),
            expected
        );
    }

    #[test]
    fn only_a_press_counts() {
        let mut event = press(KeyCode::Char('d'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(command(Context::Table, event), None);
        event.kind = KeyEventKind::Repeat;
        assert_eq!(command(Context::Table, event), None);
    }

    #[test]
    fn in_a_field_letters_are_text_and_with_control_they_are_not() {
        let letter = press(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(command(Context::Filter, letter), Some(Command::Type('q')));
        assert_eq!(command(Context::Choice, letter), None);
        let control = press(KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(command(Context::Filter, control), None);
    }

    #[test]
    fn each_hint_has_a_key_to_show() {
        for binding in BINDINGS {
            assert!(!binding.keys.is_empty() && !binding.help.is_empty());
        }
        assert_eq!(key_for(Context::Table, &Command::AskCreate).as_deref(), Some("c"));
        assert_eq!(key_for(Context::Table, &Command::Interrupt).as_deref(), Some("Ctrl-C"));
    }
}
