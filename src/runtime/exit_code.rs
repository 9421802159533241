//! What the shell is told at the end.

use crate::app::Exit;

/// How the process ends, for the shell. The larger one is the worse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExitCode(pub u8);

impl ExitCode {
    /// All was done.
    pub(super) const DONE: Self = Self(0);
    /// Something failed.
    pub(super) const FAILED: Self = Self(1);
    /// It was called wrongly, the configuration is wrong, or nobody is signed in.
    pub(super) const USAGE: Self = Self(2);
    /// It was interrupted, or declined.
    pub(super) const INTERRUPTED: Self = Self(130);
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::DONE,
            Exit::Failed => Self::FAILED,
            Exit::Interrupted => Self::INTERRUPTED,
        }
    }
}
