//! What can go wrong with our own files.

use std::io;
use std::path::{Path, PathBuf};

use super::holder::Holder;
use crate::fleet::{Failure, FailureKind, Step};

/// A file of ours that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or its permissions are in the way.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer version of this program wrote it.
    #[error("{} was written by a newer spot-tui (version {version} of the format)", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        version: u64,
    },
    /// Another process writes this state.
    #[error("{} is in use by {holder}", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process, as the lock file says.
        holder: Holder,
    },
    /// Another process keeps the fleet of this state.
    #[error("kept by {holder}")]
    Kept {
        /// The process, as the lock file says.
        holder: Holder,
    },
}

impl StoreError {
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation, path, source }
    }

    /// Who has the lock, where that is what is in the way.
    pub fn holder(&self) -> Option<Holder> {
        match self {
            Self::Held { holder, .. } | Self::Kept { holder } => Some(holder.clone()),
            Self::Io { .. } | Self::Newer { .. } => None,
        }
    }

    /// The same for the user, with what to do.
    pub fn failure(&self) -> Failure {
        let hint = match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    "make the file and its folder writable for you, or name another with --state"
                }
                io::ErrorKind::StorageFull => "free some space, or name another disk with --state",
                io::ErrorKind::ReadOnlyFilesystem => "name a writable place with --state",
                _ => "name another place with --state",
            },
            Self::Newer { .. } => "use that version, or name another state with --state",
            Self::Held { .. } => "wait for it, end it, or name another state with --state",
            Self::Kept { .. } => {
                "the dashboard can ask it to hand over (K); or end it: it goes on where it was when \
                 it is started again"
            }
        };
        let kind = match self {
            Self::Io { .. } => FailureKind::LocalDisk,
            Self::Newer { .. } | Self::Held { .. } | Self::Kept { .. } => FailureKind::Other,
        };
        Failure::new(kind, Step::State, self.to_string(), hint)
    }
}
