//! What the model wants done in the world: data, carried out by the runtime.

use super::{Question, QuestionId, Remembered, Secret, Turn};
use crate::fleet::{Digest, InstanceKey, Job, JobId, LedgerLine, Notification};

/// A wish of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write the fleet to the state file.
    Persist,
    /// Write these down in the ledger.
    Post(Vec<LedgerLine>),
    /// Tell somebody of these: each by the names of the targets that it has.
    Notify(Vec<Notification>),
    /// Let the terminal notify the user of this.
    Announce(Digest),
    /// Start a job.
    Start(JobId, Job),
    /// Stop a job.
    Cancel(JobId),
    /// Ask the user, where there is no screen to ask on: [`Message::Answered`](super::Message::Answered).
    Ask(Question),
    /// The user's answer to a question; `None` when they would not say.
    Answer(QuestionId, Option<Secret>),
    /// Put a text on the clipboard.
    Copy(String),
    /// Give the terminal to the shell until `fg`.
    Suspend,
    /// Give the terminal to an ssh into this instance until that ends.
    Shell(InstanceKey),
    /// Give the terminal to a login at AWS until that ends, and look again then.
    SignIn,
    /// Copy the command that logs in to this instance.
    CopyShell(InstanceKey),
    /// Ring the terminal's bell.
    Bell,
    /// Take the mouse, or give it back.
    Mouse(bool),
    /// Keep for the next start how the screen is arranged.
    Remember(Box<Remembered>),
    /// Write a text to a file that is not there yet.
    Export {
        /// The file's name, as the user wrote it.
        file: String,
        /// What to write.
        text: String,
    },
    /// Write the rows that the table shows to a file that is not there yet: as JSON where its name
    /// ends so, else as CSV.
    ExportTable(String),
    /// Show a page in the user's browser.
    Open(String),
    /// Give the terminal to a command of the user's until that ends.
    Run(Box<Program>),
    /// Ask the process that holds the state to hand it over.
    TakeOver,
    /// Leave this dashboard and go on in another way.
    Turn(Turn),
    /// Leave.
    Quit(Exit),
}

/// A command of the user's for the shell on this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What the user calls it.
    pub name: String,
    /// The line for the shell.
    pub line: String,
    /// What its environment says of the row under the cursor.
    pub variables: Vec<(&'static str, String)>,
    /// Whether Enter is waited for before the dashboard comes back.
    pub wait: bool,
}

/// How what runs is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// For good.
    Exit(Exit),
    /// To go on in another way.
    Turn(Turn),
}

impl From<Left> for Effect {
    fn from(left: Left) -> Self {
        match left {
            Left::Exit(exit) => Self::Quit(exit),
            Left::Turn(turn) => Self::Turn(turn),
        }
    }
}

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything was done.
    Done,
    /// 1: something failed.
    Failed,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The code for the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Interrupted => 130,
        }
    }
}
