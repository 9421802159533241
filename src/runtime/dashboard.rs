//! The dashboard's opening and end: terminal, engine, loop, and what is said afterwards.

use std::io::{self, IsTerminal};

use super::colour;
use super::environment::Environment;
use super::event_loop::{EventLoop, Left};
use super::exit_code::ExitCode;
use super::recall::Want;
use super::relaunch;
use super::screen::Screen;
use super::startup::{self, OpenProcess, read_config};
use super::stderr;
use super::stop::Stop;
use super::terminal::Terminal;
use super::tty::Tty as _;
use crate::app::{Command, Message};
use crate::config::Config;
use crate::fleet::{Failure, FailureKind, Step};
use crate::view::Ability;

/// Runs the dashboard.
pub(super) async fn run(environment: &Environment) -> Result<ExitCode, Stop> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let text = "the dashboard needs a terminal; see `spot-tui help` for the commands";
        return Err(Stop::Usage(text.to_owned()));
    }
    let config = read_config(environment)?;
    let mut terminal = Terminal::enter()?;
    let window = terminal.size()?;
    let counts = config.as_ref().map(Config::spread);
    // Where this fails the terminal is given back before the error is told: it is dropped.
    let open = startup::open(environment, config, Want::WriteIfFree, Some(window))?;
    let OpenProcess { mut engine, remarks, lock, .. } = open;
    for remark in remarks {
        engine.model.warn("files", &remark);
    }
    terminal.listen()?;
    engine.handle(Message::Command(Command::Refresh));
    if environment.demo.as_ref().is_some_and(|demo| demo.is_tour) {
        engine.handle(Message::Command(Command::create(counts)));
    }
    let screen = Screen::new(terminal, ability(), environment.memory(), environment.doors());
    let mut event_loop = EventLoop::new(engine, screen);
    let left = event_loop.run().await;
    event_loop.edge.rest();
    // The state is written before the terminal is given back, and whatever became of that.
    let stored = event_loop.engine.finish().await;
    drop(event_loop);
    stored.map_err(|why| Failure::new(FailureKind::LocalDisk, Step::State, why, ""))?;
    match left {
        Ok(Left::Exit(exit)) => Ok(exit.into()),
        Ok(Left::Turn(turn)) => {
            // The next process takes the lock.
            drop(lock);
            Err(relaunch::relaunch(turn))
        }
        Err(error) => {
            stderr::print(&format!("spot-tui: the terminal is gone: {error}"));
            Ok(ExitCode::INTERRUPTED)
        }
    }
}

/// What this terminal can show: no colours where it was asked for none, no signs beyond ASCII where
/// the locale has none.
fn ability() -> Ability {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = locale.iter().find(|locale| !locale.is_empty());
    let unicode = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let colours = colour::wanted();
    let truecolour = matches!(variable("COLORTERM").as_str(), "truecolor" | "24bit");
    Ability { colours, unicode, truecolour }
}
