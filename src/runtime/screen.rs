//! The dashboard's loop: input first, then messages in batches, and at most one frame per 16 ms
//! for them. The last frame of a burst is always drawn; nothing wakes when nothing moves but one
//! clock tick a second while an age is on the screen.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::clipboard;
use super::engine::Engine;
use super::shell::Login;
use super::signals::Signals;
use super::terminal::Terminal;
use crate::app::{Effect, Exit, Input, Message, Model, Signal, Turn};
use crate::fleet::{Failure, Instance, InstanceKey, Level};
use crate::store::{make_private_folder, write_atomically};
use crate::view::{self, Ability, HitMap, Theme};

/// The least time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(16);
/// The pace at which ages on the screen grow.
const TICK: Duration = Duration::from_secs(1);
/// Messages taken up between two looks at the keyboard.
const BATCH: usize = 256;

/// How the dashboard was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// For good.
    Exit(Exit),
    /// To go on in another way.
    Turn(Turn),
}

/// The dashboard's screen and what goes with it.
pub(super) struct Screen<'a> {
    pub(super) engine: &'a mut Engine,
    pub(super) terminal: &'a mut Terminal,
    pub(super) signals: &'a mut Signals,
    /// What the terminal can show.
    pub(super) ability: Ability,
    /// The folder in which the arrangement of the screen is remembered.
    pub(super) memory: Option<PathBuf>,
    /// Whether the instances are in this process: no other program reaches them.
    pub(super) is_demo: bool,
}

impl Screen<'_> {
    /// Runs the dashboard until the user leaves.
    pub(super) async fn run(&mut self) -> io::Result<Left> {
        if self.engine.model.mouse {
            self.terminal.take_mouse(true)?;
        }
        let mut hits = self.draw()?;
        let mut drawn = Instant::now();
        let mut stale = false;
        loop {
            let ages = self.engine.model.ages();
            let message = tokio::select! {
                biased;
                input = self.terminal.next() => match input {
                    // What lies under the mouse is known to the last frame alone.
                    Ok(Input::Mouse(mouse)) => match hits.command(mouse) {
                        Some(command) => Message::Command(command),
                        None => continue,
                    },
                    Ok(input) => Message::Input(input),
                    // The signal may be on its way, or never come.
                    Err(_) => Message::Signal(Signal::HangUp),
                },
                signal = self.signals.next() => Message::Signal(signal),
                () = sleep_until(drawn + FRAME), if stale => {
                    hits = self.draw()?;
                    drawn = Instant::now();
                    stale = false;
                    continue;
                }
                message = self.engine.next() => message,
                () = sleep_until(drawn + TICK), if ages => Message::Clock,
            };
            let at_once = !matches!(message, Message::Report(_) | Message::Stored(_));
            if let Some(left) = self.take(message).await? {
                return Ok(left);
            }
            for _ in 0..BATCH {
                let Some(message) = self.engine.try_next() else { break };
                if let Some(left) = self.take(message).await? {
                    return Ok(left);
                }
            }
            if let Some(message) = self.engine.dropped() {
                self.take(message).await?;
            }
            stale = true;
            if at_once {
                hits = self.draw()?;
                drawn = Instant::now();
                stale = false;
            }
        }
    }

    /// One message through the engine; what is left to be done to the terminal is done here.
    async fn take(&mut self, message: Message) -> io::Result<Option<Left>> {
        for effect in self.engine.handle(message) {
            match effect {
                Effect::Quit(exit) => return Ok(Some(Left::Exit(exit))),
                Effect::Turn(turn) => return Ok(Some(Left::Turn(turn))),
                Effect::Suspend => {
                    self.terminal.suspend()?;
                    self.back()?;
                }
                Effect::Bell => self.terminal.send(b"\x07")?,
                Effect::Mouse(taken) => self.terminal.take_mouse(taken)?,
                Effect::Copy(text) => self.copy(text)?,
                Effect::CopyShell(key) => self.copy_shell(&key)?,
                Effect::Shell(key) => {
                    if let Some(left) = self.shell(&key).await? {
                        return Ok(Some(left));
                    }
                }
                Effect::Export { file, text } => {
                    let (level, text) = export(&file, &text);
                    self.note(level, "export", text);
                }
                Effect::Remember(remembered) => self.remember(&remembered.text()),
                // The engine does the rest.
                _ => {}
            }
        }
        Ok(None)
    }

    /// Says what came of something.
    fn note(&mut self, level: Level, about: &'static str, text: String) {
        self.engine.handle(Message::Noted { level, about, text });
    }

    fn copy(&mut self, text: String) -> io::Result<()> {
        self.terminal.send(clipboard::sequence(&text).as_bytes())?;
        let said = format!("{} is on the clipboard", crate::app::clean(&text, 60));
        clipboard::copy_natively(text);
        self.note(Level::Info, "copy", said);
        Ok(())
    }

    fn copy_shell(&mut self, key: &InstanceKey) -> io::Result<()> {
        let folder = self.memory.clone().unwrap_or_else(std::env::temp_dir);
        let line = with_row(&self.engine.model, key, |row, model| {
            Login::line(row, model.config.as_deref(), &folder)
        });
        match line {
            Some(Ok(line)) => return self.copy(line),
            Some(Err(failure)) => self.note(Level::Warning, "copy", failure.to_string()),
            None => {}
        }
        Ok(())
    }

    /// Keeps the arrangement for the next start. That it cannot be kept is no reason to disturb.
    fn remember(&self, text: &str) {
        let Some(folder) = &self.memory else { return };
        let written = make_private_folder(folder)
            .and_then(|()| write_atomically(&folder.join(LAYOUT), text.as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "the layout was not kept");
        }
    }

    /// Lends the terminal to an ssh. Reports are taken up meanwhile; signals end both.
    async fn shell(&mut self, key: &InstanceKey) -> io::Result<Option<Left>> {
        if self.is_demo {
            let text = "the demo's instances live in this process, where no ssh gets to";
            self.note(Level::Warning, "ssh", text.to_owned());
            return Ok(None);
        }
        let login = with_row(&self.engine.model, key, |row, model| {
            Login::new(row, model.config.as_deref())
        });
        let login = match login {
            Some(Ok(login)) => login,
            Some(Err(failure)) => {
                self.note(Level::Warning, "ssh", failure.to_string());
                return Ok(None);
            }
            None => return Ok(None),
        };
        self.terminal.lend();
        let child =
            tokio::process::Command::new("ssh").args(&login.arguments).kill_on_drop(true).spawn();
        let ended = match child {
            Ok(mut child) => loop {
                let message = tokio::select! {
                    ended = child.wait() => break ended,
                    signal = self.signals.next() => Message::Signal(signal),
                    message = self.engine.next() => message,
                };
                // Ctrl-C belongs to the shell over there.
                if message == Message::Signal(Signal::Interrupt) {
                    continue;
                }
                for effect in self.engine.handle(message) {
                    if let Effect::Quit(exit) = effect {
                        return Ok(Some(Left::Exit(exit)));
                    }
                }
            },
            Err(error) => Err(error),
        };
        self.terminal.take_back()?;
        self.back()?;
        let (level, text) = match ended {
            Ok(status) if status.success() => (Level::Info, "back".to_owned()),
            // ssh's own failures end with 255 (ssh(1), EXIT STATUS).
            Ok(status) if status.code() == Some(255) => {
                (Level::Warning, "could not log in; what ssh said is above the prompt".to_owned())
            }
            Ok(status) => (Level::Info, format!("back, {status}")),
            Err(error) => {
                let text = format!("ssh could not be started: {error}; install OpenSSH's client");
                (Level::Error, text)
            }
        };
        self.note(level, "ssh", text);
        Ok(None)
    }

    /// After somebody else had the terminal: nobody told us of another size meanwhile.
    fn back(&mut self) -> io::Result<()> {
        let (columns, rows) = self.terminal.size()?;
        self.engine.handle(Message::Input(Input::Resize(columns, rows)));
        if self.engine.model.mouse {
            self.terminal.take_mouse(true)?;
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<HitMap> {
        tui_logger::move_events();
        self.engine.model.settle();
        let model = &self.engine.model;
        let theme = Theme::named(model.theme, self.ability);
        let mut hits = HitMap::default();
        self.terminal.draw(|frame| hits = view::render(model, &theme, frame))?;
        Ok(hits)
    }
}

fn with_row<T>(
    model: &Model,
    key: &InstanceKey,
    make: impl FnOnce(&Instance, &Model) -> Result<T, Failure>,
) -> Option<Result<T, Failure>> {
    model.fleet.get(key).map(|row| make(row, model))
}

/// Writes a text to a new file. What is there stays as it is.
fn export(file: &str, text: &str) -> (Level, String) {
    let written = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(file)
        .and_then(|mut out| out.write_all(text.as_bytes()));
    match written {
        Ok(()) => (Level::Success, format!("{} lines are in {file}", text.lines().count())),
        Err(error) => (Level::Warning, format!("{file} was not written: {error}; name another")),
    }
}

/// The file in which the arrangement of the screen is kept.
pub(super) const LAYOUT: &str = "layout.json";
