//! Whether what the program prints has colours: as --color says, else where a terminal shows them and
//! neither NO_COLOR nor TERM=dumb asks for none.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use clap::ColorChoice;

/// What the command line says.
static CHOICE: OnceLock<ColorChoice> = OnceLock::new();

/// Takes down what the command line says.
pub(super) fn choose(choice: ColorChoice) {
    // A second start in one process (tests) keeps the first one's.
    let _ = CHOICE.set(choice);
}

/// Whether a stream is written to in colours.
pub(super) fn on(stream: &impl IsTerminal) -> bool {
    match CHOICE.get() {
        Some(ColorChoice::Always) => true,
        _ => stream.is_terminal() && wanted(),
    }
}

/// Whether a terminal is shown colours.
pub(super) fn wanted() -> bool {
    let variable = |name| std::env::var(name).unwrap_or_default();
    match CHOICE.get() {
        Some(ColorChoice::Always) => true,
        Some(ColorChoice::Never) => false,
        Some(ColorChoice::Auto) | None => {
            variable("NO_COLOR").is_empty() && variable("TERM") != "dumb"
        }
    }
}

/// Whether standard output is a terminal on which lines can be drawn over.
pub(super) fn draws() -> bool {
    io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
}
