//! Which key does what, as data: read one way for input, the other way for hints, help and the
//! palette. The configuration can give an action other keys; dialogs keep theirs.
//!
//! The same key does the same thing everywhere: Enter goes on, Escape closes, Space marks.

mod binding;
mod bindings;
mod dialogs;
pub(super) mod key;
mod layouts;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use binding::{Binding, Context, Group};
pub use key::Key;

use super::{Command, Edit, Press};
use crate::config::{Complaint, Rebound};
use bindings::BINDINGS;

/// A binding and the keys that it has in this process.
pub type Bound<'a> = (&'static Binding, &'a [Key]);

/// The bindings with the keys that hold in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    /// The keys of each binding, in the same order.
    keys: Vec<Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { keys: BINDINGS.iter().map(|binding| binding.keys.to_vec()).collect() }
    }
}

impl Keymap {
    /// The keymap with other keys for some actions. Everything that is wrong with them is told.
    pub fn new(changes: &BTreeMap<String, Rebound>) -> Result<Self, Vec<Complaint>> {
        let mut keymap = Self::default();
        let mut wrong = Vec::new();
        for (name, Rebound { at, keys }) in changes {
            let Some(place) = BINDINGS.iter().position(|it| it.name == *name && !name.is_empty())
            else {
                let hint = nearest(name).map(|known| format!("did you mean '{known}'?"));
                wrong.push(complaint(*at, format!("no action is called '{name}'"), hint));
                continue;
            };
            keymap.keys[place].clear();
            for text in keys {
                if let Some(key) = Key::parse(text) {
                    keymap.keys[place].push(key);
                } else {
                    let message = format!("'{text}' for '{name}' is no key");
                    wrong.push(complaint(*at, message, Some(KEYS.to_owned())));
                }
            }
        }
        for (one, other, message) in keymap.clashes() {
            let rebound = changes.get(one).or_else(|| changes.get(other));
            wrong.push(complaint(rebound.map_or((1, 1), |it| it.at), message, None));
        }
        wrong.sort();
        if wrong.is_empty() { Ok(keymap) } else { Err(wrong) }
    }

    /// Keys that ask for two things in one context: the names of the two, and a sentence.
    fn clashes(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut clashes = Vec::new();
        for context in Context::ALL.iter().copied() {
            let mut seen: Vec<(Key, &'static Binding)> = Vec::new();
            for (binding, keys) in self.bindings(context) {
                for key in keys {
                    if let Some((_, other)) = seen.iter().find(|(known, _)| known == key) {
                        let (one, two) = (other.label(), binding.label());
                        let said = format!("{} would be both '{one}' and '{two}'", key.name());
                        let clash = (binding.name, other.name, said);
                        if !clashes.contains(&clash) {
                            clashes.push(clash);
                        }
                    }
                    seen.push((*key, binding));
                }
            }
        }
        clashes
    }

    /// What a key asks for. Where nothing is written, the key of another alphabet counts by where it
    /// stands.
    pub fn command(&self, context: Context, event: KeyEvent) -> Option<Command> {
        let pressed = Key::pressed(event)?;
        let bound = |key: Key| {
            let found = self.bindings(context).find(|(_, keys)| keys.contains(&key));
            found.map(|(binding, _)| binding.command.clone())
        };
        let written = |key: Key| match key {
            Key { code: KeyCode::Char(character), modifiers: KeyModifiers::NONE }
                if context.takes_text() && !character.is_control() =>
            {
                Some(Command::Press(Press::Edit(Edit::InsertChar(character))))
            }
            _ => None,
        };
        let is_text = context.takes_letters() && pressed.modifiers.is_empty();
        let twin = pressed.twin().filter(|_| !is_text);
        bound(pressed)
            .or_else(|| twin.and_then(|key| bound(key).or_else(|| written(key))))
            .or_else(|| written(pressed))
    }

    /// What a key with Alt asks for where it is bound to nothing: it came as an Esc and the key, and
    /// a slow line, or a tmux that waits for more after an Esc, makes one of the two. Dropped, what
    /// is typed after it would be commands.
    pub fn apart(&self, context: Context, event: KeyEvent) -> Option<[KeyEvent; 2]> {
        let is_apart =
            event.modifiers.contains(KeyModifiers::ALT) && self.command(context, event).is_none();
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        let key = KeyEvent::new(event.code, event.modifiers - KeyModifiers::ALT);
        is_apart.then_some([escape, key])
    }

    /// The bindings that hold in a context, with their keys.
    pub fn bindings(&self, context: Context) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        let all = BINDINGS.iter().zip(self.keys.iter().map(Vec::as_slice));
        all.filter(move |(binding, keys)| binding.contexts.contains(&context) && !keys.is_empty())
    }

    /// The same by what they are for; a group that has none is left out.
    pub fn grouped(&self, context: Context) -> Vec<(Group, Vec<Bound<'_>>)> {
        let of = |group: Group| {
            let bindings = self.bindings(context).filter(move |(it, _)| it.group() == group);
            (group, bindings.collect::<Vec<_>>())
        };
        let groups = Group::ALL.iter().map(|group| of(*group));
        groups.filter(|(_, bindings)| !bindings.is_empty()).collect()
    }

    /// The actions that have a name, with their keys.
    pub fn actions(&self) -> impl Iterator<Item = (&'static Binding, &[Key])> {
        let all = BINDINGS.iter().zip(self.keys.iter().map(Vec::as_slice));
        all.filter(|(binding, _)| !binding.name.is_empty())
    }

    /// The name of the first key that asks for a command.
    pub fn key_for(&self, context: Context, command: &Command) -> Option<String> {
        self.bindings(context)
            .find(|(binding, _)| binding.command == *command)
            .and_then(|(_, keys)| keys.first())
            .map(|key| key.name())
    }
}

/// How keys are written.
const KEYS: &str = "write a character, or a name such as F2, Ctrl-N or PgDn";

fn complaint((line, column): (usize, usize), message: String, hint: Option<String>) -> Complaint {
    Complaint { line, column, message, hint }
}

/// The action that was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    let names = BINDINGS.iter().map(|binding| binding.name).filter(|name| !name.is_empty());
    names
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .filter(|(distance, known)| *distance <= (known.len() / 3).max(1))
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Action, Aim, LeaveCommand};

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    fn command(context: Context, event: KeyEvent) -> Option<Command> {
        Keymap::default().command(context, event)
    }

    fn changed(changes: &[(&str, &str)]) -> Result<Keymap, Vec<String>> {
        let change = |((name, key), line): (&(&str, &str), usize)| {
            let rebound = Rebound { at: (line, 5), keys: vec![(*key).to_owned()] };
            ((*name).to_owned(), rebound)
        };
        Keymap::new(&changes.iter().zip(1..).map(change).collect())
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn no_key_is_bound_twice_in_a_context_and_no_name_twice() {
        assert_eq!(Keymap::default().clashes(), []);
        let names: Vec<&str> =
            Keymap::default().actions().map(|(binding, _)| binding.name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(names.len(), unique.len());
    }

    #[test]
    fn shift_is_part_of_the_letter() {
        let expected = Some(Command::Ask(Action::Destroy, Aim::Deployment));
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
        use crossterm::event::KeyEventKind;
        let mut event = press(KeyCode::Char('d'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(command(Context::Table, event), None);
        event.kind = KeyEventKind::Repeat;
        assert_eq!(command(Context::Table, event), None);
    }

    #[test]
    fn in_a_field_letters_are_text_and_with_control_they_are_not() {
        let letter = press(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(
            command(Context::Filter, letter),
            Some(Command::Press(Press::Edit(Edit::InsertChar('q'))))
        );
        let unbound = press(KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!(command(Context::Choice, unbound), None);
        let control = press(KeyCode::Char('x'), KeyModifiers::CONTROL);
        assert_eq!(command(Context::Filter, control), None);
    }

    #[test]
    fn a_key_of_another_alphabet_counts_by_where_it_stands() {
        let twin = |context, character| {
            let meant = press(KeyCode::Char(character), KeyModifiers::NONE);
            command(context, meant)
        };
        for (written, meant) in [('с', 'c'), ('й', 'q'), ('о', 'j'), ('Ж', ':'), ('ψ', 'c')] {
            assert!(twin(Context::Table, meant).is_some());
            assert_eq!(twin(Context::Table, written), twin(Context::Table, meant), "{written}");
        }
        assert_eq!(twin(Context::Choice, 'н'), twin(Context::Choice, 'y'));
        assert_eq!(twin(Context::Counts, '３'), twin(Context::Counts, '3'));
        let typed = |character| Some(Command::Press(Press::Edit(Edit::InsertChar(character))));
        assert_eq!(twin(Context::Filter, 'с'), typed('с'), "what is written is meant");
        let control = |character| press(KeyCode::Char(character), KeyModifiers::CONTROL);
        assert_eq!(command(Context::Table, control('С')), command(Context::Table, control('c')));
        assert_eq!(command(Context::Filter, control('г')), command(Context::Filter, control('u')));
    }

    #[test]
    fn alt_is_an_escape_and_the_key() {
        let keymap = Keymap::default();
        let alt = |character| press(KeyCode::Char(character), KeyModifiers::ALT);
        let [escape, key] = keymap.apart(Context::Choice, alt('y')).unwrap();
        assert_eq!(
            (escape.code, key),
            (KeyCode::Esc, press(KeyCode::Char('y'), KeyModifiers::NONE))
        );
        assert_eq!(keymap.apart(Context::Filter, alt('b')), None, "a word to the left");
        let [escape, key] = keymap.apart(Context::Table, alt('/')).unwrap();
        assert_eq!((escape.code, key.code), (KeyCode::Esc, KeyCode::Char('/')));
    }

    #[test]
    fn each_hint_has_a_key_to_show() {
        let keymap = Keymap::default();
        for binding in BINDINGS.iter() {
            assert!(!binding.help.is_empty());
            assert!(binding.hint.is_empty() || !binding.keys.is_empty(), "{}", binding.name);
        }
        let key = |command: &Command| keymap.key_for(Context::Table, command);
        assert_eq!(key(&Command::Ask(Action::Create(None), Aim::Deployment)).as_deref(), Some("c"));
        assert_eq!(key(&Command::Leave(LeaveCommand::Interrupt)).as_deref(), Some("Ctrl-C"));
    }

    #[test]
    fn an_action_gets_other_keys_and_loses_its_own() {
        let keymap = changed(&[("create", "F2"), ("copy-id", "J")]).unwrap();
        let pressed = |code| keymap.command(Context::Table, press(code, KeyModifiers::NONE));
        assert_eq!(
            pressed(KeyCode::F(2)),
            Some(Command::Ask(Action::Create(None), Aim::Deployment))
        );
        assert_eq!(pressed(KeyCode::Char('c')), None);
        assert_eq!(
            keymap
                .key_for(Context::Table, &Command::Ask(Action::Create(None), Aim::Deployment))
                .as_deref(),
            Some("F2")
        );
    }

    #[test]
    fn a_wrong_keymap_is_told_whole() {
        let wrong = changed(&[("craete", "n"), ("destroy", "Hyper-x"), ("map", "c")]).unwrap_err();
        assert_eq!(
            wrong,
            [
                "1:5: no action is called 'craete'; did you mean 'create'?",
                &format!("2:5: 'Hyper-x' for 'destroy' is no key; {KEYS}"),
                "3:5: c would be both 'create' and 'map'",
            ]
        );
    }
}
