//! The dashboard's opening and end: terminal, engine, loop, and what is said afterwards.

use std::io::{self, IsTerminal};

use super::colour;
use super::engine::Engine;
use super::environment::Environment;
use super::event_loop::EventLoop;
use super::exit_code::ExitCode;
use super::recall::Want;
use super::relaunch;
use super::screen::Screen;
use super::startup::{self, OpenProcess, read_config};
use super::stderr;
use super::stop::Stop;
use super::terminal::Terminal;
use super::tty::Tty as _;
use crate::app::{Command, Left, Message};
use crate::config::Config;
use crate::fleet::{Failure, FailureKind, Level, Step};
use crate::store::{Lock, Paths};
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
    let OpenProcess { mut engine, context, remarks, lock } = open;
    context.access.logins.wait();
    drop(context);
    for remark in remarks {
        engine.model.warn("files", &remark);
    }
    terminal.listen()?;
    engine.handle(Message::Command(Command::Refresh));
    let paths = Paths::new(&environment.global.state);
    if let Some(lock) = &lock {
        engine.hand_over_on_request(&paths);
        keep_meanwhile(&mut engine, lock);
    }
    if environment.demo.as_ref().is_some_and(|demo| demo.is_tour) {
        engine.handle(Message::Command(Command::create(counts)));
    }
    let memory = environment.memory().filter(|_| !environment.global.read_only);
    let screen = Screen::new(terminal, ability(), memory, environment.doors());
    let mut event_loop = EventLoop::new(engine, screen);
    let left = event_loop.run().await;
    event_loop.edge.rest();
    // The state is written before the terminal is given back, and whatever became of that.
    let stored = event_loop.engine.finish().await;
    if !matches!(left, Ok(Left::Turn(_))) {
        // Whoever takes over the state takes up the lock with it.
        event_loop.engine.release_lock().await;
    }
    let asker = event_loop.engine.take_asker();
    drop(event_loop);
    stored.map_err(|why| Failure::new(FailureKind::LocalDisk, Step::State, why, ""))?;
    match left {
        Ok(Left::Exit(exit)) => Ok(exit.into()),
        Ok(Left::Turn(turn)) => {
            // The next process takes the lock.
            drop(lock);
            if let Some(asker) = asker {
                asker.give(&paths).await;
            }
            Err(relaunch::relaunch(turn))
        }
        Err(error) => {
            stderr::print(&format!("spot-tui: the terminal is gone: {error}"));
            Ok(ExitCode::INTERRUPTED)
        }
    }
}

/// A keeper that let go of the state for this dashboard waits until it is left: so long the dashboard
/// holds the count.
fn keep_meanwhile(engine: &mut Engine, lock: &Lock) {
    let Some(keeper) = lock.waiting_keeper().map(ToString::to_string) else { return };
    engine.handle(Message::Command(Command::Keep));
    let text = format!("this dashboard keeps the fleet; {keeper} goes on when it is left");
    engine.handle(Message::Noted { level: Level::Success, about: "keep", text });
}

/// What this terminal can show: no colours where it was asked for none, no signs beyond ASCII where
/// the locale has none.
pub(super) fn ability() -> Ability {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = locale.iter().find(|locale| !locale.is_empty());
    let unicode = locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let colours = colour::wanted();
    let truecolour = matches!(variable("COLORTERM").as_str(), "truecolor" | "24bit");
    Ability { colours, unicode, truecolour, links: has_links(&variable("TERM")) }
}

/// Whether a terminal of this name has links, or leaves them out as a terminal should that does not
/// know a sequence: Linux's console prints it.
fn has_links(term: &str) -> bool {
    const KNOWN: [&str; 8] =
        ["xterm", "tmux", "foot", "alacritty", "kitty", "wezterm", "ghostty", "rio"];
    KNOWN.iter().any(|known| term.starts_with(known))
}
