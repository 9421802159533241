//! What jobs report: it changes the fleet, is said in the log, and is written where the state
//! file holds it.

use super::{create, destroy, interruptions, job_name, leave};
use crate::app::{Effect, Model};
use crate::fleet::{
    About, Fact, Health, Instance, InstanceKey, Job, JobId, Level, Machine, NetworkState, Notice,
    Outcome, Phase, Progress, Region, Report,
};

/// Takes in one report.
pub(super) fn apply(model: &mut Model, report: Report) -> Vec<Effect> {
    let report = of_its_row(model, report);
    if let (About::Instance(key), Some(answers)) = (&report.about, &mut model.answers) {
        answers.take(key, &report);
    }
    match (&report.about, &report.progress) {
        (About::Instance(key), Progress::Output(line)) => {
            let line = crate::app::clean(line, MAX_LINE);
            model.log.print(key, report.at, Level::Info, &line);
            let progress = Progress::Output(line);
            step(model, &Report { progress, ..report });
            Vec::new()
        }
        (_, Progress::Transferred(_)) => {
            step(model, &report);
            Vec::new()
        }
        (about, Progress::Said(level, text)) => {
            say(model, report.job, about, *level, text);
            Vec::new()
        }
        (_, Progress::Ended(outcome)) => ended(model, &report, outcome.clone()),
        (About::Instance(key), _) => of_instance(model, &key.clone(), &report),
        (About::Region(region), Progress::Learned(fact)) => of_region(model, region, fact, &report),
        (About::Job, Progress::Learned(fact)) => of_all(model, fact),
        _ => Vec::new(),
    }
}

/// A destroy by tags names instances by their ids; a row that was planned here has another key.
fn of_its_row(model: &Model, mut report: Report) -> Report {
    if let About::Instance(key) = &report.about
        && model.fleet.get(key).is_none()
        && let Some(row) = model.fleet.by_id(&key.as_str().into())
    {
        report.about = About::Instance(row.key.clone());
    }
    report
}

/// The longest line that a row keeps as its newest, in bytes.
const MAX_LINE: usize = 1024;

/// Lets the fleet take a report in; an illegal step is said, and the last good phase stays.
fn step(model: &mut Model, report: &Report) {
    if let Err(refused) = model.fleet.apply(report, &model.deployment) {
        let label = label(model, &refused.key);
        model.log.say_of(
            &refused.key,
            report.at,
            Level::Warning,
            &label,
            &format!("out of turn, ignored: {} cannot become {}", refused.from, refused.to),
        );
    }
}

fn say(model: &mut Model, job: JobId, about: &About, level: Level, text: &str) {
    match about {
        About::Instance(key) => {
            let label = label(model, key);
            model.log.say_of(key, model.now, level, &label, text);
        }
        About::Region(region) => {
            destroy::found(model, job, region, text);
            model.log.say(model.now, level, region.as_str(), text);
        }
        About::Job => {
            let name = job_name(model, job);
            model.log.say(model.now, level, &name, text);
        }
    }
}

fn label(model: &Model, key: &InstanceKey) -> String {
    model.fleet.get(key).map_or_else(|| key.to_string(), Instance::label)
}

/// A report about one row.
fn of_instance(model: &mut Model, key: &InstanceKey, report: &Report) -> Vec<Effect> {
    let before = model.fleet.get(key).cloned();
    let rows = model.fleet.len();
    step(model, report);
    if let Progress::Learned(fact) = &report.progress {
        say_recommendation(model, key, before.as_ref(), fact);
        say_fact(model, key, fact);
        follow_to_its_row(model, key, fact);
    }
    let after = model.fleet.get(key);
    if let (Some(before), Some(after)) = (&before, after)
        && before.phase.word() != after.phase.word()
    {
        let (phase, label) = (after.phase.clone(), after.label());
        say_phase(model, key, &label, &phase);
    }
    if let Some(notice) = notice_on_the_node(model, key, report) {
        return notice;
    }
    let after = model.fleet.get(key);
    let changed = rows != model.fleet.len() || before.as_ref().map(kept) != after.map(kept);
    if !changed {
        return Vec::new();
    }
    match before {
        Some(before) if rows == model.fleet.len() => model.recount(&before),
        _ => model.unsettle(),
    }
    model.persist().into_iter().collect()
}

/// The node's own metadata say that EC2 takes it back: the same as when EC2 says so itself, only
/// that one of both comes first.
fn notice_on_the_node(
    model: &mut Model,
    key: &InstanceKey,
    report: &Report,
) -> Option<Vec<Effect>> {
    let Progress::Learned(fact) = &report.progress else { return None };
    let Fact::Vitals(vitals) = &**fact else { return None };
    let ends = vitals.spot_notice.as_deref()?.parse().ok();
    let row = model.fleet.get(key).filter(|row| row.phase.notice().is_none())?;
    let (region, instance) = (row.region.clone(), row.id()?.clone());
    let notices = Fact::Notices(vec![Notice { instance, ends }]);
    let progress = Progress::Learned(Box::new(notices));
    let report = Report { about: About::Region(region.clone()), progress, ..report.clone() };
    Some(looked(model, &region, true, &report))
}

/// What the state file holds of a row.
fn kept(instance: &Instance) -> impl PartialEq + use<'_> {
    let reason = match &instance.phase {
        Phase::Degraded { reason } => Some(reason),
        _ => None,
    };
    (instance.phase.word(), reason, &instance.machine, &instance.host_key, instance.attempts.len())
}

/// A look may have found an instance before its launch was answered. When its two rows become
/// one, the cursor goes along.
fn follow_to_its_row(model: &mut Model, key: &InstanceKey, fact: &Fact) {
    let Fact::Seen(machine) = fact else { return };
    let adopted = InstanceKey::adopted(&machine.id);
    if *key == adopted || model.fleet.get(&adopted).is_some() {
        return;
    }
    model.log.forget(&adopted);
    if model.table.cursor() == Some(&adopted) {
        model.table.arrange(&model.fleet);
        model.table.select(key);
    }
}

/// Says once that AWS recommends to replace a row's instance.
fn say_recommendation(
    model: &mut Model,
    key: &InstanceKey,
    before: Option<&Instance>,
    fact: &Fact,
) {
    let Fact::Vitals(vitals) = fact else { return };
    let known =
        before.and_then(|row| row.vitals.as_ref()).is_some_and(|it| it.1.rebalance.is_some());
    if vitals.rebalance.is_none() || known {
        return;
    }
    let label = label(model, key);
    let text = "AWS recommends to replace it: its risk of interruption is elevated";
    model.log.say_of(key, model.now, Level::Warning, &label, text);
    model.show(Level::Warning, format!("{label}: {text}"));
    model.alarm = true;
}

/// Says what a row learned that its phase does not tell.
fn say_fact(model: &mut Model, key: &InstanceKey, fact: &Fact) {
    let (level, text) = match fact {
        Fact::HostKey(host_key) => {
            (Level::Info, format!("host key {}, {}", host_key.fingerprint, host_key.trust))
        }
        Fact::Tried(attempt) => {
            let Some(code) = &attempt.code else { return };
            let message = attempt.message.as_deref().unwrap_or_default();
            let (machine_type, zone) = (&attempt.machine_type, &attempt.zone);
            (Level::Warning, format!("{machine_type} in {zone} refused: {code}: {message}"))
        }
        _ => return,
    };
    let label = label(model, key);
    model.log.say_of(key, model.now, level, &label, &text);
}

fn say_phase(model: &mut Model, key: &InstanceKey, label: &str, phase: &Phase) {
    model.alarm |= matches!(phase.health(), Health::Bad | Health::Interrupted);
    let level = match phase.health() {
        Health::Bad if matches!(phase, Phase::Failed(_)) => Level::Error,
        Health::Bad | Health::Interrupted => Level::Warning,
        Health::Good => Level::Success,
        _ if phase.is_over() => Level::Success,
        _ => Level::Info,
    };
    let text = match phase {
        Phase::Uploading(_) => "Uploading".to_owned(),
        Phase::Interrupted { at: Some(at) } => {
            format!("interruption notice: terminates at {} UTC", at.strftime("%H:%M:%S"))
        }
        Phase::Interrupted { at: None } => "interrupted: AWS takes it back".to_owned(),
        // The level says that it failed.
        Phase::Failed(failure) => failure.to_string(),
        other => other.to_string(),
    };
    model.log.say_of(key, model.now, level, label, &text);
}

/// A report about a region.
fn of_region(model: &mut Model, region: &Region, fact: &Fact, report: &Report) -> Vec<Effect> {
    match fact {
        Fact::Surveyed(machines) => {
            let news = machines.iter().any(|machine| is_news(model, machine));
            return looked(model, region, news, report);
        }
        Fact::Notices(_) | Fact::Vanished(_) => return looked(model, region, true, report),
        Fact::Prices(_) | Fact::Storage(_) => {
            step(model, report);
            model.reckon();
            return Vec::new();
        }
        Fact::Unanswered(why) => {
            let known = model.fleet.regions().get(region).and_then(|view| view.trouble.as_ref());
            if known != Some(why) {
                let text = format!("no answer, what is shown is old: {why}");
                model.log.say(model.now, Level::Warning, region.as_str(), &text);
            }
        }
        Fact::Network(state) => {
            if is_nothing_new(model, region, state) {
                return Vec::new();
            }
            say_network(model, region, state);
        }
        _ => {}
    }
    step(model, report);
    Vec::new()
}

/// Whether a network is removed, or gone, from a region where there was none: a destroy of
/// everything asks everywhere.
fn is_nothing_new(model: &Model, region: &Region, state: &NetworkState) -> bool {
    let known = model.fleet.regions().get(region).and_then(|view| view.network.as_ref());
    matches!(state, NetworkState::Removing | NetworkState::Gone)
        && matches!(known, None | Some(NetworkState::Gone))
        && !model.fleet.instances().any(|instance| instance.region == *region)
}

fn say_network(model: &mut Model, region: &Region, state: &NetworkState) {
    let known = model.fleet.regions().get(region).and_then(|view| view.network.as_ref());
    if known == Some(state) {
        return;
    }
    let (level, text) = match state {
        NetworkState::Building => (Level::Info, "network: being built".to_owned()),
        NetworkState::Ready => (Level::Info, "network: in place".to_owned()),
        NetworkState::Removing => (Level::Info, "network: being removed".to_owned()),
        NetworkState::Gone => (Level::Success, "network: gone, nothing is left".to_owned()),
        NetworkState::Residue(left) => {
            (Level::Error, format!("network: left over: {}", left.join(", ")))
        }
    };
    model.log.say(model.now, level, region.as_str(), &text);
}

/// Whether EC2 tells of an instance what was not known.
fn is_news(model: &Model, machine: &Machine) -> bool {
    let known = model.fleet.by_id(&machine.id).and_then(|instance| instance.machine.as_ref());
    known.map_or(machine.is_alive(), |known| known != machine)
}

/// What was learned of the instances of a region at once.
fn looked(model: &mut Model, region: &Region, news: bool, report: &Report) -> Vec<Effect> {
    let phases = |model: &Model| -> Vec<(InstanceKey, &'static str)> {
        let rows = model.fleet.instances().filter(|instance| instance.region == *region);
        rows.map(|instance| (instance.key.clone(), instance.phase.word())).collect()
    };
    let before = phases(model);
    step(model, report);
    let after = phases(model);
    if !news && before == after {
        return Vec::new();
    }
    let mut interrupted = Vec::new();
    for (key, word) in &after {
        let known = before.binary_search_by(|(row, _)| row.cmp(key)).ok();
        let Some(instance) = model.fleet.get(key) else { continue };
        let (label, phase) = (instance.label(), instance.phase.clone());
        match known {
            Some(at) if before[at].1 == *word => {}
            Some(at) => {
                if interruptions::is_new(before[at].1, instance) {
                    interrupted.push(key.clone());
                }
                say_phase(model, key, &label, &phase);
            }
            None => {
                let text = format!("found by its tags: {word}");
                model.log.say_of(key, model.now, Level::Info, &label, &text);
            }
        }
    }
    model.unsettle();
    let mut effects: Vec<Effect> = model.persist().into_iter().collect();
    effects.extend(interruptions::interrupted(model, &interrupted));
    effects
}

/// Something that holds for all.
fn of_all(model: &mut Model, fact: &Fact) -> Vec<Effect> {
    match fact {
        Fact::Account(account) => {
            model.account = Some(account.clone());
            model.trouble = None;
            Vec::new()
        }
        Fact::Deployment(deployment) if model.deployment != *deployment => {
            model.deployment = deployment.clone();
            model.persist().into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The last report of a job.
fn ended(model: &mut Model, report: &Report, outcome: Outcome) -> Vec<Effect> {
    let Some(job) = model.jobs.get(&report.job).filter(|job| job.is_active()) else {
        return Vec::new();
    };
    let (verb, is_mutating, title) = (job.verb, job.is_mutating, job.short_title());
    let is_cancelled = outcome == Outcome::Cancelled;
    let launches = match outcome {
        Outcome::Cancelled => job.launches.clone(),
        _ => Vec::new(),
    };
    match &outcome {
        Outcome::Done if is_mutating => {
            model.log.say(model.now, Level::Success, verb, "done");
            model.toast(Level::Success, format!("{title}: done"));
        }
        Outcome::Done => {}
        Outcome::Partly { failed } => {
            let text = format!("done, but {failed} failed");
            model.log.say(model.now, Level::Warning, verb, &text);
            model.toast(Level::Warning, format!("{title}: {text}"));
        }
        Outcome::Failed(failure) => {
            model.log.say(model.now, Level::Error, verb, &failure.to_string());
            model.toast(Level::Error, format!("{title}: {failure}"));
        }
        Outcome::Cancelled => model.log.say(model.now, Level::Warning, verb, "stopped"),
    }
    let identified = verb == Job::Identify.verb();
    let asks_aws = identified || verb == Job::Watch.verb();
    if asks_aws && let Outcome::Failed(failure) = &outcome {
        model.trouble = Some(failure.clone());
    }
    if let Some(answers) = &mut model.answers {
        answers.stop(report.job);
    }
    destroy::looked(model, report.job, &outcome);
    model.end(report.job, report.at, outcome);
    let mut effects = destroy::roll_back(model, launches);
    if is_cancelled {
        model.unpriced.retain(|(job, _)| *job != report.job);
    } else {
        effects.extend(create::priced(model, report.job));
    }
    effects.extend(destroy::go_on(model));
    if identified && model.dashboard && model.account.is_some() {
        effects.extend(watch(model));
        effects.extend(create::resume(model));
        effects.extend(destroy::resume(model));
    }
    effects.extend(leave::leave_if_done(model));
    effects
}

fn watch(model: &mut Model) -> Option<Effect> {
    let watches = model.active().any(|(_, job)| job.verb == Job::Watch.verb());
    (!watches).then(|| model.start(Job::Watch))
}
