//! Text from the far side, made safe for a terminal, a log and a JSON line.
//!
//! Whatever a machine prints is hostile until it went through [`clean_line`]. Pure, so that both
//! the one who reads the wire and the one who draws can use it.

use std::iter::Peekable;
use std::str::Chars;

use jiff::Timestamp;
use serde_json::Value;

/// Columns between two tab stops.
const TAB: usize = 8;

/// One line of at most `limit` bytes, cleaned by [`clean_line`]: line breaks are a space, and of a
/// line that was drawn over with carriage returns the last version is kept.
pub fn clean(text: &str, limit: usize) -> String {
    let mut clean = clean_line(&last_version(text.trim_end()).replace('\n', " "));
    clean.truncate(clean.floor_char_boundary(limit));
    clean
}

/// When something was or is, for people: `Nov 28, 21:04 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%b %-d, %H:%M UTC").to_string()
}

/// Bytes as two hexadecimal digits each: a checksum.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// A progress bar returns to the start of its line: what was written last is what one would see.
fn last_version(text: &str) -> &str {
    text.rsplit_once('\r').map_or(text, |(_, last)| last)
}

/// One line without anything that a terminal would obey: escape sequences (ECMA-48) are dropped
/// with their arguments, control characters of C0 and C1 are dropped, so is what turns the
/// direction of writing or takes no room; tabs become spaces.
pub fn clean_line(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut column = 0;
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\t' => {
                let spaces = TAB - column % TAB;
                clean.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            hidden if hidden.is_control() || is_invisible(hidden) => {}
            plain => {
                clean.push(plain);
                column += 1;
            }
        }
    }
    clean
}

/// The same for each text of a JSON document, its names included.
pub fn clean_json(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(clean_line(&text)),
        Value::Array(items) => items.into_iter().map(clean_json).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (clean_line(&name), clean_json(value)))
            .collect(),
        plain => plain,
    }
}

/// What follows an ESC.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        // Intermediate bytes, then one final byte: `ESC ( B`, `ESC 7`.
        _ => {
            while rest.next_if(|c| matches!(c, ' '..='/')).is_some() {}
            rest.next_if(|c| matches!(c, '0'..='~'));
        }
    }
}

/// Parameters and intermediates up to the final byte, 0x40 to 0x7e. A sequence that is broken off
/// by something else ends there, so that it cannot swallow a line.
fn skip_control_sequence(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// A string that ends with BEL, ST or the line: a window's title, a link, a clipboard.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(character) = rest.next() {
        match character {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if rest.peek() == Some(&'\\') => {
                rest.next();
                return;
            }
            _ => {}
        }
    }
}

/// Characters without a glyph that change how their neighbours are read: directions (Unicode
/// UAX 9), zero-width ones, line separators, tags.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A word for a POSIX shell, plain where it may be.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a command that is pasted into a shell says of the profile, a blank before it; nothing for the
/// default one.
pub fn profile_flag(profile: Option<&str>) -> String {
    profile.map(|name| format!(" --profile {}", shell_word(name))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn colours_titles_and_links_are_dropped_and_their_text_is_kept() {
        assert_eq!(clean_line("\u{1b}[1;31mred\u{1b}[0m"), "red");
        assert_eq!(clean_line("\u{1b}]0;evil\u{7}plain"), "plain");
        assert_eq!(clean_line("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(clean_line("\u{1b}]52;c;ZXZpbA==\u{9c}kept"), "kept");
        assert_eq!(clean_line("\u{9b}2Jkept\u{1b}(B\u{1b}7!"), "kept!");
    }

    #[test]
    fn a_broken_sequence_swallows_no_text_after_it() {
        assert_eq!(clean_line("\u{1b}[31ü kept"), "ü kept");
        assert_eq!(clean_line("ends with \u{1b}"), "ends with ");
    }

    #[test]
    fn directions_and_controls_are_dropped() {
        assert_eq!(clean_line("a\u{202e}b\u{8}c\u{0}d\u{7f}e\u{200b}f"), "abcdef");
    }

    #[test]
    fn tabs_reach_the_next_stop() {
        assert_eq!(clean_line("a\tb"), "a       b");
        assert_eq!(clean_line("12345678\tb"), "12345678        b");
    }

    #[test]
    fn what_people_write_stays() {
        let line = "naïve 日本語 🚀 — 100 %";
        assert_eq!(clean_line(line), line);
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_left(line in "\\PC*|[\u{0}-\u{ff}]*") {
            let clean = clean_line(&line);
            prop_assert!(!clean.chars().any(|c| c.is_control() || is_invisible(c)), "{clean:?}");
            prop_assert_eq!(clean_line(&clean), clean);
        }
    }

    #[test]
    fn nothing_that_moves_the_cursor_survives() {
        assert_eq!(clean("a\x1b[2Jb\x1b]0;title\x07c\x1b]8;;x\x1b\\d\u{202e}e\x07", 100), "abcde");
        assert_eq!(clean("one\ntwo\tthree\n", 100), "one two three");
        assert_eq!(clean("\x1b[", 100), "");
        assert_eq!(clean("\x1b", 100), "");
    }

    #[test]
    fn of_a_progress_bar_the_last_version_is_kept() {
        assert_eq!(clean("10 %\r50 %\r99 %", 100), "99 %");
        assert_eq!(clean("done\r\n", 100), "done");
    }

    #[test]
    fn a_line_is_cut_between_characters() {
        assert_eq!(clean("ääää", 5), "ää");
    }
}
