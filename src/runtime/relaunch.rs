//! Going on in another way than the dashboard that was left: this program starts itself again.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::stop::Stop;
use crate::app::{Turn, Visit};
use crate::fleet::Failure;

/// What tells the next process what it looks at.
const VISIT: &str = "--visit";

/// Sets up and opens again, opens on the demo cloud, opens anew, or looks elsewhere. The process becomes
/// the other one; answers only if that cannot be.
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
        Turn::Visit(visit) => {
            next.args(at_home(env::args_os().skip(1)));
            match visit {
                Some(visit) => next.arg(VISIT).arg(serde_json::to_string(&visit)?),
                None => &mut next,
            }
        }
        Turn::SetUp => {
            Command::new(&program).args(env::args_os().skip(1)).arg("setup").status()?;
            write!(io::stderr(), "\nEnter opens the dashboard. ")?;
            io::stdin().read_line(&mut String::new())?;
            next.args(env::args_os().skip(1))
        }
    };
    Err(next.exec())
}

/// The user's own arguments: a visit comes behind them.
fn at_home(arguments: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    arguments.take_while(|argument| argument != VISIT)
}

/// What the process before this one told that is looked at.
pub(super) fn visit(told: &str) -> Result<Visit, String> {
    serde_json::from_str(told).map_err(|error| format!("{VISIT}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_back_has_the_arguments_of_the_start() {
        let at_home = |words: &[&str]| -> Vec<OsString> {
            at_home(words.iter().map(OsString::from)).collect()
        };
        let own = ["--state", "a.json", "--profile", "work"];
        assert_eq!(at_home(&own), own);
        assert_eq!(at_home(&[&own[..], &[VISIT, "{}"]].concat()), own);
    }

    #[test]
    fn a_visit_is_told_from_process_to_process() {
        let told =
            Visit { profile: Some("my \"work\"".into()), deployment: None, home: "spot-1".into() };
        assert_eq!(visit(&serde_json::to_string(&told).unwrap()), Ok(told));
        assert!(visit("spot-2").unwrap_err().contains("--visit"));
    }
}
