//! Which snapshots of a machine's volumes are due, and which have had their time.
//!
//! What is deleted here is somebody's last way back: only what the schedule made itself, only what is
//! complete, and never the last complete one of a volume.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Kept, KeptKind};

/// How many snapshots of each volume are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of so many days, the newest of each.
    pub daily: u32,
    /// Of so many weeks, the newest of each.
    pub weekly: u32,
}

/// Whether this volume of a machine has none of today. One that somebody asked for is one, too, and so
/// is one that is not complete yet. Days are those of UTC.
pub fn is_due<'a>(kept: impl IntoIterator<Item = &'a Kept>, of: KeptKind, now: Timestamp) -> bool {
    !snapshots(kept, of).iter().any(|it| day(it) == Some(day_of(now)))
}

/// Those that have had their time.
pub fn expired<'a>(
    kept: impl IntoIterator<Item = &'a Kept>,
    of: KeptKind,
    retention: Retention,
) -> Vec<&'a Kept> {
    let complete: Vec<&Kept> = snapshots(kept, of)
        .into_iter()
        .filter(|it| it.snapshot.is_some_and(|of| of.is_complete))
        .collect();
    let week = |it: &Kept| day(it).map(Date::iso_week_date).map(|it| (it.year(), it.week()));
    let mut stays: BTreeSet<&str> = complete.first().map(|it| it.id.as_str()).into_iter().collect();
    stays.extend(newest_of_each(&complete, retention.daily, day));
    stays.extend(newest_of_each(&complete, retention.weekly, week));
    let is_ours = |it: &&Kept| it.snapshot.is_some_and(|of| of.is_scheduled);
    complete.into_iter().filter(is_ours).filter(|it| !stays.contains(it.id.as_str())).collect()
}

/// The snapshots of one volume of a machine, the newest first.
fn snapshots<'a>(kept: impl IntoIterator<Item = &'a Kept>, of: KeptKind) -> Vec<&'a Kept> {
    let is_of = |it: &&Kept| it.snapshot.is_some_and(|it| it.kind == of);
    let mut found: Vec<&Kept> = kept.into_iter().filter(is_of).collect();
    found.sort_by_key(|it| std::cmp::Reverse((it.since, it.id.clone())));
    found
}

/// The newest of each span of time, of so many spans.
fn newest_of_each<'a, T: Ord>(
    newest_first: &[&'a Kept],
    most: u32,
    span: impl Fn(&Kept) -> Option<T>,
) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let mut newest = Vec::new();
    for it in newest_first {
        let is_new = span(it).is_some_and(|span| seen.insert(span));
        if is_new && newest.len() < usize::try_from(most).unwrap_or(usize::MAX) {
            newest.push(it.id.as_str());
        }
    }
    newest
}

fn day(kept: &Kept) -> Option<Date> {
    kept.since.map(day_of)
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::SnapshotOf;
    use super::*;

    fn snapshot(at: Timestamp, is_complete: bool, is_scheduled: bool) -> Kept {
        Kept {
            machine: "dev".into(),
            kind: KeptKind::Snapshot,
            id: format!("snap-{}", at.as_second()),
            zone: None,
            gib: Some(20),
            address: None,
            instance: None,
            host_key: None,
            since: Some(at),
            snapshot: Some(SnapshotOf {
                kind: KeptKind::Home,
                is_complete,
                is_scheduled,
                full_gib: None,
            }),
            aside_of: None,
        }
    }

    fn at(days: i64, hours: i64) -> Timestamp {
        let began: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        began + SignedDuration::from_hours(24 * days + hours)
    }

    /// A hundred days, a snapshot each, and what was there at the end of each day.
    fn hundred_days(retention: Retention) -> Vec<Kept> {
        let mut kept: Vec<Kept> = Vec::new();
        for day in 0..100 {
            let now = at(day, 0);
            assert!(is_due(&kept, KeptKind::Home, now), "{day}");
            kept.push(snapshot(now, true, true));
            assert!(!is_due(&kept, KeptKind::Home, at(day, 10)));
            let gone = expired(&kept, KeptKind::Home, retention);
            let gone: Vec<String> = gone.into_iter().map(|it| it.id.clone()).collect();
            kept.retain(|it| !gone.contains(&it.id));
            assert!(kept.last().is_some_and(|it| it.since == Some(now)), "today's stays");
        }
        kept
    }

    #[test]
    fn days_and_weeks_are_kept_in_their_numbers() {
        let days = |kept: &[Kept]| -> Vec<String> {
            kept.iter().map(|it| it.since.unwrap().strftime("%m-%d").to_string()).collect()
        };
        let kept = hundred_days(Retention { daily: 3, weekly: 2 });
        // 9 February is a Tuesday: its week is one of both, and the Sunday before it ends the other.
        assert_eq!(days(&kept), ["02-07", "02-08", "02-09"]);
        let kept = hundred_days(Retention { daily: 2, weekly: 4 });
        assert_eq!(days(&kept), ["01-24", "01-31", "02-07", "02-08", "02-09"]);
        let kept = hundred_days(Retention { daily: 0, weekly: 0 });
        assert_eq!(days(&kept), ["02-09"], "the last complete one stays in any case");
    }

    #[test]
    fn the_last_complete_one_is_never_deleted_nor_what_somebody_asked_for() {
        let none = Retention { daily: 1, weekly: 0 };
        let (old, new) = (snapshot(at(0, 0), true, true), snapshot(at(9, 0), false, true));
        let kept = [old.clone(), new];
        assert_eq!(
            expired(&kept, KeptKind::Home, none),
            Vec::<&Kept>::new(),
            "the newer is not whole"
        );
        assert!(!is_due(&kept, KeptKind::Home, at(9, 5)), "it is being made");
        let by_hand = snapshot(at(1, 0), true, false);
        let newest = snapshot(at(9, 0), true, true);
        let kept = [old.clone(), by_hand, newest];
        assert_eq!(expired(&kept, KeptKind::Home, none), [&old]);
        assert_eq!(expired(&kept, KeptKind::Root, none), Vec::<&Kept>::new(), "of another volume");
    }
}
