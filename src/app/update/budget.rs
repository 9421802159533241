//! What the whole may cost: what is beyond is not created, and what is too old is ended.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::destroy;
use crate::app::{Counts, Effect, Model, Scope};
use crate::config::{AtLifetime, Config, RegionConfig};
use crate::fleet::cost::storage_hourly;
use crate::fleet::{Cost, Instance, InstanceKey, Level, Phase, Region};

/// How long before its end an instance's lifetime is said to end.
const WARNING: SignedDuration = SignedDuration::from_mins(10);

/// The rows whose lifetime was said to end, and those whose did.
#[derive(Debug, Clone, Default)]
pub(in crate::app) struct Lifetimes {
    warned: BTreeSet<InstanceKey>,
    over: BTreeSet<InstanceKey>,
}

/// Whether these may be created besides what is there; else why not, with the numbers.
pub(super) fn allows(model: &Model, config: &Config, counts: &Counts) -> Result<(), String> {
    let wanted: u32 = counts.values().sum();
    // One that is on its way out makes room for another.
    let stays =
        |row: &&Instance| !matches!(row.phase, Phase::Interrupted { .. } | Phase::Terminating);
    let there = model.fleet.alive().filter(stays).count();
    if let Some(most) = config.budget.max_instances
        && there + wanted as usize > most as usize
    {
        return Err(format!(
            "{there} instances are there and {wanted} are asked for: budget.max_instances is {most}"
        ));
    }
    let Some(most) = config.budget.max_hourly_usd else { return Ok(()) };
    let mut more = 0.0;
    for (region, count) in counts {
        let wanted = config.region(region).ok_or("the region is not in the configuration")?;
        let each = estimate(model, wanted).ok_or_else(|| {
            format!(
                "budget.max_hourly_usd cannot be kept: the prices in {region} are not known; wait \
                 a moment and try again"
            )
        })?;
        more += each * f64::from(*count);
    }
    let now: f64 = model.fleet.costs().values().map(|cost: &Cost| cost.hourly.usd).sum();
    if now + more > most {
        return Err(format!(
            "${now:.4}/h runs and ${more:.4}/h is asked for: budget.max_hourly_usd is {most}"
        ));
    }
    Ok(())
}

/// Whether what these would cost cannot be said yet, and the budget asks for it.
pub(super) fn lacks_prices(model: &Model, counts: &Counts) -> bool {
    let Some(config) = &model.config else { return false };
    let is_unknown = |(region, count): (&Region, &u32)| {
        let wanted = config.region(region).filter(|_| *count > 0);
        wanted.is_some_and(|wanted| estimate(model, wanted).is_none())
    };
    config.budget.max_hourly_usd.is_some() && counts.iter().any(is_unknown)
}

/// What one more instance of a region costs an hour, at the least; `None` while its machine has
/// no known price. Without list prices, address and storage are not in it.
pub fn estimate(model: &Model, wanted: &RegionConfig) -> Option<f64> {
    let prices = model.fleet.market().get(&wanted.region)?;
    let (_, compute) = prices.cheapest(&wanted.machine_types, wanted.lifecycle)?;
    let public = model.config.as_ref().is_some_and(|config| config.aws.associate_public_ip);
    let address = prices.list.ipv4.filter(|_| public).unwrap_or_default();
    let storage = storage_hourly(&prices.list, wanted.instance_storage_gb).unwrap_or_default();
    Some(compute + address + storage)
}

/// Says which instances get too old, and ends them where that is wished.
pub(super) fn age(model: &mut Model) -> Vec<Effect> {
    let Some(config) = model.config.clone() else { return Vec::new() };
    let Some(most) = config.budget.max_lifetime else { return Vec::new() };
    let destroys = config.budget.at_lifetime == AtLifetime::Destroy && model.read_only.is_none();
    let rows: Vec<(InstanceKey, String, SignedDuration)> = model
        .fleet
        .alive()
        .filter(|row| row.deployment == model.deployment)
        .filter_map(|row| {
            let left = most - model.now.duration_since(row.machine.as_ref()?.launched);
            (left <= WARNING).then(|| (row.key.clone(), row.label(), left))
        })
        .collect();
    let mut over = Vec::new();
    for (key, label, left) in rows {
        let is_over = left <= SignedDuration::ZERO;
        if model.lifetimes.warned.insert(key.clone()) {
            let what = if destroys { "is destroyed then" } else { "destroy it" };
            let text = if is_over {
                "its lifetime is over (budget.max_lifetime)".to_owned()
            } else {
                let minutes = (left.as_secs() + 59) / 60;
                format!("its lifetime ends in {minutes} min (budget.max_lifetime): {what}")
            };
            model.log.say_of(&key, model.now, Level::Warning, &label, &text);
            model.show(Level::Warning, format!("{label}: {text}"));
        }
        if is_over && destroys && model.lifetimes.over.insert(key.clone()) {
            over.push(key);
        }
    }
    if over.is_empty() {
        return Vec::new();
    }
    destroy::destroy(model, Scope::Instances(over))
}
