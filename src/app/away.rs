//! What happened since somebody last looked: counted from what the first answers of the regions
//! make different, and said in one sentence.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::fleet::{Change, Fleet, News, Phase, Region, RegionNews, Report};

/// How short a time nobody asks about.
const SHORT: SignedDuration = SignedDuration::from_secs(60);

/// The changes since an earlier run, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Away {
    since: Timestamp,
    /// The regions that have not answered yet.
    awaited: BTreeSet<Region>,
    reclaimed: usize,
    terminated: usize,
    found: usize,
}

impl Away {
    /// Nothing is known yet. `None` where an earlier run left nothing to compare with, or has just
    /// ended.
    pub(super) fn new(fleet: &Fleet, since: Option<Timestamp>, now: Timestamp) -> Option<Self> {
        let since = since.filter(|since| now.duration_since(*since) > SHORT)?;
        let awaited: BTreeSet<Region> = fleet.alive().map(|row| row.region.clone()).collect();
        let away = Self { since, awaited, reclaimed: 0, terminated: 0, found: 0 };
        (!away.awaited.is_empty()).then_some(away)
    }

    /// Takes a report in. Whether all regions have answered by now.
    pub(super) fn note(&mut self, fleet: &Fleet, report: &Report, changes: &[Change]) -> bool {
        for change in changes {
            match change {
                Change::Adopted(_) => self.found += 1,
                Change::Entered {
                    key, to: Phase::Terminated | Phase::Interrupted { .. }, ..
                } => {
                    if fleet.get(key).is_some_and(crate::fleet::Instance::is_interrupted) {
                        self.reclaimed += 1;
                    } else {
                        self.terminated += 1;
                    }
                }
                _ => {}
            }
        }
        if let News::Region(region, RegionNews::Surveyed(_) | RegionNews::Unanswered(_)) =
            &report.news
        {
            self.awaited.remove(region);
        }
        self.awaited.is_empty()
    }

    /// What happened; `None` where nothing did.
    pub(super) fn summary(&self) -> Option<String> {
        let counts = [
            (self.reclaimed, "reclaimed by AWS"),
            (self.terminated, "terminated"),
            (self.found, "new"),
        ];
        let said = counts.iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> = said.map(|(count, word)| format!("{count} {word}")).collect();
        (!said.is_empty()).then(|| format!("since {}: {}", self.day(), said.join(", ")))
    }

    /// When that was, in UTC.
    fn day(&self) -> String {
        self.since.strftime("%a %-d %b %H:%M").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::update::tests::machine;
    use crate::fleet::{Ec2State, Instance, JobId};

    #[test]
    fn what_happened_meanwhile_is_counted_until_all_have_answered() {
        let (since, now) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(7_200).unwrap());
        let mut fleet = Fleet::default();
        for (id, region) in [("i-0a", "us-west-2"), ("i-0b", "us-west-2"), ("i-0c", "eu-west-1")] {
            let mut row = Instance::planned(id.into(), region.into(), "spot-1".into(), since);
            row.machine = Some(machine(id, region, Ec2State::Running));
            row.phase = Phase::Ready;
            fleet.insert(row);
        }
        assert_eq!(Away::new(&fleet, None, now), None, "there was no earlier run");
        assert_eq!(Away::new(&fleet, Some(now), now), None, "it has just ended");
        let mut away = Away::new(&fleet, Some(since), now).unwrap();
        let mut hear = |region: &str, machines: Vec<crate::fleet::Machine>| {
            let news = News::Region(region.into(), RegionNews::Surveyed(machines));
            let report = Report { job: JobId(1), at: now, news };
            let changes = fleet.apply(&report, &"spot-1".into());
            away.note(&fleet, &report, &changes)
        };
        let mut taken = machine("i-0a", "us-west-2", Ec2State::Terminated);
        taken.seen.state_reason = Some("Server.SpotInstanceTermination".into());
        let other = machine("i-0b", "us-west-2", Ec2State::Terminated);
        let new = machine("i-0d", "us-west-2", Ec2State::Running);
        assert!(!hear("us-west-2", vec![taken, other, new]), "one region has not answered");
        assert!(hear("eu-west-1", vec![machine("i-0c", "eu-west-1", Ec2State::Running)]));
        let said = "since Thu 1 Jan 00:00: 1 reclaimed by AWS, 1 terminated, 1 new";
        assert_eq!(away.summary().as_deref(), Some(said));
    }
}
