//! Questions of a headless command, on the terminal.

use std::io::{self, IsTerminal};

use tokio::task::spawn_blocking;

use super::exit_code::ExitCode;
use super::lines::Lines;
use super::stderr;
use super::stop::Stop;

/// Refuses what has to be confirmed where nobody can be asked.
pub(super) fn possible(is_confirmed: bool, otherwise: &str) -> Result<(), Stop> {
    let can_ask = is_confirmed || io::stdin().is_terminal();
    if can_ask { Ok(()) } else { Err(Stop::Usage(otherwise.to_owned())) }
}

/// Asks on the terminal; only the right answer goes on.
pub(super) async fn ask(lines: &mut Lines, question: &str, right: &str) -> Result<(), Stop> {
    stderr::print(&format!("{question} Type {right} to go on:"));
    let read = spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = read => line.ok().and_then(Result::ok).unwrap_or_default(),
        // The thread that reads goes on; it ends with the process.
        _ = lines.signal() => return Err(Stop::Left(ExitCode::INTERRUPTED)),
    };
    if line.trim() == right { Ok(()) } else { Err(Stop::Left(ExitCode::INTERRUPTED)) }
}
