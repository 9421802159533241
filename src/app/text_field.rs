//! A line of text while it is typed: with a cursor, and bounded.

use std::borrow::Cow;

use tui_input::Input;
pub use tui_input::InputRequest as Edit;

/// The longest text of a field, in bytes. What is longer is no filter, no command and no secret,
/// but a file that was pasted by mistake.
const LONGEST: usize = 1024;

/// A line of text while it is typed.
#[derive(Debug, Clone, Default)]
pub struct TextField {
    input: Input,
}

impl PartialEq for TextField {
    fn eq(&self, other: &Self) -> bool {
        (self.text(), self.cursor()) == (other.text(), other.cursor())
    }
}

impl Eq for TextField {}

impl TextField {
    /// A field that holds a text; the cursor is at its end.
    pub fn of(text: &str) -> Self {
        Self { input: Input::new(text.to_owned()) }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// How many columns of it are left of the cursor.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// How many of its columns do not fit into a window of so many, so that the cursor is seen.
    pub fn hidden(&self, window: usize) -> usize {
        self.input.visual_scroll(window)
    }

    /// Types, erases or moves the cursor.
    pub(super) fn edit(&mut self, edit: Edit) {
        if let Edit::InsertChar(character) = edit
            && self.text().len() + character.len_utf8() > LONGEST
        {
            return;
        }
        self.input.handle(edit);
    }

    /// Puts a text where the cursor is, at one stroke and without what is no text. Whole or not at
    /// all: half a secret or half a command is worse than none. Says why not.
    pub(super) fn paste(&mut self, text: &str) -> Result<(), String> {
        // What cannot fit is not looked at: a pasted file must not hold up the keys.
        let text =
            if text.len() > 2 * LONGEST { Cow::Borrowed(text) } else { Cow::Owned(clean(text)) };
        if self.text().len() + text.len() > LONGEST {
            let kilobytes = text.len().div_ceil(1000);
            return Err(format!("nothing was pasted: {kilobytes} kB, and a field holds 1 kB"));
        }
        let at = self.input.cursor();
        let before = self.text().char_indices().nth(at).map_or(self.text().len(), |(byte, _)| byte);
        let whole = [&self.text()[..before], &text, &self.text()[before..]].concat();
        self.input = Input::new(whole).with_cursor(at + text.chars().count());
        Ok(())
    }
}

/// A pasted text on one line: what ends it is no part of it, and what moves a cursor is a space.
fn clean(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, edits: &[Edit]) -> TextField {
        let mut field = TextField::of(text);
        for edit in edits {
            field.edit(*edit);
        }
        field
    }

    #[test]
    fn a_cursor_moves_by_what_a_person_sees() {
        let field = edited("ab e\u{301}", &[Edit::GoToPrevChar, Edit::InsertChar('x')]);
        assert_eq!((field.text(), field.cursor()), ("ab xe\u{301}", 4));
        let field = edited("df -h /", &[Edit::GoToStart, Edit::DeleteNextChar]);
        assert_eq!((field.text(), field.cursor()), ("f -h /", 0));
        assert_eq!(edited("one two", &[Edit::DeletePrevWord]).text(), "one ");
    }

    #[test]
    fn a_paste_goes_where_the_cursor_is_and_onto_one_line() {
        let mut field = edited("ac", &[Edit::GoToPrevChar]);
        assert_eq!(field.paste("b\tb\x1b[2J\r\n"), Ok(()));
        assert_eq!((field.text(), field.cursor()), ("ab b [2Jc", 8));
    }

    #[test]
    fn a_field_is_bounded_and_a_paste_is_whole_or_not_at_all() {
        let mut field = TextField::of("kept");
        let refused = field.paste(&"x".repeat(1_000_000)).unwrap_err();
        assert_eq!(refused, "nothing was pasted: 1000 kB, and a field holds 1 kB");
        assert!(field.paste(&"x".repeat(LONGEST)).is_err());
        assert_eq!(field.text(), "kept");
        let full = "x".repeat(LONGEST);
        assert_eq!(edited(&full, &[Edit::InsertChar('y')]).text(), full);
    }
}
