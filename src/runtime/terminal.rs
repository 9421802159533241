//! The terminal: taken, lent and given back.
//!
//! [`leave`] undoes everything that [`Terminal::enter`] did, needs nothing in hand, may be called
//! twice, and ignores errors: it runs on the normal way out, after an error and in the panic hook.

use std::future::poll_fn;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, Event, EventStream,
    KeyEventKind,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue, terminal};
use futures_util::StreamExt;
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use rustix::process::{Signal, getpid, kill_process};

use crate::app::Input;

/// Whether this process holds the screen. The panic hook asks.
static HELD: AtomicBool = AtomicBool::new(false);

/// Whether the screen is held now, so that nothing else may be printed.
pub(super) fn is_held() -> bool {
    HELD.load(Ordering::SeqCst)
}

type Screen = ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal while this process holds it.
pub(super) struct Terminal {
    // Never dropped: ratatui's drop reports a terminal that is gone on that very terminal, and
    // panics. What it would undo, `leave` undoes.
    screen: ManuallyDrop<Screen>,
    // The stream's own thread reads the keyboard while the stream lives: it is dropped whenever
    // somebody else is to read it.
    events: Option<EventStream>,
}

impl Terminal {
    /// Takes the screen and the keyboard.
    pub(super) fn enter() -> io::Result<Self> {
        let screen = blank()?;
        take()?;
        Ok(Self { screen, events: Some(EventStream::new()) })
    }

    /// Draws a frame. The terminal shows it whole or not at all, where it knows how.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        queue!(self.screen.backend_mut(), BeginSynchronizedUpdate)?;
        self.screen.draw(render)?;
        execute!(self.screen.backend_mut(), EndSynchronizedUpdate)
    }

    /// The next thing that the user did. Cancel-safe. An error means that the terminal is gone.
    pub(super) async fn next(&mut self) -> io::Result<Input> {
        loop {
            match poll_fn(|context| self.poll(context)).await? {
                // Terminals with the kitty protocol also report releases.
                Event::Key(key) if key.kind == KeyEventKind::Release => {}
                Event::Key(key) => return Ok(Input::Key(key)),
                Event::Paste(text) => return Ok(Input::Paste(text)),
                Event::Mouse(mouse) => return Ok(Input::Mouse(mouse)),
                Event::Resize(columns, rows) => return Ok(Input::Resize(columns, rows)),
                Event::FocusGained | Event::FocusLost => {}
            }
        }
    }

    /// The next event. crossterm asks a terminal that is gone again and again and says nothing
    /// (0.29), so it is never asked about one.
    fn poll(&mut self, context: &mut task::Context<'_>) -> Poll<io::Result<Event>> {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        if !io::stdin().is_terminal() {
            return Poll::Ready(gone());
        }
        let Some(events) = &mut self.events else { return Poll::Pending };
        events.poll_next_unpin(context).map(|event| event.unwrap_or_else(gone))
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.screen.size()?;
        Ok((size.width, size.height))
    }

    /// Gives the terminal to the shell until `fg`. Its size may be another one afterwards.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        self.lend();
        kill_process(getpid(), Signal::TSTP)?;
        self.take_back()
    }

    /// Gives the screen and the keyboard to another program.
    pub(super) fn lend(&mut self) {
        self.events = None;
        leave();
    }

    /// Takes them back. The size may be another one.
    pub(super) fn take_back(&mut self) -> io::Result<()> {
        take()?;
        // Not `clear`, which asks the terminal where its cursor is: the keyboard would answer.
        self.screen = blank()?;
        self.events = Some(EventStream::new());
        Ok(())
    }

    /// Takes the mouse's buttons and its wheel, or gives them back. Not crossterm's own way, which
    /// also asks for every move: hundreds of events a second.
    pub(super) fn take_mouse(&mut self, taken: bool) -> io::Result<()> {
        self.send(if taken { b"\x1b[?1000h\x1b[?1006h" } else { b"\x1b[?1006l\x1b[?1000l" })
    }

    /// Writes an escape sequence past the frame: the clipboard's, the bell.
    pub(super) fn send(&mut self, sequence: &[u8]) -> io::Result<()> {
        let backend = self.screen.backend_mut();
        backend.write_all(sequence)?;
        Write::flush(backend)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.events = None;
        leave();
    }
}

/// A screen on which nothing was drawn yet, as the alternate screen is.
fn blank() -> io::Result<ManuallyDrop<Screen>> {
    let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
    ratatui::Terminal::new(backend).map(ManuallyDrop::new)
}

fn take() -> io::Result<()> {
    terminal::enable_raw_mode()?;
    HELD.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Gives the terminal back as it was.
pub(super) fn leave() {
    if !HELD.swap(false, Ordering::SeqCst) {
        return;
    }
    // Whatever of it fails, the rest is worth trying: the terminal may be gone.
    let mut out = io::stdout();
    let _ = execute!(out, EndSynchronizedUpdate, DisableMouseCapture, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}
