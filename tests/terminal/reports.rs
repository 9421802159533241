//! What a terminal says without being asked, and keys in other forms than the plain one.

use super::{ESCAPE, Home, OPENING, PROGRAM, SIZE, Silence};
use crate::support::terminal::{Terminal, command};

/// What terminals were seen to say by themselves: colours that changed with the daylight, an answer
/// that was late for the program that asked, modes.
const REPORTS: [&str; 7] = [
    "\x1b]11;rgb:2e2e/3434/3636\x07",
    "\x1b]10;rgb:d3d3/d7d7/cfcf\x1b\\",
    "\x1bP>|tmux 3.4\x1b\\",
    "\x1b_Gi=1;OK\x1b\\",
    "\x1b[?2026;2$y",
    "\x1b[?997;1n",
    "\x1b[12;40R",
];

#[test]
fn attack_3_and_4_what_a_terminal_reports_is_not_typed() {
    let (home, silence) = (Home::new(), Silence::new());
    let mut terminal = Terminal::start(home.command(&silence.url()), SIZE);
    let before = terminal.wait_for(OPENING);
    for report in REPORTS {
        terminal.press(report);
        terminal.press("?");
        terminal.wait_for("keys: instances");
        terminal.press(ESCAPE);
        let after = terminal.wait_gone("keys: instances");
        assert_eq!(after.lines().next_back(), before.lines().next_back(), "{report:?}");
    }
    terminal.press("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn a_count_is_what_was_typed_and_nothing_a_terminal_reports() {
    let home = Home::new();
    let command = command(home.folder.path(), PROGRAM, &["--demo"]);
    let mut terminal = Terminal::start(command, SIZE);
    terminal.wait_for("● live");
    terminal.press("c");
    terminal.wait_for("THEN");
    for report in REPORTS {
        terminal.press(report);
    }
    // Cut in the middle, by a line that was slow.
    terminal.press("\x1b]11;rgb:99");
    terminal.press("99/9999/9999\x1b\\");
    terminal.press("3");
    terminal.wait_for("4 instances in 2 regions");
}

#[test]
fn keys_in_other_forms_and_of_other_alphabets_are_obeyed() {
    let (home, silence) = (Home::new(), Silence::new());
    // A program that crashed left modifyOtherKeys on; a Cyrillic keyboard.
    for (open, seen) in [("\x1b[27;2;58~", "command"), ("?", "keys: instances"), ("Ж", "command")]
    {
        let mut terminal = Terminal::start(home.command(&silence.url()), SIZE);
        terminal.wait_for(OPENING);
        terminal.press(open);
        terminal.wait_for(seen);
        // Esc and a key, as a tmux on a slow line hands them on.
        terminal.press("\x1bй");
        assert_eq!(terminal.end().exit_code(), 0, "{open}");
        assert!(terminal.is_given_back());
    }
    let mut terminal = Terminal::start(home.command(&silence.url()), SIZE);
    terminal.wait_for(OPENING);
    terminal.press("\x1b[27;5;99~");
    assert_eq!(terminal.end().exit_code(), 0, "Ctrl-C");
    let written = String::from_utf8_lossy(&terminal.written()).into_owned();
    let at = |mark: &str| written.find(mark).unwrap_or_else(|| panic!("{mark:?}"));
    assert!(at("\x1b[?1049h") < at("\x1b[>4;0m") && at("\x1b[=0u") < at("\x1b[>5u"));
    assert!(at("\x1b[<u") < at("\x1b[?1049l"), "each screen has modes of its own");
}
