//! What instances cost: now, an hour, and since they began.
//!
//! The rules are AWS's. A spot instance pays, in each hour of its own, the price that held when
//! that hour began, to the second, for at least a minute; nothing for compute when EC2 takes it
//! back within its first hour (EC2 Spot FAQ, "How is the price per instance-hour set"). An address
//! and a volume are paid for by the second; a month has 30 days (EBS pricing).

use jiff::{SignedDuration, Timestamp};

use super::bill::{Amount, Cost};
use super::market::{Pool, PriceList, RegionPrices};
use super::{Instance, Lifecycle, Machine, MachineType};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// What AWS bills at least.
const LEAST: SignedDuration = SignedDuration::from_mins(1);
/// The hours of a month, as EBS counts.
const MONTH: f64 = 30.0 * 24.0;

/// What an instance costs, by these prices, at this moment.
pub fn cost(instance: &Instance, prices: &RegionPrices, now: Timestamp) -> Cost {
    let Some(machine) = &instance.machine else { return Cost::default() };
    let (bill, list) = (&instance.bill, &prices.list);
    let until = bill.ended.unwrap_or(now).max(machine.birth.launched);
    let stored_until = if machine.is_alive() { now } else { until }.max(machine.birth.launched);
    let pool = machine.pool();
    let storage = bill.storage_gb.and_then(|gib| storage_hourly(list, gib));
    let is_on = bill.ended.is_none();
    let addressed_until = if bill.keeps_address { stored_until } else { until };
    let address = |hours| {
        if bill.public_ip { Amount::of(list.ipv4, hours) } else { Amount::default() }
    };
    let an_hour_of = |compute| {
        let stored = if machine.is_alive() { Amount::of(storage, 1.0) } else { Amount::default() };
        match () {
            () if is_on => Amount::of(compute, 1.0) + address(1.0) + stored,
            // It sleeps, and what it keeps goes on.
            () if bill.keeps_address && machine.is_alive() => address(1.0) + stored,
            () => stored,
        }
    };
    let hourly = an_hour_of(prices.compute(&pool, machine.birth.lifecycle));
    let on_demand = an_hour_of(prices.compute(&pool, Lifecycle::OnDemand));
    let accrued = compute(machine, &pool, prices, until)
        + address(hours(addressed_until.duration_since(machine.birth.launched)))
        + Amount::of(storage, hours(stored_until.duration_since(machine.birth.launched)));
    Cost { hourly, on_demand, accrued }
}

/// What a volume of so many GiB costs an hour.
pub fn storage_hourly(list: &PriceList, gib: u32) -> Option<f64> {
    list.gp3.map(|usd| usd * f64::from(gib) / MONTH)
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

/// What the machine itself has cost.
fn compute(machine: &Machine, pool: &Pool, prices: &RegionPrices, until: Timestamp) -> Amount {
    let ran = until.duration_since(machine.birth.launched).max(LEAST);
    if machine.birth.lifecycle == Lifecycle::OnDemand {
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
        let rate = machine.birth.launched.checked_add(begun).ok().and_then(|hour| history.at(hour));
        sum += Amount::of(rate.map(|quote| quote.usd), hours((ran - begun).min(HOUR)));
        begun += HOUR;
    }
    sum
}

fn hours(span: SignedDuration) -> f64 {
    span.as_secs_f64() / 3600.0
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
