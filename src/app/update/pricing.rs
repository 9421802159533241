//! Which prices are asked for: of what may be launched, of what is there or kept, and of what was
//! spent without a price.

use std::collections::BTreeMap;

use crate::app::{Effect, Model};
use crate::fleet::{Job, MachineType, Region};

/// Machine types by region. None stands for all that the configuration has there; addresses, storage
/// and snapshots have a price in each region without any.
type Types = BTreeMap<Region, Vec<MachineType>>;

/// Asks what machine types cost: in the regions of the configuration and of its machines, without one in
/// all.
pub(super) fn types(model: &mut Model, types: &[MachineType]) -> Vec<Effect> {
    let mut wanted = planned(model);
    if let (None, Some(account)) = (&model.config, &model.account) {
        wanted.extend(account.regions.iter().map(|it| (it.clone(), Vec::new())));
    }
    if !types.is_empty() {
        for named in wanted.values_mut() {
            *named = types.to_vec();
        }
    }
    vec![model.start(Job::Prices(wanted))]
}

/// Asks what that costs which is there, and what was spent.
pub(super) fn fleet(model: &mut Model) -> Vec<Effect> {
    let wanted = there(model);
    if wanted.is_empty() { Vec::new() } else { vec![model.start(Job::Prices(wanted))] }
}

/// Asks for all by which a budget judges.
pub(super) fn budget(model: &mut Model) -> Vec<Effect> {
    vec![model.start(Job::Prices(of_budget(model)))]
}

/// The prices by which a budget judges: of what the configuration asks for, and of what is there and
/// was spent.
pub(super) fn of_budget(model: &Model) -> Types {
    let mut wanted = planned(model);
    for (region, types) in there(model) {
        match wanted.get_mut(&region) {
            // No type stands for all of them.
            Some(known) if known.is_empty() => {}
            Some(known) => types.iter().for_each(|it| add(known, it)),
            None => drop(wanted.insert(region, types)),
        }
    }
    wanted
}

/// What the configuration launches.
fn planned(model: &Model) -> Types {
    let mut wanted = Types::new();
    let Some(config) = &model.config else { return wanted };
    for entry in &config.regions {
        wanted.insert(entry.region.clone(), entry.machine_types.clone());
    }
    for machine in &config.machines {
        let place = &machine.place;
        match wanted.get_mut(&place.region) {
            // No type stands for all of them, a machine's too.
            Some(known) if known.is_empty() => {}
            Some(known) => place.machine_types.iter().for_each(|it| add(known, it)),
            None => drop(wanted.insert(place.region.clone(), place.machine_types.clone())),
        }
    }
    wanted
}

/// What is there, what is kept, and what was spent without a price: whatever region the configuration
/// still has.
fn there(model: &Model) -> Types {
    let mut wanted = Types::new();
    for row in model.fleet.alive() {
        let Some(machine) = &row.machine else { continue };
        add(wanted.entry(row.region.clone()).or_default(), &machine.machine_type);
    }
    for (region, _) in model.fleet.kept_apart() {
        wanted.entry(region.clone()).or_default();
    }
    for unpriced in model.fleet.unpriced(model.now) {
        let types = wanted.entry(unpriced.holder.region.clone()).or_default();
        unpriced.holder.machine_type().into_iter().for_each(|it| add(types, it));
    }
    wanted
}

fn add(types: &mut Vec<MachineType>, machine_type: &MachineType) {
    if !types.contains(machine_type) && !machine_type.as_str().is_empty() {
        types.push(machine_type.clone());
    }
}
