//! A filter as it is typed: words, and words of one field: `region:us phase:failed -type:t3a`.

use super::Field;
use crate::fleet::Instance;

/// What a row has to say to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    text: String,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// The field to look in; any where there is none.
    field: Option<Field>,
    word: String,
    /// Whether a row must not say it.
    not: bool,
}

impl Query {
    /// Reads a filter. What looks like a field but is none is a word.
    pub fn parse(text: &str) -> Self {
        let terms = text.split_whitespace().filter_map(|word| {
            let (not, word) = match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, word),
            };
            let split = word.split_once(':').and_then(|(name, rest)| {
                Field::named(&name.to_ascii_lowercase()).map(|field| (Some(field), rest))
            });
            let (field, word) = split.unwrap_or((None, word));
            // `phase:` is on its way to `phase:failed`.
            (!word.is_empty()).then(|| Term { field, word: word.to_owned(), not })
        });
        Self { text: text.to_owned(), terms: terms.collect() }
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it lets every row pass.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a row passes.
    pub fn passes(&self, row: &Instance) -> bool {
        self.terms.iter().all(|term| {
            let says = |field: Field| contains(&field.text(row), &term.word);
            let found = term.field.map_or_else(|| Field::ALL.iter().copied().any(says), says);
            found != term.not
        })
    }
}

/// Whether a text contains a word, in whatever case of ASCII letters. Nothing is allocated: it is
/// asked of every row and line.
pub(super) fn contains(text: &str, word: &str) -> bool {
    find(text, word).is_some()
}

/// Where a text contains a word, in bytes.
pub fn find(text: &str, word: &str) -> Option<usize> {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    if word.is_empty() {
        return Some(0);
    }
    text.windows(word.len()).position(|part| part.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fleet::{Failure, FailureKind, Phase, Step};

    fn row(region: &str, phase: Phase) -> Instance {
        let now = Timestamp::UNIX_EPOCH;
        let mut row = Instance::planned("a".into(), region.into(), "spot-1".into(), now);
        row.phase = phase;
        row
    }

    #[test]
    fn words_are_looked_for_anywhere_and_fields_in_their_place() {
        let failed = row(
            "us-west-2",
            Phase::Failed(Failure::new(FailureKind::Capacity, Step::Launch, "no Capacity", "")),
        );
        for yes in ["", "us-", "CAPACITY west", "region:us phase:failed", "phase:", "-eu", "-"] {
            // A lone dash is a word that every region has.
            assert!(Query::parse(yes).passes(&failed), "{yes}");
        }
        for no in ["eu", "region:capacity", "phase:us", "-region:us", "region:us phase:ready"] {
            assert!(!Query::parse(no).passes(&failed), "{no}");
        }
    }

    #[test]
    fn what_is_no_field_is_a_word() {
        assert!(!Query::parse("colour:red").passes(&row("us-west-2", Phase::Ready)));
        assert_eq!(find("a Failed step", "FAILED"), Some(2));
    }
}
