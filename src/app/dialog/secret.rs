//! A secret for a job, or another answer that it waits for.

use std::fmt;

use super::next::Next;
use crate::app::command::Press;
use crate::app::{Question, Secret, TextField, Wanted};

/// An answer for a job. What was typed is never printed.
#[derive(Clone)]
pub struct SecretForm {
    /// What is asked.
    pub question: Question,
    typed: TextField,
}

impl fmt::Debug for SecretForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretForm").field("question", &self.question).finish_non_exhaustive()
    }
}

impl SecretForm {
    /// The empty field for a question.
    pub fn new(question: Question) -> Self {
        Self { question, typed: TextField::default() }
    }

    /// The page that shows the answer, where one does.
    pub fn page(&self) -> Option<&str> {
        match &self.question.wanted {
            Wanted::Code { page } | Wanted::Confirmation { page, .. } => Some(page),
            Wanted::Secret | Wanted::Yes => None,
        }
    }

    /// Whether nothing is typed here, for a page takes the answer.
    pub fn is_confirmed_elsewhere(&self) -> bool {
        matches!(self.question.wanted, Wanted::Confirmation { .. })
    }

    /// What was typed, where that is no secret.
    pub fn shown(&self) -> Option<&TextField> {
        (self.question.wanted == Wanted::Yes).then_some(&self.typed)
    }

    /// How many characters were typed.
    pub fn len(&self) -> usize {
        self.typed.text().chars().count()
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.typed.text().is_empty()
    }

    /// How many of them are left of the cursor.
    pub fn cursor(&self) -> usize {
        self.typed.cursor()
    }

    /// Puts a text where the cursor is. Says why not.
    pub(in crate::app) fn paste(&mut self, text: &str) -> Result<(), String> {
        if self.is_confirmed_elsewhere() { Ok(()) } else { self.typed.paste(text) }
    }

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        match press {
            // The dialog came by itself: an Enter that was meant for the table answers nothing.
            Press::Accept if self.is_empty() => {}
            Press::Accept => return Next::Answer(Secret::new(self.typed.text())),
            Press::Back => return Next::Close,
            Press::Edit(edit) => self.typed.edit(edit),
            Press::Move(_)
            | Press::Complete
            | Press::Recall(_)
            | Press::Pick(_)
            | Press::Choose(_)
            | Press::More
            | Press::Less
            | Press::Column(_) => {}
        }
        Next::Stay
    }
}
