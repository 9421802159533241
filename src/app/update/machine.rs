//! Machines that stay: stopped and started as they are asked to, and started again by AWS.

use std::collections::{BTreeMap, BTreeSet};

use super::budget::{self, BudgetRefusal};
use super::{anew, create, destroy};
use crate::app::holding::Waiting;
use crate::app::{Action, Effect, Model, Scope, clean};
use crate::fleet::{
    DestroyScope, Instance, InstanceKey, Job, JobId, JobKind, Kept, Level, Lifecycle, Phase, Region,
};

/// Stops those that can be stopped; of the others it is said why not.
pub(super) fn stop(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let rows = fit(model, "stop", scope, why_not_stop);
    if rows.is_empty() { Vec::new() } else { vec![model.start(Job::Stop(rows))] }
}

/// Starts those that are stopped. Prices that the budget needs and nobody knows are asked for first.
pub(super) fn start(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let (rows, _) = judge(model, scope, why_not_start);
    let judged = model.config.as_ref().map(|config| budget::judge_start(model, config, &rows));
    if !rows.is_empty() && matches!(judged, Some(Err(BudgetRefusal::Price(_)))) {
        return create::ask_prices(model, Action::Start, scope.clone());
    }
    start_judged(model, scope)
}

/// The same by what is known of prices.
pub(super) fn start_judged(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let rows = fit(model, "start", scope, why_not_start);
    let judged = model.config.as_ref().map(|config| budget::judge_start(model, config, &rows));
    if let Some(Err(BudgetRefusal::Price(why) | BudgetRefusal::Beyond(why))) = judged {
        model.flash(Level::Warning, "start", why);
        return Vec::new();
    }
    if rows.is_empty() { Vec::new() } else { vec![model.start(Job::Start(rows))] }
}

/// A job that was asked for prices has ended: what waited for them goes on by what is known.
pub(super) fn go_on(model: &mut Model, job: JobId) -> Vec<Effect> {
    let is_meant = |it: &mut Waiting| it.job == job && !it.launches();
    let waited: Vec<Waiting> = model.waiting.extract_if(.., is_meant).collect();
    let on = waited.into_iter().flat_map(|it| match it.wish {
        Action::Start => start_judged(model, &it.scope),
        _ => recreate_judged(model, &it.scope),
    });
    on.collect()
}

/// Reboots those that run.
pub(super) fn reboot(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let rows = fit(model, "reboot", scope, why_not_reboot);
    if rows.is_empty() { Vec::new() } else { vec![model.start(Job::Reboot(rows))] }
}

/// Sees that the machine of this name runs: launches it where there is none, and starts it where it
/// is stopped.
pub(super) fn up(model: &mut Model, name: &str) -> Vec<Effect> {
    let is_it = |row: &&Instance| {
        row.machine_name() == Some(name)
            && row.deployment == model.deployment
            && row.phase != Phase::Terminating
    };
    let rows: Vec<&Instance> = model.fleet.alive().filter(is_it).collect();
    if let [one, other, ..] = rows[..] {
        let text = format!(
            "{name} is there twice: {} and {}; destroy the one that is not meant",
            one.label(),
            other.label()
        );
        model.flash(Level::Warning, "up", text);
        return Vec::new();
    }
    match rows.first().map(|row| (row.key.clone(), row.phase.clone())) {
        None if is_being_launched(model, name) => {
            model.flash(Level::Info, "up", format!("{name} is being launched"));
            Vec::new()
        }
        None => create::machine(model, name),
        Some((key, Phase::Stopped | Phase::Stopping)) => start(model, &Scope::Instances(vec![key])),
        // A run that set it up was killed, or failed: this one goes on with it.
        Some((key, phase)) if is_left_alone(model, &key, &phase) => {
            let is_open = model.unfinished().any(|it| it.machine.as_deref() == Some(name));
            if is_open && !matches!(phase, Phase::Failed(_)) {
                return create::machine(model, name);
            }
            let rows: Vec<Instance> = model.fleet.get(&key).cloned().into_iter().collect();
            vec![model.start(Job::Resume(rows))]
        }
        Some((_, phase)) => {
            model.flash(Level::Info, "up", format!("{name} is there: {phase}"));
            Vec::new()
        }
    }
}

/// Ends the instances of machines; when that is done, others are launched on what they keep. The old
/// one goes first: no volume is on two instances, and none is bought that the budget has no room for.
/// What would refuse the launch refuses it before anything is ended: the budget here, whose prices are
/// asked for where they are not known, and AWS by a job.
pub(super) fn recreate(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let (rows, _) = judge(model, scope, why_not_recreate);
    let config = create::may_create(model).ok();
    let judged = config.map(|config| anew::judge_anew(model, &config, &rows));
    if matches!(judged, Some(Err(BudgetRefusal::Price(_)))) {
        return create::ask_prices(model, Action::Recreate, scope.clone());
    }
    recreate_judged(model, scope)
}

/// The same by what is known of prices.
pub(super) fn recreate_judged(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let rows = match recreatable(model, scope) {
        Ok(rows) => rows,
        Err(why) => {
            model.flash(Level::Warning, RECREATE, why);
            return Vec::new();
        }
    };
    if rows.is_empty() {
        return Vec::new();
    }
    let keys = rows.iter().map(|row| row.key.clone()).collect();
    let check = model.start(Job::CheckMachines(rows));
    if let Effect::Start(job, _) = &check {
        model.rechecks.push((*job, keys));
    }
    vec![check]
}

/// The verb under which it is said what a recreate comes to.
const RECREATE: &str = "recreate";

/// The rows of a scope that may be launched anew, as far as that is known here; or why none may.
fn recreatable(model: &mut Model, scope: &Scope) -> Result<Vec<Instance>, String> {
    let config = create::may_create(model)?;
    let mut rows = fit(model, RECREATE, scope, why_not_recreate);
    let is_known = |row: &Instance| row.machine_name().and_then(|it| config.machine(it)).is_some();
    for row in rows.iter().filter(|row| !is_known(row)) {
        let name = clean(row.machine_name().unwrap_or_default(), 64);
        let text = format!("the machine {name} is not in the configuration");
        model.flash(Level::Warning, RECREATE, text);
    }
    rows.retain(is_known);
    match anew::judge_anew(model, &config, &rows) {
        Err(BudgetRefusal::Price(why) | BudgetRefusal::Beyond(why)) => Err(why),
        Ok(()) => Ok(rows),
    }
}

/// Ends these: they can be launched anew. What became different since that was asked is asked again.
fn end_checked(model: &mut Model, keys: Vec<InstanceKey>) -> Vec<Effect> {
    let rows = match recreatable(model, &Scope::Instances(keys)) {
        Ok(rows) => rows,
        Err(why) => {
            model.flash(Level::Warning, RECREATE, why);
            return Vec::new();
        }
    };
    let names = rows.iter().filter_map(Instance::machine_name).map(str::to_owned).collect();
    let keys: Vec<InstanceKey> = rows.into_iter().map(|row| row.key).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let effects = destroy::destroy(model, Scope::Instances(keys));
    let ends = effects.iter().find_map(|effect| match effect {
        Effect::Start(job, Job::Destroy(DestroyScope::Instances(_))) => Some(*job),
        _ => None,
    });
    model.recreates.extend(ends.map(|job| (job, names)));
    effects
}

/// A job has ended. The machines that it checked are ended, and those whose instances it ended are
/// launched again.
pub(super) fn ended(model: &mut Model, job: JobId, is_done: bool) -> Vec<Effect> {
    let checked: Vec<_> = model.rechecks.extract_if(.., |(by, _)| *by == job).collect();
    let waited: Vec<_> = model.recreates.extract_if(.., |(by, _)| *by == job).collect();
    let mut effects = Vec::new();
    for (_, keys) in checked {
        if is_done {
            effects.extend(end_checked(model, keys));
        } else {
            model.flash(Level::Warning, RECREATE, "nothing was ended");
        }
    }
    for name in waited.into_iter().flat_map(|(_, names)| names) {
        if is_done {
            effects.extend(create::machine(model, &name));
        } else {
            let text = format!("{name}: its instance has not ended; `up` goes on once it has");
            model.flash(Level::Warning, RECREATE, text);
        }
    }
    effects
}

/// Deletes what machines keep: exactly what was named. None of it goes while an instance may need it.
pub(super) fn discard(model: &mut Model, named: &[(Region, String)]) -> Vec<Effect> {
    let kept: Vec<_> =
        kept_of(model, named).map(|(region, it)| (region.clone(), it.clone())).collect();
    let lives = |row: &&Instance| {
        let is_its = |(region, it): &(Region, Kept)| {
            *region == row.region && row.machine_name() == Some(it.machine.as_str())
        };
        row.phase != Phase::Terminating && kept.iter().any(is_its)
    };
    let alive = model.fleet.alive().find(lives).map(Instance::label);
    if let Some(label) = alive {
        let text = format!("{label} is there: destroy it first");
        model.flash(Level::Warning, "discard", text);
        return Vec::new();
    }
    if kept.is_empty() {
        model.flash(Level::Info, "discard", "nothing is kept");
        return Vec::new();
    }
    vec![model.start(Job::Discard(kept))]
}

/// What is kept of what was named, by region and id.
pub(super) fn kept_of<'a>(
    model: &'a Model,
    named: &'a [(Region, String)],
) -> impl Iterator<Item = (&'a Region, &'a Kept)> {
    let is_named = |(region, it): &(&Region, &Kept)| {
        named.iter().any(|(at, id)| at == *region && *id == it.id)
    };
    model.fleet.kept().filter(is_named)
}

/// What the machines of a scope's rows keep, by region and id.
pub(super) fn kept_in(model: &Model, scope: &Scope) -> Vec<(Region, String)> {
    let names = named(model, &[], scope);
    let kept = model.fleet.kept().filter(|(_, it)| names.contains(&it.machine));
    kept.map(|(region, it)| (region.clone(), it.id.clone())).collect()
}

/// The machines of these names, else those of the rows of a scope.
pub(super) fn named(model: &Model, names: &[String], scope: &Scope) -> BTreeSet<String> {
    if !names.is_empty() {
        return names.iter().cloned().collect();
    }
    let rows = destroy::in_scope(model, scope);
    rows.filter_map(Instance::machine_name).map(str::to_owned).collect()
}

/// Whether a job launches it, or is asked for the prices by which that is judged: it has no row of
/// its name before EC2 has answered, and is launched once all the same.
fn is_being_launched(model: &Model, name: &str) -> bool {
    let waits = |it: &Waiting| it.wish == Action::Up(name.to_owned());
    model.active().any(|(_, job)| job.machines.contains(name)) || model.waiting.iter().any(waits)
}

/// Whether its set-up was begun, or has failed, and no job is at work on it.
fn is_left_alone(model: &Model, key: &InstanceKey, phase: &Phase) -> bool {
    let is_begun = phase.is_deploying() || matches!(phase, Phase::Running | Phase::Failed(_));
    is_begun && !model.active().any(|(_, job)| job.keys.contains(key))
}

/// AWS, or somebody else, has started what was stopped: a dashboard sees its node through as after
/// a start of ours.
pub(super) fn woken(model: &mut Model, keys: &[InstanceKey]) -> Vec<Effect> {
    let is_started = |key: &InstanceKey| {
        // One that a launch stopped to give it its disk, too.
        let sees_through = [JobKind::Start, JobKind::Create, JobKind::Resume];
        let mut jobs = model.active().filter(|(_, job)| sees_through.contains(&job.kind));
        jobs.any(|(_, job)| job.keys.contains(key))
    };
    let rows = keys.iter().filter(|key| !is_started(key)).filter_map(|key| model.fleet.get(key));
    let rows: Vec<Instance> = rows.cloned().collect();
    if rows.is_empty() || !model.attends() || model.read_only.is_some() || model.leaving.is_some() {
        return Vec::new();
    }
    vec![model.start(Job::Start(rows))]
}

/// Why an instance cannot be acted on, if that is so.
type WhyNot = fn(&Instance) -> Option<&'static str>;

/// The rows of a scope for which there is no reason why not; of the others it is said.
fn fit(model: &mut Model, verb: &str, scope: &Scope, why_not: WhyNot) -> Vec<Instance> {
    let (fit, reasons) = judge(model, scope, why_not);
    for why in reasons {
        model.flash(Level::Warning, verb, why);
    }
    fit
}

/// Why none of a scope can be acted on so; no reasons where some can.
pub(super) fn unfit(model: &Model, action: &Action, scope: &Scope) -> Vec<String> {
    let why_not: WhyNot = match action {
        Action::Stop => why_not_stop,
        Action::Start => why_not_start,
        Action::Reboot => why_not_reboot,
        Action::Recreate => why_not_recreate,
        _ => return Vec::new(),
    };
    let (fit, reasons) = judge(model, scope, why_not);
    if fit.is_empty() { reasons } else { Vec::new() }
}

/// Who shares a reason is named up to here.
const NAMED: usize = 3;

/// The rows of a scope for which there is no reason why not, and the reasons of the others, each once.
fn judge(model: &Model, scope: &Scope, why_not: WhyNot) -> (Vec<Instance>, Vec<String>) {
    let mut fit = Vec::new();
    let mut unfit: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in destroy::in_scope(model, scope).filter(|row| row.is_alive()) {
        match why_not(row) {
            Some(why) => unfit.entry(why).or_default().push(row.label()),
            None => fit.push(row.clone()),
        }
    }
    let reason = |(why, labels): (&str, Vec<String>)| match labels.len() {
        1..=NAMED => format!("{}: {why}", labels.join(", ")),
        count => format!("{count} instances: {why}"),
    };
    let mut reasons: Vec<String> = unfit.into_iter().map(reason).collect();
    if fit.is_empty() && reasons.is_empty() {
        reasons.push("no instance is chosen".to_owned());
    }
    (fit, reasons)
}

/// Why an instance cannot be stopped.
fn why_not_stop(row: &Instance) -> Option<&'static str> {
    let lifecycle = row.machine.as_ref().map(|machine| machine.birth.lifecycle);
    match (&row.phase, lifecycle) {
        (_, Some(Lifecycle::Spot) | None) => Some(
            "EC2 stops no one-time spot instance; `lifecycle: persistent-spot` of its region makes \
             ones that can be stopped",
        ),
        (Phase::Stopped | Phase::Stopping, _) => Some("it is stopped already"),
        (Phase::Interrupted { .. }, _) => Some("AWS is taking it back"),
        (Phase::Terminating | Phase::Terminated, _) => Some("it is terminating"),
        (phase, _) if phase.is_deploying() => Some("it is being set up: stop it once it is ready"),
        _ => None,
    }
}

/// Why an instance cannot be recreated.
fn why_not_recreate(row: &Instance) -> Option<&'static str> {
    match &row.phase {
        _ if row.machine_name().is_none() => {
            Some("it is no machine of the configuration; `retry` takes a fresh one for it")
        }
        Phase::Terminating | Phase::Terminated => Some("it is on its way out"),
        phase if phase.is_deploying() => Some("it is being set up"),
        _ => None,
    }
}

/// Why an instance cannot be started.
fn why_not_start(row: &Instance) -> Option<&'static str> {
    match row.phase {
        // One that still stops is waited for.
        Phase::Stopped | Phase::Stopping => None,
        Phase::Terminating | Phase::Terminated => Some("it is terminating"),
        _ => Some("it is not stopped"),
    }
}

/// Why an instance cannot be rebooted.
fn why_not_reboot(row: &Instance) -> Option<&'static str> {
    match &row.phase {
        Phase::Running | Phase::Ready | Phase::Degraded { .. } | Phase::Failed(_) => None,
        phase if phase.is_deploying() => Some("it is being set up"),
        _ => Some("it does not run"),
    }
}
