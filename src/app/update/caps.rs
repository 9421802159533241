//! What may be spent in all and in a month: said in time, and kept by destroying where that is wished.

use jiff::{SignedDuration, Timestamp};

use super::count::is_ending;
use super::notify::{self, Event};
use super::spent::{Cap, caps};
use super::{budget, destroy, pricing};
use crate::app::cap_watch::CapWatch;
use crate::app::{Effect, Model, Scope};
use crate::config::{AtCap, Config};
use crate::fleet::{Instance, InstanceKey, Level, NotificationKind, Phase};

/// From which part of a cap on it is said that it comes near.
const NEAR: f64 = 0.8;
/// For how long there is to be room under a cap when all is destroyed: what ends goes on to cost until
/// it has ended, and a cap that was passed already is said for as long before.
const ROOM: SignedDuration = SignedDuration::from_mins(10);
/// For how long a price may be missing before it is asked for, and again: most come with the watch.
const LACKING: SignedDuration = SignedDuration::from_mins(10);
/// How long after an attempt to destroy the next one is made.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Says which caps come near or are reached, and destroys what they leave no room for, where that is
/// wished.
pub(super) fn keep(model: &mut Model) -> Vec<Effect> {
    let Some(config) = model.config.clone() else { return Vec::new() };
    let caps = caps(model, &config.budget);
    for cap in &caps {
        announce(model, &config, cap);
    }
    let mut effects = ask_for_what_lacks(model, &caps);
    if config.budget.at_cap != AtCap::Destroy || model.read_only.is_some() {
        return effects;
    }
    let hourly = budget::hourly(model, &config);
    let room = hourly.unwrap_or_default() * ROOM.as_secs_f64() / 3600.0;
    // Where a price is missing nobody knows how much room there is to be: what stays costs something all
    // the same, and a cap that is spent is kept.
    let stays = || budget::staying(model).any(|row| row.machine.is_some());
    let costs = hourly.map_or_else(stays, |usd| usd > 0.0);
    let is_reached = |cap: &Cap| costs && cap.spent.usd + room >= cap.most;
    if !caps.iter().any(is_reached) {
        model.caps.reached = None;
        return effects;
    }
    // Whoever opens a dashboard on what has passed its cap can still do something about it.
    let is_passed = caps.iter().any(|cap| cap.spent.usd >= cap.most);
    let since = *model.caps.reached.get_or_insert(model.now);
    let is_due = !is_passed || model.now.duration_since(since) >= ROOM;
    if is_due {
        effects.extend(end_all(model));
    }
    effects
}

/// What was spent in a region that nobody watches any more gets its price by nobody's question but this:
/// without it nothing would ever be launched again under a cap.
fn ask_for_what_lacks(model: &mut Model, caps: &[Cap]) -> Vec<Effect> {
    if !caps.iter().any(|cap| cap.lacks.is_some()) {
        model.caps.lacking = None;
        return Vec::new();
    }
    let since = *model.caps.lacking.get_or_insert(model.now);
    if !model.attends() || model.now.duration_since(since) < LACKING {
        return Vec::new();
    }
    model.caps.lacking = Some(model.now);
    pricing::budget(model)
}

fn announce(model: &mut Model, config: &Config, cap: &Cap) {
    let Cap { name, most, spent, .. } = *cap;
    if spent.usd < most * NEAR {
        return;
    }
    let is_reached = spent.usd >= most;
    let said = (name, model.now.strftime("%Y-%m").to_string(), is_reached);
    if model.caps.said.contains(&said) {
        return;
    }
    let occasion = format!("{} {is_reached}", said.1);
    model.caps.said.push(said);
    let destroys = config.budget.at_cap == AtCap::Destroy;
    let end = match (is_reached, destroys) {
        (true, true) => "nothing more is created, and the instances are destroyed",
        (true, false) => "nothing more is created; what runs goes on to cost",
        (false, true) => "there the instances are destroyed",
        (false, false) => "beyond it nothing more is created",
    };
    let text = format!("{spent} of budget.{name} = ${most} is spent: {end}");
    let level = if is_reached { Level::Error } else { Level::Warning };
    model.log.write(model.now, level, "budget", &text);
    let (kind, about) = (NotificationKind::Budget, name);
    let event = Event { kind, level, key: None, about, text: text.clone(), occasion };
    notify::tell(model, event);
    model.announce(level, format!("budget: {text}"));
    model.toast(level, text);
    model.alarm = true;
}

/// Whether all that may be ended is about to be, because a cap is reached, and was not yet.
pub(super) fn is_to_end(model: &Model) -> bool {
    let CapWatch { reached, ended, .. } = &model.caps;
    reached.is_some() && ended.is_none() && model.fleet.alive().any(|row| may_go(model, row))
}

/// Whether an instance is ended where the budget is spent: a machine is there to stay, and its disk is
/// not to be lost for money.
fn may_go(model: &Model, row: &Instance) -> bool {
    row.deployment == model.deployment
        && row.machine_name().is_none()
        && row.phase != Phase::Terminating
}

/// Destroys the instances of this deployment that are not on their way already.
fn end_all(model: &mut Model) -> Vec<Effect> {
    let is_early = |last: Timestamp| model.now.duration_since(last) < AGAIN;
    if model.caps.ended.is_some_and(is_early) {
        return Vec::new();
    }
    let over: Vec<InstanceKey> = model
        .fleet
        .alive()
        .filter(|row| may_go(model, row))
        .map(|row| row.key.clone())
        .filter(|key| !is_ending(model, key))
        .collect();
    if over.is_empty() {
        return Vec::new();
    }
    model.caps.ended = Some(model.now);
    let text = format!("the budget is spent: {} are destroyed", over.len());
    model.tell(Level::Error, "budget", text);
    destroy::destroy(model, Scope::Instances(over))
}
