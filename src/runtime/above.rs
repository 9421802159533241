//! Standard output of a command whose newest lines move: they are drawn over, and what is printed comes
//! above them.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::stdout::Stdout;

/// Begins an update that a terminal shows as a whole, and ends it (DEC private mode 2026); one that
/// does not know it shows it as it comes.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

/// What is printed, and what moves below it.
#[derive(Debug, Default)]
pub(super) struct Above {
    drawn: Vec<String>,
    /// Of how many columns the terminal was then.
    columns: u16,
}

impl Above {
    /// Draws these lines in the place of those that move. None of them is longer than the terminal is
    /// wide, which has so many columns.
    pub(super) fn draw(&mut self, lines: Vec<String>, columns: u16) -> io::Result<()> {
        if lines == self.drawn && columns == self.columns {
            return Ok(());
        }
        // What was drawn for another width is broken into other lines by now: it stays.
        let mut text = if columns == self.columns { self.up() } else { String::new() };
        for line in &lines {
            let _ = writeln!(text, "{line}");
        }
        (self.drawn, self.columns) = (lines, columns);
        Stdout.write_all(format!("{BEGIN}{text}{END}").as_bytes())?;
        Stdout.flush()
    }

    /// What was drawn stays: what comes next is drawn below it.
    pub(super) fn leave(&mut self) {
        self.drawn.clear();
    }

    /// Goes back to where the lines that move begin, and takes them away.
    fn up(&self) -> String {
        if self.drawn.is_empty() {
            String::new()
        } else {
            format!("\r\x1b[{}A\x1b[J", self.drawn.len())
        }
    }
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.drawn.is_empty() {
            Stdout.write_all(self.up().as_bytes())?;
            self.leave();
        }
        Stdout.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Stdout.flush()
    }
}
