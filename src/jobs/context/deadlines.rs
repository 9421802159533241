//! Until when a call that nobody answered may show its effect: one deadline a call, by a clock that
//! nobody sets.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::lock::lock;
use crate::store::{IntentId, Journal};

/// When the calls in the journal were sent, as far as this process can tell.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Deadlines(Mutex<HashMap<IntentId, Sent>>);

/// When a call was sent: this long before a moment of this process.
#[derive(Debug, Clone, Copy)]
struct Sent {
    seen: Instant,
    age: Duration,
}

impl Sent {
    /// An age that a clock made negative is none, so that no wait becomes longer than its window.
    fn at(sent: Timestamp, now: Timestamp) -> Self {
        let age = now.duration_since(sent).max(SignedDuration::ZERO).unsigned_abs();
        Self { seen: Instant::now(), age }
    }

    fn just_now() -> Self {
        Self { seen: Instant::now(), age: Duration::ZERO }
    }
}

impl Deadlines {
    /// Those of what earlier processes left open. Their age is taken here, once: the clock may be
    /// set while somebody waits.
    pub(in crate::jobs) fn of(journal: &Journal, now: Timestamp) -> Self {
        let inherited = journal.inherited().into_iter();
        Self(Mutex::new(inherited.map(|(id, at, _)| (id, Sent::at(at, now))).collect()))
    }

    /// This process is about to send it, or did so again.
    pub(in crate::jobs) fn sent(&self, id: IntentId) {
        lock(&self.0).insert(id, Sent::just_now());
    }

    /// It was answered: nobody will ask again.
    pub(in crate::jobs) fn forget(&self, ids: &[IntentId]) {
        let mut sent = lock(&self.0);
        for id in ids {
            sent.remove(id);
        }
    }

    /// Until when the call may show what it made, with effects taking at most `window`. One that is
    /// not known here was sent just now.
    pub(in crate::jobs) fn until(&self, id: IntentId, window: Duration) -> Instant {
        let sent = *lock(&self.0).entry(id).or_insert_with(Sent::just_now);
        sent.seen + window.saturating_sub(sent.age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Intent, Paths};

    const WINDOW: Duration = Duration::from_mins(1);

    /// The deadlines of a process that opens at `now` a journal with one call of noon.
    fn opened(now: &str) -> (Deadlines, IntentId) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path().join("instances.json"));
        let intent = Intent {
            action: "RunInstances".into(),
            region: "us-west-2".into(),
            deployment: "spot-1".into(),
            launch: None,
            request: serde_json::Value::Null,
        };
        let noon = "2026-01-01T12:00:00Z".parse().unwrap();
        let id = Journal::open(&paths).unwrap().record(&intent, noon).unwrap();
        (Deadlines::of(&Journal::open(&paths).unwrap(), now.parse().unwrap()), id)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_from_the_future_is_waited_for_once_and_no_longer_than_its_window() {
        let (deadlines, id) = opened("2025-01-01T12:00:00Z");
        let until = deadlines.until(id, WINDOW);
        assert_eq!(until - Instant::now(), WINDOW);
        // What attacked `destroy` for 15 minutes: each question moved the end along.
        tokio::time::advance(Duration::from_secs(50)).await;
        assert_eq!(deadlines.until(id, WINDOW), until);
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_earlier_process_waited_is_not_waited_again() {
        let (deadlines, id) = opened("2026-01-01T12:00:45Z");
        assert_eq!(deadlines.until(id, WINDOW) - Instant::now(), Duration::from_secs(15));
        let (deadlines, id) = opened("2026-01-02T12:00:00Z");
        assert_eq!(deadlines.until(id, WINDOW), Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_of_this_process_has_its_window_whatever_the_clock_shows() {
        let (deadlines, id) = opened("2026-01-02T12:00:00Z");
        deadlines.sent(id);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(deadlines.until(id, WINDOW) - Instant::now(), Duration::from_secs(40));
    }
}
