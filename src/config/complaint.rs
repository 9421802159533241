//! What is wrong with a configuration: each mistake with its place, all of them at once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// How many complaints are kept; of the others only the number.
const MOST: usize = 100;

/// How many characters of the user's text a message repeats.
const QUOTED: usize = 60;

/// The shortest configuration, for hints.
pub(super) const SHORTEST: &str =
    "write at least 'regions: [{us-west-2: {machine_type: t3.medium}}]'";

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

impl Position {
    /// The first character.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The place right behind `text`.
    pub(super) fn behind(text: &str) -> Self {
        let line = text.matches('\n').count() + 1;
        let last = text.rfind('\n').map_or(text, |end| &text[end + 1..]);
        Self { line, column: last.chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right, where that can be said.
    pub hint: Option<String>,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with one file, sorted by position.
///
/// Displayed as one line a mistake, `config.yaml:12:7: unknown key ...; did you mean ...?`. The
/// user's text in it is capped and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaints {
    name: String,
    list: Vec<Complaint>,
    left_out: usize,
}

impl Complaints {
    /// The mistakes, sorted by position; the first hundred of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Complaint> {
        self.list.iter()
    }

    /// How many mistakes there are, counting those that [`Self::iter`] leaves out.
    pub fn count(&self) -> usize {
        self.list.len() + self.left_out
    }
}

impl<'a> IntoIterator for &'a Complaints {
    type Item = &'a Complaint;
    type IntoIter = std::slice::Iter<'a, Complaint>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, complaint) in self.list.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{complaint}", self.name)?;
        }
        if self.left_out > 0 {
            write!(f, "\n{}: and {} more mistakes", self.name, self.left_out)?;
        }
        Ok(())
    }
}

impl std::error::Error for Complaints {}

/// Collects complaints while a text is read.
#[derive(Debug, Default)]
pub(super) struct ComplaintSink {
    complaints: BTreeSet<Complaint>,
    left_out: usize,
}

impl ComplaintSink {
    /// Notes a mistake.
    pub(super) fn add(&mut self, at: Position, message: impl Into<String>) {
        self.push(at, message.into(), None);
    }

    /// Notes a mistake and what would be right.
    pub(super) fn add_with(
        &mut self,
        at: Position,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(at, message.into(), Some(hint.into()));
    }

    /// Notes a mistake, with a hint where there is one. The same mistake at the same place, as
    /// two aliases of one anchor make it, counts once.
    pub(super) fn push(&mut self, at: Position, message: String, hint: Option<String>) {
        let Position { line, column } = at;
        self.complaints.insert(Complaint { line, column, message, hint });
        if self.complaints.len() > MOST {
            self.complaints.pop_last();
            self.left_out += 1;
        }
    }

    /// Whether nothing is wrong so far.
    pub(super) fn is_empty(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The list, for the file of this name.
    pub(super) fn into_complaints(self, name: &str) -> Complaints {
        Complaints {
            name: clean(name),
            list: self.complaints.into_iter().collect(),
            left_out: self.left_out,
        }
    }
}

/// The user's text in quotes, for a message: cut to a bearable length, controls escaped.
pub(super) fn quoted(text: &str) -> String {
    let text = masked(text);
    let short: String = text.chars().take(QUOTED).collect();
    let ellipsis = if short.len() < text.len() { "..." } else { "" };
    format!("'{}{ellipsis}'", clean(&short))
}

/// The text without what may be a password: messages end up in the logs of a CI. It stands before
/// the host of an address, `https://name:password@host`.
fn masked(text: &str) -> Cow<'_, str> {
    let Some((before, host)) = text.rsplit_once('@') else { return text.into() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://***@{host}").into(),
        None if before.contains(':') => format!("***@{host}").into(),
        None => text.into(),
    }
}

/// The text without what could steer a terminal or turn around the reading direction.
fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            cleaned.extend(c.escape_unicode());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_23_a_password_in_an_address_is_not_repeated() {
        for (text, shown) in [
            ("https://u:SECRETPW@h:1", "'https://***@h:1'"),
            ("https://SECRETPW@h", "'https://***@h'"),
            ("u:SECRET@PW@h", "'***@h'"),
            ("me@example.com", "'me@example.com'"),
        ] {
            assert_eq!(quoted(text), shown);
        }
        let long = format!("https://u:{}@h", "SECRETPW".repeat(20));
        assert_eq!(quoted(&long), "'https://***@h'");
    }
}
