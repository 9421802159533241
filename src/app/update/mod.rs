//! The one function that changes the model. It decides; the runtime acts on the effects.

mod actions;
mod advice;
mod anew;
mod books;
mod budget;
mod caps;
mod count;
mod create;
mod destroy;
mod ended;
mod fallback;
mod handover;
mod hold;
mod interruptions;
mod keep;
mod leave;
mod lock;
mod log_changes;
mod login;
mod machine;
mod notify;
mod panels;
mod pending_creates;
mod plan;
mod presence;
mod pricing;
mod rebalance;
mod refresh;
mod reports;
mod retry;
mod run;
mod scale;
mod screen;
mod snapshots;
mod spent;
mod user_commands;
mod views;
mod visits;

pub use lock::{lock_refusal, words as lock_words};
pub use login::login_words;

use crossterm::event::KeyEvent;

pub use books::{closing_lines, receipt};
pub use budget::{beside, budget_refusal, estimate, machine_price, surplus_remark};
pub use create::only_machines;
pub use keep::{has_ends_ahead, has_too_many, how_full, is_held, would_end};
pub use panels::console_page;
pub use plan::CreatePlan;
pub use spent::{forecast, spent_by_day};

use super::dialog::{self, Next, Palette, SecretForm};
use super::keymap::Context;
use super::layout::Layout;
use super::{
    Command, Dialog, Effect, Exit, Input, Latest, LeaveCommand, Left, Message, Model, Press,
    Question, ScreenCommand, Signal, Stamped,
};
use crate::fleet::{Job, Level};

/// Takes one message in and tells what follows from it.
///
/// A command that is refused has no effect; why is then the newest line of [`Model::log`].
pub fn update(model: &mut Model, message: Stamped) -> Vec<Effect> {
    // A wall clock may be set back; ages on the screen shall not be negative.
    model.now = model.now.max(message.at);
    model.table.now = model.now;
    if !matches!(message.message, Message::Report(_)) {
        model.refresh();
    }
    model.latest = Latest::default();
    let mut effects = on_message(model, message.message);
    effects.extend(model.ring());
    effects.extend(notify::effects(model));
    effects
}

fn on_message(model: &mut Model, message: Message) -> Vec<Effect> {
    match message {
        Message::Input(input) => on_input(model, input),
        Message::Command(command) => perform(model, command),
        Message::Report(report) => {
            let effects = reports::apply(model, &report);
            // What a job has asked goes with it.
            ask_next(model);
            effects
        }
        Message::Asked(question) => on_question(model, question),
        Message::Answered(id, secret) => vec![Effect::Answer(id, secret)],
        Message::Signal(signal) => on_signal(model, signal),
        Message::Clock if keep::rests(model) => Vec::new(),
        Message::Clock => {
            model.holding.looked = Some(model.now);
            model.fade();
            let is_reckoned = model.reckon_if_due();
            // Rows get old enough for a filter by age.
            if model.table.query().is_timed() {
                model.mark_stale();
            }
            let mut effects = budget::age(model);
            if is_reckoned {
                effects.extend(books::post(model));
                effects.extend(caps::keep(model));
            }
            effects.extend(pending_creates::end_fulfilled(model));
            effects.extend(rebalance::go_on(model));
            effects.extend(scale::scale(model));
            effects.extend(fallback::fall_back(model));
            effects.extend(hold::hold(model));
            effects.extend(rebalance::begin(model));
            effects.extend(keep::keep(model));
            notify::sum_up(model);
            effects.extend(notify::show(model));
            effects.extend(handover::yield_if_due(model));
            effects
        }
        Message::Stored(stored) => {
            on_stored(model, stored);
            Vec::new()
        }
        Message::Noted { level, about, text } => {
            // That a key did what it says is no event.
            if level == Level::Info {
                model.show(level, format!("{about}: {text}"));
            } else {
                model.flash(level, about, text);
            }
            Vec::new()
        }
        Message::StateWanted { by } => handover::wanted(model, &by),
        Message::StateGiven(given) => handover::given(model, given),
        Message::NotLoggedIn { said } => {
            on_not_logged_in(model, &said);
            Vec::new()
        }
        Message::Notified { is_given_up } => {
            model.notify.delivered += u64::from(!is_given_up);
            model.notify.given_up += u64::from(is_given_up);
            Vec::new()
        }
        Message::Dropped(lines) => {
            let text = format!("{lines} lines were dropped: nodes print more than can be shown");
            model.log.write(model.now, Level::Warning, "output", &text);
            Vec::new()
        }
    }
}

/// What ssh wrote went to a screen that is covered again.
fn on_not_logged_in(model: &mut Model, said: &[String]) {
    let last = said.last().map_or("it said nothing", String::as_str);
    model.flash(Level::Warning, "ssh", format!("could not log in: {last}"));
    if model.dialog.is_none() && !said.is_empty() {
        model.dialog = Some(Dialog::Notice {
            title: "ssh could not log in".into(),
            text: said.join("\n"),
            hint: "Esc goes back; t tries again.".into(),
        });
    }
}

fn on_input(model: &mut Model, input: Input) -> Vec<Effect> {
    if matches!(input, Input::Key(_)) {
        model.table.touch();
    }
    match input {
        Input::Key(event) => match model.keymap.apart(model.context(), event) {
            Some(keys) => keys.into_iter().flat_map(|key| on_key(model, key)).collect(),
            None => on_key(model, event),
        },
        Input::Paste(text) => {
            paste(model, &text);
            Vec::new()
        }
        // What lies under the mouse is known to the frame alone: the runtime asks its hit map and
        // sends the command.
        Input::Mouse(_) => Vec::new(),
        Input::Resize(columns, rows) => {
            model.size = (columns, rows);
            model.fit();
            Vec::new()
        }
    }
}

fn on_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let Some(command) = model.keymap.command(model.context(), event) else { return Vec::new() };
    // What cannot be seen cannot be confirmed: there, one can only leave.
    if model.dashboard && !model.layout().fits && !matches!(command, Command::Leave(_)) {
        return Vec::new();
    }
    model.flash = None;
    // The topmost thing goes first.
    let is_quit = command == Command::Leave(LeaveCommand::Quit);
    if is_quit && model.dialog.is_none() && panels::is_followed(model) {
        return perform(model, Command::Press(Press::Back));
    }
    perform(model, command)
}

/// Pasted text is no key, and a confirmation is typed by hand: only fields take it, each at one
/// stroke.
fn paste(model: &mut Model, text: &str) {
    let pasted = match (&mut model.dialog, model.filtering) {
        (Some(Dialog::Secret(form)), _) => form.paste(text),
        (Some(Dialog::Palette(palette)), _) => palette.paste(text),
        (Some(_), _) => Ok(()),
        (None, true) => panels::in_filter_field(model, |field| field.paste(text)),
        (None, false) => {
            panels::in_search_field(model, |field| Some(field.paste(text))).unwrap_or(Ok(()))
        }
    };
    if let Err(why) = pasted {
        model.show(Level::Warning, why);
    }
}

/// Carries out a command, from wherever it comes.
fn perform(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Refresh => refresh::refresh(model),
        Command::Keep => keep::begin(model),
        Command::SignIn => login::sign_in(model),
        Command::Page(command) => login::page(model, command),
        Command::Prices(types) => pricing::types(model, &types),
        Command::PriceFleet => pricing::fleet(model),
        Command::PricesOf(wanted) => vec![model.start(Job::Prices(wanted))],
        Command::PriceBudget => pricing::budget(model),
        Command::Preflight(counts, None) => vec![model.start(Job::Preflight(counts))],
        Command::Preflight(counts, Some(old)) => anew::check_in_place(model, counts, &old),
        Command::Inspect(regions) => vec![model.start(Job::Inspect(regions))],
        Command::FindLeftOvers(regions) => {
            vec![model.start(Job::CleanUp { regions, dry_run: true })]
        }
        Command::Act(action, scope) => actions::act(model, action, scope),
        Command::Leave(command) => leave::perform(model, command),
        Command::Press(press) => on_press(model, press),
        // What the help does not show at once is looked for there.
        Command::Screen(ScreenCommand::Palette)
            if matches!(model.dialog, Some(Dialog::Help { .. })) =>
        {
            screen::perform(model, ScreenCommand::Palette)
        }
        // A dialog may have opened since the frame that was clicked: what lies below it is not
        // touched.
        Command::Ask(..)
        | Command::AskFor(..)
        | Command::Table(_)
        | Command::Panels(_)
        | Command::Lines(_)
        | Command::Row(_)
        | Command::View(_)
        | Command::User(_)
        | Command::Visit(_)
        | Command::Screen(_)
            if model.dialog.is_some() =>
        {
            Vec::new()
        }
        Command::Ask(action, aim) => actions::ask(model, action, aim),
        Command::AskFor(action, scope) => actions::ask_for(model, action, scope),
        Command::Table(command) => {
            panels::remembering(model, |model| panels::in_table(model, command))
        }
        Command::Panels(command) => {
            panels::remembering(model, |model| panels::arrange(model, command))
        }
        Command::Lines(command) => panels::read(model, command),
        Command::Row(command) => panels::reach_out(model, command),
        Command::View(command) => {
            panels::remembering(model, |model| views::perform(model, command))
        }
        Command::User(command) => user_commands::perform(model, command),
        Command::Visit(command) => visits::perform(model, command),
        Command::Screen(command) => screen::perform(model, command),
    }
}

/// What is pressed goes to what has the keyboard.
fn on_press(model: &mut Model, press: Press) -> Vec<Effect> {
    if model.dialog.is_some() {
        return in_dialog(model, press);
    }
    match model.context() {
        Context::Filter => panels::in_filter(model, press),
        Context::Search => panels::in_search(model, press),
        _ => return panels::remembering(model, |model| panels::in_panel(model, press)),
    }
    Vec::new()
}

fn in_dialog(model: &mut Model, press: Press) -> Vec<Effect> {
    let Some(mut open) = model.dialog.take() else { return Vec::new() };
    let (page, lines) = reading(model, &open);
    let next = match &mut open {
        Dialog::Palette(palette) => in_palette(model, palette, press),
        open => dialog::apply(open, press, page, lines),
    };
    if let Dialog::Columns(form) = &mut open {
        model.table.columns = form.columns.clone();
        if let Some(field) = form.sort.take() {
            model.table.sort_by(field, &model.fleet);
        }
    }
    let effects = match next {
        Next::Stay => {
            model.dialog = Some(open);
            return visits::look_ahead(model).into_iter().collect();
        }
        Next::Close => match open {
            Dialog::Secret(form) => vec![Effect::Answer(form.question.id, None)],
            Dialog::Columns(_) => panels::remember(model),
            _ => Vec::new(),
        },
        Next::Do(command) => perform(model, command),
        Next::Leave(choice) => match open {
            Dialog::Quit(form) => leave::choose(model, choice, form.to),
            _ => Vec::new(),
        },
        Next::Answer(secret) => match open {
            Dialog::Secret(form) => vec![Effect::Answer(form.question.id, Some(secret))],
            _ => Vec::new(),
        },
    };
    ask_next(model);
    effects
}

/// What is pressed in the palette, whose line is read with the keymap.
fn in_palette(model: &mut Model, palette: &mut Palette, press: Press) -> Next {
    model.preview = None;
    match press {
        Press::Accept if palette.field.text().trim().is_empty() && palette.at == 0 => Next::Close,
        Press::Accept => match palette.meant(&model.words()) {
            Ok(command) => {
                model.commands.push(palette.field.text());
                Next::Do(command)
            }
            Err(why) => {
                model.show(Level::Warning, why);
                Next::Stay
            }
        },
        Press::Back => Next::Close,
        other => {
            palette.on_press(other, &model.words(), &model.commands);
            model.preview = match palette.meant(&model.words()) {
                Ok(Command::Screen(ScreenCommand::Theme(theme))) => Some(theme),
                _ => None,
            };
            Next::Stay
        }
    }
}

/// The window and the length of a dialog that is read.
fn reading(model: &Model, dialog: &Dialog) -> (usize, usize) {
    match dialog {
        Dialog::Help { context, .. } => {
            let Layout { strip, banner, .. } = model.layout();
            let height = Layout::reading(model.size.1).saturating_sub(strip + banner);
            let groups = model.keymap.grouped(*context);
            let lines: usize = groups.iter().map(|(_, bindings)| bindings.len() + 1).sum();
            let columns = Layout::help_columns((model.size.0, height), lines);
            (height.max(1).into(), lines.div_ceil(columns))
        }
        _ => (1, 0),
    }
}

fn on_question(model: &mut Model, question: Question) -> Vec<Effect> {
    if !model.dashboard {
        return vec![Effect::Ask(question)];
    }
    model.questions.push_back(question);
    ask_next(model);
    Vec::new()
}

/// Opens the next question. It waits while another dialog is open: keys meant for that one must
/// not answer this one.
fn ask_next(model: &mut Model) {
    if model.dialog.is_none()
        && let Some(question) = model.questions.pop_front()
    {
        model.filtering = false;
        model.dialog = Some(Dialog::Secret(SecretForm::new(question)));
    }
}

fn on_signal(model: &mut Model, signal: Signal) -> Vec<Effect> {
    match signal {
        Signal::Interrupt if model.dashboard => leave::interrupt(model),
        Signal::Interrupt => {
            let cancel: Vec<Effect> = model.active().map(|(id, _)| Effect::Cancel(id)).collect();
            cancel.into_iter().chain(leave::at_once(model, Left::Exit(Exit::Interrupted))).collect()
        }
        // Nobody may be there to ask, and the journal resumes what was under way.
        Signal::Terminate | Signal::HangUp => leave::at_once(model, Left::Exit(Exit::Interrupted)),
    }
}

fn on_stored(model: &mut Model, stored: Result<(), String>) {
    let news = stored.err();
    if news != model.unsaved {
        match &news {
            Some(why) => model.log.write(
                model.now,
                Level::Error,
                "state",
                &format!("the state could not be written: {why}"),
            ),
            None => {
                model.log.write(model.now, Level::Success, "state", "the state is saved again");
            }
        }
        model.unsaved = news;
        model.fit();
    }
}

#[cfg(test)]
pub(super) mod tests;
