//! The login ends under what runs, and somebody signs in again: one question, and one line of the log
//! for each.

use crate::app::command::PageCommand;
use crate::app::dialog::{Dialog, Menu};
use crate::app::{Effect, Model, Question, Wanted};
use crate::fleet::{Failure, Job, JobKind, Level, Outcome};

/// Takes it in: why it has ended, or that calls go on.
pub(super) fn changed(model: &mut Model, why: Option<&Failure>) {
    model.login_ended = why.cloned();
    model.trouble = why.cloned();
    let (level, text) = login_words(why);
    model.log.write(model.now, level, "login", &text);
    let is_asked = |dialog: &mut Dialog| matches!(dialog, Dialog::Menu(it) if it.is_signed_out());
    model.dialog.take_if(is_asked);
    match why {
        // Another question is answered first; the header says it all the while.
        Some(failure) if model.dashboard && model.dialog.is_none() => {
            model.dialog = Some(Dialog::Menu(Menu::signed_out(failure, model.signs_in_here)));
        }
        _ => model.toast(level, text),
    }
    model.alarm |= why.is_some();
}

/// Signs in: by a dialog, else by a login that has the terminal.
pub(super) fn sign_in(model: &mut Model) -> Vec<Effect> {
    if !model.signs_in_here {
        let Some(account) = model.account.as_ref().filter(|_| model.login_ended.is_none()) else {
            return vec![Effect::SignIn];
        };
        let who = &account.creator;
        let said = format!("login: signed in as {who}; these credentials need no login");
        model.show(Level::Info, said);
        return Vec::new();
    }
    if model.does(JobKind::SignIn) {
        return Vec::new();
    }
    vec![model.start(Job::SignIn)]
}

/// The page on which one signs in: shown, or its address copied.
pub(super) fn page(model: &Model, command: PageCommand) -> Vec<Effect> {
    let Some(Dialog::Secret(form)) = &model.dialog else { return Vec::new() };
    let page = form.page().map(str::to_owned);
    let effect = |page| match command {
        PageCommand::Open => Effect::Open(page),
        PageCommand::Copy => Effect::Copy(page),
    };
    page.map(effect).into_iter().collect()
}

/// A login could not be made: why, and another one is offered.
pub(super) fn failed(model: &mut Model, outcome: &Outcome) {
    let Outcome::Failed(failure) = outcome else { return };
    if model.dashboard && model.dialog.is_none() {
        model.dialog = Some(Dialog::Menu(Menu::not_signed_in(failure)));
    }
}

/// Nobody waits any more for what a login has asked.
pub(super) fn withdraw(model: &mut Model) {
    let is_of_login = |question: &Question| question.wanted != Wanted::Secret;
    model.questions.retain(|question| !is_of_login(question));
    model.dialog.take_if(|it| matches!(it, Dialog::Secret(form) if is_of_login(&form.question)));
}

/// What people read of it.
pub fn login_words(why: Option<&Failure>) -> (Level, String) {
    let Some(Failure { reason, hint, .. }) = why else {
        return (Level::Success, "signed in again: what waited goes on".to_owned());
    };
    let hint = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
    (Level::Error, format!("{reason}{hint}; what is under way waits for the next login"))
}
