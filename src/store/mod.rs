//! What is remembered on disk: the state file, its journal, its ledger, its lock.
//!
//! ```text
//! instances.json           the fleet as it was last seen; rewritten whole, atomically
//! instances.json.journal   what was about to be asked of AWS; appended and fsynced before it is
//! instances.json.ledger    what was spent, hour by hour; only added to
//! instances.json.lock      who writes; held for as long as the process lives
//! instances.json.handover  where it is asked to hand over (a socket)
//! instances.json.events    what happened, a line an event; the newest megabyte
//! instances.json.outbox/   what somebody is to be told and was not yet, a file each
//! ```
//!
//! Tags are the truth about what is ours; these files are our memory. Nothing here talks to AWS
//! or to a host. All calls block on the disk: async callers go through `spawn_blocking`.

mod cache;
mod document;
mod entry;
mod error;
mod events;
mod holder;
mod journal;
mod ledger;
mod lock;
mod outbox;
mod process;
mod state;

use std::path::{Path, PathBuf};

use crate::files::folder_of;

pub use cache::Cache;
pub use entry::StoredInstance;
pub use error::StoreError;
pub use events::EventFile;
pub use holder::Holder;
pub use journal::{Intent, IntentId, Journal};
pub use ledger::{LedgerFile, LoadedLedger};
pub use lock::Lock;
pub use outbox::{Closed, Delivery, Outbox, Waiting};
pub use process::{has_ended, pid_namespace};
pub use state::{State, StateFile};

/// The files of one state, beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `instances.json`, or what `--state` names.
    pub state: PathBuf,
}

impl Paths {
    /// The files that go with this state file.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self { state: state.into() }
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.beside(".journal")
    }

    /// The lock.
    pub fn lock(&self) -> PathBuf {
        self.beside(".lock")
    }

    /// The socket at which the holder of the lock is asked to hand it over.
    pub fn handover(&self) -> PathBuf {
        self.beside(".handover")
    }

    /// What happened.
    pub fn events(&self) -> PathBuf {
        self.beside(".events")
    }

    /// The folder of what somebody is to be told.
    pub fn outbox(&self) -> PathBuf {
        self.beside(".outbox")
    }

    /// The ledger.
    pub fn ledger(&self) -> PathBuf {
        self.beside(".ledger")
    }

    /// The host keys of the deployment, for other programs' ssh.
    pub fn known_hosts(&self) -> PathBuf {
        self.beside(".known_hosts")
    }

    /// The deployment as a file for `ssh -F`.
    pub fn ssh_config(&self) -> PathBuf {
        self.beside(".ssh_config")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut path = self.state.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    }

    /// The folder that holds them.
    pub fn folder(&self) -> &Path {
        folder_of(&self.state)
    }
}

#[cfg(test)]
mod tests;
