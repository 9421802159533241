//! Everything that can reach the model.

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;

use super::Command;
use crate::fleet::{Level, Question, QuestionId, Report, Secret};

/// A message and the moment at which the loop took it up. The model's clock is this stamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    /// The moment.
    pub at: Timestamp,
    /// The message.
    pub message: Message,
}

/// What can reach the model. A job has one message, its report.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// From the terminal.
    Input(Input),
    /// From the command line, the palette or a key.
    Command(Command),
    /// From a job.
    Report(Report),
    /// A job needs something that only the user knows.
    Asked(Question),
    /// The user's answer to [`Effect::Ask`](super::Effect::Ask); `None` when they would not say.
    Answered(QuestionId, Option<Secret>),
    /// From the operating system.
    Signal(Signal),
    /// Time passed; the stamp says how much.
    Clock,
    /// The state was written, or why not.
    Stored(Result<(), String>),
    /// Something that the runtime did for the screen: copied, written, or why not.
    Noted {
        /// How it went.
        level: Level,
        /// What was done.
        about: &'static str,
        /// What came of it.
        text: String,
    },
    /// Another process asks for the state; how it is called.
    StateWanted {
        /// `process 4711`.
        by: String,
    },
    /// What came of [`Effect::TakeOver`](super::Effect::TakeOver): the state is free, or why not.
    StateGiven(Result<(), String>),
    /// An `ssh` that had the terminal could not log in.
    NotLoggedIn {
        /// The last lines that it wrote.
        said: Vec<String>,
    },
    /// A message to one of `notify` arrived, or was given up.
    Notified {
        /// Whether it was given up.
        is_given_up: bool,
    },
    /// Lines that were dropped because the loop could not keep up with whoever printed them.
    Dropped(u64),
}

/// From the terminal.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted: never commands, only text for a field.
    Paste(String),
    /// The mouse, where it is on.
    Mouse(MouseEvent),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
}

/// From the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT outside raw mode.
    Interrupt,
    /// SIGTERM: end in good order, ask nothing.
    Terminate,
    /// SIGHUP: the terminal is gone; as [`Signal::Terminate`].
    HangUp,
}
