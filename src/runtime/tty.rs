//! What a screen needs of a terminal. Crossterm's is in `terminal`; tests bring one of their own.

use std::io;

use ratatui::Frame;

use crate::app::{Input, Signal};
use crate::view::Background;

/// A terminal as a screen uses it: crossterm's, or a test's.
pub trait Tty {
    /// The next thing that happens here; no key while it is lent. Cancel-safe. An error means
    /// that the terminal is gone.
    fn next(&mut self) -> impl Future<Output = io::Result<Event>>;
    /// Draws a frame.
    fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()>;
    /// Columns and rows.
    fn size(&self) -> io::Result<(u16, u16)>;
    /// What is behind the text, where the terminal said so.
    fn background(&self) -> Option<Background> {
        None
    }
    /// Writes an escape sequence past the frame.
    fn send(&mut self, sequence: &[u8]) -> io::Result<()>;
    /// Gives screen and keyboard away. Does nothing when they are given away already.
    fn lend(&mut self);
    /// Takes them back, blank.
    fn take_back(&mut self) -> io::Result<()>;
    /// Stops this process, and those that stop with it, until it is told to go on:
    /// [`Event::Continued`]. Whether there is anybody who could tell it.
    fn stop(&mut self, who: Stopped) -> io::Result<bool>;
}

/// What happens at a terminal.
#[derive(Debug)]
pub enum Event {
    /// The user did something.
    Input(Input),
    /// The system said something.
    Signal(Signal),
    /// Somebody else wants this process to stop (SIGTSTP).
    Stop,
    /// It was stopped and goes on (SIGCONT).
    Continued,
}

/// Who stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// This process alone.
    Process,
    /// Its whole process group, as the terminal does it at Ctrl-Z: also a script or a `make` that
    /// waits for this process.
    Group,
}
