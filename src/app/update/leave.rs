//! Leaving: at once, after a question, or when the work is done.

use super::handover;
use crate::app::dialog::{Leave, QuitForm};
use crate::app::{Dialog, Effect, Exit, LeaveCommand, Left, Model};
use crate::fleet::{JobId, Level};

/// Ways to go, and to stand aside.
pub(super) fn perform(model: &mut Model, command: LeaveCommand) -> Vec<Effect> {
    match command {
        LeaveCommand::Quit => go(model, Left::Exit(Exit::Done)),
        LeaveCommand::Interrupt => interrupt(model),
        LeaveCommand::Suspend => vec![Effect::Suspend],
        LeaveCommand::Turn(turn) => vec![Effect::Turn(turn)],
        LeaveCommand::TakeOver => handover::ask(model),
    }
}

/// Asks first while jobs change something: what they made costs money.
pub(super) fn go(model: &mut Model, to: Left) -> Vec<Effect> {
    let jobs: Vec<String> =
        model.changing().map(|(id, job)| format!("{id} {}", job.title())).collect();
    if jobs.is_empty() || !model.dashboard {
        return at_once(model, to);
    }
    put_back(model);
    model.filtering = false;
    model.dialog = Some(Dialog::Quit(QuitForm { jobs, at: 0, to }));
    Vec::new()
}

/// Ctrl-C: quits, and the second time without a question.
pub(super) fn interrupt(model: &mut Model) -> Vec<Effect> {
    if model.leaving.is_some() || matches!(model.dialog, Some(Dialog::Quit(_))) {
        return at_once(model, Left::Exit(Exit::Interrupted));
    }
    go(model, Left::Exit(Exit::Done))
}

/// Leaves as the user chose.
pub(super) fn choose(model: &mut Model, choice: Leave, to: Left) -> Vec<Effect> {
    match choice {
        Leave::Stay => {
            model.leaving = None;
            Vec::new()
        }
        Leave::Resume => at_once(model, to),
        Leave::Wait => {
            when_done(model, to);
            leave_if_done(model)
        }
        Leave::Cancel => {
            model.postponed = None;
            when_done(model, to);
            let jobs: Vec<JobId> = model.changing().map(|(id, _)| id).collect();
            jobs.into_iter().map(Effect::Cancel).chain(leave_if_done(model)).collect()
        }
    }
}

fn when_done(model: &mut Model, to: Left) {
    model.leaving = Some(to);
    model.flash(Level::Info, "quit", "leaving when the work is done; Ctrl-C leaves at once");
}

/// Writes the state and leaves.
pub(super) fn at_once(model: &Model, to: Left) -> Vec<Effect> {
    model.persist().into_iter().chain([to.into()]).collect()
}

/// Leaves if that was put off and nothing changes anything any more.
pub(super) fn leave_if_done(model: &Model) -> Vec<Effect> {
    match &model.leaving {
        Some(to) if model.changing().next().is_none() && model.postponed.is_none() => {
            at_once(model, to.clone())
        }
        _ => Vec::new(),
    }
}

/// A question that another dialog takes the place of is asked again later.
fn put_back(model: &mut Model) {
    if let Some(Dialog::Secret(form)) = model.dialog.take() {
        model.questions.push_front(form.question);
    }
}
