//! A command of the user's on several instances, and a close look at them.

use super::destroy;
use crate::app::{Action, Answers, Effect, Model, Pane, Panel, Scope};
use crate::fleet::{Hold, IDLE_STOP, Instance, InstanceKey, Job, Level, Logs, Pull};

/// Runs it, and shows on the whole screen what comes of it. One that still runs is stopped.
pub(super) fn run(model: &mut Model, command: String, scope: &Scope) -> Vec<Effect> {
    let Some(instances) = there(model, "exec", scope) else { return Vec::new() };
    let text = format!(
        "on {}: {command}; what it changes is lost with the instance",
        match instances.as_slice() {
            [one] => one.label(),
            several => format!("{} instances", several.len()),
        }
    );
    model.log.write(model.now, Level::Info, "exec", &text);
    start(model, command.clone(), Job::Exec(command, instances.clone()), &instances)
}

/// Keeps machines from stopping by themselves, or lets them go again. Of those that would not stop it
/// is said.
pub(super) fn awake(model: &mut Model, hold: Hold, scope: &Scope) -> Vec<Effect> {
    let Some(mut instances) = there(model, "awake", scope) else { return Vec::new() };
    let config = model.config.clone();
    let stops = |row: &Instance| {
        let machine =
            config.as_ref().zip(row.machine_name()).and_then(|(it, name)| it.machine(name));
        machine.is_some_and(|machine| machine.idle.is_some())
    };
    for row in instances.extract_if(.., |row| !stops(row)) {
        let text =
            format!("{}: it has no `idle` in the configuration: nothing stops it", row.label());
        model.flash(Level::Info, "awake", text);
    }
    if instances.is_empty() {
        return Vec::new();
    }
    let command = format!("sudo {IDLE_STOP} awake {}", hold.0.as_secs());
    start(model, "awake".into(), Job::Exec(command, instances.clone()), &instances)
}

/// Brings files from the chosen nodes, and shows what of them came.
pub(super) fn pull(model: &mut Model, pull: Pull, scope: &Scope) -> Vec<Effect> {
    let Some(instances) = there(model, "pull", scope) else { return Vec::new() };
    let title = format!("pull {}", pull.paths.join(" "));
    start(model, title, Job::Pull(pull, instances.clone()), &instances)
}

/// Looks closely at the chosen nodes, and shows what is found.
pub(super) fn diagnose(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    let Some(instances) = there(model, "diagnose", scope) else { return Vec::new() };
    start(model, "diagnose".into(), Job::Diagnose(instances.clone()), &instances)
}

/// Reads logs of the chosen nodes, and shows them.
pub(super) fn logs(model: &mut Model, logs: Logs, scope: &Scope) -> Vec<Effect> {
    let Some(instances) = there(model, "logs", scope) else { return Vec::new() };
    start(model, "logs".into(), Job::Logs(logs, instances.clone()), &instances)
}

/// Stops what the nodes do in good order.
pub(super) fn drain(model: &mut Model, scope: &Scope) -> Vec<Effect> {
    there(model, "drain", scope).map(|rows| model.start(Job::Drain(rows))).into_iter().collect()
}

/// Starts a job whose answers have the screen.
fn start(model: &mut Model, title: String, job: Job, instances: &[Instance]) -> Vec<Effect> {
    let mut effects: Vec<Effect> = model
        .active()
        .filter(|(id, _)| model.answers.as_ref().is_some_and(|answers| answers.job == *id))
        .map(|(id, _)| Effect::Cancel(id))
        .collect();
    let start = model.start(job);
    if let Effect::Start(id, _) = &start {
        model.answers = Some(Answers::new(*id, title, instances));
    }
    model.panels.side = Some(Pane::Answers);
    model.panels.whole = Some(Panel::Side);
    model.focus = Panel::Side;
    model.fit();
    effects.push(start);
    effects
}

/// What of a scope an action can reach: over SSH only what has an address. Else why nothing.
pub(super) fn reachable(
    model: &Model,
    action: &Action,
    scope: Scope,
) -> Result<Scope, &'static str> {
    if !action.entry().over_ssh {
        return Ok(scope);
    }
    let keys: Vec<InstanceKey> = with_address(model, &scope).map(|row| row.key.clone()).collect();
    if keys.is_empty() { Err(NO_ADDRESS) } else { Ok(Scope::Instances(keys)) }
}

const NO_ADDRESS: &str = "no chosen instance has an address yet";

fn with_address<'a>(model: &'a Model, scope: &'a Scope) -> impl Iterator<Item = &'a Instance> {
    destroy::in_scope(model, scope).filter(|row| row.is_alive() && row.address().is_some())
}

/// The chosen instances that are there; if there are none, that is said.
fn there(model: &mut Model, verb: &str, scope: &Scope) -> Option<Vec<Instance>> {
    let there: Vec<Instance> = with_address(model, scope).cloned().collect();
    if there.is_empty() {
        model.flash(Level::Warning, verb, NO_ADDRESS);
        return None;
    }
    Some(there)
}
