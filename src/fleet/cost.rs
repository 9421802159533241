//! What instances cost: now, an hour, and since they began.

use jiff::Timestamp;

use super::bill::{Amount, Cost};
use super::hours::unposted;
pub use super::market::storage_hourly;
use super::market::{PriceList, RegionPrices};
use super::{Instance, Lifecycle, Machine, MachineType};

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
    let hourly = an_hour_of(prices.compute(&pool, machine.birth.lifecycle));
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

/// The same where AWS may charge for surplus credits: nothing that is asked here tells how many, so it
/// is at least that.
pub fn with_surplus(mut cost: Cost, instance: &Instance) -> Cost {
    let is_charged = |machine: &Machine| surplus_hourly(&machine.machine_type).is_some();
    if instance.machine.as_ref().is_some_and(is_charged) {
        cost.hourly.is_partial |= instance.bill.ended.is_none();
        cost.accrued.is_partial = true;
    }
    cost
}

/// What the surplus credits of a burstable machine cost an hour at the most, where it runs with
/// `unlimited` credits: all its processors at work, beyond its baseline. `None` for a type without
/// credits, or of a size that nobody here knows.
///
/// Baselines are AWS's ("Key concepts for burstable performance instances", CPU utilization of each
/// vCPU), and so is the price of a vCPU-hour on Linux (EC2 on-demand pricing, unlimited mode).
pub fn surplus_hourly(machine_type: &MachineType) -> Option<f64> {
    let (family, size) = machine_type.as_str().split_once('.')?;
    let vcpu_hour = match family {
        "t2" | "t3" | "t3a" => 0.05,
        "t4g" => 0.04,
        _ => return None,
    };
    let (vcpus, baseline) = match (size, family) {
        ("nano", "t2") => (1.0, 0.05),
        ("micro", "t2") => (1.0, 0.1),
        ("small", "t2") => (1.0, 0.2),
        ("xlarge", "t2") => (4.0, 0.225),
        ("2xlarge", "t2") => (8.0, 0.16875),
        ("nano", _) => (2.0, 0.05),
        ("micro", _) => (2.0, 0.1),
        ("small" | "medium", _) => (2.0, 0.2),
        ("large", _) => (2.0, 0.3),
        ("xlarge", _) => (4.0, 0.4),
        ("2xlarge", _) => (8.0, 0.4),
        _ => return None,
    };
    Some(vcpus * (1.0 - baseline) * vcpu_hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surplus_credits_may_cost_is_known_of_burstable_types_alone() {
        let most = |name: &str| surplus_hourly(&name.into()).map(|usd| format!("{usd:.4}"));
        assert_eq!(most("t3.medium").as_deref(), Some("0.0800"), "two vCPUs at 20 %");
        assert_eq!(most("t4g.xlarge").as_deref(), Some("0.0960"));
        assert_eq!(most("t2.small").as_deref(), Some("0.0400"));
        assert_eq!(most("m7i-flex.large"), None);
        assert_eq!(most("trn1.2xlarge"), None);
    }
}
