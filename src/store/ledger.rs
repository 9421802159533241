//! The ledger's file: what was spent, a line an hour and thing. Lines are only added; one that a
//! crash tore off is cut, and a file that has grown long is folded.

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
    /// The length in bytes from which on it is folded.
    long: usize,
}

impl LedgerFile {
    /// The file at these paths, for the one process that writes it.
    pub fn new(paths: &Paths) -> Self {
        Self { path: paths.ledger(), file: None, is_torn: false, long: LONG }
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
        let lines = self.fold(loaded.lines, now).map_err(StoreError::io("write", &self.path))?;
        Ok(LoadedLedger { lines, unread: 0 })
    }

    /// Writes these lines anew, as few as they can be.
    fn fold(&mut self, lines: Vec<LedgerLine>, now: Timestamp) -> io::Result<Vec<LedgerLine>> {
        let lines = fold(lines, now);
        let bytes = encode(&lines)?;
        write_atomically(&self.path, &bytes)?;
        (self.file, self.is_torn) = (None, false);
        self.long = self.long.max(2 * bytes.len());
        Ok(lines)
    }

    /// Adds lines. When this returns they are on the disk; when it fails none of them counts.
    pub fn append(&mut self, lines: &[LedgerLine]) -> Result<(), StoreError> {
        let length = self.try_append(lines).map_err(StoreError::io("write", &self.path))?;
        if length >= self.long {
            self.shorten(length, lines);
        }
        Ok(())
    }

    /// Folds what has grown long. Where that fails it stays as it is, and has to grow before it is
    /// tried again.
    fn shorten(&mut self, length: usize, newest: &[LedgerLine]) {
        let ends = newest.iter().filter_map(|line| match line {
            LedgerLine::Entry(entry) => Some(entry.until),
            LedgerLine::Holder(_) => None,
        });
        let loaded = read(&self.path).map(|bytes| parse(&bytes));
        let folded = match (loaded, ends.max()) {
            (Ok(LoadedLedger { lines, unread: 0 }), Some(now)) => self.fold(lines, now).is_ok(),
            _ => false,
        };
        if !folded {
            self.long = 2 * length;
        }
    }

    /// Adds lines. Answers with the length of the file, in bytes.
    fn try_append(&mut self, lines: &[LedgerLine]) -> io::Result<usize> {
        let mut bytes = if self.is_torn { vec![b'\n'] } else { Vec::new() };
        bytes.extend(encode(lines)?);
        let is_new = self.file.is_none() && !self.path.exists();
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            let file = options.append(true).create(true).mode(0o600).open(&self.path)?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(0) };
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
        Ok(usize::try_from(before).unwrap_or(usize::MAX).saturating_add(bytes.len()))
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fleet::{Entry, HolderId, Thing};

    #[test]
    fn a_file_that_grows_long_is_folded_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path().join("instances.json"));
        let mut file = LedgerFile { long: 4096, ..LedgerFile::new(&paths) };
        let begin: Timestamp = "2026-11-01T00:30:00Z".parse().unwrap();
        for hour in 0..400 {
            let from = begin + SignedDuration::from_hours(hour);
            let until = from + SignedDuration::from_hours(1);
            let (thing, usd) = (Thing::Address, Some(0.005));
            let entry = Entry {
                holder: HolderId::Instance("i-1".into()),
                thing,
                from,
                until,
                usd,
                on_demand: usd,
                end: None,
                is_free: false,
                is_open: false,
            };
            file.append(&[LedgerLine::Entry(entry)]).unwrap();
        }
        let lines = LedgerFile::read(&paths).unwrap().lines;
        assert!(lines.len() < 60, "{}", lines.len());
        let hours: f64 = lines
            .iter()
            .map(|line| match line {
                LedgerLine::Entry(entry) => entry.hours(),
                LedgerLine::Holder(_) => 0.0,
            })
            .sum();
        assert!((hours - 400.0).abs() < 1e-9, "{hours}");
    }
}
