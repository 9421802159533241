//! Makes text from outside fit to be kept and shown: one line, no control characters, bounded.

use std::iter::Peekable;
use std::str::Chars;

/// One line of at most `limit` bytes: escape sequences, control and bidirectional characters are
/// gone, tabs and line breaks are a space, and of a line that was drawn over with carriage
/// returns the last version is kept.
pub fn clean(text: &str, limit: usize) -> String {
    let text = last_version(text.trim_end());
    let mut clean = String::with_capacity(text.len().min(limit));
    let mut chars = text.chars().peekable();
    while let Some(next) = chars.next() {
        let shown = match next {
            '\x1b' => {
                skip_escape(&mut chars);
                continue;
            }
            '\t' | '\n' => ' ',
            hidden if hidden.is_control() || is_invisible(hidden) => continue,
            shown => shown,
        };
        if clean.len() + shown.len_utf8() > limit {
            break;
        }
        clean.push(shown);
    }
    clean
}

/// A progress bar returns to the start of its line: what was written last is what one would see.
fn last_version(text: &str) -> &str {
    text.rsplit_once('\r').map_or(text, |(_, last)| last)
}

/// Skips what follows ESC: a CSI sequence up to its final byte, an OSC string up to its
/// terminator, else one character (ECMA-48, 5.4 and 8.3.89).
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|next| !('@'..='~').contains(&next)) {},
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(next) = chars.next() {
                if next == '\x07' || (next == '\x1b' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Characters that change the order or the presence of others (Unicode's Bidi_Control, and the
/// zero-width ones that hide in names).
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

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
