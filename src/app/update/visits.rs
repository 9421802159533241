//! Looking at what is of another AWS profile, or at another deployment, and coming back. A process
//! looks at one thing: going elsewhere is to leave, and to begin again there.

use super::leave;
use crate::app::dialog::{Dialog, Menu};
use crate::app::{Effect, Left, Model, Turn, Visit, VisitCommand};
use crate::fleet::{DeploymentId, DeploymentSeen, Job, JobKind, Level};

const PROFILE: &str = "profile";
const DEPLOYMENT: &str = "deployment";

/// Carries out what asks for one.
pub(super) fn perform(model: &mut Model, command: VisitCommand) -> Vec<Effect> {
    let Some(visits) = &model.visits else {
        let text = "the demo is one account with one deployment";
        model.flash(Level::Warning, "visit", text);
        return Vec::new();
    };
    let is_away = visits.now.is_some();
    match command {
        VisitCommand::Profile(None) | VisitCommand::Deployment(None) if is_away => go(model, None),
        VisitCommand::Profile(None) => offer_profiles(model),
        VisitCommand::Profile(Some(name)) => to_profile(model, name),
        VisitCommand::Deployment(None) => offer_deployments(model),
        VisitCommand::Deployment(Some(id)) => to_deployment(model, id),
    }
}

/// Leaves for there, or for where this began; asks first while jobs change something.
fn go(model: &mut Model, visit: Option<Visit>) -> Vec<Effect> {
    leave::go(model, Left::Turn(Turn::Visit(visit.map(Box::new))))
}

fn home(model: &Model) -> DeploymentId {
    let now = model.visits.as_ref().and_then(|visits| visits.now.as_ref());
    now.map_or_else(|| model.deployment.clone(), |visit| visit.home.clone())
}

fn to_profile(model: &mut Model, name: String) -> Vec<Effect> {
    let Some(visits) = &model.visits else { return Vec::new() };
    if visits.profile() == Some(&name) {
        model.flash(Level::Info, PROFILE, format!("{name} is in use"));
        return Vec::new();
    }
    if visits.home_profile.as_ref() == Some(&name) {
        return go(model, None);
    }
    if !visits.profiles.contains(&name) {
        let known = visits.profiles.join(", ");
        model.flash(Level::Warning, PROFILE, format!("there is no {name}; there are: {known}"));
        return Vec::new();
    }
    let home = home(model);
    go(model, Some(Visit { profile: Some(name), deployment: None, home }))
}

fn to_deployment(model: &mut Model, deployment: DeploymentId) -> Vec<Effect> {
    let Some(visits) = &model.visits else { return Vec::new() };
    if deployment == model.deployment {
        model.flash(Level::Info, DEPLOYMENT, format!("{deployment} is what is shown"));
        return Vec::new();
    }
    // Another account may have one of the same name.
    let profile = visits.now.as_ref().and_then(|visit| visit.profile.clone());
    let home = home(model);
    if deployment == home && profile.is_none() {
        return go(model, None);
    }
    let is_there = |seen: &DeploymentSeen| seen.deployment == deployment;
    if visits.found.as_ref().is_some_and(|found| !found.iter().any(is_there)) {
        let text = format!("the tags of this account tell of no {deployment}");
        model.flash(Level::Warning, DEPLOYMENT, text);
        return Vec::new();
    }
    go(model, Some(Visit { profile, deployment: Some(deployment), home }))
}

fn offer_profiles(model: &mut Model) -> Vec<Effect> {
    let Some(visits) = &model.visits else { return Vec::new() };
    if visits.profiles.is_empty() {
        model.flash(
            Level::Warning,
            PROFILE,
            "there is none in ~/.aws/config or ~/.aws/credentials",
        );
    } else {
        model.dialog = Some(Dialog::Menu(Menu::profiles(&visits.profiles, visits.profile())));
    }
    Vec::new()
}

/// Asks the tags first: what is offered is there.
fn offer_deployments(model: &mut Model) -> Vec<Effect> {
    if model.account.is_none() {
        model.flash(Level::Warning, DEPLOYMENT, "the account is not known yet: still signing in");
        return Vec::new();
    }
    if let Some(visits) = &mut model.visits {
        visits.is_asked = true;
    }
    model.show(Level::Info, format!("{DEPLOYMENT}: looking up tags in every region"));
    find(model).into_iter().collect()
}

fn find(model: &mut Model) -> Option<Effect> {
    (!model.does(JobKind::FindDeployments)).then(|| model.start(Job::FindDeployments))
}

/// While a command line is typed that is to name a deployment: asks which there are, once.
pub(super) fn look_ahead(model: &mut Model) -> Option<Effect> {
    let Some(Dialog::Palette(palette)) = &model.dialog else { return None };
    let is_named = palette.field.text().trim_start().starts_with("deployment ");
    let visits = model.visits.as_ref()?;
    (is_named && visits.found.is_none() && model.account.is_some()).then(|| find(model)).flatten()
}

/// The tags have told. Who visits an account in which several are has to choose one.
pub(super) fn found(model: &mut Model, found: &[DeploymentSeen]) {
    let Some(visits) = &mut model.visits else { return };
    visits.found = Some(found.to_vec());
    let is_open = visits.now.as_ref().is_some_and(|visit| visit.deployment.is_none());
    let is_asked = std::mem::take(&mut visits.is_asked) || is_open;
    if !is_asked || model.dialog.is_some() {
        return;
    }
    if visits.deployments().next().is_none() {
        let text = "the tags of this account tell of none";
        model.flash(Level::Info, DEPLOYMENT, text);
        return;
    }
    model.dialog = Some(Dialog::Menu(Menu::deployments(visits, &model.deployment)));
}

/// The tags have told which one it is.
pub(super) fn chosen(model: &mut Model, deployment: &DeploymentId) {
    if let Some(visit) = model.visits.as_mut().and_then(|visits| visits.now.as_mut()) {
        visit.deployment = Some(deployment.clone());
        model.fit();
    }
}
