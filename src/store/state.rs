//! The state file: read leniently, merged, written atomically.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::Document;
use super::{EventFile, Paths, StoreError, StoredInstance};
use crate::files::{MOST, behind_links, read_bounded, sweep_drafts, write_atomically};
use crate::fleet::{AccountId, Amount, DeploymentId, InstanceId, Region, Upkeep};

/// The version of the format that this program writes. Older ones are read, newer ones refused.
const VERSION: u64 = 1;

/// What the state file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The deployment that this state belongs to; `None` for a predecessor's file.
    pub deployment: Option<DeploymentId>,
    /// The account that they are in; `None` in a file of an older version.
    pub account: Option<AccountId>,
    /// The instances.
    pub entries: Vec<StoredInstance>,
    /// What instances cost that are gone, by region.
    pub spent: BTreeMap<Region, Amount>,
    /// How many there shall be, and what holding that has come to; `None` where that is not told.
    pub upkeep: Option<Upkeep>,
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
    /// Why the file could not be read.
    pub unreadable: Option<String>,
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
        self.found && self.unreadable.is_none()
    }
}

/// What there was to read.
enum Found<T> {
    Nothing,
    Document(Document<T>),
    /// Something that is no state; why.
    Unreadable(String),
}

impl From<Document<StoredInstance>> for State {
    fn from(document: Document<StoredInstance>) -> Self {
        let spent = document.keys.get("spent").and_then(Value::as_object).into_iter().flatten();
        let read = spent.filter_map(|(region, amount)| {
            let region = Region::deserialize(Value::from(region.as_str())).ok()?;
            Some((region, Amount::deserialize(amount).ok()?))
        });
        Self {
            deployment: document.get("deployment"),
            account: document.get("account"),
            spent: read.collect(),
            upkeep: document.get("upkeep"),
            entries: document.instances,
        }
    }
}

impl Document<Value> {
    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.keys.insert(key.to_owned(), value.into());
    }

    /// Puts in what `state` tells and takes out what is gone; everything else stays.
    fn merge(&mut self, state: &State, gone: &BTreeSet<InstanceId>) {
        self.set("version", VERSION);
        if let Some(deployment) = &state.deployment {
            self.set("deployment", deployment.as_str());
        }
        if let Some(account) = &state.account {
            self.set("account", account.as_str());
        }
        if !state.spent.is_empty() {
            let mut spent = match self.keys.remove("spent") {
                Some(Value::Object(spent)) => spent,
                _ => Map::new(),
            };
            let news = state.spent.iter().filter_map(|(region, amount)| {
                Some((region.to_string(), serde_json::to_value(amount).ok()?))
            });
            spent.extend(news);
            self.set("spent", spent);
        }
        if let Some(upkeep) = state.upkeep.as_ref().and_then(|it| serde_json::to_value(it).ok()) {
            self.set("upkeep", upkeep);
        }
        let mut instances = std::mem::take(&mut self.instances);
        let told: BTreeSet<&InstanceId> = state.entries.iter().map(|entry| &entry.id).collect();
        let mut before: BTreeMap<InstanceId, Value> = BTreeMap::new();
        instances.retain_mut(|value| {
            let Some(id) = value.get("id").and_then(|id| InstanceId::deserialize(id).ok()) else {
                return true;
            };
            let is_told = told.contains(&id);
            if !is_told && !gone.contains(&id) {
                return true;
            }
            before.insert(id, value.take());
            false
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
            instances.push(Value::Object(value));
        }
        self.set("instances", instances);
    }
}

impl StateFile {
    /// What happened to its instances, beside it.
    pub fn events(&self) -> EventFile {
        EventFile::new(&self.paths)
    }

    /// The state file at these paths.
    pub fn new(paths: Paths) -> Self {
        Self { paths }
    }

    /// Reads the state without changing anything on disk. An unreadable file reads as an empty
    /// state.
    pub fn read(&self) -> Result<Loaded, StoreError> {
        Ok(Self::loaded(self.find()?, None))
    }

    /// Reads the state for a process that will write it: an unreadable file is first put aside
    /// under another name, so that no write can destroy it.
    pub fn open(&self) -> Result<Loaded, StoreError> {
        sweep_drafts(&self.paths.state);
        let found = self.find()?;
        let put_aside = match &found {
            Found::Unreadable(_) => Some(put_aside(&self.paths.state)?),
            Found::Nothing | Found::Document(_) => None,
        };
        Ok(Self::loaded(found, put_aside))
    }

    fn loaded(found: Found<StoredInstance>, put_aside: Option<PathBuf>) -> Loaded {
        let is_there = !matches!(found, Found::Nothing);
        let (document, unreadable) = match found {
            Found::Nothing => (Document::default(), None),
            Found::Document(document) => (document, None),
            Found::Unreadable(why) => (Document::default(), Some(why)),
        };
        let unread = document.unread;
        Loaded { state: document.into(), unreadable, put_aside, unread, found: is_there }
    }

    /// What the file holds. One that a newer version wrote is an error: it may mean something else
    /// by the same words, and is neither taken for ours nor written over.
    fn find<T: DeserializeOwned>(&self) -> Result<Found<T>, StoreError> {
        let path = &self.paths.state;
        let bytes = match read_bounded(path, MOST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Ok(Found::Unreadable(error.to_string()));
            }
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Found::Nothing);
        }
        match serde_json::from_slice::<Document<T>>(&bytes) {
            Ok(document) if document.version() > VERSION => {
                Err(StoreError::Newer { path: path.clone(), version: document.version() })
            }
            Ok(document) => Ok(Found::Document(document)),
            Err(why) => Ok(Found::Unreadable(why.to_string())),
        }
    }

    /// Writes the state: what `state` tells is put in, the instances in `gone` are taken out, and
    /// everything else that the file holds stays. Atomic: a reader or a crash sees the old file
    /// or the new one, and an fsync stands between it and the return.
    pub fn write(&self, state: &State, gone: &BTreeSet<InstanceId>) -> Result<(), StoreError> {
        let path = &self.paths.state;
        let mut document = match self.find()? {
            Found::Document(document) => document,
            Found::Nothing => Document::default(),
            // Somebody garbled it while we run: what is there may still be worth something.
            Found::Unreadable(_) => {
                put_aside(path)?;
                Document::default()
            }
        };
        document.merge(state, gone);
        let mut bytes = serde_json::to_vec_pretty(&document.keys)
            .map_err(|error| StoreError::io("write", path)(error.into()))?;
        bytes.push(b'\n');
        write_atomically(path, &bytes).map_err(StoreError::io("write", path))
    }

    /// Tries whether the state could be written, before anything is launched.
    pub fn try_write(&self) -> Result<(), StoreError> {
        self.write(&State::default(), &BTreeSet::new())
    }
}

/// Moves a file that cannot be read out of the way, where it is not lost. Answers where it is now.
pub(super) fn put_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let error = || StoreError::io("put aside", path);
    let target = behind_links(path).map_err(error())?;
    let aside = aside(&target);
    fs::rename(&target, &aside).map_err(error())?;
    Ok(aside)
}

/// A name beside a file that is not taken.
pub(super) fn aside(path: &Path) -> PathBuf {
    let stamp = Timestamp::now().as_second();
    (0..1000)
        .map(|n| format!("{}.unreadable-{stamp}-{n}", path.display()))
        .map(PathBuf::from)
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension("unreadable"))
}
