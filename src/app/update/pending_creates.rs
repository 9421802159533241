//! Creates that an earlier run did not bring to their end: what drops them, what lowers them, and
//! when they are over.

use super::plan::number;
use crate::app::{Effect, Model, Scope};
use crate::fleet::{Instance, Job, JobKind, Level, Machine, PendingCreate, Phase, Region};

/// The verb under which this is said.
const VERB: &str = "forget";

/// Drops those of a scope, already confirmed. What they made stays, and is the deployment's.
pub(super) fn forget(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let is_meant = |order: &PendingCreate| match scope {
        Scope::Region(region) => order.counts_for() == region,
        _ => true,
    };
    let ours = model.deployment.clone();
    let dropped: Vec<PendingCreate> =
        model.pending_creates.extract_if(.., |it| it.deployment == ours && is_meant(it)).collect();
    if dropped.is_empty() {
        model.flash(Level::Info, VERB, "no create was cut short");
        return Vec::new();
    }
    for order in dropped.iter().filter(|order| order.count > 0) {
        let there = model.made_by(order).count();
        model.upkeep.lower(order.counts_for(), order.count.saturating_sub(number(there)));
        let text = format!("the create of {} is dropped; {there} of it stay", order.count);
        model.log.write(model.now, Level::Info, order.counts_for().as_str(), &text);
    }
    model.persist().into_iter().chain([model.start(Job::Forget(dropped))]).collect()
}

/// A region is destroyed, or all of them: nobody wishes any more what was asked for there.
pub(super) fn destroyed(model: &mut Model, region: Option<&Region>) {
    let ours = model.deployment.clone();
    let goes = |order: &PendingCreate| {
        order.deployment == ours && region.is_none_or(|it| order.region == *it)
    };
    model.pending_creates.retain(|order| !goes(order));
}

/// Instances are destroyed one by one: what made them does not make them again.
pub(super) fn lower<'a>(model: &mut Model, terminations: impl Iterator<Item = &'a Machine>) {
    for machine in terminations {
        for order in model.pending_creates.iter_mut().filter(|order| order.made(machine)) {
            order.count = order.count.saturating_sub(1);
            order.made.remove(&machine.id);
        }
    }
}

/// Drops those that have got all that they wished, at one stroke, for nobody can tell which of them
/// were one create: what is created after that is added.
pub(super) fn end_fulfilled(model: &mut Model) -> Vec<Effect> {
    if model.pending_creates.is_empty() || model.read_only.is_some() {
        return Vec::new();
    }
    let over: Vec<PendingCreate> = model.unfinished().cloned().collect();
    if over.is_empty() || !over.iter().all(|order| is_fulfilled(model, order)) {
        return Vec::new();
    }
    model.pending_creates.retain(|order| !over.contains(order));
    // Of what was replaced or dropped meanwhile nothing is left that somebody waits for.
    if over.iter().any(|order| order.count > 0) {
        let said = "the create that was cut short is complete";
        model.remark(Level::Success, JobKind::Create.verb(), said);
    }
    let effect = model.start(Job::Forget(over));
    if let Effect::Start(id, _) = effect {
        model.jobs.entry(id).and_modify(|job| job.is_told = true);
    }
    vec![effect]
}

/// Whether all of it is there, by a look of this run, and set up.
fn is_fulfilled(model: &Model, order: &PendingCreate) -> bool {
    let is_set_up = |row: &Instance| matches!(row.phase, Phase::Ready | Phase::Degraded { .. });
    let (mut there, mut ready) = (0, true);
    for row in model.made_by(order) {
        there += 1;
        ready &= is_set_up(row);
    }
    ready && there >= order.count && model.has_seen(&order.region)
}
