//! The lock between machines: who holds it, as its tags say, and when a holder counts as dead. What is
//! asked of AWS for it is the jobs' work.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::DeploymentId;
use super::tags::{
    CREATED_AT, LOCK_BOOT, LOCK_EXPIRES_AT, LOCK_FREE, LOCK_HOLDER, LOCK_HOST, LOCK_NONCE,
    LOCK_PURPOSE, SPOT_TUI,
};
use super::text::{clean, moment};

/// The longest text that is read of a tag, in bytes: a host's name has 64 at the most.
const LONGEST: usize = 64;
/// The longest name of a launch template (EC2 API, CreateLaunchTemplate: 3 to 128 characters).
const LONGEST_NAME: usize = 128;

/// The name of a deployment's lock. EC2 lets only one launch template of a region have it.
pub fn lock_name(deployment: &DeploymentId) -> String {
    let name = format!("{SPOT_TUI}-lock-{deployment}");
    name.chars().take(LONGEST_NAME).collect()
}

/// Who holds a lock, as its tags say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockHolder {
    /// Which lock it is: another one each time that it changes hands.
    pub nonce: String,
    /// The process.
    pub pid: String,
    /// The machine that it runs on.
    pub host: String,
    /// Where on it the process's number counts; empty where nobody knows.
    pub boot: String,
    /// What it holds the lock for.
    pub purpose: String,
    /// Since when it holds it.
    pub since: Option<Timestamp>,
    /// Until when, if it does not renew it; `None` where it was let go of.
    pub expires: Option<Timestamp>,
}

impl LockHolder {
    /// As these tags say; `None` for what is no lock.
    pub fn read(tags: &BTreeMap<String, String>) -> Option<Self> {
        let text = |key| tags.get(key).map(|text| clean(text, LONGEST)).unwrap_or_default();
        let time = |key: &str| tags.get(key).and_then(|text| text.parse().ok());
        Some(Self {
            nonce: tags.get(LOCK_NONCE)?.clone(),
            pid: text(LOCK_HOLDER),
            host: text(LOCK_HOST),
            boot: text(LOCK_BOOT),
            purpose: text(LOCK_PURPOSE),
            since: time(CREATED_AT),
            expires: time(LOCK_EXPIRES_AT),
        })
    }

    /// Its tags, besides those of everything that is ours.
    pub fn tags(&self) -> BTreeMap<String, String> {
        let expires = self.expires.map_or_else(|| LOCK_FREE.to_owned(), |at| at.to_string());
        [
            (LOCK_NONCE, self.nonce.clone()),
            (LOCK_HOLDER, self.pid.clone()),
            (LOCK_HOST, self.host.clone()),
            (LOCK_BOOT, self.boot.clone()),
            (LOCK_PURPOSE, self.purpose.clone()),
            (LOCK_EXPIRES_AT, expires),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    /// Whether its process's number means, where this is asked, the process that holds it.
    pub fn is_of(&self, boot: &str) -> bool {
        !boot.is_empty() && self.boot == boot
    }

    /// What is to be done about a lock of another's that has not changed for so long, by a clock that
    /// nobody sets: whoever renews it changes it. The clocks of two machines may differ, so that a
    /// deadline alone says nothing.
    pub fn judge(&self, unchanged: Duration, patience: Duration, now: Timestamp) -> Judgement {
        match self.expires {
            None => Judgement::Free,
            Some(at) if now < at => Judgement::Held,
            Some(_) => match patience.saturating_sub(unchanged) {
                Duration::ZERO => Judgement::Dead,
                left => Judgement::Overdue(left),
            },
        }
    }
}

/// `process 4711 on attic since Nov 28, 21:04 UTC`.
impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&held_by(&self.pid, Some(&self.host), self.since))
    }
}

/// Who holds something, in the words of all locks: `process 4711 on attic since Nov 28, 21:04 UTC`.
pub fn held_by(pid: &str, host: Option<&str>, since: Option<Timestamp>) -> String {
    let pid = if pid.is_empty() { "unknown" } else { pid };
    let host = host.map(|host| format!(" on {host}")).unwrap_or_default();
    let since = since.map(|since| format!(" since {}", moment(since)));
    format!("process {pid}{host}{}", since.unwrap_or_default())
}

/// What is to be done about a lock of another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is held.
    Held,
    /// Its time is over: whether its holder lives shows after so long.
    Overdue(Duration),
    /// Its time is over, and nobody renews it.
    Dead,
    /// It was let go of: what its holder launched may not be told of yet.
    Free,
}

/// How this process stands to the lock between machines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LockStanding {
    /// It does not hold it, and knows of nobody who does.
    #[default]
    Open,
    /// It holds it.
    Held,
    /// Another one does.
    Other(LockHolder),
    /// It held it, and does not any more: for this reason.
    Lost(String),
    /// There is none, for this reason: it launches all the same.
    Without(String),
}

impl LockStanding {
    /// Whether nothing is different: that a lock was renewed is no news.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(one), Self::Other(other)) => one.nonce == other.nonce,
            (one, other) => one == other,
        }
    }
}

/// For how long a lock was taken, by two clocks: one stands still while the machine sleeps, and the
/// other one may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockTerm {
    /// From the moment before it was renewed.
    pub term: Duration,
    /// Until this moment.
    pub expires: Timestamp,
}

impl LockTerm {
    /// Whether it is over, so long after it began, at this moment.
    pub fn is_over(self, age: Duration, now: Timestamp) -> bool {
        age >= self.term || now >= self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(2);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn holder() -> LockHolder {
        LockHolder {
            nonce: "n-1".into(),
            pid: "4711".into(),
            host: "attic".into(),
            boot: "b-1/4026531836".into(),
            purpose: "keep".into(),
            since: Some(at("2026-11-28T14:02:00Z")),
            expires: Some(at("2026-11-28T14:07:00Z")),
        }
    }

    #[test]
    fn a_holder_is_read_as_it_was_written() {
        let mut tags = holder().tags();
        tags.insert(CREATED_AT.into(), "2026-11-28T14:02:00Z".into());
        assert_eq!(LockHolder::read(&tags), Some(holder()));
        assert_eq!(holder().to_string(), "process 4711 on attic since Nov 28, 14:02 UTC");
        tags.insert(LOCK_HOST.into(), "at\u{1b}[31mtic".into());
        tags.insert(LOCK_EXPIRES_AT.into(), LOCK_FREE.into());
        let hostile = LockHolder::read(&tags).unwrap();
        assert_eq!((hostile.host.as_str(), hostile.expires), ("attic", None));
        assert_eq!(LockHolder::read(&BTreeMap::new()), None);
    }

    #[test]
    fn a_number_counts_where_it_was_given_and_nowhere_else() {
        assert!(holder().is_of("b-1/4026531836"));
        assert!(!holder().is_of("b-1/4026532201"), "a container that is called alike");
        assert!(!holder().is_of("b-2/4026531836"), "it booted anew, or is another machine");
        assert!(!LockHolder::default().is_of(""), "an older version wrote it, or nobody knows");
    }

    #[test]
    fn only_what_is_overdue_and_has_not_changed_for_long_is_dead() {
        let (before, after) = (at("2026-11-28T14:06:59Z"), at("2026-11-28T14:07:00Z"));
        let long = Duration::from_hours(1);
        assert_eq!(holder().judge(long, PATIENCE, before), Judgement::Held);
        let seen = Duration::from_secs(20);
        let left = Duration::from_secs(100);
        assert_eq!(holder().judge(seen, PATIENCE, after), Judgement::Overdue(left));
        assert_eq!(holder().judge(PATIENCE, PATIENCE, after), Judgement::Dead);
        let free = LockHolder { expires: None, ..holder() };
        assert_eq!(free.judge(Duration::ZERO, PATIENCE, before), Judgement::Free);
    }

    #[test]
    fn a_term_is_over_by_whichever_clock_says_so() {
        let term = LockTerm { term: PATIENCE, expires: at("2026-11-28T14:07:00Z") };
        assert!(!term.is_over(Duration::ZERO, at("2026-11-28T14:06:59Z")));
        assert!(term.is_over(PATIENCE, at("2026-11-28T14:00:00Z")), "the clock was set back");
        assert!(term.is_over(Duration::ZERO, at("2026-11-28T15:00:00Z")), "it slept");
    }

    #[test]
    fn a_lock_has_a_name_that_ec2_takes() {
        assert_eq!(lock_name(&"spot-7f3a".into()), "spot-tui-lock-spot-7f3a");
        assert!(lock_name(&DeploymentId::new("x".repeat(200))).len() <= LONGEST_NAME);
    }
}
