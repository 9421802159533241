//! The footer: the keys that work now, or the sentence that answers the last one.

use ratatui::layout::Rect;

use super::text;
use super::{HitMap, Painter, Tone};
use crate::app::keymap::{Binding, Context};
use crate::app::{
    Action, Aim, Choose, Command, Dialog, Layout, LeaveCommand, LinesCommand, Model, Motion, Pane,
    PanelsCommand, Press, RowCommand, ScreenCommand, TableCommand, View,
};
use crate::fleet::{Health, Level};

/// The most lines of a sentence.
const MOST: usize = 4;

/// The sentence that answers the last key, with its tone, on the lines that it takes; none where the
/// keys stand.
pub(super) fn answer(model: &Model, width: u16) -> Option<(Tone, Vec<String>)> {
    let flash = model.flash.as_ref()?;
    // A dialog's keys stay; only the command line is answered here, and what shows or copies a page.
    let is_seen = match &model.dialog {
        None | Some(Dialog::Palette(_)) => true,
        Some(dialog) => {
            matches!(dialog.context(), Context::Code | Context::Page) && flash.level == Level::Info
        }
    };
    let tone = match flash.level {
        Level::Info => Tone::Accent,
        Level::Success => Tone::Good,
        Level::Warning => Tone::Waiting,
        Level::Error => Tone::Bad,
    };
    let word = match flash.level {
        Level::Info | Level::Success => String::new(),
        loud => format!("{} ", loud.word()),
    };
    let said = format!("{word}{}", flash.text);
    let mut lines = text::wrap(&said, width.saturating_sub(2).into());
    if let Some(rest) = lines.get(MOST..).filter(|rest| !rest.is_empty()) {
        // The painter cuts it, and shows that.
        let rest = rest.join(" ");
        lines.truncate(MOST);
        lines.iter_mut().last().into_iter().for_each(|last| *last = format!("{last} {rest}"));
    }
    is_seen.then_some((tone, lines))
}

/// Draws it. Hints that do not fit are left out from the end; a sentence that does not goes on upwards,
/// over what is there.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    if let Some((tone, lines)) = answer(model, area.width) {
        for (said, up) in lines.iter().rev().zip(0..) {
            let line = Rect { y: area.y.saturating_sub(up), ..area };
            painter.clear(line);
            painter.text(line, 1, 0, tone, said);
        }
        return;
    }
    let mut x: u16 = 1;
    for (binding, keys) in model.keymap.bindings(model.context()) {
        if binding.hint.is_empty() || !is_of_use(model, &binding.command) {
            continue;
        }
        let Some(key) = keys.first().map(|key| key.name()) else { continue };
        let hint = hint(model, binding);
        let width = text::width(&key) + 1 + text::width(hint);
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        if x.saturating_add(width) >= area.width {
            return;
        }
        hits.add(Rect { x: area.x + x, width, ..area }, binding.command.clone());
        let end = painter.text(area, x, 0, Tone::Accent, &key);
        x = painter.text(area, end + 1, 0, Tone::Dim, hint) + 2;
    }
}

/// The word for a key: where regions are shown, Enter leads to what is in one, and from the whole
/// screen back beside the list.
fn hint(model: &Model, binding: &Binding) -> &'static str {
    let has_regions = model.panels.view == View::Regions && model.context() == Context::Table;
    match binding.command {
        Command::Panels(PanelsCommand::Open(Pane::Details)) if has_regions => "instances",
        Command::Panels(PanelsCommand::Zoom) if model.layout().whole.is_some() => "beside the list",
        _ => binding.hint,
    }
}

/// Whether a key would do anything now: nothing is created or destroyed by who only reads, and
/// without a row nothing can be done to one.
fn is_of_use(model: &Model, command: &Command) -> bool {
    let has_row = !model.table.is_empty();
    let has_regions = model.panels.view == View::Regions && model.context() == Context::Table;
    match command {
        Command::Screen(ScreenCommand::SortMenu | ScreenCommand::Columns) if has_regions => false,
        // A notice has one page, and nothing to be found.
        Command::Press(Press::Move(Motion::PageDown)) => has_help(model),
        Command::Screen(ScreenCommand::Palette) if model.context() == Context::Reading => {
            has_help(model)
        }
        Command::Leave(LeaveCommand::TakeOver) => model.holder.is_some(),
        Command::Ask(Action::Retry, _) => model.read_only.is_none() && has_failed(model),
        Command::Ask(_, aim) => model.read_only.is_none() && (*aim != Aim::Chosen || has_row),
        // On a narrow screen a pane has all of it anyway.
        Command::Panels(PanelsCommand::Zoom) => Layout::has_room_beside(model.size.0),
        Command::Panels(PanelsCommand::Open(Pane::Details | Pane::Output))
        | Command::Table(TableCommand::Mark)
        | Command::Row(RowCommand::Shell(_)) => has_row,
        Command::Screen(ScreenCommand::Filter | ScreenCommand::SortMenu) => !model.fleet.is_empty(),
        Command::Lines(LinesCommand::Next) => {
            model.reader().is_some_and(|reader| !reader.needle.is_empty())
        }
        // There are several ways to leave, and one not to.
        Command::Press(Press::Choose(Choose::Yes)) => {
            !matches!(model.dialog, Some(Dialog::Quit(_)))
        }
        _ => true,
    }
}

fn has_help(model: &Model) -> bool {
    matches!(model.dialog, Some(Dialog::Help { .. }))
}

/// Whether the row under the cursor is one that a fresh instance would help.
fn has_failed(model: &Model) -> bool {
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    row.is_some_and(|row| matches!(row.phase.health(), Health::Bad | Health::Interrupted))
}
