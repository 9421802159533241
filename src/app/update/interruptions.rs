//! What follows when EC2 takes instances back: it is said, the nodes are drained, and, where that
//! is wished, others are launched in their place; slowly enough that a storm is not fed.

use super::create;
use super::notify::{self, Event};
use super::plan::Lost;
use crate::app::replacements::Owed;
use crate::app::{Effect, Model};
use crate::config::ReplaceIn;
use crate::fleet::{
    Instance, InstanceKey, Job, Level, Lifecycle, NotificationKind, PendingCreate, Phase, Region,
};

/// Rows have become interrupted.
pub(super) fn interrupted(model: &mut Model, keys: &[InstanceKey]) -> Vec<Effect> {
    let rows: Vec<Instance> = keys.iter().filter_map(|key| model.fleet.get(key)).cloned().collect();
    let Some(first) = rows.first() else { return Vec::new() };
    let said = match rows.as_slice() {
        [only] => format!("AWS reclaims {}", only.label()),
        rows => format!("AWS reclaims {} instances", rows.len()),
    };
    model.show(Level::Warning, format!("{}: {said}", first.region));
    model.alarm = true;
    let mut effects = Vec::new();
    // One that is gone already has nothing to drain.
    let there = rows.iter().filter(|row| matches!(row.phase, Phase::Interrupted { .. }));
    let there: Vec<Instance> = there.cloned().collect();
    if !there.is_empty() && model.read_only.is_none() {
        effects.push(model.start(Job::Drain(there)));
    }
    // What AWS stops it starts again itself: another one in its place would be one too many.
    let comes_back = |row: &Instance| {
        let lifecycle = row.machine.as_ref().map(|machine| machine.birth.lifecycle);
        lifecycle == Some(Lifecycle::PersistentSpot)
    };
    for row in rows.iter().filter(|row| comes_back(row)) {
        let text = format!("{}: AWS stops it, and starts it again when there is room", row.label());
        model.flash(Level::Info, "interruption", text);
    }
    if replaces(model) {
        let owed = |row: Instance| Some(Owed { machine: row.machine?, region: row.region });
        let lost = rows.into_iter().filter(|row| !comes_back(row));
        model.replacements.owed.extend(lost.filter_map(owed));
        effects.extend(replace(model));
        say_what_waits(model);
    }
    effects
}

fn say_what_waits(model: &mut Model) {
    // Where the budget refuses, that has just been said.
    if model.replacements.refused.is_some() {
        return;
    }
    let held = model.replacements.owed.len();
    let Some(limit) = model.config.as_ref().map(|config| &config.replace) else { return };
    if held > 0 {
        let (most, minutes) = (limit.at_most, limit.within.as_mins());
        let text = format!("{held} replacements wait: {most} in {minutes} minutes are the most");
        model.flash(Level::Warning, "replace", text);
    }
}

fn replaces(model: &Model) -> bool {
    let wished = model.config.as_ref().is_some_and(|config| config.replace.enabled);
    wished && model.read_only.is_none() && model.leaving.is_none() && model.postponed.is_none()
}

/// Goes on with the replacements that an earlier run was about to launch: nobody else asks for
/// them. Only where this run has seen what there is of them.
pub(super) fn complete(model: &mut Model) -> Vec<Effect> {
    if !replaces(model) {
        return Vec::new();
    }
    let waits = |order: &&PendingCreate| order.is_replacement && model.has_seen(&order.region);
    let pending_creates: Vec<PendingCreate> = model.unfinished().filter(waits).cloned().collect();
    let mut effects = Vec::new();
    for order in pending_creates {
        let allowed = u32::try_from(allowed(model)).unwrap_or(u32::MAX);
        let lacks = order.count as usize > model.made_by(&order).count();
        if allowed == 0 || !lacks {
            continue;
        }
        match create::complete(model, &order, allowed) {
            Ok((count, more)) => {
                let now = std::iter::repeat_n(model.now, usize::try_from(count).unwrap_or(0));
                model.replacements.launched.extend(now);
                effects.extend(more);
            }
            Err(why) => refused(model, why),
        }
    }
    effects
}

/// How many the brake allows now.
fn allowed(model: &mut Model) -> usize {
    let Some(limit) = model.config.as_ref().map(|config| config.replace.clone()) else { return 0 };
    let now = model.now;
    let launched = &mut model.replacements.launched;
    launched.retain(|at| now.duration_since(*at) < limit.within);
    usize::try_from(limit.at_most).unwrap_or(usize::MAX).saturating_sub(launched.len())
}

/// They are tried again with the next tick; that is said once.
fn refused(model: &mut Model, why: String) {
    if model.replacements.refused.as_ref() != Some(&why) {
        model.flash(Level::Warning, "replace", why.clone());
        tell(model, Level::Warning, format!("nothing is launched in their place: {why}"));
        model.replacements.refused = Some(why);
    }
}

/// Tells of replacements.
fn tell(model: &mut Model, level: Level, text: String) {
    let (kind, occasion) = (NotificationKind::Replaced, model.now.to_string());
    notify::tell(model, Event { kind, level, key: None, about: "replace", text, occasion });
}

/// Launches as many of the replacements that are owed as the brake allows.
pub(super) fn replace(model: &mut Model) -> Vec<Effect> {
    if model.replacements.owed.is_empty() || !replaces(model) {
        return Vec::new();
    }
    let Some(config) = model.config.clone() else { return Vec::new() };
    let (now, limit) = (model.now, &config.replace);
    let allowed = allowed(model).min(model.replacements.owed.len());
    if allowed == 0 {
        return Vec::new();
    }
    let mut lost = Lost::new();
    for Owed { region, machine } in model.replacements.owed.iter().take(allowed) {
        let elsewhere = match limit.hold {
            ReplaceIn::Region => None,
            ReplaceIn::Total => cheapest(model, region),
        };
        let place = elsewhere.unwrap_or_else(|| region.clone());
        lost.entry(place).or_default().push(machine.clone());
    }
    match create::replace(model, lost) {
        Ok(effects) => {
            model.replacements.owed.drain(..allowed);
            model.replacements.launched.extend(std::iter::repeat_n(now, allowed));
            model.replacements.refused = None;
            let text = match allowed {
                1 => "another instance is launched in place of one that AWS reclaims".to_owned(),
                many => {
                    format!("{many} instances are launched in place of those that AWS reclaims")
                }
            };
            tell(model, Level::Info, text);
            effects
        }
        // They stay owed.
        Err(why) => {
            refused(model, why);
            Vec::new()
        }
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
