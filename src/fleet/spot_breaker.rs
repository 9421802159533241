//! Whether a region has spot instances to give: from refusals and losses to a switch that does not flap.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Between two tries whether spot is given again.
const PROBE: SignedDuration = SignedDuration::from_mins(15);
/// For how long one that was given has to be held before there is spot again.
const HELD: SignedDuration = SignedDuration::from_mins(30);
/// For how long nothing is asked for on demand that was refused.
const REFUSED: SignedDuration = SignedDuration::from_mins(5);

/// What is remembered of a region, over a restart as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpotBreaker {
    /// Since when all places refuse spot.
    refused: Option<Timestamp>,
    /// Since when nothing is launched as spot but to try it.
    opened: Option<Timestamp>,
    /// When that was last tried.
    probed: Option<Timestamp>,
    /// Since when one that was given meanwhile is held.
    held: Option<Timestamp>,
    /// When a launch on demand was last refused.
    denied: Option<Timestamp>,
}

/// A turn of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotTurn {
    /// From now on it goes on demand.
    Opened,
    /// Spot is given again.
    Closed,
}

impl SpotBreaker {
    /// All places refused a spot instance.
    pub fn note_refused(&mut self, now: Timestamp) {
        self.refused.get_or_insert(now);
        self.held = None;
    }

    /// A spot instance was launched.
    pub fn note_given(&mut self, now: Timestamp) {
        self.refused = None;
        if self.opened.is_some() {
            self.held.get_or_insert(now);
        }
    }

    /// AWS takes a spot instance back.
    pub fn note_lost(&mut self) {
        self.held = None;
    }

    /// A launch on demand was refused.
    pub fn note_denied(&mut self, now: Timestamp) {
        self.denied = Some(now);
    }

    /// Whether it goes on demand now.
    pub fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Whether a launch on demand may be tried.
    pub fn may_demand(&self, now: Timestamp) -> bool {
        self.is_open() && self.denied.is_none_or(|at| now.duration_since(at) >= REFUSED)
    }

    /// Whether one spot instance is to be tried.
    pub fn may_probe(&self, now: Timestamp) -> bool {
        let since = self.probed.max(self.opened);
        let is_due = since.is_some_and(|at| now.duration_since(at) >= PROBE);
        self.is_open() && self.held.is_none() && is_due
    }

    /// It is being tried.
    pub fn note_probed(&mut self, now: Timestamp) {
        self.probed = Some(now);
    }

    /// Since when one is being tried of which nobody knows whether it was given: whoever tried it may have
    /// been killed before the answer.
    pub fn unanswered_since(&self) -> Option<Timestamp> {
        let is_open = self.held.is_none() && self.opened.is_some();
        self.probed.filter(|_| is_open).filter(|at| Some(*at) >= self.opened)
    }

    /// Time goes on: it turns where spot was refused for so long or costs nearly as much as on demand, and
    /// back where it is held for long.
    pub fn turn(
        &mut self,
        now: Timestamp,
        after: SignedDuration,
        is_dear: bool,
    ) -> Option<SpotTurn> {
        let passed =
            |at: Option<Timestamp>, time| at.is_some_and(|at| now.duration_since(at) >= time);
        if self.opened.is_none() {
            let opens = is_dear || passed(self.refused, after);
            if opens {
                (self.opened, self.held) = (Some(now), None);
            }
            return opens.then_some(SpotTurn::Opened);
        }
        if is_dear {
            self.held = None;
        }
        let closes = passed(self.held, HELD);
        if closes {
            *self = Self { probed: self.probed, ..Self::default() };
        }
        closes.then_some(SpotTurn::Closed)
    }

    /// The same as a process may rely on it: a clock that was set back holds nothing for years.
    #[must_use]
    pub fn recalled(self, now: Timestamp) -> Self {
        let past = |at: Option<Timestamp>| at.map(|at| at.min(now));
        Self {
            refused: past(self.refused),
            opened: past(self.opened),
            probed: past(self.probed),
            held: past(self.held),
            denied: past(self.denied),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: SignedDuration = SignedDuration::from_mins(10);

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_165_200 + 60 * minute).unwrap()
    }

    #[test]
    fn it_opens_after_ten_minutes_of_refusals_and_closes_when_spot_is_held() {
        let mut breaker = SpotBreaker::default();
        breaker.note_refused(at(0));
        breaker.note_refused(at(9));
        assert_eq!(breaker.turn(at(9), TEN, false), None);
        assert_eq!(breaker.turn(at(10), TEN, false), Some(SpotTurn::Opened));
        let probes: Vec<i64> = (10..60)
            .filter(|minute| {
                let is_due = breaker.may_probe(at(*minute));
                if is_due {
                    breaker.note_probed(at(*minute));
                    breaker.note_refused(at(*minute));
                }
                is_due
            })
            .collect();
        assert_eq!(probes, [25, 40, 55], "one in a quarter of an hour");
        breaker.note_given(at(70));
        assert!(!breaker.may_probe(at(90)), "one is held");
        breaker.note_lost();
        assert_eq!(breaker.turn(at(100), TEN, false), None);
        breaker.note_given(at(101));
        assert_eq!(breaker.turn(at(130), TEN, false), None);
        assert_eq!(breaker.turn(at(131), TEN, false), Some(SpotTurn::Closed));
        assert!(!breaker.is_open());
    }

    #[test]
    fn what_was_tried_is_unanswered_until_it_is_given_and_not_before_it_is_tried() {
        let mut breaker = SpotBreaker::default();
        breaker.turn(at(0), TEN, true);
        assert_eq!(breaker.unanswered_since(), None, "nothing was tried");
        breaker.note_probed(at(20));
        assert_eq!(breaker.unanswered_since(), Some(at(20)));
        breaker.note_given(at(21));
        assert_eq!(breaker.unanswered_since(), None);
        assert_eq!(breaker.turn(at(51), TEN, false), Some(SpotTurn::Closed));
        breaker.turn(at(60), TEN, true);
        assert_eq!(breaker.unanswered_since(), None, "that was another time");
    }

    #[test]
    fn what_comes_and_goes_every_five_minutes_opens_nothing() {
        let mut breaker = SpotBreaker::default();
        for minute in (0..600).step_by(5) {
            if minute % 10 == 0 {
                breaker.note_refused(at(minute));
            } else {
                breaker.note_given(at(minute));
            }
            assert_eq!(breaker.turn(at(minute), TEN, false), None, "{minute}");
        }
    }

    #[test]
    fn a_price_near_the_list_opens_it_at_once_and_holds_it_open() {
        let mut breaker = SpotBreaker::default();
        assert_eq!(breaker.turn(at(0), TEN, true), Some(SpotTurn::Opened));
        breaker.note_given(at(1));
        for minute in 1..=60 {
            assert_eq!(breaker.turn(at(minute), TEN, minute <= 30), None, "{minute}");
        }
        assert!(breaker.may_probe(at(60)), "it was not held at such a price");
    }
}
