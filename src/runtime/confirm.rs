//! Questions of a headless command, on the terminal.

use std::io::{self, IsTerminal};

use tokio::task::spawn_blocking;

use super::exit_code::ExitCode;
use super::lines::Lines;
use super::stderr;
use super::stop::Stop;

/// The answer to a question that is no more than that.
pub(super) const YES: &str = "y";

/// Refuses what has to be confirmed where nobody can be asked.
pub(super) fn possible(is_confirmed: bool, otherwise: &str) -> Result<(), Stop> {
    let can_ask = is_confirmed || io::stdin().is_terminal();
    if can_ask { Ok(()) } else { Err(Stop::Usage(otherwise.to_owned())) }
}

/// Asks on the terminal; only the right answer goes on, and any other one is said to be a no.
pub(super) async fn ask(lines: &mut Lines, question: &str, right: &str) -> Result<(), Stop> {
    let how = if right == YES { "[y/N]".to_owned() } else { format!("Type {right} to confirm:") };
    stderr::write(&format!("{question} {how} "));
    let read = spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = read => line.ok().and_then(Result::ok).unwrap_or_default(),
        // The thread that reads goes on; it ends with the process.
        _ = lines.signal() => {
            // The cursor is behind the question.
            stderr::print("\ninterrupted: nothing was changed");
            return Err(Stop::Told(ExitCode::INTERRUPTED));
        }
    };
    if is_right(line.trim(), right) {
        return Ok(());
    }
    if !line.ends_with('\n') {
        // Ctrl-D leaves the cursor behind the question.
        stderr::print("");
    }
    stderr::print("declined: nothing was changed");
    Err(Stop::Told(ExitCode::INTERRUPTED))
}

fn is_right(answer: &str, right: &str) -> bool {
    if right == YES {
        ["y", "yes"].contains(&answer.to_lowercase().as_str())
    } else {
        answer == right
    }
}
