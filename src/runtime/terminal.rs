//! The terminal through crossterm: taken, lent and given back.

use std::future::pending;
use std::io::{self, BufWriter, Stdout, Write};
use std::mem::ManuallyDrop;

use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{execute, queue};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpgrp, getpid, getsid, kill_current_process_group, kill_process};
use tokio::signal::unix::{self, SignalKind};

use super::alternate;
use super::keyboard::{Keyboard, TtyBytes};
use super::signals::{JobControl, Signals};
use super::tty::{Event, Stopped, Tty};
use crate::app::Input;
use crate::view::Background;

type Screen = ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal while this process holds it.
pub(super) struct Terminal {
    // Never dropped: ratatui's drop reports a terminal that is gone on that very terminal, and
    // panics. What it would undo, `leave` undoes.
    screen: ManuallyDrop<Screen>,
    // `None` while somebody else reads it.
    keyboard: Option<Keyboard<TtyBytes>>,
    /// What an earlier keyboard heard.
    background: Option<Background>,
    signals: Option<(Signals, JobControl)>,
    resized: unix::Signal,
}

impl Terminal {
    /// Takes the screen and the keyboard. Needs a runtime around it.
    pub(super) fn enter() -> io::Result<Self> {
        let (screen, keyboard) = (blank()?, keyboard()?);
        let resized = unix::signal(SignalKind::window_change())?;
        alternate::enter()?;
        Ok(Self { screen, keyboard: Some(keyboard), background: None, signals: None, resized })
    }

    /// From now on the system's signals are heard here as well. Needs a runtime around it.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        self.signals = Some((Signals::listen()?, JobControl::listen()?));
        Ok(())
    }
}

impl Tty for Terminal {
    async fn next(&mut self) -> io::Result<Event> {
        tokio::select! {
            biased;
            event = signalled(&mut self.signals) => Ok(event),
            _ = self.resized.recv() => {
                let (columns, rows) = self.size()?;
                Ok(Event::Input(Input::Resize(columns, rows)))
            }
            input = pressed(&mut self.keyboard) => input.map(Event::Input),
        }
    }

    /// The terminal shows a frame whole or not at all, where it knows how.
    fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        queue!(self.screen.backend_mut(), BeginSynchronizedUpdate)?;
        self.screen.draw(render)?;
        execute!(self.screen.backend_mut(), EndSynchronizedUpdate)
    }

    fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.screen.size()?;
        Ok((size.width, size.height))
    }

    fn send(&mut self, sequence: &[u8]) -> io::Result<()> {
        let backend = self.screen.backend_mut();
        backend.write_all(sequence)?;
        Write::flush(backend)
    }

    fn background(&self) -> Option<Background> {
        self.keyboard.as_ref().and_then(Keyboard::background).or(self.background)
    }

    fn lend(&mut self) {
        self.background = self.background();
        self.keyboard = None;
        alternate::leave();
    }

    fn take_back(&mut self) -> io::Result<()> {
        alternate::enter()?;
        // Not `clear`, which asks the terminal where its cursor is: the keyboard would answer.
        self.screen = blank()?;
        self.keyboard = Some(keyboard()?);
        Ok(())
    }

    fn stop(&mut self, who: Stopped) -> io::Result<bool> {
        // The group of a session's leader has no shell over it that would bring it back, and the
        // system lets such a group not be stopped either (an orphaned process group).
        if getsid(None)? == getpgrp() {
            return Ok(false);
        }
        if who == Stopped::Group {
            kill_current_process_group(Signal::TSTP)?;
        }
        // Here SIGTSTP is only heard of; this one nobody can but obey.
        kill_process(getpid(), Signal::STOP)?;
        Ok(true)
    }
}

/// The keyboard, read by this process from now on.
fn keyboard() -> io::Result<Keyboard<TtyBytes>> {
    TtyBytes::new().map(Keyboard::new)
}

/// The next thing that is pressed. Pends while another program has the terminal.
async fn pressed(keyboard: &mut Option<Keyboard<TtyBytes>>) -> io::Result<Input> {
    match keyboard {
        Some(keyboard) => keyboard.next().await,
        None => pending().await,
    }
}

/// What the system says. Pends while nobody listens.
async fn signalled(signals: &mut Option<(Signals, JobControl)>) -> Event {
    let Some((signals, job_control)) = signals else { return pending().await };
    tokio::select! {
        biased;
        event = job_control.next() => event,
        signal = signals.next() => Event::Signal(signal),
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.keyboard = None;
        alternate::leave();
    }
}

/// A screen on which nothing was drawn yet, as the alternate screen is.
fn blank() -> io::Result<ManuallyDrop<Screen>> {
    let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
    ratatui::Terminal::new(backend).map(ManuallyDrop::new)
}
