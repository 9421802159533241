//! The hours of an instance, one thing after the other: the one place that knows AWS's rules of
//! billing. The sums on the screen and the lines of the ledger are both made from these.
//!
//! A spot instance pays, in each hour of a run, the price that held when that hour began, to the
//! second, for at least a minute; nothing for compute when EC2 takes it back within the first hour
//! of the run (EC2 Spot FAQ, "How is the price per instance-hour set"). A start begins a run with
//! hours of its own. An address and a volume are paid for by the second, the volume for as long as
//! the instance is there. Surplus CPU credits are measured (`surplus.rs`).

use jiff::{SignedDuration, Timestamp};

use super::bill::Bill;
use super::entry::{End, Entry, HolderId, Thing, hour_of};
use super::market::{Pool, RegionPrices, snapshot_hourly, storage_hourly};
use super::surplus::{Piece, Span, credit_usd};
use super::{Instance, Lifecycle, Machine, MachineType};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// How long an hour that is over waits for its price. Older ones need no entries of their own.
pub(super) const PRICED_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// What AWS bills at least.
const LEAST: SignedDuration = SignedDuration::from_mins(1);

/// How long a thing was paid for, or is.
pub(super) struct Stretch {
    /// What the thing belongs to.
    pub holder: HolderId,
    /// What is paid for.
    pub thing: Thing,
    /// Where its hours are counted from.
    pub begin: Timestamp,
    /// Until when it is known to be paid for.
    pub until: Timestamp,
    /// Whether it is known to be over, and how.
    pub end: Option<End>,
    /// Whether AWS does not charge it.
    pub is_free: bool,
}

impl Stretch {
    /// Its hours from a moment on, the one that goes on among them.
    pub(super) fn hours_from(
        &self,
        mut from: Timestamp,
        tariff: &Tariff,
        prices: &RegionPrices,
        now: Timestamp,
    ) -> Vec<Entry> {
        let mut entries = Vec::new();
        let settled = hour_of(self.begin, (now - PRICED_WITHIN).min(self.until));
        while from < self.until {
            let Ok(next) = hour_of(self.begin, from).checked_add(HOUR) else { break };
            // Who comes back after months finds thousands of hours: those of one rate are one entry.
            let until = if from < settled { settled } else { next.min(self.until) };
            let is_last = until == self.until;
            let hours = Entry {
                holder: self.holder.clone(),
                thing: self.thing,
                from,
                until,
                usd: None,
                on_demand: None,
                end: None,
                is_free: self.is_free,
                is_open: until < next && self.end.is_none(),
            };
            entries.extend(priced(&hours, self.begin, tariff, prices));
            if let Some(last) = entries.last_mut() {
                last.end = self.end.filter(|_| is_last);
            }
            from = until;
        }
        entries
    }
}

/// The hours that the ledger does not have yet, those that go on among them.
pub(super) fn unposted(instance: &Instance, prices: &RegionPrices, now: Timestamp) -> Vec<Entry> {
    let Some(machine) = &instance.machine else { return Vec::new() };
    let bill = &instance.bill;
    let capacity = Some((machine.pool(), machine.birth.lifecycle));
    let tariff = Tariff { capacity, storage_gb: bill.storage_gb };
    let hours = |stretch: Stretch| {
        let posted = bill.posted.until(stretch.thing);
        let from = posted.map_or(stretch.begin, |posted| posted.max(stretch.begin));
        stretch.hours_from(from, &tariff, prices, now)
    };
    let stretches = stretches(instance, machine, now);
    let surplus = stretches
        .iter()
        .filter(|stretch| stretch.thing == Thing::Compute)
        .flat_map(|run| surplus(bill, run, &machine.machine_type, now))
        .collect::<Vec<_>>();
    stretches.into_iter().flat_map(hours).chain(surplus).collect()
}

/// What its surplus credits cost in a run, by the hour of the clock: they are measured, and have no rate.
fn surplus(bill: &Bill, run: &Stretch, machine_type: &MachineType, now: Timestamp) -> Vec<Entry> {
    let Some(credit) = credit_usd(machine_type).filter(|_| bill.surplus.may_cost()) else {
        return Vec::new();
    };
    let posted = bill.posted.until(Thing::SurplusCredits);
    let span = Span {
        begin: run.begin,
        from: posted.map_or(run.begin, |posted| posted.max(run.begin)),
        until: run.until,
        is_over: run.end.is_some(),
        posted: bill.posted.surplus_of_hour().map(|(hour, usd)| (hour, usd / credit)),
    };
    let entry = |Piece { from, until, credits, is_open }: Piece| {
        let usd = credits.map(|credits| credits * credit);
        Entry {
            holder: run.holder.clone(),
            thing: Thing::SurplusCredits,
            from,
            until,
            usd,
            // They cost the same on demand.
            on_demand: usd,
            end: None,
            is_free: false,
            is_open,
        }
    };
    bill.surplus.pieces(&span, now).into_iter().map(entry).collect()
}

/// What these hours cost, an entry for each rate that held in them. The hours are counted from
/// `begin`.
pub(super) fn priced(
    hours: &Entry,
    begin: Timestamp,
    tariff: &Tariff,
    prices: &RegionPrices,
) -> Vec<Entry> {
    let mut pieces = Vec::new();
    let mut from = hours.from;
    while from < hours.until {
        let rate = tariff.rate(hours.thing, prices, hour_of(begin, from));
        let changes = rate.holds_until.and_then(|until| hour_at_or_after(begin, until));
        let until = changes.map_or(hours.until, |changes| changes.min(hours.until));
        let piece = Entry { from, until, ..hours.clone() };
        let usd = if hours.is_free { Some(0.0) } else { rate.usd.map(|usd| usd * piece.hours()) };
        let on_demand = rate.on_demand.map(|usd| usd * piece.hours());
        pieces.push(Entry { usd, on_demand, ..piece });
        from = until;
    }
    pieces
}

/// What of this instance is or was paid for, and until when.
fn stretches(instance: &Instance, machine: &Machine, now: Timestamp) -> Vec<Stretch> {
    let bill = &instance.bill;
    let born = machine.birth.launched;
    let begin = bill.started.unwrap_or(born);
    // EC2 said when it takes it back: what comes after is not paid for, whenever it is seen.
    let notice = instance.phase.notice();
    let until = bill.ended.unwrap_or(notice.map_or(now, |notice| notice.min(now))).max(begin);
    let end = if machine.was_taken_back() { End::Reclaimed } else { End::Chosen };
    // Why it ended may be told later than that it did.
    let end = bill.ended.filter(|_| bill.is_at_rest).map(|_| end);
    let until_billed = if begin <= now { until.max(begin + LEAST) } else { until };
    let is_free = machine.birth.lifecycle != Lifecycle::OnDemand
        && end == Some(End::Reclaimed)
        && until_billed.duration_since(begin) < HOUR;
    let holder = HolderId::Instance(machine.id.clone());
    let of = |thing, begin, until, end| {
        let is_free = is_free && thing == Thing::Compute;
        Stretch { holder: holder.clone(), thing, begin, until, end, is_free }
    };
    let mut stretches = vec![of(Thing::Compute, begin, until_billed, end)];
    let gone = bill.gone.filter(|_| !machine.is_alive());
    let gone_end = gone.map(|_| End::Chosen);
    let stays_until = gone.unwrap_or(now).max(born);
    if bill.public_ip && bill.keeps_address {
        // It is paid for while the instance is stopped, too.
        stretches.push(of(Thing::Address, born, stays_until, gone_end));
    } else if bill.public_ip {
        stretches.push(of(Thing::Address, begin, until, end));
    }
    stretches.push(of(Thing::Storage, born, stays_until, gone_end));
    stretches
}

/// The first hour that begins at a moment or after it, counted from the beginning of a run.
fn hour_at_or_after(begin: Timestamp, moment: Timestamp) -> Option<Timestamp> {
    let hour = hour_of(begin, moment);
    if hour < moment { hour.checked_add(HOUR).ok() } else { Some(hour) }
}

/// What an hour costs, in USD.
pub(super) struct Rate {
    /// As it is paid for.
    usd: Option<f64>,
    /// On demand.
    on_demand: Option<f64>,
    /// Until when hours may begin that cost the same; `None` for as long as anybody knows.
    holds_until: Option<Timestamp>,
}

impl Rate {
    /// What never changes, and is the same on demand.
    fn fixed(usd: Option<f64>) -> Self {
        Self { usd, on_demand: usd, holds_until: None }
    }
}

/// What decides what an instance costs, or what is kept.
pub(super) struct Tariff {
    /// Where an instance's capacity is from, and how it is paid for.
    pub capacity: Option<(Pool, Lifecycle)>,
    /// Its volumes in GiB, where that is known.
    pub storage_gb: Option<u32>,
}

impl Tariff {
    /// What a thing costs in the hour that begins then.
    fn rate(&self, thing: Thing, prices: &RegionPrices, hour: Timestamp) -> Rate {
        let list = &prices.list;
        match thing {
            Thing::Address => Rate::fixed(list.ipv4),
            Thing::Snapshot => {
                Rate::fixed(self.storage_gb.and_then(|gib| snapshot_hourly(list, gib)))
            }
            // What was not told of them will never be.
            Thing::SurplusCredits => Rate::fixed(None),
            Thing::Storage => {
                Rate::fixed(self.storage_gb.and_then(|gib| storage_hourly(list, gib)))
            }
            Thing::Compute => {
                let Some((pool, lifecycle)) = &self.capacity else { return Rate::fixed(None) };
                let on_demand = list.on_demand.get(&pool.machine_type).copied();
                if *lifecycle == Lifecycle::OnDemand {
                    return Rate::fixed(on_demand);
                }
                let history = prices.spot.get(pool);
                Rate {
                    usd: history.and_then(|history| history.at(hour)).map(|quote| quote.usd),
                    on_demand,
                    holds_until: history.and_then(|history| history.holds_until(hour)),
                }
            }
        }
    }
}
