//! A key: how it is read from an event, how it is written in a configuration, and how it is shown.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::layouts::twin;

/// A key with its modifiers. Shift is part of the character and never a modifier of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub(super) code: KeyCode,
    pub(super) modifiers: KeyModifiers,
}

/// A key without modifiers.
pub(in crate::app) const fn key(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::NONE }
}

/// A character.
pub(in crate::app) const fn char(character: char) -> Key {
    key(KeyCode::Char(character))
}

/// A character with Control.
pub(super) const fn ctrl(character: char) -> Key {
    Key { code: KeyCode::Char(character), modifiers: KeyModifiers::CONTROL }
}

/// A character with Alt.
pub(super) const fn alt(character: char) -> Key {
    Key { code: KeyCode::Char(character), modifiers: KeyModifiers::ALT }
}

/// A key with Control that is no character.
pub(super) const fn ctrl_key(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::CONTROL }
}

/// A key with Alt that is no character.
pub(super) const fn alt_key(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::ALT }
}

/// A key with Shift that is no character.
pub(super) const fn shift(code: KeyCode) -> Key {
    Key { code, modifiers: KeyModifiers::SHIFT }
}

/// The keys that have a name instead of a character. The first name is the one that is shown.
const NAMES: [(&str, KeyCode); 16] = [
    ("Space", KeyCode::Char(' ')),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("Shift-Tab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PgUp", KeyCode::PageUp),
    ("PgDn", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
];

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
                code = KeyCode::Char(character.to_lowercase().next().unwrap_or(character));
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

    /// The same key on a keyboard of Latin letters, where this one wrote another alphabet.
    pub(super) fn twin(self) -> Option<Self> {
        let KeyCode::Char(written) = self.code else { return None };
        twin(written).map(|character| Self { code: KeyCode::Char(character), ..self })
    }

    /// The key that a user wrote: a character, a name, `F2`, `Ctrl-N`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            return (!character.is_control()).then(|| char(character));
        }
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        if let Some((_, code)) = named {
            return Some(key(*code));
        }
        let (first, rest) = text.split_at_checked(1)?;
        if first.eq_ignore_ascii_case("f") {
            let number = rest.parse().ok().filter(|number| (1..=24).contains(number))?;
            return Some(key(KeyCode::F(number)));
        }
        let (modifier, rest) = text.split_once('-')?;
        let Key { code, modifiers: KeyModifiers::NONE } = Self::parse(rest)? else { return None };
        let is = |name: &str| modifier.eq_ignore_ascii_case(name);
        match code {
            KeyCode::Char(character) if is("ctrl") => Some(ctrl(character.to_ascii_lowercase())),
            KeyCode::Char(character) if is("alt") => Some(alt(character)),
            KeyCode::Char(_) => None,
            code if is("shift") => Some(shift(code)),
            code if is("ctrl") => Some(ctrl_key(code)),
            code if is("alt") => Some(alt_key(code)),
            _ => None,
        }
    }

    /// How the key is written in hints and help.
    pub fn name(self) -> String {
        let named = NAMES.iter().find(|(_, code)| *code == self.code);
        let name = match (named, self.code) {
            (Some((name, _)), _) => (*name).to_owned(),
            (None, KeyCode::Char(character)) => character.to_string(),
            (None, KeyCode::F(number)) => format!("F{number}"),
            (None, other) => format!("{other:?}"),
        };
        let is_letter = matches!(self.code, KeyCode::Char(character) if character != ' ');
        match self.modifiers {
            KeyModifiers::CONTROL if is_letter => format!("Ctrl-{}", name.to_uppercase()),
            KeyModifiers::CONTROL => format!("Ctrl-{name}"),
            KeyModifiers::ALT => format!("Alt-{name}"),
            KeyModifiers::SHIFT => format!("Shift-{name}"),
            _ => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_written() {
        let mut keys = vec![char('c'), char('D'), char('-'), ctrl('n'), key(KeyCode::F(12))];
        keys.extend(NAMES.map(|(_, code)| key(code)));
        keys.extend([
            shift(KeyCode::Down),
            alt('b'),
            ctrl_key(KeyCode::Left),
            alt_key(KeyCode::Up),
        ]);
        for key in keys {
            assert_eq!(Key::parse(&key.name()), Some(key), "{}", key.name());
        }
        assert_eq!(Key::parse("ctrl-N"), Some(ctrl('n')));
        assert_eq!(Key::parse("pgdn"), Some(key(KeyCode::PageDown)));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "F0", "F99", "Ctrl-", "Hyper-x", "Ctrl-Ctrl-x", "delete it", "\n"] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }
}
