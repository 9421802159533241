//! A fresh instance before AWS takes one back: a node that it recommends to rebalance works until
//! another one, launched in its place, is ready. Only then it is drained and destroyed.
//!
//! What is begun stands in the wanted count's own memory
//! ([`Upkeep`](crate::fleet::Upkeep)) before it is launched; each look goes by that and by what is
//! there, so that it makes no difference which process began it.

use jiff::SignedDuration;

use super::count::{acts, counts_for, is_ending, is_of_count};
use super::notify::{self, Event};
use super::presence::{Progress, is_replaced, is_seen, is_there, launched, progress};
use super::{count, create, destroy, fallback, lock};
use crate::app::{Effect, JobRecord, Model};
use crate::fleet::{
    Instance, InstanceKey, Job, JobId, Level, NotificationKind, Phase, Region, Replacement,
};

/// The verb under which this is said.
const VERB: &str = "replace";

/// Between two tries to destroy a node in whose place another one is ready.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The launch of these rows was cancelled. Where they were to take the place of a node that works, it
/// stays; answers whether they were.
pub(super) fn cancelled(model: &mut Model, keys: &[InstanceKey]) -> bool {
    let rows = || keys.iter().filter_map(|key| model.fleet.get(key));
    let mut replacements = model.upkeep.replacements().iter();
    let ours = replacements.find(|it| rows().any(|row| launched(it, row)));
    let Some(instance) = ours.map(|it| it.instance.clone()) else { return false };
    model.upkeep.give_up_replacement(&instance);
    true
}

/// Goes on with what is under way: what another one has taken the place of is drained and destroyed.
pub(super) fn go_on(model: &mut Model) -> Vec<Effect> {
    // What another machine holds is not this one's to end.
    let is_ours = acts(model) && lock::may_launch(model);
    if model.upkeep.replacements().is_empty() || !is_ours {
        return Vec::new();
    }
    let mut effects = Vec::new();
    let before = model.upkeep.clone();
    for replacement in before.replacements() {
        let progress = progress(model, replacement);
        match model.fleet.by_id(&replacement.instance).cloned() {
            Some(old) if is_there(model, &old) && replacement.is_given_up => {}
            Some(old) if is_there(model, &old) => match progress {
                Progress::UnderWay => {}
                Progress::Ready if fallback::waits(model, replacement) => {}
                Progress::Ready => effects.extend(end(model, &old)),
                Progress::Failed if fallback::is_way_back(model, replacement) => {
                    model.upkeep.end_replacement(&replacement.instance);
                }
                Progress::Failed => {
                    model.upkeep.give_up_replacement(&replacement.instance);
                    let text = format!(
                        "{}: the one launched in its place has not become ready: it stays",
                        old.label()
                    );
                    tell(model, Level::Warning, &replacement.region, &text);
                }
                // It was killed before it launched anything: that begins anew.
                Progress::Never => model.upkeep.end_replacement(&replacement.instance),
            },
            // A failed one is nobody's any more, and one that is ending ends.
            old => gone(model, replacement, progress, old.as_ref()),
        }
    }
    if model.upkeep != before {
        effects.splice(0..0, model.persist());
    }
    effects
}

/// The node does not work any more, by whomever. What was launched in its place is what is wanted.
fn gone(model: &mut Model, replacement: &Replacement, progress: Progress, old: Option<&Instance>) {
    let is_over = match old {
        Some(old) => old.phase != Phase::Terminating,
        None => is_seen(model, &replacement.region),
    };
    if !is_over || (!replacement.is_given_up && progress == Progress::UnderWay) {
        return;
    }
    model.upkeep.end_replacement(&replacement.instance);
    model.holding.drains.remove(&replacement.instance);
    // It was taken back, and nothing has come of the other one either.
    let is_lost = !replacement.is_given_up && progress != Progress::Ready;
    let machine = old.and_then(|old| old.machine.clone());
    if let Some(machine) = machine.filter(|_| is_lost && count::holds(model)) {
        model.upkeep.owe(replacement.region.clone(), machine);
    }
}

/// Drains a node in whose place another one is ready, so that the orchestrator learns of it in good
/// order, and destroys it once that is over, be it drained or not.
fn end(model: &mut Model, old: &Instance) -> Vec<Effect> {
    let Some(id) = old.id().cloned().filter(|_| !is_ending(model, &old.key)) else {
        return Vec::new();
    };
    let is_active = |job: &JobId| model.jobs.get(job).is_some_and(JobRecord::is_active);
    match model.holding.drains.get(&id).copied() {
        Some((job, from)) if is_active(&job) || model.now < from => Vec::new(),
        Some((job, _)) => {
            model.holding.drains.insert(id, (job, model.now + PAUSE));
            destroy::destroy_replaced(model, std::slice::from_ref(&old.key))
        }
        None => {
            let text = format!("{}: another one is ready in its place: it is ended", old.label());
            model.tell(Level::Info, VERB, text);
            let drain = model.start(Job::Drain(vec![old.clone()]));
            if let Effect::Start(job, _) = &drain {
                model.holding.drains.insert(id, (*job, model.now));
            }
            vec![drain]
        }
    }
}

/// Launches another one in the place of the next node that AWS recommends to rebalance, as brake and
/// budget allow. One at a look: each is judged by what the one before it costs.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let is_wished = model.config.as_ref().is_some_and(|config| config.replace.on_rebalance);
    if !is_wished || !acts(model) || model.upkeep.paused_until(model.now).is_some() {
        return Vec::new();
    }
    let Some(old) = next(model).cloned() else { return Vec::new() };
    let Some((config, machine)) = model.config.clone().zip(old.machine.clone()) else {
        return Vec::new();
    };
    let (region, brake) = (counts_for(model, &old), &config.replace);
    if model.upkeep.allowed(model.now, brake.at_most, brake.within) == 0 {
        let (most, minutes) = (brake.at_most, brake.within.as_mins());
        let why = format!("it waits: {most} in {minutes} minutes are the most");
        refused(model, &old, &why);
        return Vec::new();
    }
    if !lock::may_launch(model) {
        return lock::ask(model);
    }
    match create::replace(model, &region, &machine) {
        Ok(effects) => {
            if model.upkeep.replacement_of(&machine.id).is_some() {
                begun(model, &old, &region);
            }
            effects
        }
        Err(why) => {
            refused(model, &old, &why);
            Vec::new()
        }
    }
}

/// The next node to be replaced: of the fleet alone, at work, and nothing else done about it.
fn next(model: &Model) -> Option<&Instance> {
    let is_recommended = |row: &&Instance| {
        let told = row.vitals.as_ref().and_then(|(_, vitals)| vitals.rebalance.as_ref());
        told.is_some() && matches!(row.phase, Phase::Ready | Phase::Degraded { .. })
    };
    let is_free = |row: &&Instance| {
        let region = counts_for(model, row);
        let is_begun = row.id().is_none_or(|id| model.upkeep.replacement_of(id).is_some());
        let is_busy = is_ending(model, &row.key) || is_replaced(model, row);
        let is_placed = model.config.as_ref().is_some_and(|it| it.region(&region).is_some());
        is_of_count(model, row)
            && !is_begun
            && !is_busy
            && is_placed
            && is_seen(model, &region)
            && !model.destroys_in(&region)
    };
    model.fleet.instances().filter(is_recommended).find(is_free)
}

fn begun(model: &mut Model, old: &Instance, region: &Region) {
    let text = format!(
        "{}: AWS recommends to rebalance it: another one is launched, and it ends once that one is \
         ready",
        old.label()
    );
    tell(model, Level::Info, region, &text);
    model.counters.replacements += 1;
    model.holding.rebalance_refused = None;
}

/// It is tried again with the next tick; that is said once.
fn refused(model: &mut Model, old: &Instance, why: &str) {
    let refusal = Some((old.key.clone(), why.to_owned()));
    if model.holding.rebalance_refused != refusal {
        let text = format!("{}: nothing is launched in its place: {why}", old.label());
        let region = old.region.clone();
        model.holding.rebalance_refused = refusal;
        tell(model, Level::Warning, &region, &text);
    }
}

/// Says it, and to who sits before no screen as well.
fn tell(model: &mut Model, level: Level, region: &Region, text: &str) {
    let text = format!("{region}: {text}");
    let (kind, occasion) = (NotificationKind::Replaced, model.now.to_string());
    let told = text.clone();
    notify::tell(model, Event { kind, level, key: None, about: VERB, text: told, occasion });
    model.tell(level, VERB, text);
}
