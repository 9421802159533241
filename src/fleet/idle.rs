//! How a machine stands that stops by itself where nothing goes on.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Where the program is on a machine that stops by itself (`instance/idle-stop.sh`).
pub const IDLE_STOP: &str = "/usr/local/sbin/spot-tui-idle";

/// What it says of itself. Unknown is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Idle {
    /// After how many seconds in which nothing went on it is stopped.
    pub after_s: u64,
    /// For how many seconds nothing has gone on; none before it looked twice.
    pub idle_s: Option<u64>,
    /// When it stops, in seconds since 1970: it has told so to all who are logged in.
    pub stops_at: Option<i64>,
    /// Whether it is held by hand.
    pub is_held: bool,
    /// Until when, in seconds since 1970; `None` until that is undone.
    pub held_until: Option<i64>,
}

impl Idle {
    /// When it stops, if that is near.
    pub fn stops_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.stops_at?).ok()
    }

    /// Until when it is held, if that has an end.
    pub fn held_until(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.held_until?).ok()
    }
}

/// For how long a machine is kept awake; not at all lets it go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold(pub SignedDuration);

impl Default for Hold {
    /// Half a day's work.
    fn default() -> Self {
        Self(SignedDuration::from_hours(4))
    }
}
