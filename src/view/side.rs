//! The pane beside the table, or in its place: its rule, and what was chosen to be in it.

use ratatui::layout::Rect;

use super::{
    HitMap, Painter, Tone, answers, costs, details, kept, map, prices, reader, tabs, text,
};
use crate::app::{Command, Model, Pane, Panel, PanelsCommand, console_page};

/// Draws it. `beside`: the table is to the left of it.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    pane: Pane,
    beside: bool,
) {
    let focused = model.focus() == Panel::Side;
    hits.add(area, Command::Panels(PanelsCommand::Focus(Panel::Side)));
    if beside {
        hits.edge(
            Rect { y: area.y + 1, width: 1, height: area.height.saturating_sub(1), ..area },
            Panel::Side,
        );
        for line in 1..area.height {
            painter.text(area, 0, line, Tone::Dim, painter.theme.glyphs.wall);
        }
    }
    let remark = remark(model);
    // Where it has the whole screen it is one of the views.
    if !beside && pane.is_view() {
        tabs::draw(model, painter, hits, area, &remark);
    } else {
        let tone = if focused { Tone::Accent } else { Tone::Dim };
        let title = title(model, pane);
        painter.rule(area, 0, (tone, &title), &remark);
        if let Some(page) = page(model, pane) {
            let width = u16::try_from(text::width(&title)).unwrap_or(u16::MAX);
            hits.link(Rect { x: area.x + TITLE, width, height: 1, ..area }, page);
        }
    }
    let left = u16::from(beside);
    let inside = Rect {
        x: area.x + left,
        y: area.y + 1,
        width: area.width.saturating_sub(left),
        height: area.height.saturating_sub(1),
    };
    match (pane, model.table.cursor()) {
        (Pane::Details, Some(key)) => details::draw(model, painter, inside, key),
        (Pane::Output, Some(key)) => reader::output(model, painter, inside, key),
        (Pane::Details | Pane::Output, None) => {
            painter.text(inside, 1, 1, Tone::Dim, "No instance is chosen.");
        }
        (Pane::Map, _) => map::draw(model, painter, hits, inside),
        (Pane::Prices, _) => prices::draw(model, painter, inside),
        (Pane::Costs, _) => costs::draw(model, painter, inside),
        (Pane::Kept, _) => kept::draw(model, painter, inside),
        (Pane::Answers, _) => answers::draw(model, painter, inside),
        (Pane::Events, _) => reader::events(model, painter, inside),
    }
}

/// The column where a rule's title begins.
const TITLE: u16 = 3;

/// The page of AWS's console about the instance that the title names.
fn page(model: &Model, pane: Pane) -> Option<String> {
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    row.filter(|_| matches!(pane, Pane::Details)).and_then(console_page)
}

/// What the pane shows, and of whom.
fn title(model: &Model, pane: Pane) -> String {
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    match (pane, row) {
        (Pane::Details, Some(row)) => text::named(&row.label()).into_owned(),
        (Pane::Output, Some(row)) => format!("{} {}", pane.title(), text::named(&row.label())),
        (Pane::Answers, _) => match &model.answers {
            Some(answers) => crate::app::clean(&answers.command, 256),
            None => pane.title().to_owned(),
        },
        (pane, _) => pane.title().to_owned(),
    }
}

/// Where one is in the lines, else how to leave.
fn remark(model: &Model) -> String {
    match model.reader() {
        Some(reader) if reader.follows() => "following".to_owned(),
        Some(_) => "scrolled, G follows".to_owned(),
        // It closes first where the list has the keyboard, too.
        None => "Esc closes".to_owned(),
    }
}
