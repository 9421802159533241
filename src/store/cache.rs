//! What was looked up at AWS and may be remembered for a while, one JSON file a key.
//!
//! Only a convenience: whatever is unreadable, old or gone is looked up again. Nothing that has
//! to be true may live here.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::read_regular;

/// A folder of remembered answers.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
}

/// What a file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<T> {
    until: Timestamp,
    value: T,
}

impl Cache {
    /// A cache in `dir`, which is made when something is first kept.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// What was kept under `key`, unless it has expired by `now`.
    pub fn get<T: DeserializeOwned>(&self, key: &str, now: Timestamp) -> Option<T> {
        let text = read_regular(&self.file(key)).ok()?;
        let entry: Entry<T> = serde_json::from_slice(&text).ok()?;
        (now < entry.until).then_some(entry.value)
    }

    /// Keeps `value` under `key` for a time. A reader sees the old file or the new one, never
    /// half of one.
    pub fn put<T: Serialize>(
        &self,
        key: &str,
        value: &T,
        now: Timestamp,
        keep: SignedDuration,
    ) -> io::Result<()> {
        let entry = Entry { until: now.saturating_add(keep).map_err(io::Error::other)?, value };
        let text = serde_json::to_vec(&entry)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let file = self.file(key);
        let draft = draft_beside(&file);
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut out| out.write_all(&text))
            .and_then(|()| fs::rename(&draft, &file));
        if written.is_err() {
            drop(fs::remove_file(&draft));
        }
        written
    }

    /// Forgets what was kept under `key`.
    pub fn forget(&self, key: &str) {
        drop(fs::remove_file(self.file(key)));
    }

    /// The file of a key. Other characters than letters, digits, dots and dashes become `_`, so
    /// that no key leads out of the folder.
    fn file(&self, key: &str) -> PathBuf {
        let name: String = key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' })
            .collect();
        self.dir.join(format!("{name}.json"))
    }
}

/// A name that no other writer uses.
fn draft_beside(file: &Path) -> PathBuf {
    file.with_extension(format!("{}.new", uuid::Uuid::new_v4().simple()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn what_was_kept_comes_back_until_it_expires() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("cache"));
        assert_eq!(cache.get::<String>("image/eu-west-1", at(0)), None);
        cache.put("image/eu-west-1", &"ami-1", at(0), DAY).unwrap();
        assert_eq!(cache.get("image/eu-west-1", at(86_399)), Some("ami-1".to_owned()));
        assert_eq!(cache.get::<String>("image/eu-west-1", at(86_400)), None);
        cache.forget("image/eu-west-1");
        assert_eq!(cache.get::<String>("image/eu-west-1", at(0)), None);
    }

    #[test]
    fn an_unreadable_file_is_a_miss() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path());
        fs::write(dir.path().join("key.json"), "{").unwrap();
        assert_eq!(cache.get::<String>("key", at(0)), None);
        cache.put("key", &"new", at(0), DAY).unwrap();
        assert_eq!(cache.get("key", at(0)), Some("new".to_owned()));
    }

    #[test]
    fn files_are_the_users_alone_and_stay_in_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path());
        cache.put("../../etc/passwd", &1, at(0), DAY).unwrap();
        let files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap()).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].file_name(), ".._.._etc_passwd.json");
        assert_eq!(files[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
