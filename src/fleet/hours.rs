//! The hours of an instance, one thing after the other: the one place that knows AWS's rules of
//! billing. The sums on the screen and the lines of the ledger are both made from these.
//!
//! A spot instance pays, in each hour of a run, the price that held when that hour began, to the
//! second, for at least a minute; nothing for compute when EC2 takes it back within the first hour
//! of the run (EC2 Spot FAQ, "How is the price per instance-hour set"). A start begins a run with
//! hours of its own. An address and a volume are paid for by the second, the volume for as long as
//! the instance is there.

use jiff::{SignedDuration, Timestamp};

use super::entry::{End, Entry, Thing};
use super::market::{Pool, RegionPrices, storage_hourly};
use super::{Instance, Lifecycle, Machine};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// What AWS bills at least.
const LEAST: SignedDuration = SignedDuration::from_mins(1);

/// How long a thing was paid for, or is.
struct Stretch {
    thing: Thing,
    /// Where its hours are counted from.
    begin: Timestamp,
    until: Timestamp,
    /// Whether it is known to be over, and how.
    end: Option<End>,
}

/// The hours that the ledger does not have yet, those that go on among them.
pub(super) fn unposted(instance: &Instance, prices: &RegionPrices, now: Timestamp) -> Vec<Entry> {
    let Some(machine) = &instance.machine else { return Vec::new() };
    let bill = &instance.bill;
    let tariff = Tariff {
        pool: machine.pool(),
        lifecycle: machine.birth.lifecycle,
        storage_gb: bill.storage_gb,
    };
    let mut entries = Vec::new();
    for stretch in stretches(instance, machine, now) {
        let run = stretch.until.duration_since(stretch.begin);
        let is_free = stretch.thing == Thing::Compute
            && machine.birth.lifecycle != Lifecycle::OnDemand
            && stretch.end == Some(End::Reclaimed)
            && run < HOUR;
        let posted = bill.posted.until(stretch.thing);
        let mut from = posted.map_or(stretch.begin, |posted| posted.max(stretch.begin));
        while from < stretch.until {
            let hour = hour_of(stretch.begin, from);
            let Ok(next) = hour.checked_add(HOUR) else { break };
            let until = next.min(stretch.until);
            let hours = until.duration_since(from).as_secs_f64() / 3600.0;
            let (usd, on_demand) = tariff.rates(stretch.thing, prices, hour);
            let is_last = until == stretch.until;
            entries.push(Entry {
                instance: machine.id.clone(),
                thing: stretch.thing,
                from,
                until,
                usd: if is_free { Some(0.0) } else { usd.map(|usd| usd * hours) },
                on_demand: on_demand.map(|usd| usd * hours),
                end: stretch.end.filter(|_| is_last),
                is_free,
                is_open: until < next && stretch.end.is_none(),
            });
            from = until;
        }
    }
    entries
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
    let mut stretches = vec![Stretch {
        thing: Thing::Compute,
        begin,
        until: if begin <= now { until.max(begin + LEAST) } else { until },
        end,
    }];
    let gone = bill.gone.filter(|_| !machine.is_alive());
    let gone_end = gone.map(|_| End::Chosen);
    let stays_until = gone.unwrap_or(now).max(born);
    if bill.public_ip && bill.keeps_address {
        // It is paid for while the instance is stopped, too.
        let (thing, begin) = (Thing::Address, born);
        stretches.push(Stretch { thing, begin, until: stays_until, end: gone_end });
    } else if bill.public_ip {
        stretches.push(Stretch { thing: Thing::Address, begin, until, end });
    }
    let thing = Thing::Storage;
    stretches.push(Stretch { thing, begin: born, until: stays_until, end: gone_end });
    stretches
}

/// The beginning of the hour that a moment lies in, counted from the beginning of a run.
fn hour_of(begin: Timestamp, moment: Timestamp) -> Timestamp {
    let hours = moment.duration_since(begin).as_secs() / HOUR.as_secs();
    begin + SignedDuration::from_hours(hours)
}

/// What decides what an instance costs.
pub(super) struct Tariff {
    /// Where its capacity is from.
    pub pool: Pool,
    /// How it is paid for.
    pub lifecycle: Lifecycle,
    /// Its volumes in GiB, where that is known.
    pub storage_gb: Option<u32>,
}

impl Tariff {
    /// USD an hour of a thing in the hour that begins then: as it is paid for, and on demand.
    pub(super) fn rates(
        &self,
        thing: Thing,
        prices: &RegionPrices,
        hour: Timestamp,
    ) -> (Option<f64>, Option<f64>) {
        let list = &prices.list;
        let same = |usd: Option<f64>| (usd, usd);
        match thing {
            Thing::Address => same(list.ipv4),
            Thing::Storage => same(self.storage_gb.and_then(|gib| storage_hourly(list, gib))),
            Thing::Compute => {
                let on_demand = list.on_demand.get(&self.pool.machine_type).copied();
                if self.lifecycle == Lifecycle::OnDemand {
                    return same(on_demand);
                }
                let quote = prices.spot.get(&self.pool).and_then(|history| history.at(hour));
                (quote.map(|quote| quote.usd), on_demand)
            }
        }
    }
}
