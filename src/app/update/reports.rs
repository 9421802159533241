//! What jobs report: the fleet says what became different by it, and everything that follows goes
//! over those changes.

use super::{
    books, create, ended, fallback, hold, interruptions, keep, lock, log_changes, login, machine,
    notify, scale, snapshots, visits,
};
use crate::app::away::Away;
use crate::app::keymap::Context;
use crate::app::{Command, Effect, Latest, Model, Pane, PanelsCommand};
use crate::fleet::{Change, InstanceKey, Level, News, Phase, RegionNews, Report};

/// Takes in one report.
pub(super) fn apply(model: &mut Model, report: &Report) -> Vec<Effect> {
    let changes = model.fleet.apply(report, &model.deployment);
    log_changes::log_found(model, &changes);
    for change in &changes {
        log_changes::log_change(model, report, change);
        notify::changed(model, change);
        model.counters.note(&model.fleet, change);
        if let Some(answers) = &mut model.answers {
            answers.apply(report, change);
        }
        arrange(model, change);
    }
    let mut effects = Vec::new();
    keep::note(model, &report.news, &changes);
    for change in &changes {
        hold::note(model, change);
        hold::note_launch(model, change);
        hold::owe_again(model, change);
        hold::let_go(model, change);
        scale::note(model, change);
        fallback::note(model, change);
    }
    let is_news = match &report.news {
        News::Region(region, RegionNews::Kept(kept)) => {
            model.upkeep.note_kept(region, !kept.is_empty())
        }
        _ => false,
    };
    if is_news || changes.iter().any(Change::is_kept) {
        effects.extend(model.persist());
    }
    if changes.iter().any(books::is_about_money) {
        effects.extend(books::post(model));
    }
    for change in &changes {
        effects.extend(follow(model, report, change));
    }
    let interrupted = changes.iter().filter_map(|change| match change {
        Change::Interrupted(key) => Some(key.clone()),
        _ => None,
    });
    effects.extend(interruptions::interrupted(model, &interrupted.collect::<Vec<InstanceKey>>()));
    let woken = changes.iter().filter_map(|change| match change {
        Change::Entered { key, from: Phase::Stopped | Phase::Starting, to: Phase::Running } => {
            Some(key.clone())
        }
        _ => None,
    });
    effects.extend(machine::woken(model, &woken.collect::<Vec<InstanceKey>>()));
    if let News::Region(_, RegionNews::Surveyed(_) | RegionNews::Unchanged | RegionNews::Kept(_)) =
        report.news
    {
        effects.extend(snapshots::scheduled(model));
    }
    look_back(model, report, &changes);
    // What the program said because of it comes after it.
    let said = std::mem::take(&mut model.latest.changes);
    let changes = changes.into_iter().chain(said).collect();
    model.latest = Latest { job: report.job, at: report.at, changes };
    effects
}

/// Says what happened since an earlier run, once every region has told.
fn look_back(model: &mut Model, report: &Report, changes: &[Change]) {
    let is_told = |away: &mut Away| away.note(&model.fleet, report, changes);
    let Some(away) = model.away.take_if(is_told) else { return };
    if let Some(summary) = away.summary() {
        let key = model.keymap.key_for(Context::Table, &EVENTS).unwrap_or_default();
        model.log.write(model.now, Level::Warning, "while away", &summary);
        model.show(Level::Warning, format!("{summary}. {key}: events"));
    }
}

/// Shows the events.
const EVENTS: Command = Command::Panels(PanelsCommand::Open(Pane::Events));

/// Marks the rows that are to be counted and sorted anew before they are looked at.
fn arrange(model: &mut Model, change: &Change) {
    match change {
        Change::Launched(key) | Change::Told(key) | Change::HostKey(key) | Change::Moved(key) => {
            model.touch(key);
        }
        Change::Entered { key, from, to } => {
            model.touch(key);
            if from.word() != to.word() && model.dashboard && model.is_moving() {
                model.lit.insert(key.clone(), model.now);
            }
        }
        Change::Adopted(_) => model.mark_stale(),
        // The cursor goes along.
        Change::Joined { row, adopted } => {
            model.mark_stale();
            model.log.forget(adopted);
            if model.table.cursor() == Some(adopted) {
                model.table.arrange(&model.fleet);
                model.table.select(row);
            }
        }
        Change::Priced(_) => model.reckon(),
        Change::Refused(_)
        | Change::Interrupted(_)
        | Change::Rebalance(_)
        | Change::StopsSoon(..)
        | Change::Tried(..)
        | Change::CommandResult(..)
        | Change::Diagnosed(..)
        | Change::Output(..)
        | Change::Lost(..)
        | Change::Network(..)
        | Change::Spilled(..)
        | Change::Account(_)
        | Change::Deployment(_)
        | Change::Deployments(_)
        | Change::LoginEnded(_)
        | Change::Queue(_)
        | Change::Advice(_)
        | Change::Retired(..)
        | Change::Lock(_)
        | Change::Said(..)
        | Change::Ended(_) => {}
    }
}

/// What is done because of a change.
fn follow(model: &mut Model, report: &Report, change: &Change) -> Vec<Effect> {
    match change {
        Change::Account(account) => {
            model.account = Some(account.clone());
            model.trouble = None;
            Vec::new()
        }
        Change::Deployment(deployment) if model.deployment != *deployment => {
            model.deployment = deployment.clone();
            visits::chosen(model, deployment);
            model.persist().into_iter().collect()
        }
        Change::Deployments(found) => {
            visits::found(model, found);
            Vec::new()
        }
        Change::LoginEnded(why) => {
            login::changed(model, why.as_ref());
            Vec::new()
        }
        Change::Lock(standing) => {
            let goes_on = lock::changed(model, standing);
            goes_on.then(|| create::resume(model)).flatten().into_iter().collect()
        }
        Change::Spilled(region, launch) => {
            if let Some(job) = model.jobs.get_mut(&report.job) {
                job.spilled(region, launch);
            }
            Vec::new()
        }
        Change::Queue(look) => {
            model.scaling.queue = Some((report.at, look.clone()));
            Vec::new()
        }
        Change::Advice(advice) => {
            model.scaling.advice = Some((report.at, advice.clone()));
            Vec::new()
        }
        Change::Retired(key, retired) => scale::retired(model, key, retired),
        Change::Ended(outcome) => ended::ended(model, report, outcome),
        _ => Vec::new(),
    }
}
