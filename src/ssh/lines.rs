//! Bytes from the far side, cut into lines that can be shown. Bounded, whatever comes.

use super::Pipe;
use crate::fleet::text::clean_line;

/// Bytes of a line that are kept; the rest of it is dropped.
pub(super) const LONGEST: usize = 8 * 1024;
/// What stands in for the rest.
const CUT_MARK: char = '…';

/// Collects the lines of one pipe.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
    cut: bool,
}

impl Lines {
    /// Takes in bytes and tells of the lines that they complete. A carriage return ends a line
    /// too: a progress bar shows its newest state. Empty lines tell nothing and are left out.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut tell: impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
            self.keep(&bytes[..end]);
            self.finish(&mut tell);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// Tells of what is left when no more comes.
    pub(super) fn finish(&mut self, mut tell: impl FnMut(&str)) {
        let mut line = clean_line(&self.text());
        if std::mem::take(&mut self.cut) {
            line.push(CUT_MARK);
        }
        self.pending.clear();
        if !line.is_empty() {
            tell(&line);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.pending.len();
        self.pending.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.cut |= bytes.len() > room;
    }

    /// Lossy; a character that the limit cut in two is left out.
    fn text(&self) -> String {
        let whole = match std::str::from_utf8(&self.pending) {
            Err(error) if self.cut && error.error_len().is_none() => error.valid_up_to(),
            _ => self.pending.len(),
        };
        String::from_utf8_lossy(&self.pending[..whole]).into_owned()
    }
}

/// The lines of both pipes of a command.
#[derive(Debug, Default)]
pub(super) struct Output {
    out: Lines,
    err: Lines,
}

impl Output {
    pub(super) fn push(&mut self, pipe: Pipe, bytes: &[u8], mut tell: impl FnMut(Pipe, &str)) {
        let lines = match pipe {
            Pipe::Out => &mut self.out,
            Pipe::Err => &mut self.err,
        };
        lines.push(bytes, |line| tell(pipe, line));
    }

    pub(super) fn finish(&mut self, mut tell: impl FnMut(Pipe, &str)) {
        self.out.finish(|line| tell(Pipe::Out, line));
        self.err.finish(|line| tell(Pipe::Err, line));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut told = Vec::new();
        let mut lines = Lines::default();
        for chunk in chunks {
            lines.push(chunk, |line| told.push(line.to_owned()));
        }
        lines.finish(|line| told.push(line.to_owned()));
        told
    }

    #[test]
    fn lines_do_not_depend_on_chunks() {
        assert_eq!(lines(&[b"on", b"e\ntw", b"o\r\nthree"]), ["one", "two", "three"]);
        assert_eq!(lines(&["gr\u{fc}n".as_bytes().split_at(3).0, b"\xbcn\n"]), ["gr\u{fc}n"]);
        assert_eq!(lines(&[b" 10 %\r 20 %\r100 %\n"]), [" 10 %", " 20 %", "100 %"]);
        assert_eq!(lines(&[b"\xff\xfe\n"]), ["\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let mut long = vec![b'a'; 1_000_000];
        long.extend_from_slice(b"\nnext\n");
        let told = lines(&[&long]);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].len(), LONGEST + CUT_MARK.len_utf8());
        assert_eq!(told[1], "next");
    }

    #[test]
    fn a_character_at_the_limit_is_whole_or_absent() {
        let mut long = vec![b'a'; LONGEST - 1];
        long.extend_from_slice("ü!".as_bytes());
        assert!(!lines(&[&long])[0].contains('\u{fffd}'));
    }

    proptest! {
        #[test]
        fn any_cutting_gives_the_same_lines(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200),
            size in 1_usize..20,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(lines(&chunks), lines(&[&bytes]));
        }
    }
}
