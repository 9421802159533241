//! What people read of a change: in the log, in a corner of the screen, by the bell.

use super::destroy;
use crate::app::{Model, clean};
use crate::fleet::{
    Attempt, Change, Health, IllegalStep, Instance, InstanceKey, JobId, Level, NetworkState,
    Outcome, Phase, Region, Report, Subject,
};

/// The longest line of an instance's that the log keeps, in bytes.
const MAX_LINE: usize = 1024;

/// Says a change.
pub(super) fn log_change(model: &mut Model, report: &Report, change: &Change) {
    match change {
        Change::Entered { key, from, to } => phase(model, key, from, to),
        Change::Adopted(key) => {
            let word = model.fleet.get(key).map(|row| row.phase.word()).unwrap_or_default();
            say_of(model, key, Level::Info, &format!("found by its tags: {word}"));
        }
        Change::Refused(IllegalStep { key, from, to }) => {
            let text = format!("out of turn, ignored: {from} cannot become {to}");
            say_of(model, key, Level::Warning, &text);
        }
        Change::Rebalance(key) => {
            let text = "AWS recommends to replace it: its risk of interruption is elevated";
            say_of(model, key, Level::Warning, text);
            model.show(Level::Warning, format!("{}: {text}", label(model, key)));
            model.alarm = true;
        }
        Change::HostKey(key) => {
            let known = model.fleet.get(key).and_then(|row| row.host_key.as_ref());
            let text =
                known.map(|known| format!("host key {}, {}", known.fingerprint, known.trust));
            say_of(model, key, Level::Info, &text.unwrap_or_default());
        }
        Change::Tried(key, attempt) => refusal(model, key, attempt),
        Change::Output(key, line) => {
            model.log.print(key, report.at, Level::Info, &clean(line, MAX_LINE));
        }
        Change::Lost(region, why) => {
            let text = format!("no answer, what is shown is old: {why}");
            model.log.write(model.now, Level::Warning, region.as_str(), &text);
        }
        Change::Network(region, state) => network(model, region, state),
        Change::Said(subject, level, text) => sentence(model, report.job, subject, *level, text),
        Change::Ended(outcome) => ended(model, report.job, outcome),
        // The phase that comes with them says it, or nobody has to be told.
        Change::Launched(_)
        | Change::Joined { .. }
        | Change::Told(_)
        | Change::Interrupted(_)
        | Change::Moved(_)
        | Change::Spilled(..)
        | Change::CommandResult(..)
        | Change::Diagnosed(..)
        | Change::Priced(_)
        | Change::Account(_)
        | Change::Deployment(_) => {}
    }
}

fn label(model: &Model, key: &InstanceKey) -> String {
    model.fleet.get(key).map_or_else(|| key.to_string(), Instance::label)
}

fn say_of(model: &mut Model, key: &InstanceKey, level: Level, text: &str) {
    let label = label(model, key);
    model.log.say_of(key, model.now, level, &label, text);
}

fn phase(model: &mut Model, key: &InstanceKey, from: &Phase, to: &Phase) {
    if from.word() == to.word() {
        return;
    }
    model.alarm |= matches!(to.health(), Health::Bad | Health::Interrupted);
    let level = match to.health() {
        Health::Bad if matches!(to, Phase::Failed(_)) => Level::Error,
        Health::Bad | Health::Interrupted => Level::Warning,
        Health::Good => Level::Success,
        _ if to.is_over() => Level::Success,
        _ => Level::Info,
    };
    let text = match to {
        Phase::Uploading(_) => "Uploading".to_owned(),
        Phase::Interrupted { at: Some(at) } => {
            format!("interruption notice: terminates at {} UTC", at.strftime("%H:%M:%S"))
        }
        Phase::Interrupted { at: None } => "interrupted: AWS reclaims it".to_owned(),
        // The level says that it failed.
        Phase::Failed(failure) => failure.to_string(),
        other => other.to_string(),
    };
    say_of(model, key, level, &text);
}

fn refusal(model: &mut Model, key: &InstanceKey, attempt: &Attempt) {
    let Some(code) = &attempt.code else { return };
    let message = attempt.message.as_deref().unwrap_or_default();
    let (machine_type, zone) = (&attempt.machine_type, &attempt.zone);
    let text = format!("{machine_type} in {zone} refused: {code}: {message}");
    say_of(model, key, Level::Warning, &text);
}

fn network(model: &mut Model, region: &Region, state: &NetworkState) {
    let (level, text) = match state {
        NetworkState::Building => (Level::Info, "network: being built".to_owned()),
        NetworkState::Ready => (Level::Info, "network: in place".to_owned()),
        NetworkState::Removing => (Level::Info, "network: being removed".to_owned()),
        NetworkState::Gone => (Level::Success, "network: gone, nothing is left".to_owned()),
        NetworkState::Residue(left) => {
            (Level::Error, format!("network: left over: {}", left.join(", ")))
        }
    };
    model.log.write(model.now, level, region.as_str(), &text);
}

fn sentence(model: &mut Model, job: JobId, subject: &Subject, level: Level, text: &str) {
    match subject {
        Subject::Instance(key) => say_of(model, key, level, text),
        Subject::Region(region) => {
            destroy::found(model, job, region, text);
            model.log.write(model.now, level, region.as_str(), text);
        }
        Subject::Job => {
            let name = model.job_name(job);
            model.log.write(model.now, level, &name, text);
        }
    }
}

fn ended(model: &mut Model, job: JobId, outcome: &Outcome) {
    let Some(record) = model.jobs.get(&job).filter(|job| job.is_active()) else { return };
    let (verb, title) = (record.verb, record.short_title());
    let (level, text) = match outcome {
        Outcome::Done if record.is_mutating => (Level::Success, "done".to_owned()),
        Outcome::Done => return,
        Outcome::Partly { failed } => (Level::Warning, format!("done, but {failed} failed")),
        Outcome::Failed(failure) => (Level::Error, failure.to_string()),
        // Whoever stopped it needs no toast.
        Outcome::Cancelled => {
            model.log.write(model.now, Level::Warning, verb, "stopped");
            return;
        }
    };
    model.log.write(model.now, level, verb, &text);
    model.toast(level, format!("{title}: {text}"));
}
