//! A fresh instance in the place of another. A node that failed is never mended: another is
//! launched, and only when that is ready the old one is ended. What is refused, or fails on the
//! way, costs nobody anything.

use std::collections::BTreeSet;

use super::{create, destroy, presence};
use crate::app::{Counts, Effect, Model, Scope};
use crate::fleet::{Instance, InstanceKey, Job, JobId, JobKind, Level, Phase, Region};

/// The verb under which this is said.
const VERB: &str = "retry";
/// Stands for the job that is about to be started: none has this number.
const NO_JOB: JobId = JobId(0);

/// Launches one for each, in its region.
pub(super) fn retry(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    // One that is on its way out already has nobody to take the place of.
    let leaves = |row: &&Instance| matches!(row.phase, Phase::Terminating);
    // Another instance in a machine's place would be another machine, without its disk.
    let stays = |row: &&Instance| row.machine_name().is_some();
    let some_stay = destroy::in_scope(model, scope).any(|row| stays(&row));
    if some_stay {
        let text = "a machine is not replaced: destroy it, and `up` launches it anew";
        model.flash(Level::Warning, VERB, text);
    }
    let is_replaced = |row: &&Instance| presence::is_replaced(model, row);
    let some_are = destroy::in_scope(model, scope).any(|row| is_replaced(&row));
    let rows = destroy::in_scope(model, scope)
        .filter(|row| !leaves(row) && !stays(row) && !is_replaced(row));
    let (mut keys, mut counts) = (Vec::new(), Counts::new());
    for row in rows {
        keys.push(row.key.clone());
        *counts.entry(row.region.clone()).or_default() += 1;
    }
    if keys.is_empty() {
        if some_are {
            model.flash(Level::Info, VERB, "a fresh one is on its way already");
        } else if !some_stay {
            model.flash(Level::Info, VERB, "nothing to replace: it is already terminating");
        }
        return Vec::new();
    }
    // Those whose place is taken do not count any more: no more is wanted than before.
    model.retries.push((NO_JOB, keys));
    let effects = create::add(model, counts);
    let keys = model.retries.pop().map(|(_, keys)| keys).unwrap_or_default();
    // Where the create was refused it has said why, and nothing is ended.
    if let Some((job, regions)) = begun(&effects) {
        wait(model, job, keys, regions.as_ref());
    }
    effects
}

/// The job that launches, or that asks for what the launch needs first, prices or the lock; and where
/// it launches, once that is known: a region that is being destroyed is left out.
fn begun(effects: &[Effect]) -> Option<(JobId, Option<BTreeSet<Region>>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Start(id, Job::Create(launches)) => {
            Some((*id, Some(launches.iter().map(|launch| launch.region.clone()).collect())))
        }
        Effect::Start(id, Job::Prices(_) | Job::Lock(_)) => Some((*id, None)),
        _ => None,
    })
}

fn wait(model: &mut Model, job: JobId, keys: Vec<InstanceKey>, regions: Option<&BTreeSet<Region>>) {
    let is_replaced = |key: &InstanceKey| {
        let region = model.fleet.get(key).map(|row| &row.region);
        regions.is_none_or(|regions| region.is_some_and(|it| regions.contains(it)))
    };
    let keys = keys.into_iter().filter(is_replaced).collect();
    model.retries.push((job, keys));
}

/// A job has ended, and these effects follow. Those whose place was taken are ended.
pub(super) fn ended(
    model: &mut Model,
    (job, kind): (JobId, JobKind),
    is_done: bool,
    next: &[Effect],
) -> Vec<Effect> {
    let waited: Vec<_> = model.retries.extract_if(.., |(by, _)| *by == job).collect();
    let mut effects = Vec::new();
    for (_, keys) in waited {
        match begun(next) {
            // Nothing is launched yet.
            Some((create, regions)) => wait(model, create, keys, regions.as_ref()),
            // Prices alone launch nothing: the create was refused by them, and has said why.
            None if kind != JobKind::Create => {}
            None if is_done => effects.extend(destroy::destroy_replaced(model, &keys)),
            None => {
                let text = "the old instance is kept: no fresh one has become ready";
                model.flash(Level::Warning, VERB, text);
            }
        }
    }
    effects
}
