//! What instances cost: now, an hour, and since they began.
//!
//! The rules are AWS's. A spot instance pays, in each hour of its own, the price that held when
//! that hour began, to the second, for at least a minute; nothing for compute when EC2 takes it
//! back within its first hour (EC2 Spot FAQ, "How is the price per instance-hour set"). An address
//! and a volume are paid for by the second; a month has 30 days (EBS pricing).

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::market::{Pool, PriceList, RegionPrices, savings};
use super::{Ec2State, Instance, Lifecycle, Machine};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// What AWS bills at least.
const LEAST: SignedDuration = SignedDuration::from_mins(1);
/// The hours of a month, as EBS counts.
const MONTH: f64 = 30.0 * 24.0;

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
    fn of(rate: Option<f64>, hours: f64) -> Self {
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
    /// When it left the state `running`, if it did.
    pub ended: Option<Timestamp>,
}

impl Bill {
    /// Takes in what EC2 tells. `notice` is when EC2 said that it takes the instance back.
    pub(super) fn see(&mut self, machine: &Machine, notice: Option<Timestamp>, at: Timestamp) {
        self.public_ip |= machine.public_ip.is_some();
        match machine.state {
            Ec2State::Pending | Ec2State::Running => self.ended = None,
            // Seen a little later than it was; the notice said when.
            _ => self.ended = self.ended.or(Some(notice.map_or(at, |notice| notice.min(at)))),
        }
    }
}

/// What an instance costs, by these prices, at this moment.
pub fn cost(instance: &Instance, prices: &RegionPrices, now: Timestamp) -> Cost {
    let Some(machine) = &instance.machine else { return Cost::default() };
    let (bill, list) = (&instance.bill, &prices.list);
    let until = bill.ended.unwrap_or(now).max(machine.launched);
    let stored_until = if machine.is_alive() { now } else { until }.max(machine.launched);
    let pool = machine.pool();
    let storage = bill.storage_gb.and_then(|gib| storage_hourly(list, gib));
    let is_on = bill.ended.is_none();
    let address = |hours| {
        if bill.public_ip { Amount::of(list.ipv4, hours) } else { Amount::default() }
    };
    let an_hour_of = |compute| {
        let stored = if machine.is_alive() { Amount::of(storage, 1.0) } else { Amount::default() };
        if is_on { Amount::of(compute, 1.0) + address(1.0) + stored } else { stored }
    };
    let hourly = an_hour_of(prices.compute(&pool, machine.lifecycle));
    let on_demand = an_hour_of(prices.compute(&pool, Lifecycle::OnDemand));
    let accrued = compute(machine, &pool, prices, until)
        + address(hours(until.duration_since(machine.launched)))
        + Amount::of(storage, hours(stored_until.duration_since(machine.launched)));
    Cost { hourly, on_demand, accrued }
}

/// What a volume of so many GiB costs an hour.
pub fn storage_hourly(list: &PriceList, gib: u32) -> Option<f64> {
    list.gp3.map(|usd| usd * f64::from(gib) / MONTH)
}

/// What the machine itself has cost.
fn compute(machine: &Machine, pool: &Pool, prices: &RegionPrices, until: Timestamp) -> Amount {
    let ran = until.duration_since(machine.launched).max(LEAST);
    if machine.lifecycle == Lifecycle::OnDemand {
        let rate = prices.list.on_demand.get(&pool.machine_type);
        return Amount::of(rate.copied(), hours(ran));
    }
    if machine.was_taken_back() && ran < HOUR {
        return Amount::default();
    }
    let Some(history) = prices.spot.get(pool) else { return Amount::of(None, 0.0) };
    let mut sum = Amount::default();
    let mut begun = SignedDuration::ZERO;
    while begun < ran {
        let rate = machine.launched.checked_add(begun).ok().and_then(|hour| history.at(hour));
        sum += Amount::of(rate.map(|quote| quote.usd), hours((ran - begun).min(HOUR)));
        begun += HOUR;
    }
    sum
}

fn hours(span: SignedDuration) -> f64 {
    span.as_secs_f64() / 3600.0
}
