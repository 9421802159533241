//! What a process remembers of letting the wanted count follow the work, beside what outlives it
//! ([`Upkeep`](crate::fleet::Upkeep)); and how fast it follows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::fleet::{InstanceId, QueueLook, Region};

/// Between two raises, and between two nodes that go: launches and ends take effect meanwhile.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// A lull is over only after so long, and after a raise nothing goes for as long (cluster-autoscaler's
/// ten minutes; two were seen to flap in the field).
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
/// The most that are added at a time, and no less than the count itself (HPA).
const AT_ONCE: u32 = 4;

/// An answer, and when it came.
pub(super) type Answered<T> = Option<(Timestamp, Result<T, String>)>;

/// How it stands with following the work.
#[derive(Debug, Clone, Default)]
pub(super) struct Scaling {
    /// The last word of the orchestrator.
    pub queue: Answered<QueueLook>,
    /// The last word of the user's program.
    pub advice: Answered<u32>,
    /// Since when this process follows.
    pub began: Option<Timestamp>,
    /// By which answer, or when, it was last decided.
    pub decided: Option<Timestamp>,
    /// How fast it goes.
    pub pacing: Pacing,
    /// Since when nothing is on a node, at every look.
    pub idle: BTreeMap<InstanceId, Timestamp>,
    /// Why nobody knows how much work there is.
    pub blind: Option<String>,
    /// Where AWS refused a launch, and when.
    pub refused: BTreeMap<Region, Timestamp>,
    /// Why fewer were added than the work asks for, when that was last tried.
    pub held_back: Option<String>,
    /// Jobs that fit no node, of which that was said.
    pub misfits: BTreeSet<String>,
    /// Nodes that could not be taken out of the work, and when that was tried.
    pub spared: BTreeMap<InstanceId, Timestamp>,
}

/// How fast the wanted count follows what is advised.
#[derive(Debug, Clone, Default)]
pub(super) struct Pacing {
    /// What the look before advised, where that was more than there is.
    above: Option<u32>,
    /// What was advised lately, the oldest first.
    advices: VecDeque<(Timestamp, u32)>,
    /// When a node was last let go.
    shrunk: Option<Timestamp>,
}

/// How the wanted count stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// What it is.
    pub wanted: u32,
    /// How many of it should be ready for long, and are not.
    pub late: u32,
    /// The most it may be.
    pub max: u32,
    /// When it was last raised for the work that there is.
    pub grown: Option<Timestamp>,
}

/// What follows from an advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    /// So many more.
    Grow(u32),
    /// Up to so many fewer.
    Shrink(u32),
}

impl Pacing {
    /// Nobody knows what the work was meanwhile: it is looked at anew.
    pub(super) fn forget(&mut self) {
        self.above = None;
        self.advices.clear();
    }

    /// Nodes were let go.
    pub(super) fn note_shrunk(&mut self, now: Timestamp) {
        self.shrunk = Some(now);
    }

    /// What follows when so many are advised.
    pub(super) fn step(&mut self, now: Timestamp, advice: u32, standing: Standing) -> Step {
        let Standing { wanted, late, max, grown } = standing;
        self.advices.push_back((now, advice));
        // The oldest shows that the whole window was looked at.
        while self.advices.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.advices.pop_front();
        }
        let passed =
            |at: Option<Timestamp>, time| at.is_none_or(|at| now.duration_since(at) >= time);
        let supply = wanted.saturating_sub(late);
        let before = std::mem::replace(&mut self.above, (advice > supply).then_some(advice));
        if advice > supply {
            let more = before.map_or(0, |before| before.min(advice).saturating_sub(supply));
            let more = more.min(wanted.max(AT_ONCE)).min(max.saturating_sub(wanted));
            return if more > 0 && passed(grown, MINUTE) { Step::Grow(more) } else { Step::Stay };
        }
        let is_whole = self.advices.front().is_some_and(|(at, _)| passed(Some(*at), WINDOW));
        let highest = self.advices.iter().map(|(_, advice)| *advice).max().unwrap_or(wanted);
        let fewer = wanted.saturating_sub(highest).min((wanted / 10).max(1));
        let may = is_whole && passed(grown, WINDOW) && passed(self.shrunk, MINUTE);
        if fewer > 0 && may { Step::Shrink(fewer) } else { Step::Stay }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_165_200 + second).unwrap()
    }

    fn has(wanted: u32) -> Standing {
        Standing { wanted, late: 0, max: 100, grown: None }
    }

    #[test]
    fn more_is_seen_twice_and_comes_in_steps_of_a_minute() {
        let mut pacing = Pacing::default();
        assert_eq!(pacing.step(at(0), 30, has(6)), Step::Stay, "once may be chance");
        assert_eq!(pacing.step(at(30), 20, has(6)), Step::Grow(6), "no more than there are");
        let grown = Standing { grown: Some(at(30)), ..has(12) };
        assert_eq!(pacing.step(at(60), 20, grown), Step::Stay, "half a minute later");
        assert_eq!(pacing.step(at(90), 20, grown), Step::Grow(8));
        assert_eq!(Pacing::default().step(at(0), 0, has(1)), Step::Stay);
        let mut few = Pacing::default();
        few.step(at(0), 30, has(1));
        assert_eq!(few.step(at(30), 30, has(1)), Step::Grow(4), "of one, four");
        let full = Standing { max: 8, ..has(6) };
        assert_eq!(few.step(at(60), 30, full), Step::Grow(2), "never beyond the most");
    }

    #[test]
    fn a_peak_of_one_look_adds_what_both_looks_want() {
        let mut pacing = Pacing::default();
        pacing.step(at(0), 8, has(6));
        assert_eq!(pacing.step(at(30), 30, has(6)), Step::Grow(2));
        pacing.step(at(60), 6, has(8));
        assert_eq!(pacing.step(at(90), 30, has(8)), Step::Stay, "it begins anew");
    }

    #[test]
    fn those_that_never_come_are_asked_for_again_below_the_most() {
        let mut pacing = Pacing::default();
        let late = Standing { late: 3, ..has(9) };
        pacing.step(at(0), 9, late);
        assert_eq!(pacing.step(at(30), 9, late), Step::Grow(3));
        assert_eq!(pacing.step(at(60), 9, Standing { max: 9, ..late }), Step::Stay);
    }

    #[test]
    fn fewer_are_there_only_after_a_lull_of_ten_minutes_and_a_few_at_a_time() {
        let mut pacing = Pacing::default();
        let steps = |pacing: &mut Pacing, from: i64, to: i64, advice, standing| -> Vec<i64> {
            let times = (from..=to).step_by(30);
            let shrinks = times.filter(|second| {
                let step = pacing.step(at(*second), advice, standing);
                if let Step::Shrink(_) = step {
                    pacing.note_shrunk(at(*second));
                }
                matches!(step, Step::Shrink(_))
            });
            shrinks.collect()
        };
        assert_eq!(steps(&mut pacing, 0, 570, 2, has(6)), [0; 0], "who has just come waits");
        assert_eq!(pacing.step(at(600), 2, has(6)), Step::Shrink(1));
        pacing.note_shrunk(at(600));
        assert_eq!(steps(&mut pacing, 630, 780, 2, has(5)), [660, 720, 780], "one a minute");
        assert_eq!(pacing.step(at(860), 2, has(60)), Step::Shrink(6), "a tenth");
        // One busy look, and the lull begins anew.
        pacing.step(at(890), 9, has(9));
        assert_eq!(steps(&mut pacing, 920, 1490, 2, has(9)), [0; 0]);
        assert_eq!(steps(&mut pacing, 1520, 1520, 2, has(9)), [1520]);
        let grown = Standing { grown: Some(at(1000)), ..has(9) };
        assert_eq!(steps(&mut pacing, 1550, 1590, 2, grown), [0; 0], "ten minutes after an add");
        pacing.forget();
        assert_eq!(steps(&mut pacing, 1620, 2200, 2, has(9)), [0; 0], "nobody knows what was");
        assert_eq!(steps(&mut pacing, 2220, 2220, 2, has(9)), [2220]);
    }
}
