//! What lies over the table, and how all of it looks.

use super::panels::{remembering, row};
use crate::app::dialog::{ColumnsForm, Menu, Palette};
use crate::app::{Dialog, Effect, Model, Panel, ScreenCommand, TextField, View};
use crate::config::ThemeName;
use crate::fleet::Level;

/// Carries out a command of this kind.
pub(super) fn perform(model: &mut Model, command: ScreenCommand) -> Vec<Effect> {
    match command {
        ScreenCommand::Filter => filter(model),
        ScreenCommand::Columns | ScreenCommand::SortMenu if model.panels.view == View::Regions => {
            model.refuse_order();
        }
        ScreenCommand::Columns if model.panels.view == View::Grid => show_next(model),
        ScreenCommand::Columns => {
            model.dialog = Some(Dialog::Columns(ColumnsForm::new(model.table.columns.clone())));
        }
        ScreenCommand::CopyMenu => ask_copy(model),
        ScreenCommand::SortMenu => {
            model.dialog = Some(Dialog::Menu(Menu::sort(&model.table)));
        }
        ScreenCommand::Palette => model.dialog = Some(Dialog::Palette(Palette::default())),
        ScreenCommand::Help => {
            model.dialog = Some(Dialog::Help { context: model.context(), top: 0 });
        }
        ScreenCommand::Theme(theme) => return remembering(model, |model| model.theme = theme),
        ScreenCommand::NextTheme => return remembering(model, next_theme),
        ScreenCommand::ToggleMouse => return toggle_mouse(model),
    }
    Vec::new()
}

/// The cells show something else.
fn show_next(model: &mut Model) {
    model.heat.show_next();
    model.arrange_view();
    model.show(Level::Info, format!("cells show: {}", model.heat.by().name()));
}

/// Begins to type a filter, where the table can be seen.
fn filter(model: &mut Model) {
    model.panels.whole = model.panels.whole.filter(|panel| *panel == Panel::Table);
    if model.layout().whole == Some(Panel::Side) {
        model.panels.side = None;
    }
    model.focus = Panel::Table;
    model.filtering = true;
    model.filter = TextField::of(model.table.query().text());
    model.fit();
}

fn next_theme(model: &mut Model) {
    let all = ThemeName::ALL.map(|(_, theme)| theme);
    let at = all.iter().position(|theme| *theme == model.theme).unwrap_or(0);
    model.theme = all[(at + 1) % all.len()];
    let word = ThemeName::ALL[(at + 1) % all.len()].0;
    model.show(Level::Info, format!("theme: {word}"));
}

fn ask_copy(model: &mut Model) {
    let Some(row) = row(model) else { return };
    let address = row.address().map(|address| address.to_string());
    let menu = Menu::copy(address, row.id().map(ToString::to_string));
    if menu.items.is_empty() {
        model.show(Level::Info, "copy: this row has no id and no address yet".into());
    } else {
        model.dialog = Some(Dialog::Menu(menu));
    }
}

fn toggle_mouse(model: &mut Model) -> Vec<Effect> {
    model.mouse = !model.mouse;
    let text = if model.mouse {
        "the mouse is taken; the terminal selects text with Shift held"
    } else {
        "the terminal has the mouse again"
    };
    model.show(Level::Info, text.into());
    vec![Effect::Mouse(model.mouse)]
}
