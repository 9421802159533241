//! The dashboard's opening and end: terminal, engine, loop, and what is said afterwards.

use std::io::{self, IsTerminal, Write};

use super::environment::Environment;
use super::recall::Want;
use super::relaunch;
use super::screen::{Left, Screen};
use super::session;
use super::signals::Signals;
use super::terminal::Terminal;
use crate::app::{Command, Exit, Message};
use crate::config::Config;
use crate::view::Ability;

/// Runs the dashboard. Answers the exit code.
pub(super) async fn run(environment: &Environment) -> color_eyre::Result<u8> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        say("spot-tui: the dashboard needs a terminal; see `spot-tui help` for the commands");
        return Ok(2);
    }
    let config = match session::read_config(environment) {
        Ok(config) => config,
        Err(error) => {
            say(&error.to_string());
            return Ok(error.code());
        }
    };
    let mut terminal = Terminal::enter()?;
    let window = terminal.size()?;
    let counts = config.as_ref().map(Config::spread);
    let open = match session::open(environment, config, Want::WriteIfFree, Some(window)) {
        Ok(open) => open,
        Err(error) => {
            drop(terminal);
            say(&error.to_string());
            return Ok(error.code());
        }
    };
    let mut open = open;
    let engine = &mut open.engine;
    for remark in std::mem::take(&mut open.remarks) {
        tracing::warn!(target: "story", "{remark}");
    }
    let mut signals = Signals::listen()?;
    engine.handle(Message::Command(Command::Refresh));
    if environment.demo.as_ref().is_some_and(|demo| demo.is_tour) {
        engine.handle(Message::Command(Command::create(counts)));
    }
    let mut screen = Screen {
        engine,
        terminal: &mut terminal,
        signals: &mut signals,
        ability: ability(),
        memory: environment.memory(),
        is_demo: environment.demo.is_some(),
    };
    let left = screen.run().await;
    // The state is written before the terminal is given back, and whatever became of that.
    let stored = engine.finish().await;
    drop(terminal);
    if let Err(why) = stored {
        say(&format!("spot-tui: {why}"));
        return Ok(1);
    }
    match left {
        Ok(Left::Exit(exit)) => Ok(exit.code()),
        Ok(Left::Turn(turn)) => {
            // The next process takes the lock.
            drop(open);
            Ok(relaunch::relaunch(turn))
        }
        Err(error) => {
            say(&format!("spot-tui: the terminal is gone: {error}"));
            Ok(Exit::Interrupted.code())
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
    let colours = variable("NO_COLOR").is_empty() && variable("TERM") != "dumb";
    Ability { colours, unicode }
}

/// A line on standard error.
fn say(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stderr(), "{text}");
}
