//! The service manager that started this process, where one did: it is told that the keeper is ready,
//! that it lives, how it stands, and that it leaves (sd_notify(3)). Elsewhere nothing is told.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// How often the status is looked at.
const STATUS: Duration = Duration::from_secs(1);

/// What the service manager was told, and when.
#[derive(Debug)]
pub(super) struct ServiceManager {
    is_there: bool,
    /// How often it wants to hear that the process lives: half of what it waits for.
    watchdog: Option<Duration>,
    alive: Option<Instant>,
    looked: Option<Instant>,
    status: String,
}

impl ServiceManager {
    /// The one that the environment names.
    pub(super) fn of_environment() -> Self {
        let is_there = std::env::var_os("NOTIFY_SOCKET").is_some();
        let watchdog = sd_notify::watchdog_enabled().map(|every| every / 2);
        Self { is_there, watchdog, alive: None, looked: None, status: String::new() }
    }

    /// The state is ours, the configuration is read, and every region has been looked at.
    pub(super) fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// The loop has taken a step: what is due of being alive, and of how it stands, is told. To be
    /// called from the loop and from nowhere else: a loop that hangs must be missed.
    pub(super) fn step(&mut self, status: impl FnOnce() -> String) {
        if !self.is_there {
            return;
        }
        let now = Instant::now();
        let is_due = |last: Option<Instant>, every| last.is_none_or(|last| now - last >= every);
        if self.watchdog.is_some_and(|every| is_due(self.alive, every)) {
            self.alive = Some(now);
            self.tell(&[NotifyState::Watchdog]);
        }
        if is_due(self.looked, STATUS) {
            self.looked = Some(now);
            let status = status();
            if status != self.status {
                self.tell(&[NotifyState::Status(&status)]);
                self.status = status;
            }
        }
    }

    /// The process is about to leave.
    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// A service manager that does not listen is no reason not to keep a fleet.
    fn tell(&self, states: &[NotifyState<'_>]) {
        if let (true, Err(error)) = (self.is_there, sd_notify::notify(states)) {
            tracing::debug!(%error, "the service manager was not told");
        }
    }
}
