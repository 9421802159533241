//! Record before act: what is about to be asked of AWS, on disk before it is asked.
//!
//! One JSON object a line, appended and fsynced. `open` lines hold an intent, `close` lines its
//! number; a second `open` line with the same number takes the place of the first. `v` is the
//! format's version. After a crash the open ones say where to look.
//!
//! A call that makes something has an intent of its own. What is taken away has one a region,
//! `Destroy`, which names all that is to end and stays open until nothing of it is left: each of
//! its calls may be repeated, so that it does not matter which of them were sent.
//!
//! ```text
//! {"v":1,"n":7,"at":"2026-11-20T09:41:05Z","open":{"action":"RunInstances","region":"us-west-2",...}}
//! {"v":1,"n":7,"at":"2026-11-20T09:41:07Z","close":"done"}
//! ```
//!
//! A torn or garbled line costs only itself, and so does a line of a version that is not known: then
//! the journal [is not whole](Journal::is_whole), and who relies on it waits as long as a call may
//! take to show its effect. A journal with such a line, or one that is too large, is kept beside the
//! new one, which says since when something is lost: whoever comes after a crash right then is not
//! to take it for whole. The same where a state has no journal. It is read line by line, and closed
//! records are dropped when it grows long. A write that fails midway, on a full disk, is cut off
//! again, and what could not be closed is closed with the next record.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::lenient;
use super::state::{aside, put_aside};
use super::{Paths, StoreError};
use crate::files::{MOST, folder_of, open_regular, sweep_drafts, sync_folder, write_atomically};
use crate::fleet::{AccountId, DeploymentId, LaunchId, Region};

const VERSION: u32 = 1;

/// From this many bytes on a journal is written anew without what is closed.
const LONG: u64 = 4 << 20;

/// For how long a journal remembers that something of an earlier one was lost: longer than any call
/// takes to show its effect.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// A mutating call that is about to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The EC2 API action.
    pub action: String,
    /// Where.
    pub region: Region,
    /// For which deployment.
    pub deployment: DeploymentId,
    /// The tag `LaunchId` of what it makes, for a launch also its client token; `None` for a call
    /// that makes nothing of its own.
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
    whole: bool,
    put_aside: Option<PathBuf>,
    /// The account in which an earlier process asked for what it left open.
    inherited_from: Option<AccountId>,
    /// The number of this process's first intent.
    first: u64,
    inner: Mutex<Inner>,
}

/// What a journal held when it was opened.
#[derive(Debug, Default)]
struct Inherited {
    open: BTreeMap<u64, (Timestamp, Intent)>,
    /// Whether every line could be read.
    whole: bool,
    /// Whether a line that was written to its end could not be read.
    garbled: bool,
    /// Since when something of an earlier journal is lost.
    lost: Option<Timestamp>,
    /// How many bytes there were.
    length: u64,
    /// The account of what is open, where it was written down.
    account: Option<AccountId>,
}

#[derive(Debug)]
struct Inner {
    /// `None` where nothing can be written.
    file: Option<File>,
    /// From how many bytes on it is written anew.
    long: u64,
    /// Whether the folder may not know of the file yet.
    is_new: bool,
    /// Whether the file may end in the midst of a record that could not be cut off.
    is_torn: bool,
    /// The account in which everything is asked for, once it is known.
    account: Option<AccountId>,
    /// Since when something of an earlier journal is lost.
    lost: Option<Timestamp>,
    next: u64,
    open: BTreeMap<u64, (Timestamp, Intent)>,
    /// Closes that could not be written yet: they go out with the next record.
    unwritten: Vec<Record>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    v: u32,
    n: u64,
    at: Timestamp,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<Intent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    close: Option<String>,
    /// Whether something of an earlier journal was lost then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lost: bool,
}

impl Record {
    fn open(n: u64, at: Timestamp, intent: &Intent, account: Option<&AccountId>) -> Self {
        let (account, open) = (account.cloned(), Some(intent.clone()));
        Self { v: VERSION, n, at, account, open, close: None, lost: false }
    }

    fn lost(at: Timestamp) -> Self {
        Self { v: VERSION, n: 0, at, account: None, open: None, close: None, lost: true }
    }
}

impl Journal {
    /// Opens the journal, reads what an earlier process left open, and drops what is closed.
    pub fn open(paths: &Paths) -> Result<Self, StoreError> {
        let path = paths.journal();
        let error = |operation| StoreError::io(operation, &path);
        sweep_drafts(&path);
        // Whether somebody wrote one who is not the first here.
        let mut is_lost = false;
        let mut kept = None;
        let mut inherited = match Inherited::read(&path) {
            Ok(inherited) => {
                if inherited.garbled {
                    kept = Some(keep_aside(&path).map_err(error("put aside"))?);
                }
                inherited
            }
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                is_lost = paths.state.exists();
                Inherited::default()
            }
            Err(large) if large.kind() == io::ErrorKind::FileTooLarge => {
                kept = Some(put_aside(&path)?);
                Inherited::default()
            }
            Err(other) => return Err(error("read")(other)),
        };
        let now = Timestamp::now();
        inherited.remember_loss(is_lost || kept.is_some(), now);
        // Each fsync takes as long as the disk likes, and the first frame waits for this: an empty
        // journal is left as it is.
        if inherited.length > 0 || inherited.lost.is_some() {
            let open = encode_all(inherited.lost, &inherited.open, inherited.account.as_ref());
            let open = open.map_err(error("write"))?;
            write_atomically(&path, &open).map_err(error("write"))?;
        }
        let file = append_to(&path).map_err(error("open"))?;
        Ok(Self::new(path, inherited, Some(file), kept))
    }

    /// The journal of a process that goes on without the disk: it knows what an earlier one left
    /// open, as far as that can be read, and every record fails.
    pub fn without_disk(paths: &Paths) -> Self {
        let path = paths.journal();
        let mut inherited = Inherited::read(&path).unwrap_or_default();
        inherited.remember_loss(false, Timestamp::now());
        Self::new(path, inherited, None, None)
    }

    fn new(
        path: PathBuf,
        inherited: Inherited,
        file: Option<File>,
        put_aside: Option<PathBuf>,
    ) -> Self {
        let Inherited { open, whole, account, length, lost, .. } = inherited;
        let first = open.keys().next_back().map_or(1, |last| last + 1);
        let inner = Inner {
            file,
            long: LONG,
            is_new: length == 0,
            is_torn: false,
            account: account.clone(),
            lost,
            next: first,
            open,
            unwritten: Vec::new(),
        };
        let inner = Mutex::new(inner);
        Self { path, whole, put_aside, inherited_from: account, first, inner }
    }

    /// Where a journal is kept that could not be read wholly.
    pub fn put_aside(&self) -> Option<&Path> {
        self.put_aside.as_deref()
    }

    /// Whether the file was there and every line of it could be read. If not, nobody knows what an
    /// earlier process had asked for.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// The account in which an earlier process asked for what it left open, where it knew that.
    pub fn account(&self) -> Option<&AccountId> {
        self.inherited_from.as_ref().filter(|_| !self.inherited().is_empty())
    }

    /// From now on this is where everything is asked for.
    pub fn belong_to(&self, account: &AccountId) {
        self.lock().account = Some(account.clone());
    }

    /// Writes down what is about to be asked, and when. When this returns, it is on the disk.
    pub fn record(&self, intent: &Intent, at: Timestamp) -> Result<IntentId, StoreError> {
        self.record_and_change(intent, at, |_| None)
    }

    /// The same, and with it, at one stroke, what `change` makes of the intents that are open.
    pub fn record_and_change(
        &self,
        intent: &Intent,
        at: Timestamp,
        change: impl Fn(&Intent) -> Option<Intent>,
    ) -> Result<IntentId, StoreError> {
        let mut inner = self.lock();
        let n = inner.next;
        inner.next += 1;
        let open = inner.open.iter();
        let changed = open.filter_map(|(n, (at, open))| Some((*n, (*at, change(open)?))));
        let mut written: BTreeMap<u64, (Timestamp, Intent)> = changed.collect();
        written.insert(n, (at, intent.clone()));
        // The new one is the last: nothing of it counts before all of the others does.
        let lines = written.iter();
        let lines = lines.map(|(n, (at, it))| Record::open(*n, *at, it, inner.account.as_ref()));
        let lines: Vec<Record> = lines.collect();
        self.append(&mut inner, &lines)?;
        inner.open.extend(written);
        Ok(IntentId(n))
    }

    /// Puts another intent in the place of an open one. When this returns, it is on the disk.
    pub fn amend(&self, id: IntentId, intent: &Intent, at: Timestamp) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let line = Record::open(id.0, at, intent, inner.account.as_ref());
        self.append(&mut inner, &[line])?;
        inner.open.insert(id.0, (at, intent.clone()));
        Ok(())
    }

    /// Puts into the place of an open intent what `change` makes of it, at one stroke: whatever
    /// others change of it meanwhile is kept. Nothing where it is over, or nothing changes. When
    /// this returns, it is on the disk.
    pub fn change(
        &self,
        id: IntentId,
        at: Timestamp,
        change: impl FnOnce(&Intent) -> Option<Intent>,
    ) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let Some(intent) = inner.open.get(&id.0).and_then(|(_, intent)| change(intent)) else {
            return Ok(());
        };
        let line = Record::open(id.0, at, &intent, inner.account.as_ref());
        self.append(&mut inner, &[line])?;
        inner.open.insert(id.0, (at, intent));
        Ok(())
    }

    /// Notes that these are over, and how: all of them or, after a crash, none. What cannot be
    /// written now is tried again with each later record and at the end, and is over for this
    /// process all the same.
    pub fn close(&self, ids: &[IntentId], outcome: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let open = ids.iter().filter(|id| inner.open.contains_key(&id.0));
        let close = Some(outcome.to_owned());
        let lines: Vec<Record> = open
            .map(|id| Record {
                v: VERSION,
                n: id.0,
                at,
                account: None,
                open: None,
                close: close.clone(),
                lost: false,
            })
            .collect();
        if lines.is_empty() && inner.unwritten.is_empty() {
            return Ok(());
        }
        let written = self.append(&mut inner, &lines);
        for line in &lines {
            inner.open.remove(&line.n);
        }
        if written.is_err() {
            inner.unwritten.extend(lines);
        }
        written
    }

    /// The intents whose outcome nobody wrote down, oldest first.
    pub fn unresolved(&self) -> Vec<(IntentId, Timestamp, Intent)> {
        let inner = self.lock();
        inner.open.iter().map(|(n, (at, intent))| (IntentId(*n), *at, intent.clone())).collect()
    }

    /// Of these, what an earlier process left behind.
    pub fn inherited(&self) -> Vec<(IntentId, Timestamp, Intent)> {
        let mut open = self.unresolved();
        open.retain(|(id, ..)| id.0 < self.first);
        open
    }

    /// Writes these behind what could not be closed before. When this fails, nothing of it is read
    /// again: a part of a record would swallow the next one.
    fn append(&self, inner: &mut Inner, lines: &[Record]) -> Result<(), StoreError> {
        let error = || StoreError::io("write", &self.path);
        self.shorten(inner);
        let mut bytes = if inner.is_torn { vec![b'\n'] } else { Vec::new() };
        for line in inner.unwritten.iter().chain(lines) {
            bytes.extend(encode(line).map_err(error())?);
        }
        let Some(file) = &mut inner.file else {
            return Err(error()(io::Error::other("the disk cannot be written")));
        };
        let before = file.metadata().map_err(error())?.len();
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        if let Err(failed) = written {
            // Where the disk does not even take that, the next record begins on a line of its own.
            inner.is_torn |= file.set_len(before).is_err();
            return Err(error()(failed));
        }
        inner.is_torn = false;
        inner.unwritten.clear();
        if inner.is_new {
            sync_folder(folder_of(&self.path)).map_err(error())?;
            inner.is_new = false;
        }
        Ok(())
    }

    /// Writes a journal that has grown long anew, without what is closed. One that stays long is
    /// not written anew each time.
    fn shorten(&self, inner: &mut Inner) {
        let length =
            inner.file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |it| it.len());
        if length < inner.long {
            return;
        }
        let shortened =
            encode_all(inner.lost, &inner.open, inner.account.as_ref()).and_then(|bytes| {
                write_atomically(&self.path, &bytes)?;
                Ok(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            });
        match shortened {
            Ok(kept) => {
                // What is written into the old file now, nobody reads again: rather nothing.
                inner.file = append_to(&self.path).ok();
                inner.long = LONG.max(kept.saturating_mul(2));
                inner.is_torn = false;
                inner.unwritten.clear();
            }
            Err(error) => {
                inner.long = inner.long.saturating_mul(2);
                tracing::warn!(%error, "the journal stays long");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while appending leaves at worst a torn line, which readers survive.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // What is not noted even now costs the next process a question.
        let _ = self.close(&[], "", Timestamp::UNIX_EPOCH);
    }
}

fn encode_all(
    lost: Option<Timestamp>,
    open: &BTreeMap<u64, (Timestamp, Intent)>,
    account: Option<&AccountId>,
) -> io::Result<Vec<u8>> {
    let lost = lost.map(|at| encode(&Record::lost(at))).transpose()?;
    let mut bytes = lost.unwrap_or_default();
    for (n, (at, intent)) in open {
        bytes.extend(encode(&Record::open(*n, *at, intent, account))?);
    }
    Ok(bytes)
}

fn encode(line: &Record) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The file at the end of which records are written, made where it is missing.
fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Keeps what is there under another name as well. Answers under which.
fn keep_aside(path: &Path) -> io::Result<PathBuf> {
    let aside = aside(path);
    // Not every file system has hard links.
    fs::hard_link(path, &aside).or_else(|_| fs::copy(path, &aside).map(drop))?;
    Ok(aside)
}

impl Inherited {
    /// Reads a journal line by line. One that is larger than any of ours is an error.
    fn read(path: &Path) -> io::Result<Self> {
        let mut lines = BufReader::new(open_regular(path)?.take(MOST + 1));
        let mut inherited = Self { whole: true, ..Self::default() };
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(inherited);
            }
            inherited.length += u64::try_from(length).unwrap_or(u64::MAX);
            if inherited.length > MOST {
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            inherited.take_in(&line);
        }
    }

    /// Something was lost just now, or not so long ago that it does not matter any more, by whatever
    /// clock.
    fn remember_loss(&mut self, is_lost: bool, now: Timestamp) {
        let age = |at: Timestamp| now.duration_since(at).abs();
        let earlier = self.lost.filter(|at| age(*at) < REMEMBERED);
        self.lost = if is_lost { Some(now) } else { earlier };
        self.whole &= self.lost.is_none();
    }

    fn take_in(&mut self, text: &[u8]) {
        /// No journal of ours counts so far, and there are numbers after it.
        const LAST: u64 = u64::MAX / 2;
        let line = serde_json::from_slice::<Record>(text).ok();
        let Some(line) = line.filter(|it| it.v <= VERSION && it.n <= LAST) else {
            self.whole = false;
            // What a crash tore off was never acted upon.
            self.garbled |= text.ends_with(b"\n");
            return;
        };
        if line.lost {
            self.lost = Some(line.at);
        } else if line.close.is_some() {
            self.open.remove(&line.n);
        } else if let Some(intent) = line.open {
            self.account = line.account.or(self.account.take());
            self.open.insert(line.n, (line.at, intent));
        }
    }
}
