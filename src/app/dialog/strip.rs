//! What a key leads to when it is pressed after another: views under `'`, commands of the user's
//! under `,`. The table stays to be seen.

use super::next::Next;
use crate::app::command::{Command, Press};
use crate::app::text_field::Edit;

/// The keys that can follow.
#[derive(Debug, Clone, PartialEq)]
pub struct Strip {
    /// What they are.
    pub title: &'static str,
    /// Each key, what it does, and the command.
    pub items: Vec<(char, String, Command)>,
}

impl Strip {
    /// Commands by their names, each with a key: a letter of its name that no other has, else a
    /// digit.
    pub(in crate::app) fn named(
        title: &'static str,
        named: impl Iterator<Item = (String, Command)>,
    ) -> Self {
        let mut items: Vec<(char, String, Command)> = Vec::new();
        for (name, command) in named {
            let letters = name.to_lowercase();
            let wanted = letters.chars().filter(char::is_ascii_lowercase).chain('1'..='9');
            let is_free = |key: &char| items.iter().all(|(taken, ..)| taken != key);
            if let Some(key) = wanted.into_iter().find(is_free) {
                items.push((key, name, command));
            }
        }
        Self { title, items }
    }

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        let item = match press {
            Press::Edit(Edit::InsertChar(key)) => self.items.iter().find(|(it, ..)| *it == key),
            Press::Pick(at) => self.items.get(at),
            Press::Back => return Next::Close,
            _ => None,
        };
        item.map_or(Next::Stay, |(_, _, command)| Next::Do(command.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_gets_a_letter_of_its_own() {
        let names = ["failed", "fleet", "f", "ff", "42"];
        let command = Command::Refresh;
        let all = names.iter().map(|name| ((*name).to_owned(), command.clone()));
        let mut strip = Strip::named("views", all);
        let keys: String = strip.items.iter().map(|(key, ..)| *key).collect();
        assert_eq!(keys, "fl123");
        let press = |key| Press::Edit(Edit::InsertChar(key));
        assert_eq!(strip.on_press(press('l')), Next::Do(command));
        assert_eq!(strip.on_press(press('x')), Next::Stay);
        assert_eq!(strip.on_press(Press::Back), Next::Close);
    }
}
