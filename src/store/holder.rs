//! Who holds a lock, as its file says.

use std::fmt;

use jiff::Timestamp;

use super::process;
use crate::fleet::held_by;
use crate::fleet::text::clean;

/// The longest name of a host, in bytes (`HOST_NAME_MAX` of Linux).
const LONGEST_HOST: usize = 64;

/// Who stands in the file. It can only be said, not relied on, where the kernel knows better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: String,
    /// The host on which it keeps the fleet, if it does that.
    pub host: Option<String>,
    /// Since when it has the lock.
    pub since: Option<Timestamp>,
}

impl Holder {
    pub(super) fn read(text: &str) -> Self {
        let mut lines = text.lines().map(|line| clean(line.trim(), LONGEST_HOST));
        let pid = lines.next().unwrap_or_default();
        let host = lines.next().filter(|host| !host.is_empty());
        Self { pid, host, since: lines.next().and_then(|since| since.parse().ok()) }
    }

    pub(super) fn is_alive(&self) -> bool {
        process::is_alive(&self.pid)
    }

    /// Whether it is who asks.
    pub fn is_this_process(&self) -> bool {
        self.pid == std::process::id().to_string()
    }
}

/// `process 4711 on attic since Nov 28, 21:04 UTC`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&held_by(&self.pid, self.host.as_deref(), self.since))
    }
}
