//! Record before act: what is about to be asked of AWS, on disk before it is asked.
//!
//! One JSON object a line, appended and fsynced. `open` lines hold an intent, `close` lines its
//! number. After a crash the open ones say where to look. A torn or garbled line costs only
//! itself: everything it could have told is also told by the tags.
//!
//! ```text
//! {"v":1,"n":7,"at":"2026-11-20T09:41:05Z","open":{"action":"RunInstances","region":"us-west-2",...}}
//! {"v":1,"n":7,"at":"2026-11-20T09:41:07Z","close":"done"}
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Paths, StoreError,
    state::{sync_folder, write_atomically},
};
use crate::fleet::{DeploymentId, LaunchId, Region};

const VERSION: u32 = 1;

/// A mutating call that is about to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The EC2 API action.
    pub action: String,
    /// Where.
    pub region: Region,
    /// For which deployment.
    pub deployment: DeploymentId,
    /// The client token, equal to the tag `LaunchId` of what it makes, where the call knows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<LaunchId>,
    /// The request, so that it can be sent again to the letter.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub request: Value,
}

/// An intent's number in its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(u64);

/// The journal of one state. Only the holder of the lock writes it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    /// Whether the folder may not know of the file yet.
    is_new: bool,
    next: u64,
    open: BTreeMap<u64, (Timestamp, Intent)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    v: u32,
    n: u64,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<Intent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<String>,
}

impl Journal {
    /// Opens the journal, reads what an earlier process left open, and drops what is closed.
    pub fn open(paths: &Paths) -> Result<Self, StoreError> {
        let path = paths.journal();
        let error = |operation| StoreError::io(operation, &path);
        let (open, length) = match File::open(&path) {
            Ok(file) => {
                let length = file.metadata().map_err(error("read"))?.len();
                (read_open(file).map_err(error("read"))?, length)
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => (BTreeMap::new(), 0),
            Err(other) => return Err(error("read")(other)),
        };
        // Each fsync takes as long as the disk likes, and the first frame waits for this: an empty
        // journal is left as it is.
        if length > 0 {
            let kept = encode_all(&open).map_err(error("write"))?;
            write_atomically(&path, &kept).map_err(error("write"))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(error("open"))?;
        let next = open.keys().next_back().map_or(1, |last| last + 1);
        let is_new = length == 0;
        Ok(Self { path, inner: Mutex::new(Inner { file, is_new, next, open }) })
    }

    /// Writes down what is about to be asked. When this returns, it is on the disk.
    pub fn record(&self, intent: &Intent) -> Result<IntentId, StoreError> {
        let mut inner = self.lock();
        let n = inner.next;
        inner.next += 1;
        let at = Timestamp::now();
        let line = Line { v: VERSION, n, at, open: Some(intent.clone()), close: None };
        self.append(&mut inner, &line)?;
        inner.open.insert(n, (at, intent.clone()));
        Ok(IntentId(n))
    }

    /// Notes that the call was answered, and how.
    pub fn close(&self, id: IntentId, outcome: &str) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.open.remove(&id.0).is_none() {
            return Ok(());
        }
        let line = Line {
            v: VERSION,
            n: id.0,
            at: Timestamp::now(),
            open: None,
            close: Some(outcome.to_owned()),
        };
        self.append(&mut inner, &line)
    }

    /// The intents whose outcome nobody wrote down, oldest first.
    pub fn unresolved(&self) -> Vec<(IntentId, Timestamp, Intent)> {
        let inner = self.lock();
        inner.open.iter().map(|(n, (at, intent))| (IntentId(*n), *at, intent.clone())).collect()
    }

    fn append(&self, inner: &mut Inner, line: &Line) -> Result<(), StoreError> {
        let error = || StoreError::io("write", &self.path);
        let bytes = encode(line).map_err(error())?;
        inner.file.write_all(&bytes).and_then(|()| inner.file.sync_data()).map_err(error())?;
        if inner.is_new {
            sync_folder(&self.path).map_err(error())?;
            inner.is_new = false;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while appending leaves at worst a torn line, which readers survive.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode_all(open: &BTreeMap<u64, (Timestamp, Intent)>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (n, (at, intent)) in open {
        let line = Line { v: VERSION, n: *n, at: *at, open: Some(intent.clone()), close: None };
        bytes.extend(encode(&line)?);
    }
    Ok(bytes)
}

fn encode(line: &Line) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn read_open(file: File) -> io::Result<BTreeMap<u64, (Timestamp, Intent)>> {
    /// No line of ours comes near this; a longer one is garbage and not worth the memory.
    const LONGEST: u64 = 1 << 20;
    let mut open = BTreeMap::new();
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(open);
        }
        let Ok(line) = serde_json::from_slice::<Line>(&bytes) else { continue };
        if line.close.is_some() {
            open.remove(&line.n);
        } else if let Some(intent) = line.open {
            open.insert(line.n, (line.at, intent));
        }
    }
}
