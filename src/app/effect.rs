//! What the model wants done in the world: data, carried out by the runtime.

use super::{QuestionId, Secret};
use crate::fleet::{Job, JobId};

/// A wish of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write the fleet to the state file.
    Persist,
    /// Start a job.
    Start(JobId, Job),
    /// Stop a job.
    Cancel(JobId),
    /// The user's answer to a question; `None` when they would not say.
    Answer(QuestionId, Option<Secret>),
    /// Put a text on the clipboard.
    Copy(String),
    /// Give the terminal to the shell until `fg`.
    Suspend,
    /// Leave.
    Quit(Exit),
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
