//! What is launched for what AWS took back.

use jiff::Timestamp;

use crate::fleet::Region;

/// Replacements so far, and those that the limit holds back.
#[derive(Debug, Clone, Default)]
pub(super) struct Replacements {
    /// When each of the last ones was launched.
    pub launched: Vec<Timestamp>,
    /// The regions that lack one each.
    pub owed: Vec<Region>,
    /// Why they were not launched when that was last tried.
    pub refused: Option<String>,
}

impl Replacements {
    /// What is taken away on purpose is not replaced.
    pub(super) fn forget(&mut self, is_gone: impl Fn(&Region) -> bool) {
        self.owed.retain(|region| !is_gone(region));
    }
}
