//! The files that hold, as they are on the disk.

use std::path::{Path, PathBuf};

use super::include::Reader;
use super::parse::File;
use crate::ssh::SshError;

/// What `ssh` reads after the user's own file (ssh_config(5), FILES).
const SYSTEM_FILE: &str = "/etc/ssh/ssh_config";

/// What the `ssh_config` files say, with all that they include.
#[derive(Debug, Clone)]
pub struct SshConfigFile {
    /// The user's file first, then the system's.
    pub(super) files: Vec<File>,
    named: Option<PathBuf>,
    pub(super) reader: Reader,
    pub(super) undecided: Undecided,
}

/// What becomes of a block whose `Match exec` alone would decide: its command is never run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undecided {
    /// The block is passed over, with a warning that names its line.
    #[default]
    Skip,
    /// Whoever wants to go there is refused.
    Refuse,
}

impl SshConfigFile {
    /// The file that the user named, or `~/.ssh/config` and the system's where they exist, as `ssh`
    /// reads them. Blocks on the disk.
    ///
    /// A file that was named has to exist. The usual one is refused, as by `ssh`, where others may
    /// write to it.
    pub fn load(named: Option<&Path>, home: &Path) -> Result<Self, SshError> {
        let reader = Reader::new(home);
        let mut files = Vec::new();
        if let Some(path) = named {
            files.push(reader.named(path)?);
        } else {
            files.extend(reader.usual(&home.join(".ssh/config"))?);
            files.extend(reader.system(Path::new(SYSTEM_FILE))?);
        }
        let named = named.map(Path::to_owned);
        Ok(Self { files, named, reader, undecided: Undecided::default() })
    }

    /// No file at all: every host is what its name says.
    pub fn empty(home: &Path) -> Self {
        Self {
            files: Vec::new(),
            named: None,
            reader: Reader::new(home),
            undecided: Undecided::default(),
        }
    }

    /// The same, with this answer to blocks that cannot be decided.
    #[must_use]
    pub fn undecided(mut self, undecided: Undecided) -> Self {
        self.undecided = undecided;
        self
    }

    /// An address for each pattern of addresses after `Host` or `Match host`: settings of hosts whose
    /// addresses are not known yet stand there.
    pub fn example_addresses(&self) -> Vec<String> {
        let mut examples = Vec::new();
        for file in &self.files {
            file.patterns(&mut |pattern| examples.extend(pattern.example_address()));
        }
        examples.sort();
        examples.dedup();
        examples
    }

    /// The file that the user named.
    pub(in crate::ssh) fn named(&self) -> Option<&Path> {
        self.named.as_deref()
    }

    /// The folder that `~` stands for.
    pub(in crate::ssh) fn home(&self) -> &Path {
        self.reader.home()
    }
}
