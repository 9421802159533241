//! What is there, what is on its way, and what another one takes the place of. It decides nothing.

use crate::app::Model;
use crate::fleet::{Instance, InstanceKey, PendingCreate, Phase, Region, Replacement};

/// How it stands with the launch that takes a node's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is on its way; or it may be, for its region has not told yet.
    UnderWay,
    /// What it launched is ready.
    Ready,
    /// What it launched failed, or is gone.
    Failed,
    /// It launched nothing, and nobody is about to.
    Never,
}

/// Whether a region has told this run what is there, and still answers: of another one nobody knows
/// what is missing.
pub(super) fn is_seen(model: &Model, region: &Region) -> bool {
    let view = model.fleet.regions().get(region);
    view.is_some_and(|view| view.answered.is_some() && view.trouble.is_none())
}

/// Whether a row is there or on its way, and not on its way out.
pub(super) fn is_there(model: &Model, row: &Instance) -> bool {
    let is_on_its_way = || {
        let mut jobs = model.changing().filter(|(_, job)| job.machines.is_empty());
        jobs.any(|(_, job)| job.keys.contains(&row.key))
    };
    let goes = matches!(
        row.phase,
        Phase::Failed(_) | Phase::Interrupted { .. } | Phase::Terminating | Phase::Terminated
    );
    !goes && (row.machine.is_some() || is_on_its_way())
}

/// Whether another one is on its way in the place of a row.
pub(super) fn is_replaced(model: &Model, row: &Instance) -> bool {
    let is_retried = model.retries.iter().any(|(_, keys)| keys.contains(&row.key));
    is_retried || has_replacement(model, row)
}

/// Whether one is on its way in the place of a node that works, or there.
fn has_replacement(model: &Model, row: &Instance) -> bool {
    let replacement = row.id().and_then(|id| model.upkeep.replacement_of(id));
    replacement.is_some_and(|it| is_good(model, it))
}

/// Whether the count stays what it is without a row: another one is on its way in its place, or it is
/// that one itself, and the node whose place it was to take still works.
pub(super) fn covers(model: &Model, row: &Instance) -> bool {
    let still_works = |it: &Replacement| {
        let old = model.fleet.by_id(&it.instance);
        !it.is_given_up && launched(it, row) && old.is_some_and(|old| is_there(model, old))
    };
    has_replacement(model, row) || model.upkeep.replacements().iter().any(still_works)
}

fn is_good(model: &Model, replacement: &Replacement) -> bool {
    let progress = || progress(model, replacement);
    !replacement.is_given_up && matches!(progress(), Progress::UnderWay | Progress::Ready)
}

/// Whether a row is what was launched.
pub(super) fn launched(replacement: &Replacement, row: &Instance) -> bool {
    let Replacement { region, launch, .. } = replacement;
    let request = row.machine.as_ref().and_then(|machine| machine.birth.launch.as_ref());
    row.key == InstanceKey::planned(region, launch, 0)
        || request.is_some_and(|request| request.is_of_or_moved(launch))
}

/// By what is there, and by what an earlier run had ordered.
pub(super) fn progress(model: &Model, replacement: &Replacement) -> Progress {
    let rows: Vec<&Instance> =
        model.fleet.instances().filter(|row| launched(replacement, row)).collect();
    if rows.iter().any(|row| row.phase == Phase::Ready) {
        return Progress::Ready;
    }
    // The order of an earlier run is gone on with by whoever holds the count.
    let ours = &replacement.launch;
    let is_order = |it: &PendingCreate| it.launch == *ours || it.launch.is_of_or_moved(ours);
    let is_ordered = model.unfinished().any(|it| it.count > 0 && is_order(it));
    let is_coming = rows.iter().any(|row| is_there(model, row));
    if is_coming {
        Progress::UnderWay
    } else if !rows.is_empty() {
        Progress::Failed
    } else if is_ordered || !is_seen(model, &replacement.region) {
        Progress::UnderWay
    } else {
        Progress::Never
    }
}
