//! What was looked up at AWS and may be remembered for a while, one JSON file a key.
//!
//! Only a convenience: whatever is unreadable, old or gone is looked up again. Nothing that has
//! to be true may live here.

use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files::{MOST, make_private_folder, read_bounded, write_atomically};

/// How many bytes of a key its file is named after: a name has at most 255, a draft's is longer.
const LONGEST: usize = 180;

/// A folder of remembered answers.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
    /// Whether nothing is written to it.
    is_only_read: bool,
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
        Self { dir: dir.into(), is_only_read: false }
    }

    /// The same for a process that changes nothing on the disk.
    #[must_use]
    pub fn only_read(self) -> Self {
        Self { is_only_read: true, ..self }
    }

    /// What was kept under `key`, unless it has expired by `now`.
    pub fn get<T: DeserializeOwned>(&self, key: &str, now: Timestamp) -> Option<T> {
        let text = read_bounded(&self.file(key), MOST).ok()?;
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
        if self.is_only_read {
            return Ok(());
        }
        let entry = Entry { until: now.saturating_add(keep).map_err(io::Error::other)?, value };
        let text = serde_json::to_vec(&entry)?;
        make_private_folder(&self.dir)?;
        write_atomically(&self.file(key), &text)
    }

    /// Forgets what was kept under `key`.
    pub fn forget(&self, key: &str) {
        if !self.is_only_read {
            drop(fs::remove_file(self.file(key)));
        }
    }

    /// The file of a key. Other characters than letters, digits, dots and dashes become `_`, so
    /// that no key leads out of the folder; a long one ends with its hash.
    fn file(&self, key: &str) -> PathBuf {
        let name: String = key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' })
            .collect();
        if name.len() <= LONGEST {
            return self.dir.join(format!("{name}.json"));
        }
        let digest = Sha256::digest(key);
        let digest = digest.iter().take(16).fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        self.dir.join(format!("{}-{digest:032x}.json", &name[..LONGEST]))
    }
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
        let only_read = cache.clone().only_read();
        only_read.forget("image/eu-west-1");
        only_read.put("image/eu-west-1", &"ami-2", at(0), DAY).unwrap();
        assert_eq!(only_read.get("image/eu-west-1", at(0)), Some("ami-1".to_owned()));
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
