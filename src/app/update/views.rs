//! Views under a name: a filter, an order and columns that somebody comes back to.

use super::panels;
use crate::app::dialog::Strip;
use crate::app::{Command, Dialog, Model, Panel, SavedView, ViewCommand, clean};
use crate::fleet::Level;

/// The longest name, in bytes.
const NAME: usize = 32;

/// Carries out a command of this kind.
pub(super) fn perform(model: &mut Model, command: ViewCommand) {
    match command {
        ViewCommand::Offer => offer(model),
        ViewCommand::Save(name) => save(model, &name),
        ViewCommand::Show(name) => show(model, &name),
        ViewCommand::Forget(name) => forget(model, &name),
    }
    model.fit();
}

/// Keeps how the fleet is shown now.
fn save(model: &mut Model, name: &str) {
    let (sort, reverse) = model.table.sort();
    let view = SavedView {
        view: model.panels.view,
        filter: model.table.query().text().to_owned(),
        sort,
        reverse,
        columns: model.table.columns.clone(),
    };
    let name = clean(name, NAME);
    model.show(Level::Success, format!("view: {name} is saved; ' shows the saved ones"));
    model.views.insert(name, view);
}

/// Shows the fleet as it was kept.
fn show(model: &mut Model, name: &str) {
    let Some(SavedView { view, filter, sort, reverse, columns }) = model.views.get(name).cloned()
    else {
        model.show(Level::Warning, format!("view: none is called {name}"));
        return;
    };
    panels::show(model, view);
    model.table.restore(columns, sort, reverse);
    model.table.set_filter(&filter, &model.fleet);
    model.focus = Panel::Table;
    model.show(Level::Info, format!("view: {name}"));
}

/// Forgets one.
fn forget(model: &mut Model, name: &str) {
    let (level, said) = match model.views.remove(name) {
        Some(_) => (Level::Info, "is forgotten"),
        None => (Level::Warning, "is no saved view"),
    };
    model.show(level, format!("view: {name} {said}"));
}

/// Offers them.
fn offer(model: &mut Model) {
    let named = model
        .views
        .keys()
        .map(|name| (name.clone(), Command::View(ViewCommand::Show(name.clone()))));
    let strip = Strip::named("saved views", named);
    if strip.items.is_empty() {
        model.show(Level::Info, "view: none is saved yet; type :save and a name".into());
    } else {
        model.dialog = Some(Dialog::Strip(strip));
    }
}
