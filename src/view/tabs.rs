//! The views, by the digits that lead to them, in the rule above what they show.

use ratatui::layout::Rect;

use super::text;
use super::{HitMap, Painter, Tone};
use crate::app::keymap::Context;
use crate::app::{Command, Model, Pane, Panel, PanelsCommand, View};

/// The views in the order of their digits, and their names.
const VIEWS: [(PanelsCommand, &str); 8] = [
    (PanelsCommand::Show(View::Rows), "rows"),
    (PanelsCommand::Show(View::Regions), "regions"),
    (PanelsCommand::Show(View::Grid), "grid"),
    (PanelsCommand::OpenWhole(Pane::Map), "map"),
    (PanelsCommand::OpenWhole(Pane::Prices), "prices"),
    (PanelsCommand::OpenWhole(Pane::Events), "events"),
    (PanelsCommand::OpenWhole(Pane::Costs), "costs"),
    (KEPT, "kept"),
];

/// Of use where a machine keeps something.
const KEPT: PanelsCommand = PanelsCommand::OpenWhole(Pane::Kept);

/// Draws them into the rule on an area's first line, as many as have room, and a remark where it has
/// room beside them.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    remark: &str,
) {
    painter.rule(area, 0, (Tone::Dim, ""), "");
    let mut x = 2;
    let has_kept = model.fleet.kept().next().is_some();
    for (command, name) in VIEWS.into_iter().filter(|(it, _)| has_kept || *it != KEPT) {
        let command = Command::Panels(command);
        let Some(key) = model.keymap.key_for(Context::Table, &command) else { continue };
        let said = format!(" {key} {name} ");
        let width = u16::try_from(text::width(&said)).unwrap_or(u16::MAX);
        if x + width > area.width {
            break;
        }
        hits.add(Rect { x: area.x + x, width, height: 1, ..area }, command.clone());
        let tone = if Some(&command) == current(model).as_ref() { Tone::Accent } else { Tone::Dim };
        x = painter.text(area, x, 0, tone, &said);
    }
    painter.remark(area, x, 0, remark);
}

/// The command that leads to where one is.
fn current(model: &Model) -> Option<Command> {
    let command = match (model.layout().whole, model.panels.side) {
        (Some(Panel::Side), Some(pane)) => PanelsCommand::OpenWhole(pane),
        (Some(Panel::Log), _) => return None,
        _ => PanelsCommand::Show(model.panels.view),
    };
    Some(Command::Panels(command))
}
