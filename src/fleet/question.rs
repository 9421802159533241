//! What a job may have to ask the user, and texts that are never printed.

use std::fmt;

use jiff::Timestamp;

/// Something that only the user knows, for a job that waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its number, for the answer.
    pub id: QuestionId,
    /// What is asked: `Passphrase for ~/.ssh/id_ed25519`.
    pub text: String,
    /// What kind of answer there is to it.
    pub wanted: Wanted,
}

/// What kind of answer a question wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Something that is shown nowhere.
    Secret,
    /// The code that a page shows to whoever signs in there.
    Code {
        /// Its address.
        page: String,
    },
    /// Nothing: it is confirmed on a page, and whoever asks notices that.
    Confirmation {
        /// The page's address.
        page: String,
        /// The code that it shows, or takes.
        code: String,
        /// How long that is good.
        until: Timestamp,
    },
    /// The word yes, or any other.
    Yes,
}

/// A question's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u64);

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
