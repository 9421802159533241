//! Sums of money, as far as the prices behind them are known, and what a bill is made from.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Thing, hour_of};
use super::market::savings;
use super::surplus::{Surplus, credit_usd};
use super::{Ec2State, Machine, MachineType, Phase};

/// A sum of money, as far as the prices behind it are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// USD.
    pub usd: f64,
    /// Whether something is not in it because AWS did not tell its price.
    #[serde(default)]
    pub is_partial: bool,
}

impl Amount {
    /// Nothing of it is known.
    pub const UNKNOWN: Self = Self { usd: 0.0, is_partial: true };

    /// A rate for some time; a rate that nobody knows makes the sum partial.
    pub(super) fn of(rate: Option<f64>, hours: f64) -> Self {
        match rate {
            Some(rate) => Self { usd: rate * hours, is_partial: false },
            None => Self { usd: 0.0, is_partial: true },
        }
    }

    /// This part of it.
    #[must_use]
    pub(super) fn part(self, part: f64) -> Self {
        Self { usd: self.usd * part, ..self }
    }

    /// Whether nothing of it is known.
    pub fn is_unknown(&self) -> bool {
        self.is_partial && self.usd == 0.0
    }
}

impl fmt::Display for Amount {
    /// `$1.32`, with more digits where it is small; `at least` where some of it is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.usd.abs() < 10.0 { 3 } else { 2 };
        let least = if self.is_partial { "at least " } else { "" };
        write!(f, "{least}${:.digits$}", self.usd + 0.0)
    }
}

impl From<&Entry> for Amount {
    fn from(entry: &Entry) -> Self {
        Self::of(entry.usd, 1.0)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { usd: self.usd + other.usd, is_partial: self.is_partial || other.is_partial }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

/// What an instance, a region or everything costs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// An hour, now.
    pub hourly: Amount,
    /// What the same would cost an hour on demand.
    pub on_demand: Amount,
    /// Since it began.
    pub accrued: Amount,
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.hourly += other.hourly;
        self.on_demand += other.on_demand;
        self.accrued += other.accrued;
    }
}

impl Cost {
    /// Of what was never reckoned: not nothing.
    pub const UNKNOWN: Self =
        Self { hourly: Amount::UNKNOWN, on_demand: Amount::UNKNOWN, accrued: Amount::UNKNOWN };

    /// How much less it is than on demand, in percent; `None` while any price is missing.
    pub fn saved(&self) -> Option<f64> {
        let is_known = !self.hourly.is_partial && !self.on_demand.is_partial;
        savings(self.hourly.usd, self.on_demand.usd).filter(|_| is_known)
    }
}

/// What the bill of an instance is made from, besides what EC2 tells of it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, not a state")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// Its root volume in GiB, where it is known.
    pub storage_gb: Option<u32>,
    /// Whether it ever had a public address.
    pub public_ip: bool,
    /// Whether that one is kept: then it is paid for while the instance is stopped, too.
    pub keeps_address: bool,
    /// When the run that it is in began, where a look told: each start begins one.
    pub started: Option<Timestamp>,
    /// When it left the state `running`, if it did.
    pub ended: Option<Timestamp>,
    /// Whether it came to rest after that: stopped, or gone.
    pub is_at_rest: bool,
    /// When it was gone with its volumes.
    pub gone: Option<Timestamp>,
    /// When a look of this process last found it running.
    pub running_at: Option<Timestamp>,
    /// Whether some of its past is not known: it ended or was started while nobody looked.
    pub has_gap: bool,
    /// What is known of its surplus CPU credits.
    pub surplus: Surplus,
    /// What the ledger has of it.
    pub posted: Posted,
    /// Until when nothing of it comes to its end for the ledger.
    pub next: Option<Timestamp>,
}

/// How much later than it was an end may be seen; of one that is seen later nobody knows when it
/// was.
const SEEN_LATE: SignedDuration = SignedDuration::from_mins(15);
/// By how much two tellings of one launch may differ.
const SAME_START: SignedDuration = SignedDuration::from_mins(1);

impl Bill {
    /// Takes over what the ledger has of an instance of this type.
    pub(super) fn take_over(&mut self, posted: Posted, machine_type: Option<&MachineType>) {
        if let Some(credit) = machine_type.and_then(credit_usd) {
            for (from, (until, usd)) in &posted.noted {
                self.surplus.recall(*from, *until, usd / credit);
            }
        }
        if posted.is_ended {
            self.ended = posted.until(Thing::Compute);
            self.is_at_rest = true;
        }
        if posted.is_gone {
            self.gone = posted.until(Thing::Storage);
        }
        self.posted = posted;
    }

    /// Takes in what CloudWatch tells of its surplus credits: those charged for, by hour, and those
    /// owed.
    pub(super) fn measure(&mut self, charged: &[(Timestamp, f64)], owed: Option<(Timestamp, f64)>) {
        self.next = None;
        self.surplus.learn(charged, owed);
        if let Some(posted) = self.posted.until(Thing::SurplusCredits) {
            self.surplus.forget(posted);
        }
    }

    /// Takes in what EC2 tells of the instance of a row in this phase.
    pub(super) fn see(&mut self, machine: &Machine, phase: &Phase, at: Timestamp) {
        self.next = None;
        self.public_ip |= machine.seen.public_ip.is_some();
        // A look's launch time is that of the last start.
        let started = machine.birth.launched;
        match machine.seen.state {
            Ec2State::Pending | Ec2State::Running => {
                self.run(started);
                self.running_at = Some(at);
            }
            state => {
                self.started.get_or_insert(started);
                if self.ended.is_none() {
                    self.ended = Some(self.end(phase, at));
                }
                if matches!(state, Ec2State::ShuttingDown | Ec2State::Terminated) {
                    let was_at_rest = *phase == Phase::Stopped;
                    self.gone = self.gone.or(if was_at_rest { Some(at) } else { self.ended });
                }
                self.is_at_rest |= matches!(state, Ec2State::Stopped | Ec2State::Terminated);
            }
        }
    }

    /// It runs, since then. A run that nobody saw begin leaves a gap where nobody saw the one before
    /// it end.
    fn run(&mut self, started: Timestamp) {
        let known = self.started.or_else(|| self.posted.until(Thing::Compute));
        match known {
            Some(known) if started.duration_since(known) > SAME_START => {
                self.has_gap |= self.ended.is_none() && !self.posted.is_ended;
                self.started = Some(started);
            }
            Some(_) => self.started = self.started.or(Some(started)),
            None => self.started = Some(started),
        }
        (self.ended, self.is_at_rest, self.gone) = (None, false, None);
    }

    /// When a run ended that is seen to be over now. The notice said when; what we end ourselves is
    /// seen at once. Where nobody looked for long, the last hours are not known: they are not in the
    /// sum, and the sum says so.
    fn end(&mut self, phase: &Phase, at: Timestamp) -> Timestamp {
        let seen = self.running_at.or_else(|| self.posted.until(Thing::Compute)).or(self.started);
        let is_seen_late = seen.is_some_and(|seen| at.duration_since(seen) > SEEN_LATE);
        match (phase, seen) {
            (Phase::Interrupted { at: Some(notice) }, _) => at.min(*notice),
            (Phase::Terminating | Phase::Stopping, _) => at,
            (_, Some(seen)) if is_seen_late => {
                self.has_gap = true;
                seen
            }
            _ => at,
        }
    }
}

/// What the ledger has of an instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Posted {
    until: [Option<Timestamp>; Thing::ALL.len()],
    usd: f64,
    /// What surplus credits come to in the newest hour of the clock that it has any of.
    surplus: Option<(Timestamp, f64)>,
    /// What it has of surplus credits that may become more: from when, until when, and USD.
    noted: BTreeMap<Timestamp, (Timestamp, f64)>,
    /// How many of its entries have no price.
    unpriced: usize,
    /// Whether the newest run that it has is over.
    is_ended: bool,
    /// Whether the instance is gone, by what it has.
    is_gone: bool,
}

impl Posted {
    /// Until when it has a thing.
    pub fn until(&self, thing: Thing) -> Option<Timestamp> {
        self.until[thing as usize]
    }

    /// What it comes to.
    pub fn amount(&self) -> Amount {
        Amount { usd: self.usd, is_partial: self.unpriced > 0 }
    }

    /// Takes in an entry that is new.
    pub(super) fn post(&mut self, entry: &Entry) {
        let until = &mut self.until[entry.thing as usize];
        *until = Some(entry.until).max(*until);
        match entry.thing {
            Thing::Compute => self.is_ended = entry.end.is_some(),
            Thing::Storage => self.is_gone = entry.end.is_some(),
            Thing::Address | Thing::Snapshot => {}
            Thing::SurplusCredits => self.post_surplus(entry),
        }
        match entry.usd {
            Some(usd) => self.usd += usd,
            None => self.unpriced += 1,
        }
    }

    fn post_surplus(&mut self, entry: &Entry) {
        let hour = hour_of(Timestamp::UNIX_EPOCH, entry.from);
        let known = self.surplus.filter(|(of, _)| *of == hour).map_or(0.0, |(_, usd)| usd);
        self.surplus = Some((hour, known + entry.usd.unwrap_or_default()));
        self.noted.retain(|from, _| entry.until <= *from);
    }

    /// What it has of surplus credits of the newest hour of the clock, and which that is.
    pub(super) fn surplus_of_hour(&self) -> Option<(Timestamp, f64)> {
        self.surplus
    }

    /// Notes what surplus credits come to that may become more. Whether that is new.
    pub(super) fn note(&mut self, entry: &Entry) -> bool {
        let is_posted = self.until(entry.thing).is_some_and(|until| entry.from < until);
        let Some(usd) = entry.usd.filter(|_| entry.thing == Thing::SurplusCredits && !is_posted)
        else {
            return false;
        };
        let known = self.noted.insert(entry.from, (entry.until, usd));
        known.is_none_or(|(_, known)| known.to_bits() != usd.to_bits())
    }

    /// Takes in what an entry costs that had no price, in its pieces.
    pub(super) fn price(&mut self, pieces: &[Entry]) {
        self.usd += pieces.iter().filter_map(|piece| piece.usd).sum::<f64>();
        let without = pieces.iter().filter(|piece| piece.usd.is_none()).count();
        self.unpriced = self.unpriced.saturating_sub(1) + without;
    }
}
