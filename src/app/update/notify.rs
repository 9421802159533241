//! What somebody is told of a change who sits before no screen.

use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};

use crate::app::{Effect, Model};
use crate::fleet::entry::day_of;
use crate::fleet::{
    Amount, Change, Instance, InstanceKey, Level, Machine, Notification, NotificationKind, Phase,
    notification_id,
};

/// How long after the end of a day its last hours are over and posted.
const POSTED: SignedDuration = SignedDuration::from_mins(65);

/// Something that happened, before it is known whether anybody wants to be told of it.
pub(super) struct Event<'a> {
    /// Of which kind it is.
    pub kind: NotificationKind,
    /// How serious it is.
    pub level: Level,
    /// The row that it is about, if it is about one.
    pub key: Option<&'a InstanceKey>,
    /// Whom it is about where that is no row.
    pub about: &'a str,
    /// What happened.
    pub text: String,
    /// What tells it apart from what may happen to the same one again; empty where nothing can.
    pub occasion: String,
}

/// Tells whoever wants to know. The sentence was made safe where it came in.
pub(super) fn tell(model: &mut Model, event: Event<'_>) {
    let Event { kind, level, key, about, text, occasion } = event;
    if !model.notify.wants(kind) {
        return;
    }
    let row = key.and_then(|key| model.fleet.get(key));
    let label = row.map_or_else(|| about.to_owned(), Instance::label);
    let subject = row.map_or_else(|| about.to_owned(), subject);
    let notification = Notification {
        id: notification_id(&model.deployment, kind, &subject, &occasion),
        at: model.now,
        kind,
        level,
        deployment: model.deployment.clone(),
        region: row.map(|row| row.region.clone()),
        about: label,
        text,
        to: model.notify.to(kind, row, model.now, false),
    };
    let in_terminal = model.notify.to(kind, row, model.now, true);
    if model.dashboard && !in_terminal.is_empty() {
        model.notify.shown.push(Notification { to: in_terminal, ..notification.clone() });
    }
    // Where nothing may be written another process tells it.
    if model.read_only.is_none() && !notification.to.is_empty() {
        model.notify.posted.push(notification);
    }
}

/// What stays the same of a row whatever address it has.
fn subject(row: &Instance) -> String {
    row.id().map_or_else(|| row.key.to_string(), ToString::to_string)
}

/// Tells of a change of a row.
pub(super) fn changed(model: &mut Model, change: &Change) {
    let (key, kind, level, text) = match change {
        Change::Interrupted(key) => {
            let text = interrupted(model, key);
            (key, NotificationKind::Interrupted, Level::Warning, text)
        }
        Change::Entered { key, from, to } if from.word() != to.word() => match (from, to) {
            (_, Phase::Failed(failure)) => {
                (key, NotificationKind::Failed, Level::Error, failure.to_string())
            }
            (_, Phase::Degraded { reason }) => {
                let text = format!("does not work: {reason}");
                (key, NotificationKind::Failed, Level::Warning, text)
            }
            (Phase::Degraded { .. }, Phase::Ready) => {
                (key, NotificationKind::Failed, Level::Success, "works again".to_owned())
            }
            (_, Phase::Ready) => (key, NotificationKind::Ready, Level::Success, "ready".to_owned()),
            _ => return,
        },
        _ => return,
    };
    let occasion = occasion(model, key);
    tell(model, Event { kind, level, key: Some(key), about: key.as_str(), text, occasion });
}

fn interrupted(model: &Model, key: &InstanceKey) -> String {
    let row = model.fleet.get(key);
    let pool = row.and_then(|row| row.machine.as_ref()).map(Machine::pool);
    let what = pool.map(|pool| format!(" ({} in {})", pool.machine_type, pool.zone));
    let what = what.unwrap_or_default();
    match row.map(|row| &row.phase) {
        Some(Phase::Interrupted { at: Some(at) }) => {
            format!("AWS reclaims it at {} UTC{what}", at.strftime("%H:%M:%S"))
        }
        Some(Phase::Terminated) => format!("reclaimed by AWS{what}"),
        _ => format!("AWS reclaims it{what}"),
    }
}

/// The notice itself, where it has a time: another process that sees it again tells of the same.
fn occasion(model: &Model, key: &InstanceKey) -> String {
    let notice = model.fleet.get(key).and_then(|row| row.phase.notice());
    notice.unwrap_or(model.now).to_string()
}

/// Tells what the last day came to, and on Mondays the week, as soon as all of it is posted. Of a
/// time in which nothing ran nothing is told.
pub(super) fn sum_up(model: &mut Model) {
    let over = model.now.saturating_sub(POSTED).map(day_of).ok();
    let Some(day) = over.and_then(|today| today.yesterday().ok()) else { return };
    let Some(last) = model.notify.summed.replace(day) else { return };
    if last >= day {
        return;
    }
    sum(model, NotificationKind::Daily, day, day);
    if day.weekday() == Weekday::Sunday {
        let monday = day.saturating_sub(SignedDuration::from_hours(6 * 24));
        sum(model, NotificationKind::Weekly, monday, day);
    }
}

fn sum(model: &mut Model, kind: NotificationKind, first: Date, last: Date) {
    let days = model.fleet.ledger().days().range(first..=last);
    let mut spent: Vec<(String, Amount)> = Vec::new();
    for (region, amount) in days.flat_map(|(_, regions)| regions) {
        match spent.iter_mut().find(|(name, _)| name == region.as_str()) {
            Some((_, sum)) => *sum += *amount,
            None => spent.push((region.to_string(), *amount)),
        }
    }
    if spent.is_empty() {
        return;
    }
    spent.sort_by(|a, b| b.1.usd.total_cmp(&a.1.usd));
    let total: Amount = spent.iter().map(|(_, amount)| *amount).sum();
    let regions: Vec<String> =
        spent.iter().map(|(region, amount)| format!("{region} {amount}")).collect();
    let alive = model.fleet.alive().count();
    let text = format!("{total} ({}); {alive} instances run now", regions.join(", "));
    let about = if first == last { last.to_string() } else { format!("{first} to {last}") };
    let (level, occasion) = (Level::Info, String::new());
    tell(model, Event { kind, level, key: None, about: &about, text, occasion });
}

/// What is to be carried out for all that was told: the post, and what the terminal shows.
pub(super) fn effects(model: &mut Model) -> Vec<Effect> {
    let posted = std::mem::take(&mut model.notify.posted);
    (!posted.is_empty()).then_some(Effect::Notify(posted)).into_iter().collect()
}

/// What the terminal shows, once a second at the most: a storm is told with a count.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    model.notify.take_shown(model.now).into_iter().map(Effect::Announce).collect()
}
