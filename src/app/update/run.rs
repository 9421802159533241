//! A command of the user's on several instances, and a close look at them.

use super::destroy;
use crate::app::dialog::Palette;
use crate::app::{Answers, Dialog, Effect, Model, Pane, Panel, Scope};
use crate::fleet::{Instance, Job, Level, Logs};

/// Asks for the command.
pub(super) fn ask(model: &mut Model) {
    let chosen = Scope::Instances(model.table.chosen());
    if to_run_on(model, &chosen).is_some() {
        model.dialog = Some(Dialog::Palette(Palette::of("run ")));
    }
}

/// Runs it, and shows on the whole screen what comes of it. One that still runs is stopped.
pub(super) fn run(model: &mut Model, command: String, scope: &Scope) -> Vec<Effect> {
    let Some(instances) = to_run_on(model, scope) else { return Vec::new() };
    let text = format!(
        "on {}: {command}; what it changes goes with the instance",
        match instances.as_slice() {
            [one] => one.label(),
            several => format!("{} instances", several.len()),
        }
    );
    model.log.say(model.now, Level::Info, "run", &text);
    start(model, command.clone(), Job::Exec(command, instances.clone()), &instances)
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

/// The chosen instances, if anything may be run and any of them is there; if not, that is said.
fn to_run_on(model: &mut Model, scope: &Scope) -> Option<Vec<Instance>> {
    if let Some(why) = &model.read_only {
        let text = format!("read-only, nothing is run: {why}");
        model.flash(Level::Warning, "run", text);
        return None;
    }
    there(model, "run", scope)
}

/// The chosen instances that are there; if there are none, that is said.
fn there(model: &mut Model, verb: &str, scope: &Scope) -> Option<Vec<Instance>> {
    let rows = destroy::in_scope(model, scope);
    let there: Vec<Instance> =
        rows.filter(|row| row.is_alive() && row.address().is_some()).cloned().collect();
    if there.is_empty() {
        model.flash(Level::Warning, verb, "no chosen instance has an address yet");
        return None;
    }
    Some(there)
}
