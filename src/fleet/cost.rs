//! What instances cost: now, an hour, and since they began.

use jiff::Timestamp;

use super::bill::{Amount, Cost};
use super::hours::unposted;
pub use super::market::storage_hourly;
use super::market::{PriceList, RegionPrices};
use super::surplus::credit_usd;
use super::{Instance, Lifecycle};

/// What an instance costs, by these prices, at this moment. What it has cost so far is what the
/// ledger has of it, and the hours that are not in there yet.
pub fn cost(instance: &Instance, prices: &RegionPrices, now: Timestamp) -> Cost {
    let Some(machine) = &instance.machine else { return Cost::default() };
    let (bill, list) = (&instance.bill, &prices.list);
    let pool = machine.pool();
    let storage = bill.storage_gb.and_then(|gib| storage_hourly(list, gib));
    let address = if bill.public_ip { Amount::of(list.ipv4, 1.0) } else { Amount::default() };
    let stored = if machine.is_alive() { Amount::of(storage, 1.0) } else { Amount::default() };
    let an_hour_of = |compute| match bill.ended {
        None => Amount::of(compute, 1.0) + address + stored,
        // It sleeps, and what it keeps goes on.
        Some(_) if machine.is_alive() => asleep(instance, list),
        Some(_) => Amount::default(),
    };
    let mut hourly = an_hour_of(prices.compute(&pool, machine.birth.lifecycle));
    // What surplus credits come to is known when they are charged for, and not before.
    hourly.is_partial |= bill.ended.is_none()
        && bill.surplus.is_unlimited
        && credit_usd(&machine.machine_type).is_some()
        && !bill.surplus.is_none(now);
    let on_demand = an_hour_of(prices.compute(&pool, Lifecycle::OnDemand));
    let known = Amount { is_partial: bill.has_gap, ..Amount::default() } + bill.posted.amount();
    let since = unposted(instance, prices, now).iter().map(Amount::from).sum();
    Cost { hourly, on_demand, accrued: known + since }
}

/// What an instance costs an hour while it is stopped: its volumes, and its address where that is kept.
pub fn asleep(instance: &Instance, list: &PriceList) -> Amount {
    let bill = &instance.bill;
    let stored = Amount::of(bill.storage_gb.and_then(|gib| storage_hourly(list, gib)), 1.0);
    if bill.keeps_address { stored + Amount::of(list.ipv4, 1.0) } else { stored }
}
