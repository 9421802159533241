//! Actions: asked for, confirmed as the table of actions says, and carried out.

use std::collections::BTreeSet;

use super::{create, destroy, lock, machine, pending_creates, retry, run, snapshots};
use crate::app::action::Way;
use crate::app::dialog::{ConfirmForm, ConfirmRow, CreateForm, Findings, Freed, Palette};
use crate::app::{Action, Aim, Counts, Dialog, Effect, Model, Scope, View, clean};
use crate::fleet::{Amount, Health, Instance, Job, Kept, KeptKind, Level, Region};

/// Asks whether to do something to what it is aimed at. What needs no question is done at once.
pub(super) fn ask(model: &mut Model, action: Action, aim: Aim) -> Vec<Effect> {
    if is_refused(model, &action) {
        return Vec::new();
    }
    match aimed_at(model, &action, aim) {
        Ok(scope) => ask_for(model, action, scope),
        Err(why) => {
            model.flash(Level::Warning, action.entry().verb, why);
            Vec::new()
        }
    }
}

/// Refuses before anything is asked what may not be done. Why stands in the banner.
fn is_refused(model: &mut Model, action: &Action) -> bool {
    let refused = action.entry().refused.filter(|_| model.read_only.is_some());
    if let Some(refused) = refused {
        model.flash(Level::Warning, action.entry().verb, format!("read-only, {refused}"));
    }
    refused.is_some()
}

/// What an aim means now; else why it means nothing.
fn aimed_at(model: &Model, action: &Action, aim: Aim) -> Result<Scope, &'static str> {
    match aim {
        // Where regions are shown, the one under the cursor is what is chosen.
        Aim::Chosen if model.panels.view == View::Regions && model.table.marks().is_empty() => {
            let region = model.region().ok_or("no region is chosen")?;
            let whole = || Scope::Region(region.clone());
            if action.way(Aim::Region).is_some() {
                return Ok(whole());
            }
            let rows = destroy::in_scope(model, &whole()).map(|row| row.key.clone()).collect();
            Ok(Scope::Instances(rows))
        }
        Aim::Chosen => Ok(Scope::Instances(model.table.chosen())),
        Aim::Region => model.region().cloned().map(Scope::Region).ok_or("no instance is chosen"),
        Aim::Deployment => Ok(Scope::All),
        Aim::Account => {
            let account = model.account.as_ref();
            let account = account.ok_or("the account is not known yet: still signing in")?;
            Ok(Scope::Account(account.id.clone(), Vec::new()))
        }
    }
}

/// Asks whether to do something to this.
pub(super) fn ask_for(model: &mut Model, action: Action, scope: Scope) -> Vec<Effect> {
    if is_refused(model, &action) {
        return Vec::new();
    }
    let scope = match run::reachable(model, &action, scope) {
        Ok(scope) => scope,
        Err(why) => {
            model.flash(Level::Warning, action.entry().verb, why);
            return Vec::new();
        }
    };
    // What would be refused is not asked for.
    let unfit = machine::unfit(model, &action, &scope);
    if !unfit.is_empty() {
        for why in unfit {
            model.flash(Level::Warning, action.entry().verb, why);
        }
        return Vec::new();
    }
    match action {
        Action::Create(counts) => {
            ask_counts(model, counts);
            Vec::new()
        }
        Action::More(counts) | Action::Add(counts) => {
            ask_counts(model, Some(counts));
            Vec::new()
        }
        Action::Pull(pull) if pull.paths.is_empty() => {
            model.dialog = Some(Dialog::Palette(Palette::of("pull ")));
            Vec::new()
        }
        Action::Exec(command) if command.is_empty() => {
            model.dialog = Some(Dialog::Palette(Palette::of("exec ")));
            Vec::new()
        }
        action => confirm(model, action, scope),
    }
}

/// Asks for the answer that this action takes for so much, or does it at once.
fn confirm(model: &mut Model, action: Action, scope: Scope) -> Vec<Effect> {
    // What is shown and counted now goes, and nothing that is made while the question stands.
    let action = match action {
        Action::Discard(named) if named.is_empty() => {
            Action::Discard(machine::kept_in(model, &scope))
        }
        action => action,
    };
    if action == Action::Forget && model.unfinished().next().is_none() {
        return act(model, action, scope);
    }
    let targets = match &action {
        // No row is changed by it: what was made stays.
        Action::Forget => (Vec::new(), Freed::default()),
        Action::Discard(named) => kept_targets(model, named),
        _ => targets(model, &action, &scope),
    };
    if targets.0.is_empty() && matches!(scope, Scope::Instances(_) | Scope::Region(_)) {
        model.flash(Level::Info, action.entry().verb, "no instance is chosen");
        return Vec::new();
    }
    // What has no way to ask for it has no question either.
    let Some(way) = way(&action, &scope) else { return act(model, action, scope) };
    let question = question(model, way, &action, &scope, targets.0.len());
    let look = look_first(&action);
    let Some(form) = ConfirmForm::new(action.clone(), scope.clone(), way, question, targets) else {
        return act(model, action, scope);
    };
    let Some(look) = look else {
        model.dialog = Some(Dialog::Confirm(Box::new(form)));
        return Vec::new();
    };
    // No row tells of all of it: a job looks what there is, and until then nothing is confirmed.
    let look = model.start(look);
    let by = if let Effect::Start(id, _) = &look { Some(*id) } else { None };
    let found = Some(Findings { by, lines: BTreeSet::new() });
    model.dialog = Some(Dialog::Confirm(Box::new(ConfirmForm { found, ..form })));
    vec![look]
}

/// What tells what would go, where the rows do not.
fn look_first(action: &Action) -> Option<Job> {
    match action {
        Action::Nuke => Some(Job::Inspect(Vec::new())),
        Action::CleanUp => Some(Job::CleanUp { regions: Vec::new(), dry_run: true }),
        Action::Create(_)
        | Action::More(_)
        | Action::Add(_)
        | Action::Forget
        | Action::Destroy
        | Action::Retry
        | Action::Drain
        | Action::Up(_)
        | Action::Stop
        | Action::Start
        | Action::Reboot
        | Action::Awake(_)
        | Action::Recreate
        | Action::Snapshot { .. }
        | Action::Restore(..)
        | Action::Discard(_)
        | Action::Exec(_)
        | Action::Pull(_)
        | Action::Diagnose
        | Action::Logs(_)
        | Action::Recover => None,
    }
}

/// What machines keep, as the question names it, and what it costs.
fn kept_targets(model: &Model, named: &[(Region, String)]) -> (Vec<ConfirmRow>, Freed) {
    machine::kept_of(model, named).fold(
        (Vec::new(), Freed::default()),
        |(mut targets, freed), (region, kept)| {
            let list = &model.fleet.prices(region).list;
            targets.push(ConfirmRow {
                label: clean(&format!("{} {kept}", kept.machine), SHOWN),
                region: region.clone(),
                phase: "Kept",
                health: Health::Waiting,
            });
            (targets, Freed { hourly: freed.hourly + kept.hourly(list), ..freed })
        },
    )
}

/// The rows that a question is about, and what ends of what they cost. What is over is among them only
/// where it was chosen by itself, or where nothing else is left to name.
fn targets(model: &Model, action: &Action, scope: &Scope) -> (Vec<ConfirmRow>, Freed) {
    let is_chosen = matches!(scope, Scope::Instances(_))
        || destroy::in_scope(model, scope).all(|row| row.phase.is_over());
    let rows = destroy::in_scope(model, scope).filter(|row| is_chosen || !row.phase.is_over());
    let target = |row: &Instance| ConfirmRow {
        label: row.label(),
        region: row.region.clone(),
        phase: row.phase.word(),
        health: row.phase.health(),
    };
    let rows: Vec<&Instance> = rows.collect();
    let frees = |row: &Instance| model.fleet.frees(row, *action == Action::Stop);
    let hourly = match scope {
        // Other deployments may have more than what is known here.
        Scope::Account(..) => {
            let known: Amount = model.fleet.alive().map(frees).sum();
            Amount { is_partial: true, ..known }
        }
        _ => rows.iter().filter(|row| row.is_alive()).map(|row| frees(row)).sum(),
    };
    let ends = *action == Action::Destroy;
    let kept: Vec<(&Region, &Kept)> = rows
        .iter()
        .filter(|_| ends)
        .filter_map(|row| Some((row.machine_name()?, &row.region)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .flat_map(|(name, region)| model.fleet.kept_of(name).filter(move |(it, _)| *it == region))
        .collect();
    let has_snapshots = kept.iter().any(|(_, it)| it.kind == KeptKind::Snapshot);
    let monthly = |(region, it): &(&Region, &Kept)| it.monthly(&model.fleet.prices(region).list);
    let kept = (!kept.is_empty()).then(|| kept.iter().map(monthly).sum());
    (rows.into_iter().map(target).collect(), Freed { hourly, kept, has_snapshots })
}

/// The way to ask for an action that is meant for this, if there is any to ask for it.
fn way(action: &Action, scope: &Scope) -> Option<&'static Way> {
    let aim = match scope {
        Scope::Instances(_) => Aim::Chosen,
        Scope::Region(_) => Aim::Region,
        Scope::All => Aim::Deployment,
        Scope::Account(..) => Aim::Account,
    };
    action.way(aim).or(action.entry().ways.first())
}

/// The question that is asked before an action.
fn question(model: &Model, way: &Way, action: &Action, scope: &Scope, count: usize) -> String {
    let these = match count {
        1 => "this instance".to_owned(),
        count => format!("these {count} instances"),
    };
    let region = if let Scope::Region(region) = scope { region.as_str() } else { "" };
    let account = model.account.as_ref().map(|account| format!(" of account {}", account.id));
    let command =
        if let Action::Exec(command) = action { clean(command, SHOWN) } else { String::new() };
    way.question
        .replace("{these}", &these)
        .replace("{region}", region)
        .replace("{deployment}", model.deployment.as_str())
        .replace("{account}", &account.unwrap_or_default())
        .replace("{command}", &command)
}

/// How much of a command its question shows, in bytes.
const SHOWN: usize = 160;

/// Opens the dialog with these counts, ready to be confirmed; without any, with what each region
/// lacks of what the configuration gives it.
fn ask_counts(model: &mut Model, counts: Option<Counts>) {
    let Some(config) = model.config.clone() else {
        model.dialog = Some(Dialog::Notice {
            title: "Create instances".into(),
            text: "There is no configuration, so it is not known what to create and where.".into(),
            hint: "Quit, run spot-tui setup, and start again.".into(),
        });
        return;
    };
    let spread = config.spread();
    let rows = config.regions.iter().map(|it| {
        let wanted = spread.get(&it.region).copied().unwrap_or_default();
        let there = u32::try_from(create::there(model, &it.region)).unwrap_or(u32::MAX);
        let count = match &counts {
            Some(counts) => counts.get(&it.region).copied().unwrap_or_default(),
            None => wanted.saturating_sub(there),
        };
        (it.region.clone(), count)
    });
    let mut form = CreateForm::new(rows.collect());
    form.choice = counts.map(|_| false);
    let here = model.region();
    form.at = form.rows.iter().position(|(region, _)| Some(region) == here).unwrap_or_default();
    model.dialog = Some(Dialog::Create(form));
}

/// Does it, already confirmed.
pub(super) fn act(model: &mut Model, action: Action, scope: Scope) -> Vec<Effect> {
    let entry = action.entry();
    if let (Some(refused), Some(why)) = (entry.refused, &model.read_only) {
        let text = format!("read-only, {refused}: {why}");
        model.flash(Level::Warning, entry.verb, text);
        return Vec::new();
    }
    let goes_on_beside = goes_on_beside(&action);
    let effects = carry_out(model, action, scope);
    if goes_on_beside && !effects.is_empty() {
        lock::say_other(model, entry.verb);
    }
    effects
}

/// Whether it is done to single instances, whoever launches the fleet. What launches for the fleet is
/// refused where another machine does, and what destroys says so itself.
fn goes_on_beside(action: &Action) -> bool {
    matches!(
        action,
        Action::Up(_)
            | Action::Stop
            | Action::Start
            | Action::Reboot
            | Action::Recreate
            | Action::Drain
    )
}

fn carry_out(model: &mut Model, action: Action, scope: Scope) -> Vec<Effect> {
    match action {
        Action::Create(counts) => create::create(model, counts),
        Action::More(counts) => create::more(model, counts),
        Action::Add(counts) => create::add(model, counts),
        Action::Forget => pending_creates::forget(model, &scope),
        Action::Destroy | Action::Nuke => destroy::destroy(model, scope),
        Action::Retry => retry::retry(model, &scope),
        Action::Drain => run::drain(model, &scope),
        Action::Up(name) => machine::up(model, &name),
        Action::Stop => machine::stop(model, &scope),
        Action::Start => machine::start(model, &scope),
        Action::Reboot => machine::reboot(model, &scope),
        Action::Awake(hold) => run::awake(model, hold, &scope),
        Action::Recreate => machine::recreate(model, &scope),
        Action::Snapshot { names, is_scheduled } => {
            snapshots::snapshot(model, &names, &scope, is_scheduled)
        }
        Action::Restore(name, step) => snapshots::restore(model, name, step),
        Action::Discard(named) => machine::discard(model, &named),
        Action::Exec(command) => run::run(model, command, &scope),
        Action::Pull(pull) => run::pull(model, pull, &scope),
        Action::Diagnose => run::diagnose(model, &scope),
        Action::Logs(logs) => run::logs(model, logs, &scope),
        Action::CleanUp => clean_up(model, scope),
        Action::Recover => recover(model),
    }
}

fn clean_up(model: &mut Model, scope: Scope) -> Vec<Effect> {
    let regions = if let Scope::Account(_, regions) = scope { regions } else { Vec::new() };
    vec![model.start(Job::CleanUp { regions, dry_run: false })]
}

/// Writes the state anew: what the next look finds is merged into it.
fn recover(model: &mut Model) -> Vec<Effect> {
    model.flash(Level::Info, "recover", "looking up tags in every region");
    let survey = model.start(Job::Survey);
    model.persist().into_iter().chain([survey]).collect()
}
