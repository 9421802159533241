//! Sums of money, as far as the prices behind them are known, and what a bill is made from.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::market::savings;
use super::{Ec2State, Machine};

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
    /// A rate for some time; a rate that nobody knows makes the sum partial.
    pub(super) fn of(rate: Option<f64>, hours: f64) -> Self {
        match rate {
            Some(rate) => Self { usd: rate * hours, is_partial: false },
            None => Self { usd: 0.0, is_partial: true },
        }
    }

    /// Whether nothing of it is known.
    pub fn is_unknown(&self) -> bool {
        self.is_partial && self.usd == 0.0
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
    /// How much less it is than on demand, in percent; `None` while any price is missing.
    pub fn saved(&self) -> Option<f64> {
        let is_known = !self.hourly.is_partial && !self.on_demand.is_partial;
        savings(self.hourly.usd, self.on_demand.usd).filter(|_| is_known)
    }
}

/// What the bill of an instance is made from, besides what EC2 tells of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// Its root volume in GiB, where it is known.
    pub storage_gb: Option<u32>,
    /// Whether it ever had a public address.
    pub public_ip: bool,
    /// Whether that one is kept: then it is paid for while the instance is stopped, too.
    pub keeps_address: bool,
    /// When it left the state `running`, if it did.
    pub ended: Option<Timestamp>,
}

impl Bill {
    /// Takes in what EC2 tells. `notice` is when EC2 said that it takes the instance back.
    pub(super) fn see(&mut self, machine: &Machine, notice: Option<Timestamp>, at: Timestamp) {
        self.public_ip |= machine.seen.public_ip.is_some();
        match machine.seen.state {
            Ec2State::Pending | Ec2State::Running => self.ended = None,
            // Seen a little later than it was; the notice said when.
            _ => self.ended = self.ended.or(Some(notice.map_or(at, |notice| notice.min(at)))),
        }
    }
}
