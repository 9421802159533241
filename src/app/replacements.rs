//! What is launched for what AWS took back.

use jiff::Timestamp;

use crate::fleet::{Machine, Region};

/// Replacements so far, and those that the limit holds back.
#[derive(Debug, Clone, Default)]
pub(super) struct Replacements {
    /// When each of the last ones was launched.
    pub launched: Vec<Timestamp>,
    /// What was taken back and is not replaced yet.
    pub owed: Vec<Owed>,
    /// Why they were not launched when that was last tried.
    pub refused: Option<String>,
}

/// An instance in whose place another is to be launched.
#[derive(Debug, Clone)]
pub(super) struct Owed {
    /// The region that lacks it.
    pub region: Region,
    /// What it was.
    pub machine: Machine,
}

impl Replacements {
    /// What is taken away on purpose is not replaced.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&Region) -> bool) {
        self.owed.retain(|owed| !is_gone(&owed.region));
    }
}
