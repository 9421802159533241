//! Holding the count: the launches that follow from what is missing of it, slowly enough that a storm is
//! not fed. One code, whoever holds.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::count::{
    KEEP, acts, counts_for, holds, is_of_count, is_refusal, is_unavailable, missing, there,
};
use super::fallback::{self, Buys};
use super::notify::{self, Event};
use super::plan::{Lost, number};
use super::presence::is_seen;
use super::{create, destroy, lock};
use crate::app::ranking::first_region;
use crate::app::{Counts, Effect, Model, total};
use crate::config::{Config, ReplaceIn};
use crate::fleet::{Change, Debt, Level, NotificationKind, PendingCreate, Phase, Region, Step};

/// After a launch that AWS refused: until the next one, at first.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// And at the longest.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);

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
    let due = fallback::limit(model, &config, due);
    if due.is_empty() {
        return Vec::new();
    }
    let (now, brake) = (model.now, &config.replace);
    let mut allowed = number(model.upkeep.allowed(now, brake.at_most, brake.within));
    let (mut spot, mut on_demand) = (Due::default(), Due::default());
    let begun = begun(model);
    for (region, count, buys) in due {
        // What an earlier run was about to launch has used up the brake already, and what was never
        // there does not.
        let begun = begun.get(&region).copied().unwrap_or_default().min(count);
        let new = model.upkeep.fresh(&region, count - begun);
        let fresh = begun + new;
        let replaced = (count - fresh).min(allowed);
        allowed -= replaced;
        if fresh + replaced > 0 {
            let due = if buys == Buys::OnDemand { &mut on_demand } else { &mut spot };
            due.added += new;
            due.braked += replaced;
            due.probes.extend((buys == Buys::Probe).then(|| region.clone()));
            due.counts.insert(region, fresh + replaced);
        }
    }
    if spot.counts.is_empty() && on_demand.counts.is_empty() {
        say_what_waits(model, &config);
        return Vec::new();
    }
    let mut effects = launch(model, &config, &spot, false);
    effects.extend(launch(model, &config, &on_demand, true));
    effects
}

/// What is launched in one way.
#[derive(Default)]
struct Due {
    counts: Counts,
    /// How many of them the brake is for.
    braked: u32,
    /// How many were never there.
    added: u32,
    /// Where one is launched to see whether spot is given.
    probes: Vec<Region>,
}

fn launch(model: &mut Model, config: &Config, due: &Due, on_demand: bool) -> Vec<Effect> {
    let Due { counts, braked, added, probes } = due;
    if counts.is_empty() {
        return Vec::new();
    }
    let begin = |model: &mut Model, counts: &Counts| {
        let (placed, lost) = place(model, config, counts, on_demand);
        create::hold(model, placed, lost, on_demand)
    };
    let (mut counts, mut launched) = (Cow::Borrowed(counts), begin(model, counts));
    if launched.is_err() {
        let fewer = affordable(model, config, &counts, on_demand);
        if !fewer.is_empty() && fewer != *counts {
            launched = begin(model, &fewer);
            counts = Cow::Owned(fewer);
        }
    }
    match launched {
        Ok(mut effects) => {
            let in_vain = std::mem::take(&mut model.holding.in_vain);
            effects.extend(destroy::clear(model, &in_vain));
            for (region, count) in &*counts {
                model.upkeep.begin_fresh(region, *count);
            }
            let now = model.now;
            for region in probes.iter().filter(|region| counts.contains_key(*region)) {
                model.upkeep.spot_breaker_mut(region).note_probed(now);
            }
            model.upkeep.settle(&counts);
            let braked = u32::try_from(total(&counts)).unwrap_or(u32::MAX).min(*braked);
            model.upkeep.note_launches(now, braked as usize);
            model.holding.refused = None;
            model.counters.replacements += u64::from(braked);
            say_what_is_launched(model, &counts, on_demand);
            // That more are asked for has been said.
            let added = if model.is_keeper() { 0 } else { u64::from(*added) };
            let count = total(&counts).saturating_sub(added);
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

/// As many of these as the budget allows, of one region after the other in turn.
fn affordable(model: &Model, config: &Config, counts: &Counts, on_demand: bool) -> Counts {
    let (mut fewer, mut left) = (Counts::new(), counts.clone());
    while !left.is_empty() {
        left.retain(|region, count| {
            let mut more = fewer.clone();
            *more.entry(region.clone()).or_default() += 1;
            let (placed, _) = place(model, config, &more, on_demand);
            let fits = create::fits(model, config, placed, on_demand);
            if fits {
                fewer = more;
                *count -= 1;
            }
            fits && *count > 0
        });
    }
    fewer
}

/// Where what these regions lack is launched, and in whose place.
fn place(model: &Model, config: &Config, counts: &Counts, on_demand: bool) -> (Counts, Lost) {
    let (mut placed, mut lost, mut left) = (Counts::new(), Lost::new(), counts.clone());
    for Debt { region, instance, machine } in model.upkeep.owed() {
        let Some(count) = left.get_mut(region).filter(|count| **count > 0) else { continue };
        *count -= 1;
        let elsewhere = match config.replace.hold {
            ReplaceIn::Region => None,
            // The best one is so as spot.
            ReplaceIn::Total if on_demand => None,
            ReplaceIn::Total => best(model, config, region),
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

fn say_what_waits(model: &mut Model, config: &Config) {
    if model.is_keeper() {
        let (most, minutes) = (config.replace.at_most, config.replace.within.as_mins());
        refused(model, format!("what is missing waits: {most} in {minutes} minutes are the most"));
    }
}

/// Each step of the keeper's is told: `us-west-2: 4 of 6 are there, 2 are launched`.
fn say_what_is_launched(model: &mut Model, counts: &Counts, on_demand: bool) {
    if !model.is_keeper() {
        return;
    }
    let there = there(model);
    for (region, count) in counts {
        let wanted = model.upkeep.wanted(region).unwrap_or_default();
        // They count already.
        let there = there.get(region).copied().unwrap_or_default().saturating_sub(*count);
        let how = if on_demand { " on demand" } else { "" };
        let text = format!("{region}: {there} of {wanted} are there, {count} are launched{how}");
        model.tell(Level::Info, KEEP, text);
    }
}

/// What ends by its lease is not wanted any more, unless that is wished: nobody looked after it.
pub(super) fn let_go(model: &mut Model, change: &Change) {
    // As soon as it goes, for another one would be launched in its place meanwhile; and once.
    let Change::Entered { key, to: Phase::Terminating | Phase::Terminated, .. } = change else {
        return;
    };
    let Some(row) = model.fleet.get(key) else { return };
    let replaces = model.config.as_ref().and_then(|config| config.lease);
    let replaces = replaces.is_some_and(|lease| lease.replace);
    if !replaces && model.ended_by_lease(row) && is_of_count(model, row) {
        let region = counts_for(model, row);
        if model.holding.let_go.insert(key.clone()) {
            model.upkeep.lower(&region, 1);
        }
    }
}

/// What a change says of whether launches succeed in a region: where they do not, the next one waits, and
/// the one after it for twice as long.
pub(super) fn note_launch(model: &mut Model, change: &Change) {
    let (Change::Launched(key) | Change::Entered { key, to: Phase::Failed(_), .. }) = change else {
        return;
    };
    let Some(row) = model.fleet.get(key).filter(|row| is_of_count(model, row)) else { return };
    let (region, now, is_there) = (counts_for(model, row), model.now, row.machine.is_some());
    let unavailable = &mut model.holding.unavailable;
    match unavailable.get(&region).copied() {
        _ if matches!(change, Change::Launched(_)) => {
            unavailable.remove(&region);
        }
        // A set-up that failed says nothing of it.
        _ if is_there => {}
        // The others of the same launch.
        Some((_, until)) if until > now => {}
        known => {
            let times = known.map_or(0, |(times, _)| times);
            let pause = (FIRST_PAUSE * 2_i32.saturating_pow(times.min(8))).min(LONGEST_PAUSE);
            unavailable.insert(region, (times + 1, now + pause));
        }
    }
}

/// AWS gave nothing for what was to take the place of one that it took back: that is still owed, and the
/// row gives way to that of the next try. A keeper launches whatever is missing.
pub(super) fn owe_again(model: &mut Model, change: &Change) {
    let Change::Entered { key, to: Phase::Failed(failure), .. } = change else { return };
    let Some(row) = model.fleet.get(key).filter(|row| row.machine.is_none()) else { return };
    if model.is_keeper() || !holds(model) || !is_refusal(failure) {
        return;
    }
    let asked_in = counts_for(model, row);
    let mut jobs = model.jobs.values_mut().filter(|job| job.keys.contains(key));
    let Some(lost) = jobs.find_map(|job| job.replaces.pop()) else { return };
    // A node that still works stays where nothing takes its place.
    if model.upkeep.replacement_of(&lost.id).is_none() {
        // Where the whole is held, it was asked for elsewhere than it is missing.
        let lacks = model.fleet.by_id(&lost.id).map(|row| counts_for(model, row));
        model.upkeep.owe(lacks.unwrap_or(asked_in), lost);
        model.holding.in_vain.push(key.clone());
    }
}

/// What a change says of whether set-ups work.
pub(super) fn note(model: &mut Model, change: &Change) {
    // That a node is well again, which was so before, or could not be ended, says nothing of it.
    let Change::Entered { key, to, .. } = change else { return };
    let row = model.fleet.get(key).filter(|row| row.machine.is_some());
    let Some(row) = row.filter(|row| model.is_keeper() && is_of_count(model, row)) else { return };
    let times = || row.timeline.iter().filter(|(_, phase)| *phase == Phase::Ready).count();
    match to {
        Phase::Ready if times() < 2 => model.upkeep.note_ready(),
        Phase::Failed(failure) if failure.step != Step::Terminate => {
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

/// The region of the configuration whose best place ranks first now, other than this one, of those that
/// did not refuse a launch a moment ago.
fn best(model: &Model, config: &Config, other_than: &Region) -> Option<Region> {
    let takes_any = |region: &Region| {
        region != other_than && !is_unavailable(model, region) && !model.destroys_in(region)
    };
    first_region(model, config.regions.iter().filter(|it| takes_any(&it.region))).cloned()
}
