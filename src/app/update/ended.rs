//! What follows when a job is over.

use super::{count, create, destroy, leave, login, machine, rebalance, receipt, refresh, retry};
use crate::app::{Effect, Model};
use crate::fleet::{Job, JobId, JobKind, Level, Outcome, Report};

/// The last report of a job. One that was not under way changes nothing.
pub(super) fn ended(model: &mut Model, report: &Report, outcome: &Outcome) -> Vec<Effect> {
    let Some(job) = model.jobs.get(&report.job).filter(|job| job.is_active()) else {
        return Vec::new();
    };
    let kind = job.kind;
    let is_cancelled = *outcome == Outcome::Cancelled;
    let launches = if is_cancelled { job.launches.clone() } else { Vec::new() };
    if let (JobKind::Identify | JobKind::Watch, Outcome::Failed(failure)) = (kind, outcome) {
        model.trouble = Some(failure.clone());
    }
    if let Some(answers) = &mut model.answers {
        answers.stop(report.job);
    }
    if is_cancelled && kind == JobKind::Create {
        lower(model, report.job);
    }
    destroy::looked(model, report.job, outcome);
    model.end(report.job, report.at, outcome.clone());
    let mut effects = destroy::roll_back(model, launches);
    if is_cancelled {
        model.waiting.retain(|it| it.job != report.job);
    } else {
        effects.extend(create::go_on(model, report.job, kind));
        effects.extend(machine::go_on(model, report.job));
    }
    let is_done = *outcome == Outcome::Done;
    effects.extend(retry::ended(model, (report.job, kind), is_done, &effects));
    effects.extend(machine::ended(model, report.job, is_done));
    effects.extend(destroy::go_on(model));
    if kind == JobKind::Identify && model.attends() && model.account.is_some() {
        effects.extend(watch(model));
        effects.extend(create::resume(model));
        effects.extend(destroy::resume(model));
    }
    if kind == JobKind::SignIn {
        login::withdraw(model);
        login::failed(model, outcome);
    }
    if kind == JobKind::SignIn && is_done {
        effects.extend(refresh::refresh(model));
    }
    if kind == JobKind::Destroy && is_done {
        tell_receipt(model);
    }
    effects.extend(leave::leave_if_done(model));
    effects
}

/// A create was cancelled: what it was to launch is not wanted any more. What it launched in the place
/// of others never raised that.
fn lower(model: &mut Model, job: JobId) {
    let record = model.jobs.get(&job).filter(|record| record.machines.is_empty());
    let keys: Vec<_> = record.iter().flat_map(|record| record.keys.iter().cloned()).collect();
    let is_retry = model.retries.iter().any(|(by, _)| *by == job);
    if !is_retry && !rebalance::cancelled(model, &keys) {
        count::lower(model, &keys);
    }
}

/// What it all came to, where this was the end of the last instance.
fn tell_receipt(model: &mut Model) {
    if let Some(receipt) = receipt(model) {
        model.log.write(model.now, Level::Info, "costs", &receipt);
        model.toast(Level::Info, receipt);
    }
}

fn watch(model: &mut Model) -> Option<Effect> {
    (!model.does(JobKind::Watch)).then(|| model.start(Job::Watch))
}
