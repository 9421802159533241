//! What keys do in the table, the filter and the log.

use super::{create, destroy};
use crate::app::dialog::edit;
use crate::app::{Command, Dialog, Effect, Focus, Model, Motion, Scope};
use crate::fleet::Level;

/// A command for the panel that has the focus.
pub(super) fn perform(model: &mut Model, command: Command) -> Vec<Effect> {
    match command {
        Command::Move(motion) => match model.focus {
            Focus::Table => model.table.step(motion),
            Focus::Log => scroll_log(model, motion),
        },
        Command::NextPanel if !model.zoomed => {
            model.focus = match model.focus {
                Focus::Table => Focus::Log,
                Focus::Log => Focus::Table,
            };
        }
        Command::ZoomLog => zoom(model, !model.zoomed),
        Command::Select(key) => model.table.select(&key),
        Command::Mark => model.table.mark(),
        Command::Filter => {
            zoom(model, false);
            model.filtering = true;
        }
        Command::SortNext => model.table.sort_next(&model.fleet),
        Command::SortReverse => model.table.sort_reverse(&model.fleet),
        Command::SortBy(key) => model.table.sort_by(key, &model.fleet),
        Command::Copy => return copy(model),
        Command::Details => {
            if let Some(key) = model.table.cursor().cloned() {
                model.dialog = Some(Dialog::Details { key, top: 0 });
            }
        }
        Command::Help => {
            model.dialog = Some(Dialog::Help { context: model.context(), top: 0 });
        }
        Command::AskCreate => create::ask(model),
        Command::AskDestroy => {
            let chosen = model.table.chosen();
            destroy::ask(model, Scope::Instances(chosen));
        }
        Command::AskDestroyRegion => ask_destroy_region(model),
        Command::AskDestroyAll => destroy::ask(model, Scope::All),
        Command::Back => back(model),
        _ => {}
    }
    Vec::new()
}

/// Gives the screen to the log, or takes it back. The keyboard goes along.
fn zoom(model: &mut Model, zoomed: bool) {
    model.zoomed = zoomed;
    model.focus = if zoomed { Focus::Log } else { Focus::Table };
    model.fit();
}

fn scroll_log(model: &mut Model, motion: Motion) {
    match motion {
        Motion::Up | Motion::PageUp | Motion::First => model.log_panel.back(),
        Motion::Down | Motion::PageDown => model.log_panel.forward(),
        Motion::Last => model.log_panel.follow(),
    }
}

fn ask_destroy_region(model: &mut Model) {
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    if let Some(region) = row.map(|instance| instance.region.clone()) {
        destroy::ask(model, Scope::Region(region));
    }
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    let text = row.and_then(|instance| {
        let address = instance.address().map(|address| address.to_string());
        address.or_else(|| instance.id().map(ToString::to_string))
    });
    let Some(text) = text else { return Vec::new() };
    model.flash(Level::Info, "copy", format!("{text} is on the clipboard"));
    vec![Effect::Copy(text)]
}

/// Takes away what narrows the view, the last first.
fn back(model: &mut Model) {
    if model.zoomed || model.focus == Focus::Log {
        model.log_panel.follow();
        zoom(model, false);
    } else if !model.table.marks().is_empty() {
        model.table.unmark();
    } else {
        model.table.set_filter(String::new(), &model.fleet);
    }
}

/// A command while the filter is typed. The table follows each key.
pub(super) fn in_filter(model: &mut Model, command: &Command) {
    match command {
        Command::Accept => model.filtering = false,
        Command::Back => {
            model.filtering = false;
            model.table.set_filter(String::new(), &model.fleet);
        }
        Command::Move(motion) => model.table.step(*motion),
        other => {
            let mut filter = model.table.filter().to_owned();
            edit(&mut filter, other);
            model.table.set_filter(filter, &model.fleet);
        }
    }
}
