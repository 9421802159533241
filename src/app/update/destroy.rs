//! From a scope to terminations. What never came to be is taken out of the table; what is on its way
//! out is left alone; what is still being requested is not touched under its job's hands.

use std::collections::BTreeMap;

use super::{count, pending_creates};
use crate::app::dialog::Findings;
use crate::app::{Dialog, Effect, Model, Scope, clean};
use crate::fleet::{
    DestroyScope, Instance, InstanceKey, Job, JobId, JobKind, LaunchId, Level, Outcome,
    PendingDestroy, Phase, Region, Termination,
};

/// The longest text of a dialog that comes from the outside, in bytes.
const SAID: usize = 1024;
/// The verb under which a refusal is said.
const VERB: &str = "destroy";

/// The rows of a scope; of the account the tags tell.
pub(super) fn in_scope<'a>(
    model: &'a Model,
    scope: &'a Scope,
) -> Box<dyn Iterator<Item = &'a Instance> + 'a> {
    match scope {
        Scope::Instances(keys) => Box::new(keys.iter().filter_map(|key| model.fleet.get(key))),
        Scope::Region(region) => {
            Box::new(model.fleet.instances().filter(move |instance| instance.region == *region))
        }
        Scope::All => Box::new(model.fleet.instances()),
        Scope::Account(..) => Box::new(std::iter::empty()),
    }
}

/// The verb of the dialog that waits for what this job finds, and what that is so far.
fn waits(model: &mut Model, job: JobId) -> Option<(&'static str, &mut Findings)> {
    let Some(Dialog::Confirm(form)) = &mut model.dialog else { return None };
    let found = form.found.as_mut().filter(|it| it.by == Some(job))?;
    Some((form.action.entry().verb, found))
}

/// A job said what there is in a region.
pub(super) fn found(model: &mut Model, job: JobId, region: &Region, text: &str) {
    if let Some((_, found)) = waits(model, job) {
        found.lines.insert((region.clone(), clean(text, SAID)));
    }
}

/// A job has looked everywhere, or could not.
pub(super) fn looked(model: &mut Model, job: JobId, outcome: &Outcome) {
    let Some((verb, found)) = waits(model, job) else { return };
    found.by = None;
    if found.lines.is_empty() && *outcome == Outcome::Done {
        model.dialog = None;
        model.flash(Level::Info, verb, "there is nothing to remove");
        return;
    }
    if let Outcome::Failed(failure) = outcome {
        model.dialog = Some(Dialog::Notice {
            title: "Nothing is destroyed".into(),
            text: failure.reason.clone(),
            hint: failure.hint.clone(),
        });
    }
}

/// Destroys, already confirmed.
pub(super) fn destroy(model: &mut Model, scope: Scope) -> Vec<Effect> {
    if let Some(why) = model.read_only.clone() {
        model.flash(Level::Warning, VERB, format!("read-only, nothing can be destroyed: {why}"));
        return Vec::new();
    }
    let mut effects = match scope {
        Scope::Instances(keys) => {
            // Before anything ends: a crash in between must not have them launched again.
            let is_lowered = count::lower(model, &keys);
            let effects = destroy_rows(model, &keys);
            if is_lowered { persisted(model, effects) } else { effects }
        }
        Scope::Region(region) => destroy_region(model, region),
        all => return destroy_all(model, all),
    };
    effects.extend(resume(model));
    effects
}

/// The same effects, with the state written before them.
fn persisted(model: &Model, effects: Vec<Effect>) -> Vec<Effect> {
    let is_written = effects.first() == Some(&Effect::Persist);
    let persist = model.persist().filter(|_| !is_written);
    persist.into_iter().chain(effects).collect()
}

/// Ends instances in whose place others are: the wanted count stays.
pub(super) fn destroy_replaced(model: &mut Model, keys: &[InstanceKey]) -> Vec<Effect> {
    destroy_rows(model, keys)
}

fn destroy_rows(model: &mut Model, keys: &[InstanceKey]) -> Vec<Effect> {
    let mut terminations: BTreeMap<Region, Vec<Termination>> = BTreeMap::new();
    let mut dead = Vec::new();
    let mut being_requested = 0;
    let mut machines = Vec::new();
    for instance in keys.iter().filter_map(|key| model.fleet.get(key)) {
        match &instance.machine {
            _ if instance.phase == Phase::Terminating => {}
            Some(machine) if instance.is_alive() => {
                machines.push(machine.clone());
                terminations.entry(instance.region.clone()).or_default().push(Termination {
                    key: instance.key.clone(),
                    id: machine.id.clone(),
                    spot_request: machine.birth.spot_request.clone(),
                });
            }
            None if is_being_requested(model, instance) => being_requested += 1,
            _ => dead.push(instance.key.clone()),
        }
    }
    if being_requested > 0 {
        let text = format!("{being_requested} still being requested; destroy when they exist");
        model.flash(Level::Warning, VERB, text);
    }
    pending_creates::lower(model, machines.iter());
    let mut effects = clear(model, &dead);
    if terminations.is_empty() {
        if dead.is_empty() && being_requested == 0 {
            model.flash(Level::Info, VERB, "nothing to destroy: it is already terminating");
        }
    } else {
        effects.push(model.start(Job::Destroy(DestroyScope::Instances(terminations))));
    }
    effects
}

/// Whether a job is launching it now. Without its row, what that job gets would be nobody's. A
/// row that failed has nothing more to come.
fn is_being_requested(model: &Model, instance: &Instance) -> bool {
    !matches!(instance.phase, Phase::Failed(_))
        && model.changing().any(|(_, job)| job.keys.contains(&instance.key))
}

/// Takes rows out of the table that stand for nothing at AWS.
pub(super) fn clear(model: &mut Model, keys: &[InstanceKey]) -> Vec<Effect> {
    if keys.is_empty() {
        return Vec::new();
    }
    for key in keys {
        model.fleet.remove(key);
        model.log.forget(key);
    }
    model.rearrange();
    model.persist().into_iter().collect()
}

fn destroy_region(model: &mut Model, region: Region) -> Vec<Effect> {
    let blocker = model.changing().find(|(_, job)| job.covers(&region));
    if let Some((id, job)) = blocker {
        let text = format!(
            "{id} {} is at work in {region}; wait for it, destroy single rows, or everything",
            job.verb
        );
        model.flash(Level::Warning, VERB, text);
        return Vec::new();
    }
    model.destroys.retain(|destroy| destroy.region != region);
    pending_creates::destroyed(model, Some(&region));
    model.upkeep.end_region(&region);
    let effects = clear_dead(model, &Scope::Region(region.clone()));
    let mut effects = persisted(model, effects);
    effects.push(model.start(Job::Destroy(DestroyScope::Region(region))));
    effects
}

/// Stops first what creates: an instance that is launched after the last look would be left over.
fn destroy_all(model: &mut Model, scope: Scope) -> Vec<Effect> {
    if model.postponed.is_some() || destroys_everything(model) {
        model.flash(Level::Info, VERB, "everything is being destroyed already");
        return Vec::new();
    }
    let creating: Vec<JobId> = model
        .changing()
        .filter(|(_, job)| job.kind != JobKind::Destroy)
        .map(|(id, _)| id)
        .collect();
    if creating.is_empty() {
        return start_all(model, scope);
    }
    model.postponed = Some(scope);
    model.flash(Level::Info, VERB, "stopping what is being created, then destroying everything");
    creating.into_iter().map(Effect::Cancel).collect()
}

fn destroys_everything(model: &Model) -> bool {
    model.changing().any(|(_, job)| job.kind == JobKind::Destroy && job.regions.is_none())
}

fn start_all(model: &mut Model, scope: Scope) -> Vec<Effect> {
    model.destroys.clear();
    pending_creates::destroyed(model, None);
    model.upkeep.end_all();
    let effects = clear_dead(model, &Scope::All);
    let mut effects = persisted(model, effects);
    let scope = match scope {
        Scope::Account(_, regions) => DestroyScope::Account(regions),
        _ => DestroyScope::Everything,
    };
    effects.push(model.start(Job::Destroy(scope)));
    effects
}

/// Takes back what a create has made that was cancelled: instances, and where they were the only
/// ones, the network. Where everything is about to be destroyed, that is done anyway.
pub(super) fn roll_back(model: &mut Model, launches: Vec<(Region, LaunchId)>) -> Vec<Effect> {
    if launches.is_empty() || model.postponed.is_some() {
        return Vec::new();
    }
    let begun =
        |instance: &&Instance| launches.iter().any(|(region, _)| *region == instance.region);
    let dead: Vec<InstanceKey> = model
        .fleet
        .instances()
        .filter(begun)
        .filter(|instance| instance.machine.is_none() && !is_being_requested(model, instance))
        .map(|instance| instance.key.clone())
        .collect();
    let mut effects = clear(model, &dead);
    model.flash(Level::Info, "create", "removing what it made");
    effects.push(model.start(Job::Destroy(DestroyScope::Launches(launches))));
    effects
}

/// Goes on with what an earlier run began to destroy: with what it named then, and nothing else.
pub(super) fn resume(model: &mut Model) -> Vec<Effect> {
    if model.read_only.is_some() {
        return Vec::new();
    }
    let (ours, others): (Vec<PendingDestroy>, Vec<PendingDestroy>) =
        std::mem::take(&mut model.destroys)
            .into_iter()
            .partition(|destroy| destroy.deployment == model.deployment);
    model.destroys = others;
    let (mut named, mut launches) = (BTreeMap::<Region, Vec<Termination>>::new(), Vec::new());
    for PendingDestroy { region, launch, terminations, .. } in ours {
        match launch {
            Some(launch) => launches.push((region, launch)),
            None => named.entry(region).or_default().extend(terminations),
        }
    }
    let named = (!named.is_empty()).then_some(DestroyScope::Instances(named));
    let launches = (!launches.is_empty()).then_some(DestroyScope::Launches(launches));
    named.into_iter().chain(launches).map(|scope| model.start(Job::Destroy(scope))).collect()
}

/// Rows of a scope that stand for nothing at AWS: planned, failed before launch, or gone.
fn clear_dead(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let dead: Vec<InstanceKey> = in_scope(model, scope)
        .filter(|instance| !instance.is_alive() && !is_being_requested(model, instance))
        .map(|instance| instance.key.clone())
        .collect();
    clear(model, &dead)
}

/// Goes on with a destroy that waited, once nothing creates any more.
pub(super) fn go_on(model: &mut Model) -> Vec<Effect> {
    let is_free = !model.changing().any(|(_, job)| job.kind != JobKind::Destroy);
    let scope = if is_free { model.postponed.take() } else { None };
    scope.map(|scope| start_all(model, scope)).unwrap_or_default()
}
