//! Standard error: what is wrong, and what is asked. What was asked for goes to `stdout`.

use std::io::{self, Write};

/// Prints a line, or several.
pub(super) fn print(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{text}");
}
