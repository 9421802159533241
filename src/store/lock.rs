//! One writer a state: an advisory lock that the kernel lets go of when its holder dies. Where a file
//! system knows no locks, the process that is named in the file holds it for as long as it lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{Paths, StoreError};
use crate::fleet::text::clean;

/// What a file system says that has no locks: NFS without its lock daemon, some of FUSE (flock(2)).
const NO_LOCKS: [Errno; 4] = [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL];

/// The right to write a state, for as long as this lives.
#[derive(Debug)]
pub struct Lock {
    // Held: closing it is what lets go, where there are locks.
    file: File,
    /// Whether the name in the file is all that holds it.
    is_by_name: bool,
}

impl Lock {
    /// Whether somebody seems to hold it: for what is shown alone. Nobody is kept from taking it
    /// meanwhile, so it goes by whether the process lives that was the last to take it.
    pub fn is_held(paths: &Paths) -> bool {
        let named = std::fs::read_to_string(paths.lock()).ok();
        named.is_some_and(|text| is_alive(Holder::read(&text).pid.as_str()))
    }

    /// Takes the lock, or says who holds it. A lock that a dead process left is free.
    pub fn acquire(paths: &Paths) -> Result<Self, StoreError> {
        Self::acquire_by(paths, File::try_lock)
    }

    /// The same with what the file system makes of the attempt.
    pub(super) fn acquire_by(
        paths: &Paths,
        try_lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    ) -> Result<Self, StoreError> {
        let path = paths.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let is_by_name = match try_lock(&file) {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => return Err(held(path, holder(&mut file))),
            Err(TryLockError::Error(error)) if has_no_locks(&error) => true,
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::Io { operation: "lock", path, source });
            }
        };
        if is_by_name {
            let holder = holder(&mut file);
            if is_alive(&holder.pid) && holder.pid != std::process::id().to_string() {
                return Err(held(path, holder));
            }
        }
        let mut lock = Self { file, is_by_name };
        lock.name("").map_err(StoreError::io("write", &path))?;
        Ok(lock)
    }

    /// Says to whoever finds the lock taken that its holder keeps the fleet, and on which host.
    pub fn name_keeper(&mut self, host: &str) -> io::Result<()> {
        self.name(host)
    }

    fn name(&mut self, host: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        // Behind what was read of it there would be a gap.
        self.file.rewind()?;
        let host = if host.is_empty() { String::new() } else { format!("{host}\n") };
        write!(self.file, "{}\n{host}", std::process::id())
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

fn has_no_locks(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| NO_LOCKS.contains(&errno))
}

/// The longest name of a host, in bytes (`HOST_NAME_MAX` of Linux).
const LONGEST_HOST: usize = 64;

/// Who stands in the file. It can only be said, not relied on, where the kernel knows better.
struct Holder {
    /// The process.
    pid: String,
    /// The host on which it keeps the fleet, if it does that.
    host: Option<String>,
}

impl Holder {
    fn read(text: &str) -> Self {
        let mut lines = text.lines().map(|line| clean(line.trim(), LONGEST_HOST));
        let pid = lines.next().unwrap_or_default();
        Self { pid, host: lines.next().filter(|host| !host.is_empty()) }
    }
}

fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    Holder::read(&text)
}

fn is_alive(holder: &str) -> bool {
    let pid = holder.parse().ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

fn held(path: PathBuf, Holder { pid, host }: Holder) -> StoreError {
    let holder = if pid.is_empty() { "unknown".to_owned() } else { pid };
    match host {
        Some(host) => StoreError::Kept { holder, host },
        None => StoreError::Held { path, holder },
    }
}
