//! Actions: asked for, and carried out once they are confirmed.

use super::{create, destroy, run};
use crate::app::{Action, Aim, Effect, Model, Scope};
use crate::fleet::{Job, Level};

/// Asks whether to do something to what it is aimed at. What changes nothing is done at once.
pub(super) fn ask(model: &mut Model, action: Action, aim: Aim) -> Vec<Effect> {
    match action {
        Action::Create(_) | Action::Add(_) => create::ask(model),
        Action::Destroy => {
            if let Some(scope) = aimed_at(model, aim) {
                destroy::ask(model, action, scope);
            }
        }
        Action::Exec(command) if command.is_empty() => run::ask(model),
        Action::Nuke => return destroy::ask_for_account(model),
        Action::CleanUp => return destroy::ask_for_left_overs(model),
        Action::Exec(_) | Action::Diagnose | Action::Logs(_) | Action::Recover => {
            if let Some(scope) = aimed_at(model, aim) {
                return act(model, action, scope);
            }
        }
    }
    Vec::new()
}

/// What an aim means now.
fn aimed_at(model: &Model, aim: Aim) -> Option<Scope> {
    match aim {
        Aim::Chosen => Some(Scope::Instances(model.table.chosen())),
        Aim::Region => {
            let row = model.table.cursor().and_then(|key| model.fleet.get(key))?;
            Some(Scope::Region(row.region.clone()))
        }
        Aim::Deployment => Some(Scope::All),
        Aim::Account => Some(Scope::Account(model.account.as_ref()?.id.clone(), Vec::new())),
    }
}

/// Does it, already confirmed.
pub(super) fn act(model: &mut Model, action: Action, scope: Scope) -> Vec<Effect> {
    match action {
        Action::Create(counts) => create::create(model, counts),
        Action::Add(counts) => create::add(model, counts),
        Action::Destroy | Action::Nuke | Action::CleanUp => destroy::destroy(model, scope),
        Action::Exec(command) => run::run(model, command, &scope),
        Action::Diagnose => run::diagnose(model, &scope),
        Action::Logs(logs) => run::logs(model, logs, &scope),
        Action::Recover => recover(model),
    }
}

/// Writes the state anew: what the next look finds is merged into it.
fn recover(model: &mut Model) -> Vec<Effect> {
    if let Some(why) = &model.read_only {
        let text = format!("read-only, the state is not written: {why}");
        model.flash(Level::Warning, "recover", text);
        return Vec::new();
    }
    model.flash(Level::Info, "recover", "asking the tags in every region");
    let survey = model.start(Job::Survey);
    model.persist().into_iter().chain([survey]).collect()
}
