//! Standard error: what is wrong, and what is asked. What was asked for goes to `stdout`.

use std::io::{self, Write};

use super::colour;
use crate::fleet::Level;
use crate::headless::coloured;

/// Prints a line, or several. One that begins with the word of a level has that in its colour.
pub(super) fn print(text: &str) {
    let is_coloured = colour::on(&io::stderr());
    let level = [Level::Warning, Level::Error].into_iter().find_map(|level| {
        let rest = text.strip_prefix(level.word())?;
        (is_coloured && rest.starts_with(':')).then(|| format!("{}{rest}", coloured(level)))
    });
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{}", level.as_deref().unwrap_or(text));
}

/// Writes a text as it is: a question, whose answer follows on the same line.
pub(super) fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
