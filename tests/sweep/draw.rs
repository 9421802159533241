//! Where and how to kill: at each call that changes something, at each moment of its life, and at
//! points that chance picks.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::trap::Moment;

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum During {
    Create,
    Destroy,
}

/// What becomes of the state and its journal after the kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Damage {
    None,
    Deleted,
    Truncated,
    Garbage,
}

/// When the program is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Point {
    /// At the nth call of an action.
    Call { action: String, nth: usize, moment: Moment },
    /// At the nth call that changes something.
    Number { nth: usize, moment: Moment },
    /// So long after its start.
    Time(Duration),
    /// As soon as the journal has this.
    Noted(&'static str),
}

/// One story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kill {
    pub(super) during: During,
    pub(super) point: Point,
    pub(super) damage: Damage,
    /// What the damage is drawn from.
    pub(super) seed: u64,
}

/// What a full run does: how often each action that changes something is called, and how long it
/// all takes.
#[derive(Debug, Clone, Default)]
pub(super) struct Score {
    pub(super) calls: BTreeMap<(During, String), usize>,
    pub(super) length: BTreeMap<During, Duration>,
}

/// A small generator of numbers that look drawn (`SplitMix64`).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// One kill for each action and each moment, and chance for the rest of `count`.
pub(super) fn all(score: &Score, count: usize, dice: &mut Dice) -> Vec<Kill> {
    let mut kills = Vec::new();
    for ((during, action), calls) in &score.calls {
        for moment in Moment::ALL {
            let nth = 1 + dice.below(*calls);
            let point = Point::Call { action: action.clone(), nth, moment };
            kills.push(kill(*during, point, dice));
        }
    }
    assert!(kills.len() <= count, "{} kills are needed for all actions", kills.len());
    while kills.len() < count {
        let during = dice.pick(&[During::Create, During::Create, During::Destroy]);
        let point = if dice.below(2) == 0 {
            let calls = score.calls.iter().filter(|((when, _), _)| *when == during);
            let nth = 1 + dice.below(calls.map(|(_, calls)| calls).sum());
            Point::Number { nth, moment: dice.pick(&Moment::ALL) }
        } else {
            let millis = usize::try_from(score.length[&during].as_millis()).unwrap();
            Point::Time(Duration::from_millis(u64::try_from(dice.below(millis)).unwrap()))
        };
        kills.push(kill(during, point, dice));
    }
    kills
}

/// A few of them.
pub(super) fn some(score: &Score, count: usize, dice: &mut Dice) -> Vec<Kill> {
    let mut kills = all(score, 150, dice);
    (0..count).map(|_| kills.swap_remove(dice.below(kills.len()))).collect()
}

fn kill(during: During, point: Point, dice: &mut Dice) -> Kill {
    let damages = [Damage::None, Damage::Deleted, Damage::Truncated, Damage::Garbage];
    Kill { during, point, damage: dice.pick(&damages), seed: dice.next() }
}
