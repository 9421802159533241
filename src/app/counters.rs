//! What happened in this run, counted: for metrics, which tell of rates and times. What stands is
//! read off the fleet.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::fleet::{Change, Fleet, Instance, InstanceKey, Phase, Region};

/// The upper ends of the classes of a time, in seconds: a node takes two to eight minutes.
pub const SECONDS: [f64; 12] =
    [5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 300.0, 480.0, 900.0, 1800.0];

/// Times, by class.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Histogram {
    /// How many were in each class, and in none of them.
    pub classes: [u64; SECONDS.len() + 1],
    /// All of them together, in seconds.
    pub sum: f64,
}

impl Histogram {
    fn add(&mut self, seconds: f64) {
        let class = SECONDS.iter().position(|end| seconds <= *end).unwrap_or(SECONDS.len());
        self.classes[class] += 1;
        self.sum += seconds;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }
}

/// What happened in this run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counters {
    /// Instances that AWS began to take back, by region.
    pub interruptions: BTreeMap<Region, u64>,
    /// Instances that EC2 made for us, by region.
    pub launches: BTreeMap<Region, u64>,
    /// Launches that AWS refused, by region and its code.
    pub refusals: BTreeMap<(Region, String), u64>,
    /// Instances that were launched in place of others.
    pub replacements: u64,
    /// How long instances took from the request until they were seen working.
    pub ready: Histogram,
    /// How long they were in each phase on the way there.
    pub phases: BTreeMap<&'static str, Histogram>,
}

impl Counters {
    /// Counts a change. The fleet has it already.
    pub(super) fn note(&mut self, fleet: &Fleet, change: &Change) {
        match change {
            Change::Interrupted(key) => count(&mut self.interruptions, fleet, key),
            Change::Launched(key) => count(&mut self.launches, fleet, key),
            Change::Tried(key, attempt) => {
                let Some(row) = fleet.get(key) else { return };
                if let Some(code) = &attempt.code {
                    let refusal = (row.region.clone(), code.clone());
                    *self.refusals.entry(refusal).or_default() += 1;
                }
            }
            Change::Entered { key, from, to } if from.word() != to.word() => {
                let Some(row) = fleet.get(key) else { return };
                self.entered(row, from, to);
            }
            _ => {}
        }
    }

    fn entered(&mut self, row: &Instance, from: &Phase, to: &Phase) {
        let Some((now, _)) = row.timeline.last() else { return };
        let since = |at: Timestamp| now.duration_since(at).as_secs_f64().max(0.0);
        let begun = |word: &str| {
            let mut phases = row.timeline.iter().rev().skip(1);
            phases.find(|(_, phase)| phase.word() == word).map(|(at, _)| *at)
        };
        if from.is_deploying()
            && let Some(at) = begun(from.word())
        {
            self.phases.entry(from.word()).or_default().add(since(at));
        }
        // Whoever gets well again was ready before.
        if *to == Phase::Ready
            && from.is_deploying()
            && let Some(at) = begun(Phase::Requesting.word()).or_else(|| begun("Starting"))
        {
            self.ready.add(since(at));
        }
    }
}

/// One more in the region of a row.
fn count(counts: &mut BTreeMap<Region, u64>, fleet: &Fleet, key: &InstanceKey) {
    if let Some(row) = fleet.get(key) {
        *counts.entry(row.region.clone()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_first_class_that_holds_it() {
        let mut times = Histogram::default();
        for seconds in [5.0, 5.1, 100_000.0] {
            times.add(seconds);
        }
        assert_eq!((times.classes[0], times.classes[1], times.classes[12]), (1, 1, 1));
        assert_eq!((times.count(), times.sum), (3, 100_010.1));
    }
}
