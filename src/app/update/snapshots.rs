//! Snapshots of what machines keep: when somebody asks, and by the schedule of the configuration.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::machine;
use crate::app::{Effect, Model, Scope, clean};
use crate::fleet::{
    Job, JobKind, Kept, KeptKind, Level, Region, Restore, RestoreWish, SnapshotWish, is_due,
};

/// After a scheduled snapshot was tried, and may have failed, this long none is tried.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// Makes one of each volume that these machines keep; or only what the schedule wants by now.
pub(super) fn snapshot(
    model: &mut Model,
    names: &[String],
    scope: &Scope,
    is_scheduled: bool,
) -> Vec<Effect> {
    let names = machine::named(model, names, scope);
    let wishes: Vec<SnapshotWish> = places(model, &names)
        .into_iter()
        .map(|(region, machine)| wish(model, region, machine, is_scheduled))
        .collect();
    if wishes.is_empty() {
        let text = "no volume of a machine is kept: `home` and `keep: root` make one that is";
        model.flash(Level::Warning, "snapshot", text);
        return Vec::new();
    }
    vec![model.start(Job::Snapshot(wishes))]
}

/// Takes a step of the way back to a snapshot.
pub(super) fn restore(model: &mut Model, name: String, step: Restore) -> Vec<Effect> {
    let (Restore::Make { snapshot: id, .. } | Restore::Use(id)) = &step;
    let region = model.fleet.kept_of(&name).find(|(_, it)| it.id == *id).map(|(it, _)| it.clone());
    let Some(region) = region else {
        let text = format!("{} keeps no {}: see `spot-tui list`", clean(&name, 64), clean(id, 64));
        model.flash(Level::Error, "restore", text);
        return Vec::new();
    };
    let config = model.config.as_ref().and_then(|config| config.machine(&name));
    let tags = config.map(|it| it.place.tags.clone()).unwrap_or_default();
    vec![model.start(Job::Restore(RestoreWish { region, machine: name, tags, step }))]
}

/// Those that the schedule wants by now; a look at what is kept has just told. A dashboard makes them,
/// and so does who keeps the fleet.
pub(super) fn scheduled(model: &mut Model) -> Vec<Effect> {
    let may = model.attends() && model.read_only.is_none() && model.leaving.is_none();
    if !may || model.does(JobKind::Snapshot) {
        return Vec::new();
    }
    let now = model.now;
    model.snapshots_tried.retain(|_, at| now.duration_since(*at) < PAUSE);
    let mut due = due(model);
    // Of each volume by itself: a home that was made after the root is not held up by it.
    due.retain(|volume| !model.snapshots_tried.contains_key(volume));
    model.snapshots_tried.extend(due.iter().map(|volume| (volume.clone(), now)));
    let machines: BTreeSet<_> = due.into_iter().map(|(region, name, _)| (region, name)).collect();
    let wishes: Vec<SnapshotWish> =
        machines.into_iter().map(|(region, name)| wish(model, region, name, true)).collect();
    if wishes.is_empty() { Vec::new() } else { vec![model.start(Job::Snapshot(wishes))] }
}

/// The volumes of machines with a schedule that have no snapshot of today.
fn due(model: &Model) -> BTreeSet<(Region, String, KeptKind)> {
    let config = model.config.as_ref();
    let has_schedule = |name: &str| {
        let machine = config.and_then(|config| config.machine(name));
        machine.is_some_and(|machine| machine.snapshots.is_some())
    };
    let volumes =
        model.fleet.kept().filter(|(_, it)| it.is_own_disk() && has_schedule(&it.machine));
    let is_due = |(region, it): &(&Region, &Kept)| {
        let kept = model.fleet.kept_of(&it.machine).filter(|(of, _)| of == region);
        is_due(kept.map(|(_, it)| it), it.kind, model.now)
    };
    let due = volumes.filter(is_due);
    due.map(|(region, it)| (region.clone(), it.machine.clone(), it.kind)).collect()
}

/// Where machines of these names keep volumes.
fn places(model: &Model, names: &BTreeSet<String>) -> BTreeSet<(Region, String)> {
    let volumes =
        model.fleet.kept().filter(|(_, it)| it.is_own_disk() && names.contains(&it.machine));
    volumes.map(|(region, it)| (region.clone(), it.machine.clone())).collect()
}

fn wish(model: &Model, region: Region, machine: String, is_scheduled: bool) -> SnapshotWish {
    let config = model.config.as_ref().and_then(|config| config.machine(&machine));
    SnapshotWish {
        tags: config.map(|it| it.place.tags.clone()).unwrap_or_default(),
        retention: config.and_then(|it| it.snapshots),
        region,
        machine,
        is_scheduled,
    }
}
