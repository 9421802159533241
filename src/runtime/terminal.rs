//! The terminal through crossterm: taken, lent and given back.

use std::future::poll_fn;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::task::Poll;

use crossterm::event::{EventStream, KeyEventKind};
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{execute, queue};
use futures_util::StreamExt;
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpgrp, getpid, getsid, kill_current_process_group, kill_process};

use super::alternate;
use super::signals::{JobControl, Signals};
use super::tty::{Event, Stopped, Tty};
use crate::app::Input;

type Screen = ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal while this process holds it.
pub(super) struct Terminal {
    // Never dropped: ratatui's drop reports a terminal that is gone on that very terminal, and
    // panics. What it would undo, `leave` undoes.
    screen: ManuallyDrop<Screen>,
    // The stream's own thread reads the keyboard while the stream lives: it is dropped whenever
    // somebody else is to read it.
    keys: Option<EventStream>,
    signals: Option<(Signals, JobControl)>,
}

impl Terminal {
    /// Takes the screen and the keyboard.
    pub(super) fn enter() -> io::Result<Self> {
        let screen = blank()?;
        alternate::enter()?;
        Ok(Self { screen, keys: Some(EventStream::new()), signals: None })
    }

    /// From now on the system's signals are heard here as well. Needs a runtime around it.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        self.signals = Some((Signals::listen()?, JobControl::listen()?));
        Ok(())
    }
}

impl Tty for Terminal {
    async fn next(&mut self) -> io::Result<Event> {
        use crossterm::event::Event as Key;
        loop {
            let key = tokio::select! {
                biased;
                event = signalled(&mut self.signals) => return Ok(event),
                key = key(&mut self.keys) => key?,
            };
            let input = match key {
                // Terminals with the kitty protocol also report releases.
                Key::Key(key) if key.kind == KeyEventKind::Release => continue,
                Key::Key(key) => Input::Key(key),
                Key::Paste(text) => Input::Paste(text),
                Key::Mouse(mouse) => Input::Mouse(mouse),
                Key::Resize(columns, rows) => Input::Resize(columns, rows),
                Key::FocusGained | Key::FocusLost => continue,
            };
            return Ok(Event::Input(input));
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

    fn lend(&mut self) {
        self.keys = None;
        alternate::leave();
    }

    fn take_back(&mut self) -> io::Result<()> {
        alternate::enter()?;
        // Not `clear`, which asks the terminal where its cursor is: the keyboard would answer.
        self.screen = blank()?;
        self.keys = Some(EventStream::new());
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

/// The next key. Pends while another program has the terminal. crossterm asks a terminal that is
/// gone again and again and says nothing (0.29), so it is never asked about one.
async fn key(keys: &mut Option<EventStream>) -> io::Result<crossterm::event::Event> {
    let gone = || Err(io::ErrorKind::BrokenPipe.into());
    poll_fn(|context| match keys {
        None => Poll::Pending,
        Some(_) if !io::stdin().is_terminal() => Poll::Ready(gone()),
        Some(keys) => keys.poll_next_unpin(context).map(|event| event.unwrap_or_else(gone)),
    })
    .await
}

/// What the system says. Pends while nobody listens.
async fn signalled(signals: &mut Option<(Signals, JobControl)>) -> Event {
    let Some((signals, job_control)) = signals else { return std::future::pending().await };
    tokio::select! {
        biased;
        event = job_control.next() => event,
        signal = signals.next() => Event::Signal(signal),
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.keys = None;
        alternate::leave();
    }
}

/// A screen on which nothing was drawn yet, as the alternate screen is.
fn blank() -> io::Result<ManuallyDrop<Screen>> {
    let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
    ratatui::Terminal::new(backend).map(ManuallyDrop::new)
}
