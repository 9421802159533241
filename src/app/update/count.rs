//! The count: which rows are part of it, what is missing of what is wanted, and what changes that. One
//! code, whoever holds it.

use std::collections::BTreeMap;

use super::presence::{is_replaced, is_there};
use crate::app::{Counts, Model, total};
use crate::config::{Config, ReplaceIn};
use crate::fleet::{
    Failure, FailureKind, Instance, InstanceKey, JobKind, Lifecycle, Phase, Region, Step,
};

/// The verb under which the keeper says what it does.
pub(super) const KEEP: &str = "keep";

/// Whether the program launches by itself what is missing.
pub(super) fn holds(model: &Model) -> bool {
    let replaces = model.config.as_ref().is_some_and(|config| config.replace.enabled);
    (replaces || model.is_keeper()) && acts(model)
}

/// Whether the program may do anything by itself now.
pub(super) fn acts(model: &Model) -> bool {
    let goes = model.leaving.is_some() || model.yields_at.is_some();
    model.read_only.is_none() && !goes && model.postponed.is_none()
}

/// Whether AWS had nothing to give.
pub(super) fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Capacity | FailureKind::Quota)
}

/// Whether a launch was refused in a region a moment ago.
pub(super) fn is_unavailable(model: &Model, region: &Region) -> bool {
    let until = model.holding.unavailable.get(region);
    until.is_some_and(|(_, until)| *until > model.now)
}

/// The counts of the configuration that can be held: what AWS stops it starts again itself, and
/// another one in its place would be one too many.
pub(super) fn configured(config: &Config) -> Counts {
    let mut counts = config.spread();
    counts.retain(|region, _| !is_persistent(config, region));
    counts
}

fn is_persistent(config: &Config, region: &Region) -> bool {
    config.region(region).is_some_and(|it| it.lifecycle == Lifecycle::PersistentSpot)
}

/// The region whose wanted count a row is a part of: where it was asked for, wherever it found room.
pub(super) fn counts_for(model: &Model, row: &Instance) -> Region {
    let launch = row.machine.as_ref().and_then(|machine| machine.birth.launch.as_ref());
    let asked = match launch {
        Some(launch) => launch.asked_in(model.upkeep.counts().keys()).cloned(),
        None => row.key.planned_in(),
    };
    asked.unwrap_or_else(|| row.region.clone())
}

/// Whether a row is one of those that a wanted count is about: of this deployment's fleet, and
/// neither a machine nor one that AWS starts again by itself.
pub(super) fn is_of_count(model: &Model, row: &Instance) -> bool {
    let born = row.machine.as_ref().map(|machine| machine.birth.lifecycle);
    // A look alone does not tell: EC2 says `spot` of a persistent request too.
    let config = model.config.as_deref();
    let is_meant_so = config.is_some_and(|config| is_persistent(config, &row.region));
    let comes_back = is_meant_so || born == Some(Lifecycle::PersistentSpot);
    !comes_back && row.deployment == model.deployment && row.machine_name().is_none()
}

/// Whether a destroy is at work on a row.
pub(super) fn is_ending(model: &Model, key: &InstanceKey) -> bool {
    let mut jobs = model.changing().filter(|(_, job)| job.kind == JobKind::Destroy);
    jobs.any(|(_, job)| job.keys.contains(key))
}

/// The rows that count: there or on their way, and not on their way out.
pub(super) fn counted(model: &Model) -> impl Iterator<Item = &Instance> {
    let counts = move |row: &&Instance| is_of_count(model, row) && is_there(model, row);
    let rows = model.fleet.instances().filter(counts);
    rows.filter(move |row| !is_replaced(model, row) && !is_ending(model, &row.key))
}

/// How many are there of what each region was asked for.
pub(super) fn there(model: &Model) -> Counts {
    counted(model).fold(Counts::new(), |mut there, row| {
        *there.entry(counts_for(model, row)).or_default() += 1;
        there
    })
}

/// How many each region lacks of what it shall have.
pub(super) fn missing(model: &Model) -> Counts {
    beyond(model, model.upkeep.counts(), &there(model))
}

/// How many more one of two counts has than the other, in each region that was asked for any.
pub(super) fn beyond(model: &Model, many: &Counts, few: &Counts) -> Counts {
    let of = |counts: &Counts, region: &Region| counts.get(region).copied().unwrap_or_default();
    let more = |region: &Region| (region.clone(), of(many, region).saturating_sub(of(few, region)));
    let mut beyond: Counts = model.upkeep.counts().keys().map(more).collect();
    // Where the whole is held, one region's surplus is another one's lack.
    let is_total = model.config.as_ref().is_some_and(|it| it.replace.hold == ReplaceIn::Total);
    if is_total {
        let mut left = total(many).saturating_sub(total(few));
        for count in beyond.values_mut() {
            *count = (*count).min(u32::try_from(left).unwrap_or(u32::MAX));
            left -= u64::from(*count);
        }
    }
    beyond
}

/// Somebody creates: that many shall be there from now on.
pub(super) fn raise(model: &mut Model, launched: &BTreeMap<Region, u32>, dropped: &Counts) {
    let Some(config) = model.config.clone() else { return };
    let (there, configured) = (there(model), configured(&config));
    for (region, count) in dropped {
        model.upkeep.lower(region, *count);
    }
    for (region, count) in launched.iter().filter(|(region, _)| configured.contains_key(*region)) {
        let there = there.get(region).copied().unwrap_or_default();
        model.upkeep.raise(region, there.saturating_add(*count));
        model.upkeep.configure(region, &configured);
    }
}

/// These are ended on purpose: so many fewer shall be there. Answers whether anything is different
/// by that.
pub(super) fn lower(model: &mut Model, keys: &[InstanceKey]) -> bool {
    let rows = keys.iter().filter_map(|key| model.fleet.get(key));
    // What could not be ended the last time was lowered then.
    let goes = |row: &&Instance| match &row.phase {
        Phase::Terminating | Phase::Terminated => true,
        Phase::Failed(failure) => failure.step == Step::Terminate,
        _ => false,
    };
    let counts = |row: &&Instance| is_of_count(model, row) && !is_ending(model, &row.key);
    let counted = rows.filter(|row| !goes(row)).filter(counts);
    let regions: Vec<Region> = counted.map(|row| counts_for(model, row)).collect();
    for region in &regions {
        model.upkeep.lower(region, 1);
    }
    !regions.is_empty() && !model.upkeep.is_empty()
}
