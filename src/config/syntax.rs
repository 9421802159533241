//! What makes a text unreadable as YAML, in words that a user understands.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::complaint::{ComplaintSink, Position};

/// The largest text that is read: 1 MiB.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// How deep lists and mappings may nest.
pub(super) const MAX_DEPTH: usize = 32;

/// The file's bytes as text. `None` only after a complaint.
pub(super) fn decode<'a>(bytes: &'a [u8], sink: &mut ComplaintSink) -> Option<&'a str> {
    if bytes.len() > MAX_BYTES {
        refuse_size(sink);
        return None;
    }
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Some(text),
        Err(error) => error,
    };
    let (good, bad) = bytes.split_at(error.valid_up_to());
    let at = Position::behind(&String::from_utf8_lossy(good));
    let byte = bad.first().copied().unwrap_or_default();
    sink.add_with(
        at,
        format!(
            "the byte 0x{byte:02x} is not UTF-8: this is not a text file, or in another encoding"
        ),
        "save it as UTF-8",
    );
    None
}

/// Whether a text is worth parsing: neither too large nor binary.
pub(super) fn is_readable(text: &str, sink: &mut ComplaintSink) -> bool {
    if text.len() > MAX_BYTES {
        refuse_size(sink);
        return false;
    }
    let binary = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    if let Some(found) = text.find(binary) {
        let code = text[found..].chars().next().map_or(0, u32::from);
        sink.add(
            Position::behind(&text[..found]),
            format!("the control character U+{code:04X}: this is not a text file"),
        );
        return false;
    }
    true
}

/// Of a file that is too long only so much is read.
fn refuse_size(sink: &mut ComplaintSink) {
    let message = format!("the file has more than {MAX_BYTES} bytes");
    sink.add_with(Position::START, message, "is this the right file?");
}

/// Says what the YAML parser stumbled over.
pub(super) fn explain(error: &ScanError, text: &str, sink: &mut ComplaintSink) {
    let mark = error.marker();
    let at = Position { line: mark.line().max(1), column: mark.col() + 1 };
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            // The parser's mark is where it gave up, behind the tab.
            let line = text.lines().nth(at.line - 1).unwrap_or_default();
            let tab = line.chars().position(|c| c == '\t').map_or(at.column, |tab| tab + 1);
            let at = Position { column: tab, ..at };
            sink.add_with(at, "a tab where YAML wants spaces", "indent with spaces");
        }
        ErrorKind::RecursionLimitExceeded => {
            sink.add(at, format!("lists and mappings nest more than {MAX_DEPTH} deep"));
        }
        ErrorKind::UnknownAnchor => {
            sink.add(at, "an alias to an anchor that is not defined before it");
        }
        kind => match plainly(kind) {
            Some((message, hint)) => sink.add_with(at, message, hint),
            None => sink.add(at, format!("this is not YAML: {kind}")),
        },
    }
}

/// What the parser says in the words of YAML's grammar, for people who have not read it; and what
/// helps.
fn plainly(kind: &ErrorKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("a '{' is not closed before this", "write {key: value, key: value}")
        }
        ErrorKind::ExpectedFlowSequenceSeparator | ErrorKind::UnexpectedEofFlowSequence => {
            ("a '[' is not closed before this", "write [item, item]")
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            ("a closing bracket that nothing opened", "take it away, or put the value in quotes")
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            ("a quote is not closed before this", "end the value with the quote it begins with")
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation => (
            "this line is indented like none of those that it could belong to",
            "keys of one mapping, and the '-' of one list, stand below each other",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("this line is no key with a value", "write a ':' and a space behind the key")
        }
        ErrorKind::InvalidColonPlacement | ErrorKind::MappingValueNotAllowed => (
            "a ':' where no key can stand",
            "put a value that has one in quotes, and write a space behind that of a key",
        ),
        ErrorKind::MissingAnchorOrAliasName => {
            ("'*' and '&' have a meaning in YAML", "put the value in quotes")
        }
        ErrorKind::UnexpectedCharacter { .. } => {
            ("this character has a meaning in YAML", "put the value in quotes")
        }
        ErrorKind::CommentNotSeparated => ("no space before the '#'", "write one"),
        _ => return None,
    })
}
