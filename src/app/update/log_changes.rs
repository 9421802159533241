//! What people read of a change: in the log, in a corner of the screen, by the bell.

use super::destroy;
use crate::app::{EventKind, Model, Origin, clean};
use crate::fleet::{
    Attempt, Change, Health, IllegalStep, Instance, InstanceKey, JobId, JobKind, Level,
    NetworkState, Outcome, Phase, Region, Report, Subject,
};

/// The longest line of an instance's that the log keeps, in bytes.
const MAX_LINE: usize = 1024;

/// The most instances that a look finds and that are said one by one.
const FEW: usize = 3;

/// Says what a look found by tags: many in one sentence, which leaves room for what matters.
pub(super) fn log_found(model: &mut Model, changes: &[Change]) {
    let found: Vec<&InstanceKey> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Adopted(key) => Some(key),
            _ => None,
        })
        .collect();
    let region = found.first().and_then(|key| model.fleet.get(key)).map(|row| row.region.clone());
    let Some(region) = region else { return };
    let (level, kind) = (Level::Info, EventKind::Found);
    if found.len() > FEW {
        let text = format!("{} instances were found by their tags", found.len());
        model.log.tell(model.now, level, kind, region.as_str(), &text);
        return;
    }
    for key in found {
        let label = label(model, key);
        let word = model.fleet.get(key).map(|row| row.phase.word()).unwrap_or_default();
        let text = format!("{label} was found by its tags: {word}");
        model.log.tell(model.now, level, kind, region.as_str(), &text);
    }
}

/// Says a change.
pub(super) fn log_change(model: &mut Model, report: &Report, change: &Change) {
    match change {
        Change::Entered { key, from, to } => phase(model, key, from, to),
        Change::Adopted(key) => {
            let word = model.fleet.get(key).map(|row| row.phase.word()).unwrap_or_default();
            let text = format!("found by its tags: {word}");
            model.log.print(key, model.now, Level::Info, &text);
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
        Change::StopsSoon(key, at) => {
            let at = at.strftime("%H:%M");
            let text = format!("nothing goes on: it stops at {at} UTC; `awake` keeps it");
            say_of(model, key, Level::Warning, &text);
            model.show(Level::Warning, format!("{}: {text}", label(model, key)));
            model.alarm = true;
        }
        Change::HostKey(key) => {
            let known = model.fleet.get(key).and_then(|row| row.host_key.as_ref());
            let text = known.map(|known| format!("host key {} {}", known.fingerprint, known.trust));
            let text = text.unwrap_or_default();
            tell_of(model, key, (Level::Info, EventKind::HostKey), None, &text);
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
        | Change::LoginEnded(_)
        | Change::Queue(_)
        | Change::Advice(_)
        | Change::Retired(..)
        | Change::Lock(_)
        | Change::Deployment(_)
        | Change::Deployments(_) => {}
    }
}

fn label(model: &Model, key: &InstanceKey) -> String {
    model.fleet.get(key).map_or_else(|| key.to_string(), Instance::label)
}

fn say_of(model: &mut Model, key: &InstanceKey, level: Level, text: &str) {
    tell_of(model, key, (level, EventKind::Said), None, text);
}

/// Says something of a row: of what kind, and the phase that it entered.
fn tell_of(
    model: &mut Model,
    key: &InstanceKey,
    (level, kind): (Level, EventKind),
    phase: Option<&Phase>,
    text: &str,
) {
    let label = label(model, key);
    let row = model.fleet.get(key);
    let origin =
        row.map_or_else(|| Origin { row: Some(key.clone()), ..Origin::default() }, Origin::of_row);
    let origin = Origin { phase: phase.cloned(), ..origin };
    model.log.say_of(origin, (model.now, level, kind), &label, text);
}

fn phase(model: &mut Model, key: &InstanceKey, from: &Phase, to: &Phase) {
    if from.word() == to.word() {
        return;
    }
    model.alarm |= matches!(to.health(), Health::Bad | Health::Interrupted);
    let row = model.fleet.get(key);
    let is_reclaimed = row.is_some_and(Instance::is_interrupted);
    let ended_itself = row.is_some_and(|row| model.ended_by_lease(row));
    let level = match to.health() {
        Health::Bad if matches!(to, Phase::Failed(_)) => Level::Error,
        Health::Bad | Health::Interrupted => Level::Warning,
        Health::Good => Level::Success,
        // What ends unasked is no success.
        _ if to.is_over() && *from == Phase::Terminating && !is_reclaimed => Level::Success,
        _ if to.is_over() => Level::Warning,
        _ => Level::Info,
    };
    let text = match to {
        Phase::Uploading(_) => "Uploading".to_owned(),
        Phase::Interrupted { at: Some(at) } => {
            format!("interruption notice: terminates at {} UTC", at.strftime("%H:%M:%S"))
        }
        Phase::Interrupted { at: None } => "interrupted: AWS reclaims it".to_owned(),
        Phase::Terminated if is_reclaimed => "Reclaimed by AWS".to_owned(),
        Phase::Terminated if ended_itself => "Ended itself: nobody renewed its lease".to_owned(),
        // The level says that it failed.
        Phase::Failed(failure) => failure.to_string(),
        other => other.to_string(),
    };
    let kind = EventKind::of(to, is_reclaimed);
    tell_of(model, key, (level, kind), Some(to), &text);
}

fn refusal(model: &mut Model, key: &InstanceKey, attempt: &Attempt) {
    let Some(code) = &attempt.code else { return };
    let message = attempt.message.as_deref().unwrap_or_default();
    let (machine_type, zone) = (&attempt.machine_type, &attempt.zone);
    let text = match plainly(code) {
        Some(said) => format!("{machine_type} in {zone}: {said} ({code})"),
        None => format!("{machine_type} in {zone} refused: {code}: {message}"),
    };
    tell_of(model, key, (Level::Warning, EventKind::Refused), None, &text);
}

/// The refusals that come often, in words; the whole of what AWS said is among the attempts.
fn plainly(code: &str) -> Option<&'static str> {
    Some(match code {
        "InsufficientInstanceCapacity" => "no capacity",
        "UnfulfillableCapacity" => "no capacity for so many",
        "MaxSpotInstanceCountExceeded" => "the spot quota is used up",
        "VcpuLimitExceeded" | "InstanceLimitExceeded" => "the quota is used up",
        "SpotMaxPriceTooLow" => "spot_price_limit is below the price",
        "RequestLimitExceeded" | "Throttling" => "AWS is throttling, retrying",
        "Unsupported" => "not offered there",
        _ => return None,
    })
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
    model.log.tell(model.now, level, EventKind::Network, region.as_str(), &text);
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
    // Who nobody is signed in as has the whole screen to say it.
    let is_shown = record.kind == JobKind::Identify;
    let (level, text) = match outcome {
        Outcome::Done if record.is_told => return,
        Outcome::Done if record.is_mutating => (Level::Success, "done".to_owned()),
        Outcome::Done => return,
        Outcome::Partly { failed } => (Level::Warning, format!("done, but {failed} failed")),
        Outcome::Failed(failure) => (Level::Error, failure.to_string()),
        // Whoever stopped it needs no toast. A login leaves nothing half done.
        Outcome::Cancelled => {
            let (level, text) = match record.kind {
                JobKind::SignIn => (Level::Info, "given up"),
                _ => (Level::Warning, "stopped"),
            };
            model.log.tell(model.now, level, EventKind::Job, verb, text);
            return;
        }
    };
    model.log.tell(model.now, level, EventKind::Job, verb, &text);
    if !is_shown {
        model.toast(level, format!("{title}: {text}"));
    }
}
