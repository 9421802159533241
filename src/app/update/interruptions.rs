//! What follows when EC2 takes instances back: it is said, the nodes are drained, and, where that
//! is wished, others are owed in their place ([`hold`](super::hold)).

use super::count::{counts_for, holds};
use super::hold::hold;
use super::{lock, presence, scale};
use crate::app::{Effect, Model};
use crate::fleet::{Instance, InstanceKey, Job, Level, Lifecycle, Phase};

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
    // Where another machine sees to it, nothing is owed here.
    if holds(model) && !lock::is_kept_off(model) {
        for row in rows.iter().filter(|row| !comes_back(row)) {
            // Where another one is on its way already, that is the one; and one that was to go is none.
            if presence::covers(model, row) || scale::lost(model, row) {
                continue;
            }
            let region = counts_for(model, row);
            if let Some(machine) = &row.machine {
                model.upkeep.owe(region, machine.clone());
            }
        }
        effects.extend(model.persist());
        effects.extend(hold(model));
        say_what_waits(model);
    }
    effects
}

fn say_what_waits(model: &mut Model) {
    // Where the budget refuses, that has just been said; and what waits for the lock is launched then.
    if model.holding.refused.is_some() || !lock::may_launch(model) {
        return;
    }
    let held = model.upkeep.owed().len();
    let Some(limit) = model.config.as_ref().map(|config| &config.replace) else { return };
    if held > 0 {
        let (most, minutes) = (limit.at_most, limit.within.as_mins());
        let text = format!("{held} replacements wait: {most} in {minutes} minutes are the most");
        model.tell(Level::Warning, "replace", text);
    }
}
