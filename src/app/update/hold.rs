//! Holding the count: which rows count, what is missing of what is wanted, and the launches that
//! follow; slowly enough that a storm is not fed. One code, whoever holds.

use std::collections::BTreeMap;

use super::notify::{self, Event};
use super::plan::{Lost, number};
use super::presence::{is_replaced, is_seen, is_there};
use super::{create, lock};
use crate::app::{Counts, Effect, Model, total};
use crate::config::{Config, ReplaceIn};
use crate::fleet::{
    Change, Debt, Instance, InstanceKey, JobKind, Level, Lifecycle, NotificationKind,
    PendingCreate, Phase, Region,
};

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

/// The orders of an earlier run that are gone on with: the program's own, and all of them where it is
/// the keeper. Only where this run has seen what there is of them.
fn orders(model: &Model) -> impl Iterator<Item = &PendingCreate> {
    model.unfinished().filter(|order| {
        let is_ours = order.is_replacement || model.is_keeper();
        is_ours && order.machine.is_none() && model.has_seen(&order.region)
    })
}

/// What an earlier run was about to launch and EC2 has not made. What it made and is gone again is
/// none of it.
fn begun(model: &Model) -> Counts {
    orders(model).fold(Counts::new(), |mut begun, order| {
        let made = model.made_by(order).count().max(order.made.len());
        let left = order.count.saturating_sub(number(made));
        *begun.entry(order.counts_for().clone()).or_default() += left;
        begun
    })
}

/// What is to be launched, by the region that lacks it, before the brake.
fn due(model: &Model) -> Counts {
    if model.is_keeper() {
        let mut due = missing(model);
        due.retain(|region, count| {
            *count > 0 && is_seen(model, region) && !model.destroys_in(region)
        });
        return due;
    }
    let mut due = Counts::new();
    for debt in model.upkeep.owed() {
        *due.entry(debt.region.clone()).or_default() += 1;
    }
    // What the work asks for is launched by whoever holds the count.
    if model.config.as_ref().is_some_and(|config| config.scale.is_some()) {
        for (region, count) in model.upkeep.unlaunched().iter().filter(|(_, count)| **count > 0) {
            *due.entry(region.clone()).or_default() += count;
        }
    }
    for order in orders(model) {
        let lack = order.count.saturating_sub(number(model.made_by(order).count()));
        *due.entry(order.counts_for().clone()).or_default() += lack;
    }
    if due.is_empty() {
        // Nearly always, and a look at all rows each second for nothing.
        return due;
    }
    let missing = missing(model);
    for (region, count) in &mut due {
        // Whatever was lost: no more than is wanted, where anybody said how many that is.
        *count = missing.get(region).map_or(*count, |missing| (*count).min(*missing));
    }
    due.retain(|region, count| *count > 0 && !model.destroys_in(region));
    due
}

/// Launches as much of what is missing as brake and budget allow.
pub(super) fn hold(model: &mut Model) -> Vec<Effect> {
    // Of a replacement that an earlier run has begun, what it had not launched yet is missing too.
    let is_wished = model.config.as_ref().is_some_and(|config| config.replace.on_rebalance);
    let goes_on = acts(model) && is_wished;
    let is_paused = model.upkeep.paused_until(model.now).is_some();
    if is_paused || !(holds(model) || goes_on) {
        return Vec::new();
    }
    // Of a deployment that is over there is nothing to hold.
    if model.is_keeper() && !model.upkeep.is_empty() && !lock::may_launch(model) {
        return lock::ask(model);
    }
    model.holding.passes += 1;
    let due = due(model);
    if !due.is_empty() && !lock::may_launch(model) {
        return lock::ask(model);
    }
    let Some(config) = model.config.clone().filter(|_| !due.is_empty()) else { return Vec::new() };
    let (now, brake) = (model.now, &config.replace);
    let mut allowed = number(model.upkeep.allowed(now, brake.at_most, brake.within));
    let (mut counts, mut braked, mut added) = (Counts::new(), 0, 0);
    let begun = begun(model);
    for (region, count) in due {
        // What an earlier run was about to launch has used up the brake already, and what was never
        // there does not.
        let begun = begun.get(&region).copied().unwrap_or_default().min(count);
        let new = model.upkeep.fresh(&region, count - begun);
        let fresh = begun + new;
        added += new;
        let replaced = (count - fresh).min(allowed);
        allowed -= replaced;
        braked += replaced;
        if fresh + replaced > 0 {
            counts.insert(region, fresh + replaced);
        }
    }
    if counts.is_empty() {
        say_what_waits(model, &config);
        return Vec::new();
    }
    let (placed, lost) = place(model, &config, &counts);
    match create::hold(model, placed, lost) {
        Ok(effects) => {
            for (region, count) in &counts {
                model.upkeep.begin_fresh(region, *count);
            }
            model.upkeep.settle(&counts);
            model.upkeep.note_launches(now, braked as usize);
            model.holding.refused = None;
            model.counters.replacements += u64::from(braked);
            say_what_is_launched(model, &counts);
            // That more are asked for has been said.
            let count = total(&counts) - if model.is_keeper() { 0 } else { u64::from(added) };
            if count > 0 {
                let text = replaced(model, count);
                tell(model, Level::Info, text);
            }
            effects
        }
        // They stay missing.
        Err(why) => {
            refused(model, why);
            Vec::new()
        }
    }
}

/// Where what these regions lack is launched, and in whose place.
fn place(model: &Model, config: &Config, counts: &Counts) -> (Counts, Lost) {
    let (mut placed, mut lost, mut left) = (Counts::new(), Lost::new(), counts.clone());
    for Debt { region, instance, machine } in model.upkeep.owed() {
        let Some(count) = left.get_mut(region).filter(|count| **count > 0) else { continue };
        *count -= 1;
        let elsewhere = match config.replace.hold {
            ReplaceIn::Region => None,
            ReplaceIn::Total => cheapest(model, region),
        };
        let place = elsewhere.unwrap_or_else(|| region.clone());
        *placed.entry(place.clone()).or_default() += 1;
        let seen = || model.fleet.by_id(instance)?.machine.as_ref();
        let machine = machine.as_deref().or_else(seen);
        lost.entry(place).or_default().extend(machine.cloned());
    }
    for (region, count) in left.into_iter().filter(|(_, count)| *count > 0) {
        *placed.entry(region).or_default() += count;
    }
    (placed, lost)
}

/// They are tried again with the next tick; that is said once.
fn refused(model: &mut Model, why: String) {
    if model.holding.refused.as_ref() != Some(&why) {
        let verb = if model.is_keeper() { KEEP } else { "replace" };
        model.tell(Level::Warning, verb, why.clone());
        tell(model, Level::Warning, format!("nothing is launched in their place: {why}"));
        model.holding.refused = Some(why);
    }
}

/// Tells who sits before no screen of replacements.
fn tell(model: &mut Model, level: Level, text: String) {
    let (kind, occasion) = (NotificationKind::Replaced, model.now.to_string());
    notify::tell(model, Event { kind, level, key: None, about: "replace", text, occasion });
}

fn replaced(model: &Model, count: u64) -> String {
    match count {
        count if model.is_keeper() => format!("{count} that were missing are launched"),
        1 => "another instance is launched in place of one that AWS reclaims".to_owned(),
        many => format!("{many} instances are launched in place of those that AWS reclaims"),
    }
}

/// The verb under which the keeper says what it does.
pub(super) const KEEP: &str = "keep";

fn say_what_waits(model: &mut Model, config: &Config) {
    if model.is_keeper() {
        let (most, minutes) = (config.replace.at_most, config.replace.within.as_mins());
        refused(model, format!("what is missing waits: {most} in {minutes} minutes are the most"));
    }
}

/// Each step of the keeper's is told: `us-west-2: 4 of 6 are there, 2 are launched`.
fn say_what_is_launched(model: &mut Model, counts: &Counts) {
    if !model.is_keeper() {
        return;
    }
    let there = there(model);
    for (region, count) in counts {
        let wanted = model.upkeep.wanted(region).unwrap_or_default();
        // They count already.
        let there = there.get(region).copied().unwrap_or_default().saturating_sub(*count);
        let text = format!("{region}: {there} of {wanted} are there, {count} are launched");
        model.tell(Level::Info, KEEP, text);
    }
}

/// What ends by its lease is not wanted any more, unless that is wished: nobody looked after it.
pub(super) fn let_go(model: &mut Model, change: &Change) {
    let Change::Entered { key, to: Phase::Terminated, .. } = change else { return };
    let Some(row) = model.fleet.get(key) else { return };
    let replaces = model.config.as_ref().and_then(|config| config.lease);
    let replaces = replaces.is_some_and(|lease| lease.replace);
    if !replaces && model.ended_by_lease(row) && is_of_count(model, row) {
        let region = counts_for(model, row);
        model.upkeep.lower(&region, 1);
    }
}

/// What a change says of whether set-ups work.
pub(super) fn note(model: &mut Model, change: &Change) {
    let Change::Entered { key, to, .. } = change else { return };
    let row = model.fleet.get(key).filter(|row| row.machine.is_some());
    if !model.is_keeper() || !row.is_some_and(|row| is_of_count(model, row)) {
        return;
    }
    match to {
        Phase::Ready => model.upkeep.note_ready(),
        Phase::Failed(_) => {
            if let Some(pause) = model.upkeep.note_failure(model.now) {
                let minutes = pause.as_mins();
                let text = format!(
                    "one set-up after the other fails: nothing is launched for {minutes} minutes"
                );
                let (kind, occasion) = (NotificationKind::Failed, model.now.to_string());
                let (level, about) = (Level::Error, KEEP);
                let event = Event { kind, level, key: None, about, text: text.clone(), occasion };
                notify::tell(model, event);
                model.tell(level, about, text);
            }
        }
        _ => {}
    }
}

/// The region of the configuration where an instance is the cheapest now, other than this one.
fn cheapest(model: &Model, other_than: &Region) -> Option<Region> {
    let config = model.config.as_ref()?;
    let priced = config.regions.iter().filter(|it| it.region != *other_than).filter_map(|it| {
        let prices = model.fleet.market().get(&it.region)?;
        let (_, usd) = prices.cheapest(&it.machine_types, it.lifecycle)?;
        Some((usd, &it.region))
    });
    priced.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, region)| region.clone())
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
    let goes = |row: &&Instance| matches!(row.phase, Phase::Terminating | Phase::Terminated);
    let counts = |row: &&Instance| is_of_count(model, row) && !is_ending(model, &row.key);
    let counted = rows.filter(|row| !goes(row)).filter(counts);
    let regions: Vec<Region> = counted.map(|row| counts_for(model, row)).collect();
    for region in &regions {
        model.upkeep.lower(region, 1);
    }
    !regions.is_empty() && !model.upkeep.is_empty()
}
