//! One writer a state: an advisory lock that the kernel lets go of when its holder dies. Where a file
//! system knows no locks, the process that is named in the file holds it for as long as it lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::holder::Holder;
use super::{Paths, StoreError};
use crate::files::{open_regular, read_text, regular};

/// What a file system says that has no locks: NFS without its lock daemon, some of FUSE (flock(2)).
const NO_LOCKS: [Errno; 4] = [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL];

/// Longer than somebody has it who only looks.
const INSTANT: Duration = Duration::from_millis(5);
/// The most that its file is read of: three lines.
const LONGEST: u64 = 4096;

/// The right to write a state, for as long as this lives.
#[derive(Debug)]
pub struct Lock {
    // Held: closing it is what lets go, where there are locks.
    file: File,
    /// Whether the name in the file is all that holds it.
    is_by_name: bool,
    /// Since when.
    since: Timestamp,
    /// Whom it was taken from.
    before: Holder,
}

impl Lock {
    /// Whether somebody holds it at this moment.
    pub fn is_held(paths: &Paths) -> bool {
        !Self::is_free(paths)
    }

    /// Who holds it at this moment: whom the file names, of however many later processes that may be
    /// the number by now.
    pub fn holder(paths: &Paths) -> Option<Holder> {
        if Self::is_free(paths) { None } else { Self::read_name(paths) }
    }

    /// Who was the last to take it, if a process of that number lives: another one, it may be, of
    /// another container. While it is passed on nobody holds it, and this is all that tells.
    pub fn named(paths: &Paths) -> Option<Holder> {
        Self::read_name(paths).filter(Holder::is_alive)
    }

    fn read_name(paths: &Paths) -> Option<Holder> {
        let text = read_text(&paths.lock(), LONGEST).ok()?;
        Some(Holder::read(&text))
    }

    /// Whether nobody holds it at this moment. Nothing is written: who had it last stays in the file.
    pub fn is_free(paths: &Paths) -> bool {
        Self::is_free_by(paths, File::try_lock_shared)
    }

    /// The same with what the file system makes of the attempt.
    pub(super) fn is_free_by(
        paths: &Paths,
        try_lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    ) -> bool {
        let Ok(file) = open_regular(&paths.lock()) else { return true };
        match try_lock(&file) {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(_)) => Self::named(paths).is_none(),
        }
    }

    /// Takes the lock, or says who holds it. A lock that a dead process left is free.
    pub fn acquire(paths: &Paths) -> Result<Self, StoreError> {
        Self::acquire_by(paths, try_lock)
    }

    /// The same for who keeps the fleet where a keeper let go of it for that: there is no moment in which
    /// it does not say so.
    pub fn acquire_to_keep(paths: &Paths) -> Result<Self, StoreError> {
        Self::acquire_as(paths, try_lock, |lock| {
            lock.waiting_keeper().and_then(|keeper| keeper.host.clone()).unwrap_or_default()
        })
    }

    /// The same with what the file system makes of the attempt.
    pub(super) fn acquire_by(
        paths: &Paths,
        try_lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, StoreError> {
        Self::acquire_as(paths, try_lock, |_| String::new())
    }

    fn acquire_as(
        paths: &Paths,
        try_lock: impl FnOnce(&File) -> Result<(), TryLockError>,
        host: impl FnOnce(&Self) -> String,
    ) -> Result<Self, StoreError> {
        let path = paths.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // A pipe would wait for its other end.
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(&path)
            .and_then(regular)
            .map_err(StoreError::io("open", &path))?;
        let is_by_name = match try_lock(&file) {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => return Err(held(path, holder(&mut file))),
            Err(TryLockError::Error(error)) if has_no_locks(&error) => true,
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::Io { operation: "lock", path, source });
            }
        };
        let before = holder(&mut file);
        if is_by_name && before.is_alive() && !before.is_this_process() {
            return Err(held(path, before));
        }
        let lock = Self { file, is_by_name, since: Timestamp::now(), before };
        lock.name(&host(&lock)).map_err(StoreError::io("write", &path))?;
        Ok(lock)
    }

    /// Says to whoever finds the lock taken that its holder keeps the fleet, and on which host.
    pub fn name_keeper(&self, host: &str) -> io::Result<()> {
        self.name(host)
    }

    /// The keeper that had it before and lives: it let go of it for us, and waits until it is free.
    pub fn waiting_keeper(&self) -> Option<&Holder> {
        let waits = self.before.host.is_some() && !self.before.is_this_process();
        Some(&self.before).filter(|before| waits && before.is_alive())
    }

    fn name(&self, host: &str) -> io::Result<()> {
        let name = format!("{}\n{host}\n{}\n", std::process::id(), self.since);
        // Whoever reads meanwhile reads the first three lines, of the one or of the other.
        self.file.write_all_at(name.as_bytes(), 0)?;
        self.file.set_len(name.len() as u64)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.is_by_name {
            // If not, it is free as soon as this process has ended.
            let _ = self.file.set_len(0);
        }
    }
}

/// Who only looks has it for an instant, and is no holder.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            std::thread::sleep(INSTANT);
            file.try_lock()
        }
        tried => tried,
    }
}

fn has_no_locks(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| NO_LOCKS.contains(&errno))
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    Holder::read(&text)
}

fn held(path: PathBuf, holder: Holder) -> StoreError {
    match holder.host {
        Some(_) => StoreError::Kept { holder },
        None => StoreError::Held { path, holder },
    }
}
