//! The state file: read leniently, merged, written atomically.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Entry, Paths, StoreError};
use crate::fleet::{AccountId, Amount, DeploymentId, InstanceId, Region};

/// The version of the format that this program writes. Older ones are read.
const VERSION: u32 = 1;

/// What the state file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The deployment that this state belongs to; `None` for a predecessor's file.
    pub deployment: Option<DeploymentId>,
    /// The account that they are in; `None` in a file of an older version.
    pub account: Option<AccountId>,
    /// The instances.
    pub entries: Vec<Entry>,
    /// What instances cost that are gone, by region.
    pub spent: BTreeMap<Region, Amount>,
}

/// The state file on disk.
#[derive(Debug, Clone)]
pub struct StateFile {
    paths: Paths,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The state, empty where there was none.
    pub state: State,
    /// Where an unreadable file was put aside.
    pub put_aside: Option<PathBuf>,
    /// Entries that could not be read and are kept as they are.
    pub unread: usize,
    /// Whether there was anything.
    pub found: bool,
}

impl Loaded {
    /// Whether there was a file and it could be read. If not, an earlier process may have known
    /// more.
    pub fn is_known(&self) -> bool {
        self.found && self.put_aside.is_none()
    }
}

/// The shape of the file. Entries are read one by one, so that a bad one costs only itself.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    #[serde(default)]
    version: u32,
    #[serde(default)]
    deployment: Option<DeploymentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(default)]
    instances: Vec<Value>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    spent: BTreeMap<Region, Amount>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl StateFile {
    /// The state file at these paths.
    pub fn new(paths: Paths) -> Self {
        Self { paths }
    }

    /// Reads the state without changing anything on disk. An unreadable file reads as an empty
    /// state.
    pub fn read(&self) -> Result<Loaded, StoreError> {
        let (document, found) = self.document()?;
        Ok(Self::loaded(document.unwrap_or_default(), None, found))
    }

    /// Reads the state for a process that will write it: an unreadable file is first put aside
    /// under another name, so that no write can destroy it.
    pub fn open(&self) -> Result<Loaded, StoreError> {
        let (document, exists) = self.document()?;
        let put_aside = if document.is_none() && exists { Some(self.put_aside()?) } else { None };
        Ok(Self::loaded(document.unwrap_or_default(), put_aside, exists))
    }

    fn loaded(document: Document, put_aside: Option<PathBuf>, found: bool) -> Loaded {
        let total = document.instances.len();
        let entries: Vec<Entry> = document
            .instances
            .into_iter()
            .filter_map(|value| serde_json::from_value(value).ok())
            .collect();
        let unread = total - entries.len();
        let Document { deployment, account, spent, .. } = document;
        let state = State { deployment, account, entries, spent };
        Loaded { state, put_aside, unread, found }
    }

    /// The document, `None` where the file is missing, empty or unreadable; and whether there is
    /// something in it.
    fn document(&self) -> Result<(Option<Document>, bool), StoreError> {
        let path = &self.paths.state;
        let bytes = match read_regular(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, false)),
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok((None, false));
        }
        let document = match serde_json::from_slice::<Value>(&bytes) {
            Ok(Value::Array(instances)) => Some(Document { instances, ..Document::default() }),
            Ok(value @ Value::Object(_)) => serde_json::from_value(value).ok(),
            _ => None,
        };
        Ok((document, true))
    }

    fn put_aside(&self) -> Result<PathBuf, StoreError> {
        let path = &self.paths.state;
        let stamp = Timestamp::now().as_second();
        let aside = (0..1000)
            .map(|n| format!("{}.unreadable-{stamp}-{n}", path.display()))
            .map(PathBuf::from)
            .find(|aside| !aside.exists())
            .unwrap_or_else(|| path.with_extension("unreadable"));
        fs::rename(path, &aside).map_err(StoreError::io("put aside", path))?;
        Ok(aside)
    }

    /// Writes the state: what `state` tells is put in, the instances in `gone` are taken out, and
    /// everything else that the file holds stays. Atomic: a reader or a crash sees the old file
    /// or the new one, and an fsync stands between it and the return.
    pub fn write(&self, state: &State, gone: &BTreeSet<InstanceId>) -> Result<(), StoreError> {
        let mut document = match self.document()? {
            (Some(document), _) => document,
            (None, false) => Document::default(),
            // Somebody garbled it while we run: what is there may still be worth something.
            (None, true) => {
                self.put_aside()?;
                Document::default()
            }
        };
        document.version = document.version.max(VERSION);
        if state.deployment.is_some() {
            document.deployment.clone_from(&state.deployment);
        }
        if state.account.is_some() {
            document.account.clone_from(&state.account);
        }
        document.spent.extend(state.spent.clone());
        let told: BTreeMap<&InstanceId, &Entry> =
            state.entries.iter().map(|entry| (&entry.id, entry)).collect();
        let mut before: BTreeMap<InstanceId, Value> = BTreeMap::new();
        document.instances.retain_mut(|value| {
            let Some(id) = value.get("id").and_then(Value::as_str).map(InstanceId::from) else {
                return true;
            };
            let is_told = told.contains_key(&id);
            if is_told {
                before.insert(id.clone(), value.take());
            }
            !is_told && !gone.contains(&id)
        });
        for entry in &state.entries {
            let Ok(Value::Object(news)) = serde_json::to_value(entry) else { continue };
            let value = match before.remove(&entry.id) {
                // Keys of other versions, or of the user's own, stay.
                Some(Value::Object(mut known)) => {
                    known.extend(news);
                    known
                }
                _ => news,
            };
            document.instances.push(Value::Object(value));
        }
        let path = &self.paths.state;
        let mut bytes = serde_json::to_vec_pretty(&document)
            .map_err(|error| StoreError::io("write", path)(error.into()))?;
        bytes.push(b'\n');
        write_atomically(path, &bytes).map_err(StoreError::io("write", path))
    }

    /// Tries whether the state could be written, before anything is launched.
    pub fn try_write(&self) -> Result<(), StoreError> {
        self.write(&State::default(), &BTreeSet::new())
    }
}

/// No file of ours is nearly as large, in bytes.
const MOST: u64 = 256 << 20;

/// Reads a file that is one, and not of a senseless size: a device or a pipe would never end.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let found = fs::metadata(path)?;
    if !found.is_file() && !found.is_dir() {
        return refused("it is not a regular file");
    }
    if found.len() > MOST {
        return refused("it has more than 256 MiB: that is none of ours");
    }
    fs::read(path)
}

/// Replaces a file in one step: temporary file, fsync, rename, fsync of the folder. Mode 0600.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.to_owned().into_os_string();
    // Whoever writes holds the lock: what a killed process left of this name is written over.
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let written = (|| {
        let mut file =
            File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(path)
}

/// Makes sure that the folder of a file knows of it after a crash.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
