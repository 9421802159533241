//! Why a command stops before its end. What the user reads of it, and what the shell is told, is
//! decided here alone.

use std::io;

use super::exit_code::ExitCode;
use super::stderr;
use crate::fleet::{Failure, FailureKind};
use crate::store::StoreError;

/// Why a command stops before its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stop {
    /// It was called wrongly, or cannot do here what is asked for.
    Usage(String),
    /// The configuration is wrong: all complaints, one a line.
    Config(String),
    /// Something failed.
    Failure(Failure),
    /// The program was told to leave, or the user declined, or why not is told already. What was
    /// done until then is summed up.
    Left(ExitCode),
    /// Another process asked for the state, and has it now.
    HandedOver,
    /// There is nothing to sum up: all was told, and nothing was done.
    Told(ExitCode),
}

impl Stop {
    /// What the shell is told.
    pub(super) fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Config(_) => ExitCode::USAGE,
            // Nothing failed: whoever is not signed in cannot begin.
            Self::Failure(failure) if is_without_credentials(failure) => ExitCode::USAGE,
            Self::Failure(_) => ExitCode::FAILED,
            Self::Left(code) | Self::Told(code) => *code,
            Self::HandedOver => ExitCode::DONE,
        }
    }

    /// What programs are told, and what kind of failure it is, where that was not done.
    pub(super) fn reason(&self) -> Option<(String, Option<FailureKind>)> {
        match self {
            Self::Usage(text) | Self::Config(text) => Some((text.clone(), None)),
            Self::Failure(failure) => Some((failure.to_string(), Some(failure.kind))),
            Self::Left(_) | Self::Told(_) | Self::HandedOver => None,
        }
    }

    /// Tells the user, where that was not done.
    pub(super) fn print(&self) {
        match self {
            Self::Usage(text) => stderr::print(&format!("spot-tui: {text}")),
            Self::Config(complaints) => stderr::print(complaints),
            Self::Failure(failure) => stderr::print(&format!("ERROR: {failure}")),
            Self::Left(_) | Self::Told(_) | Self::HandedOver => {}
        }
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.failure())
    }
}

/// What the system refused to this process itself: a terminal, a signal.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failure(Failure::internal(error))
    }
}

/// Whether it fails because nobody is signed in.
pub(super) fn is_without_credentials(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::SignIn | FailureKind::Credentials)
}
