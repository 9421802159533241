//! Makes text from outside fit to be kept and shown: one line, bounded.

use crate::fleet::text::clean_line;

/// One line of at most `limit` bytes, cleaned by [`clean_line`]: line breaks are a space, and of a
/// line that was drawn over with carriage returns the last version is kept.
pub fn clean(text: &str, limit: usize) -> String {
    let mut clean = clean_line(&last_version(text.trim_end()).replace('\n', " "));
    clean.truncate(clean.floor_char_boundary(limit));
    clean
}

/// A progress bar returns to the start of its line: what was written last is what one would see.
fn last_version(text: &str) -> &str {
    text.rsplit_once('\r').map_or(text, |(_, last)| last)
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
