//! Where a line of a configuration stands, for refusals and warnings.

use std::fmt;
use std::path::PathBuf;

use crate::ssh::SshError;

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ssh) struct Location {
    pub(in crate::ssh) file: PathBuf,
    /// From 1.
    pub(in crate::ssh) line: usize,
}

impl Location {
    pub(in crate::ssh) fn error(&self, text: impl Into<String>) -> SshError {
        SshError::Config { file: self.file.clone(), line: self.line, text: text.into() }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}
