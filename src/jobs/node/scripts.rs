//! Whether a file is a script that Linux starts: what Windows' editors and habits make of one does
//! not run, or runs and fails at its first line. Pure.

const MARK: &[u8] = b"\xef\xbb\xbf";
/// How a file begins that PowerShell's `>` wrote, and one with the bytes the other way round.
const UTF_16: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];
/// How a compiled program begins.
const ELF: &[u8] = b"\x7fELF";

/// Whether somebody meant this to be a script.
pub(super) fn is_script(head: &[u8]) -> bool {
    head.strip_prefix(MARK).unwrap_or(head).starts_with(b"#!")
}

/// Why Linux would not run a file that begins so, and how it is mended; `None` where it would.
pub(super) fn unrunnable(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(ELF) {
        return None;
    }
    if UTF_16.iter().any(|mark| head.starts_with(mark)) {
        return Some("is UTF-16: save it as UTF-8 without a byte order mark");
    }
    if head.starts_with(MARK) {
        return Some(
            "begins with a byte order mark, so that no `#!` is seen: save it as UTF-8 without one",
        );
    }
    if has_windows_lines(head) {
        return Some(
            "has the line ends of Windows (CRLF), and nothing is called `/bin/sh\\r`: take them out \
             with `sed -i 's/\\r$//'`",
        );
    }
    // What is behind `#!` is a path, taken as it stands.
    let interpreter = head.strip_prefix(b"#!").map(<[u8]>::trim_ascii_start);
    if interpreter.is_some_and(|path| path.starts_with(b"/")) {
        return None;
    }
    Some("does not say what runs it: its first line has to be `#!/bin/sh`, or name another program")
}

/// The first line decides whether it starts, the others whether it works. A few such lines may be
/// meant: the text of a request, say.
fn has_windows_lines(head: &[u8]) -> bool {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n');
    let is_windows = |line: &[u8]| line.ends_with(b"\r\n");
    let first = lines.next().is_some_and(is_windows);
    let (windows, others): (Vec<&[u8]>, Vec<&[u8]>) = lines.partition(|line| is_windows(line));
    first || windows.len() > others.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_34_what_linux_starts_and_what_it_does_not() {
        for runs in [
            "#!/bin/sh\necho hi\n",
            "#! /usr/bin/env python3\n",
            "#!/bin/sh",
            "#!/bin/sh\nprintf 'GET / HTTP/1.1\r\n\r\n' >x\necho a\necho b\necho c\n",
        ] {
            assert_eq!(unrunnable(runs.as_bytes()), None, "{runs:?}");
        }
        assert_eq!(unrunnable(b"\x7fELF\x02\x01\x01\r\n\r\n"), None);
        for (script, why) in [
            ("#!/bin/bash\r\necho hi\r\n", "CRLF"),
            ("#!/bin/bash\necho hi\r\necho ho\r\n", "CRLF"),
            ("\u{feff}#!/bin/sh\necho hi\n", "byte order mark"),
            ("echo hi\n", "#!/bin/sh"),
            ("", "#!/bin/sh"),
            ("#!\n", "#!/bin/sh"),
            ("#!bash\n", "#!/bin/sh"),
            ("\n#!/bin/sh\n", "#!/bin/sh"),
        ] {
            let told = unrunnable(script.as_bytes());
            assert!(told.is_some_and(|told| told.contains(why)), "{script:?}: {told:?}");
        }
        assert!(unrunnable(b"\xff\xfe#\0!\0").is_some_and(|told| told.contains("UTF-16")));
    }

    #[test]
    fn a_unit_or_a_list_is_no_script() {
        assert!(is_script(b"#!/bin/sh\n") && is_script("\u{feff}#!/bin/sh\r\n".as_bytes()));
        assert!(!is_script(b"[Unit]\r\n") && !is_script(b""));
    }
}
