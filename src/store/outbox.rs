//! What somebody is to be told and was not yet: a file a notification, and, once it is decided which
//! of them are one message, a file a message and target. What went is a line in a log beside them.
//!
//! ```text
//! instances.json.outbox/1764331200000-<id>.notification     what happened
//! instances.json.outbox/1764331200000-<id>.<target>.message what is sent, and how often it was tried
//! instances.json.outbox/log                                 what went or was given up; the newest
//! ```
//!
//! A message is on the disk before the notifications in it are gone, so that a process that is killed
//! between any two steps loses none; whoever finds both drops the notifications.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{EventFile, Paths, StoreError};
use crate::files::{make_private_folder, read_bounded, sync_folder, write_atomically};
use crate::fleet::{Digest, Notification};

/// How the name of a file ends that holds a notification.
const NOTIFICATION: &str = ".notification";
/// The same of a message.
const MESSAGE: &str = ".message";
/// The largest file that is read: a message with 500 notifications.
const MOST: u64 = 4 << 20;
/// The most ids that a line of the log names.
const IDS: usize = 100;

/// The folder of one state.
#[derive(Debug, Clone)]
pub struct Outbox {
    folder: PathBuf,
}

/// A message on its way to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message.
    pub digest: Digest,
    /// The target's name.
    pub target: String,
    /// How often it was tried in vain.
    pub tries: u32,
    /// When it is tried next.
    pub next: Timestamp,
    /// What came of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// The message's id.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// Its one line.
    pub title: String,
    /// For how many notifications it stood.
    pub count: usize,
    /// The ids of the first of them.
    pub ids: Vec<String>,
    /// When the first of them was seen.
    pub seen: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// Why it was given up; `None` where it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

impl Closed {
    /// What became of this one, now.
    pub fn of(delivery: &Delivery, at: Timestamp, given_up: Option<String>) -> Self {
        let Delivery { digest, target, tries, .. } = delivery;
        Self {
            at,
            id: digest.id.clone(),
            target: target.clone(),
            title: digest.title(),
            count: digest.count(),
            ids: digest.notifications.iter().take(IDS).map(|told| told.id.clone()).collect(),
            seen: digest.at,
            tries: *tries,
            given_up,
        }
    }
}

/// What waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// What is in no message yet, the oldest first.
    pub notifications: Vec<Notification>,
    /// Messages, the oldest first.
    pub deliveries: Vec<Delivery>,
    /// How many files cannot be read. They stay as they are.
    pub unread: usize,
}

impl Outbox {
    /// The one that goes with a state file. Its folder is made when there is something to keep.
    pub fn new(paths: &Paths) -> Self {
        Self { folder: paths.outbox() }
    }

    /// What waits. What cannot be read stays where it is and is nobody's.
    pub fn read(&self) -> Waiting {
        let mut unread = 0;
        let mut notifications: Vec<Notification> = self.read_all(NOTIFICATION, &mut unread);
        let deliveries: Vec<Delivery> = self.read_all(MESSAGE, &mut unread);
        // Whoever wrote messages may have been killed before it took these away, or between the
        // messages to two targets.
        let mut told: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for delivery in &deliveries {
            for it in &delivery.digest.notifications {
                told.entry(&it.id).or_default().insert(&delivery.target);
            }
        }
        for notification in &mut notifications {
            if let Some(targets) = told.get(notification.id.as_str()) {
                notification.to.retain(|target| !targets.contains(target.as_str()));
            }
        }
        notifications.retain(|it| !it.to.is_empty());
        Waiting { notifications, deliveries, unread }
    }

    /// Whether all of it can be read: else what waits and what went is not known. One in which nothing
    /// was ever kept can be.
    pub fn check(&self) -> Result<(), StoreError> {
        match fs::read_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("read", &self.folder)(error));
            }
            _ => {}
        }
        self.log().try_read().map(drop).map_err(StoreError::io("read", &self.folder.join("log")))
    }

    /// What went or was given up, the oldest first.
    pub fn closed(&self) -> Vec<Closed> {
        let lines = self.log().read();
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Keeps notifications. When this returns they are on the disk.
    pub fn add(&self, notifications: &[Notification]) -> Result<(), StoreError> {
        let kept = make_private_folder(&self.folder).and_then(|()| {
            notifications.iter().try_for_each(|it| write(&self.notification(it), it))
        });
        kept.map_err(StoreError::io("write", &self.folder))
    }

    /// Keeps messages in place of the notifications that are in them, or that nobody is told of.
    pub fn seal(
        &self,
        deliveries: &[Delivery],
        notifications: &[Notification],
    ) -> Result<(), StoreError> {
        let sealed = make_private_folder(&self.folder)
            .and_then(|()| deliveries.iter().try_for_each(|it| write(&self.message(it), it)));
        sealed.map_err(StoreError::io("write", &self.folder))?;
        let paths = notifications.iter().map(|it| self.notification(it));
        paths.for_each(|path| remove(&path));
        // Whatever of this a crash undoes is found together with its message.
        Ok(())
    }

    /// Writes down what was tried.
    pub fn update(&self, delivery: &Delivery) -> Result<(), StoreError> {
        write(&self.message(delivery), delivery).map_err(StoreError::io("write", &self.folder))
    }

    /// Lets a message go, and writes down what became of it.
    pub fn close(&self, delivery: &Delivery, closed: &Closed) -> Result<(), StoreError> {
        let line = serde_json::to_string(closed).map_err(io::Error::from);
        let logged = line.and_then(|line| self.log().append(&[line]));
        remove(&self.message(delivery));
        let synced = sync_folder(&self.folder);
        logged.and(synced).map_err(StoreError::io("write", &self.folder))
    }

    /// Lets a message go of which the log says already what became of it.
    pub fn forget(&self, delivery: &Delivery) {
        remove(&self.message(delivery));
    }

    fn log(&self) -> EventFile {
        EventFile::at(self.folder.join("log"))
    }

    fn notification(&self, it: &Notification) -> PathBuf {
        self.file(it.at, &it.id, NOTIFICATION)
    }

    fn message(&self, it: &Delivery) -> PathBuf {
        self.file(it.digest.at, &it.digest.id, &format!(".{}{MESSAGE}", it.target))
    }

    /// A file whose name sorts by time.
    fn file(&self, at: Timestamp, id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{:014}-{id}{ending}", at.as_millisecond()))
    }

    fn read_all<T: DeserializeOwned>(&self, ending: &str, unread: &mut usize) -> Vec<T> {
        let files = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        // Drafts of a process that was killed begin with a dot.
        let is_one = |name: &str| name.ends_with(ending) && !name.starts_with('.');
        let mut names: Vec<PathBuf> = files
            .filter(|file| file.file_name().to_str().is_some_and(is_one))
            .map(|file| file.path())
            .collect();
        names.sort();
        let read = |path: &PathBuf| {
            let bytes = read_bounded(path, MOST).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        let read: Vec<T> = names.iter().filter_map(read).collect();
        *unread += names.len() - read.len();
        read
    }
}

fn write<T: Serialize>(path: &Path, what: &T) -> io::Result<()> {
    write_atomically(path, &serde_json::to_vec(what)?)
}

/// One that is gone already is as good.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn notification(number: usize) -> Notification {
        let at = Timestamp::from_second(i64::try_from(number).unwrap()).unwrap();
        Notification { at, to: vec!["slack".into()], ..Notification::sample(number) }
    }

    fn outbox() -> (tempfile::TempDir, Outbox) {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(&Paths::new(folder.path().join("instances.json")));
        (folder, outbox)
    }

    fn delivery(notifications: &[Notification]) -> Delivery {
        let digest = Digest::of(notifications).unwrap();
        let next = digest.at;
        Delivery { digest, target: "slack".into(), tries: 0, next, why: None }
    }

    #[test]
    fn what_is_kept_is_found_and_is_the_user_s_alone() {
        let (folder, outbox) = outbox();
        assert_eq!(outbox.read(), Waiting::default());
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "looking leaves nothing");
        let told = [notification(2), notification(1)];
        outbox.add(&told).unwrap();
        assert_eq!(outbox.read().notifications, [told[1].clone(), told[0].clone()]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&outbox.folder), 0o700);
        for file in fs::read_dir(&outbox.folder).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
    }

    #[test]
    fn a_message_takes_the_place_of_what_is_in_it() {
        let (_folder, outbox) = outbox();
        let told = [notification(1), notification(2), notification(3)];
        outbox.add(&told).unwrap();
        let mut delivery = delivery(&told[..2]);
        outbox.seal(std::slice::from_ref(&delivery), &told[..2]).unwrap();
        let waiting = outbox.read();
        assert_eq!(waiting.notifications, [told[2].clone()]);
        assert_eq!(waiting.deliveries, [delivery.clone()]);
        (delivery.tries, delivery.why) = (1, Some("HTTP 503".into()));
        outbox.update(&delivery).unwrap();
        assert_eq!(outbox.read().deliveries, [delivery.clone()]);
        outbox.close(&delivery, &Closed::of(&delivery, told[2].at, None)).unwrap();
        assert!(outbox.read().deliveries.is_empty());
        let closed = outbox.closed();
        assert_eq!((closed.len(), closed[0].tries, closed[0].count), (1, 1, 2));
    }

    #[test]
    fn killed_between_two_steps_it_tells_nothing_twice() {
        let (_folder, outbox) = outbox();
        let told = [notification(1), notification(2)];
        outbox.add(&told).unwrap();
        let delivery = delivery(&told);
        // The message is there, and the notifications are not gone yet.
        outbox.seal(&[delivery], &[]).unwrap();
        let waiting = outbox.read();
        assert_eq!((waiting.notifications.len(), waiting.deliveries.len()), (0, 1));
    }

    #[test]
    fn killed_between_two_targets_it_leaves_neither_out() {
        let (_folder, outbox) = outbox();
        let to = vec!["slack".to_owned(), "ops".to_owned()];
        let told = [Notification { to, ..notification(1) }];
        outbox.add(&told).unwrap();
        outbox.seal(&[delivery(&told)], &[]).unwrap();
        assert_eq!(outbox.read().notifications[0].to, ["ops"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_from_what_is_not_there() {
        let (folder, outbox) = outbox();
        outbox.check().unwrap();
        fs::write(&outbox.folder, b"no folder").unwrap();
        assert!(outbox.check().unwrap_err().to_string().contains("outbox"));
        fs::remove_file(&outbox.folder).unwrap();
        fs::create_dir_all(outbox.folder.join("log")).unwrap();
        assert!(outbox.check().is_err(), "a folder in the place of its log");
        let events = EventFile::at(folder.path().join("events"));
        assert_eq!(events.try_read().unwrap(), [""; 0]);
        fs::create_dir(folder.path().join("events")).unwrap();
        assert!(events.try_read().is_err());
    }

    #[test]
    fn garbage_harms_nobody_else() {
        let (_folder, outbox) = outbox();
        outbox.add(&[notification(1)]).unwrap();
        for name in ["0-x.notification", "0-x.slack.message", ".0-x.notification.a.new", "log"] {
            fs::write(outbox.folder.join(name), b"\xff{").unwrap();
        }
        let waiting = outbox.read();
        assert_eq!((waiting.notifications.len(), waiting.unread), (1, 2));
        assert!(outbox.closed().is_empty());
    }
}
