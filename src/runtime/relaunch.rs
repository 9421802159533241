//! Going on in another way than the dashboard that was left: this program starts itself again.

use std::env;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::stop::Stop;
use crate::app::Turn;
use crate::fleet::Failure;

/// Sets up and opens again, opens on the demo cloud, or opens anew. The process becomes the other one; answers
/// only if that cannot be.
pub(super) fn relaunch(turn: Turn) -> Stop {
    match again(turn) {
        Ok(never) => match never {},
        Err(error) => Failure::internal(format!("starting again: {error}")).into(),
    }
}

fn again(turn: Turn) -> io::Result<std::convert::Infallible> {
    let program = env::current_exe()?;
    let mut next = Command::new(&program);
    match turn {
        Turn::Demo => next.arg("--demo"),
        Turn::Reopen => next.args(env::args_os().skip(1)),
        Turn::SetUp => {
            Command::new(&program).args(env::args_os().skip(1)).arg("setup").status()?;
            write!(io::stderr(), "\nEnter opens the dashboard. ")?;
            io::stdin().read_line(&mut String::new())?;
            next.args(env::args_os().skip(1))
        }
    };
    Err(next.exec())
}
