//! The ledger's file: what was spent, a line an hour and thing. Lines are only added; one that a
//! crash tore off is cut, and a file that has grown long is folded when it is opened.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Paths, StoreError};
use crate::files::{folder_of, read_bounded, sweep_drafts, sync_folder, write_atomically};
use crate::fleet::{LedgerLine, fold};

/// How long a ledger may be before it is folded: some 60,000 hours.
const LONG: usize = 8 << 20;
/// The largest one that is read: a thousand instances for half a year, folded.
const MOST: u64 = 128 << 20;

/// What a ledger's file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadedLedger {
    /// Its lines, as they were written.
    pub lines: Vec<LedgerLine>,
    /// How many lines could not be read. They stay as they are.
    pub unread: usize,
}

/// The ledger's file on disk. It is made when there is something to write.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    file: Option<File>,
    /// Whether what was written last could not be cut off.
    is_torn: bool,
}

impl LedgerFile {
    /// The file at these paths, for the one process that writes it.
    pub fn new(paths: &Paths) -> Self {
        Self { path: paths.ledger(), file: None, is_torn: false }
    }

    /// Reads a ledger without changing anything on disk. None is an empty one.
    pub fn read(paths: &Paths) -> Result<LoadedLedger, StoreError> {
        Ok(parse(&read(&paths.ledger())?))
    }

    /// Reads it for the process that writes it: what was torn off is cut, and a long one is folded.
    pub fn open(&mut self, now: Timestamp) -> Result<LoadedLedger, StoreError> {
        sweep_drafts(&self.path);
        let bytes = read(&self.path)?;
        let loaded = parse(&bytes);
        self.is_torn = bytes.last().is_some_and(|last| *last != b'\n');
        // What nobody here understands may be a newer version's: such a file is left as it is.
        if bytes.len() < LONG || loaded.unread > usize::from(self.is_torn) {
            return Ok(loaded);
        }
        let lines = fold(loaded.lines, now);
        let bytes = encode(&lines).map_err(StoreError::io("write", &self.path))?;
        write_atomically(&self.path, &bytes).map_err(StoreError::io("write", &self.path))?;
        self.is_torn = false;
        Ok(LoadedLedger { lines, unread: 0 })
    }

    /// Adds lines. When this returns they are on the disk; when it fails none of them counts.
    pub fn append(&mut self, lines: &[LedgerLine]) -> Result<(), StoreError> {
        self.try_append(lines).map_err(StoreError::io("write", &self.path))
    }

    fn try_append(&mut self, lines: &[LedgerLine]) -> io::Result<()> {
        let mut bytes = if self.is_torn { vec![b'\n'] } else { Vec::new() };
        bytes.extend(encode(lines)?);
        let is_new = self.file.is_none() && !self.path.exists();
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(0o600).open(&self.path)?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let before = file.metadata()?.len();
        if let Err(failed) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // Where the disk does not even take that, the next line begins on one of its own.
            self.is_torn |= file.set_len(before).is_err();
            return Err(failed);
        }
        self.is_torn = false;
        if is_new {
            sync_folder(folder_of(&self.path))?;
        }
        Ok(())
    }
}

/// What the file holds; nothing where there is none.
fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    match read_bounded(path, MOST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(StoreError::io("read", path)),
    }
}

fn parse(bytes: &[u8]) -> LoadedLedger {
    let mut loaded = LoadedLedger::default();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(line) => loaded.lines.push(line),
            Err(_) => loaded.unread += 1,
        }
    }
    loaded
}

fn encode(lines: &[LedgerLine]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
