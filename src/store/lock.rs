//! One writer a state: an advisory lock that the kernel lets go of when its holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::{Paths, StoreError};

/// The right to write a state, for as long as this lives.
#[derive(Debug)]
pub struct Lock {
    // Held, never read: closing it is what lets go.
    _file: File,
}

impl Lock {
    /// Whether somebody seems to hold it: for what is shown alone. Nobody is kept from taking it
    /// meanwhile, so it goes by whether the process lives that was the last to take it.
    pub fn is_held(paths: &Paths) -> bool {
        let pid =
            std::fs::read_to_string(paths.lock()).ok().and_then(|text| text.trim().parse().ok());
        let pid = pid.and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
    }

    /// Takes the lock, or says who holds it. A lock that a dead process left is free.
    pub fn acquire(paths: &Paths) -> Result<Self, StoreError> {
        let path = paths.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is can only be said, not relied on.
                let _ = file.read_to_string(&mut holder);
                let holder = holder.trim();
                let holder = if holder.is_empty() { "unknown" } else { holder }.to_owned();
                return Err(StoreError::Held { path, holder });
            }
            Err(TryLockError::Error(source)) => {
                return Err(StoreError::Io { operation: "lock", path, source });
            }
        }
        file.set_len(0).map_err(StoreError::io("write", &path))?;
        writeln!(file, "{}", std::process::id()).map_err(StoreError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}
