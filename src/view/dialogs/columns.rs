//! The choice of columns.

use ratatui::layout::Rect;

use super::frame::{open_as, pick};
use crate::app::dialog::ColumnsForm;
use crate::app::{Field, Model, clean};
use crate::view::columns::chosen;
use crate::view::table::on_screen;
use crate::view::{HitMap, Painter, Tone};

/// The columns of the heading, the name, and why it is not seen.
const WIDTH: u16 = 74;

/// Draws it.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    form: &ColumnsForm,
) {
    let all: Vec<_> = form.columns.all().collect();
    let room = usize::from(area.height.saturating_sub(6)).max(1);
    let shown = all.len().min(room);
    let lines = u16::try_from(shown).unwrap_or(u16::MAX).saturating_add(2);
    let inside = open_as(painter, area, (Tone::Accent, "Columns"), WIDTH, lines);
    let seen = on_screen(model, painter.theme);
    let top = (form.at + 1).saturating_sub(shown);
    let (sort, reverse) = model.table.sort();
    for ((at, (field, is_shown)), line) in all.iter().enumerate().skip(top).take(shown).zip(0..) {
        let heading = chosen(std::iter::once(*field)).next().map_or("", |column| column.heading);
        let mark = if *is_shown { painter.theme.glyphs.mark } else { " " };
        let style =
            if at == form.at { painter.theme.chosen() } else { painter.theme.style(Tone::Plain) };
        painter.text(inside, 1, line, Tone::Accent, mark);
        pick(hits, inside, (0, line, inside.width), at);
        painter.styled(inside, 3, line, style, &format!(" {heading:12} "));
        painter.text(inside, 18, line, Tone::Dim, field.name());
        let said = match () {
            () if !is_shown || seen.contains(field) => String::new(),
            () if model.tally.is_alike(*field) => alike(model, *field),
            () => "no room, or nothing known".to_owned(),
        };
        let x = painter.text(inside, 30, line, Tone::Dim, &said);
        if *field == sort {
            let sign = painter.theme.glyphs.sort[usize::from(reverse)];
            let x = if said.is_empty() { x } else { x + 2 };
            painter.text(inside, x, line, Tone::Accent, &format!("{sign} sorted"));
        }
    }
    let list = Rect { height: inside.height.saturating_sub(2), ..inside };
    painter.scrollbar(list, top, all.len());
    let said = "Where room is short, the least telling ones are left out.";
    painter.text(inside, 0, lines - 1, Tone::Dim, said);
}

/// What all rows say in a field, as its column does not.
fn alike(model: &Model, field: Field) -> String {
    let said = model.tally.alike.iter().find(|(known, _)| *known == field);
    said.map_or_else(String::new, |(_, said)| format!("the same in all: {}", clean(said, 64)))
}
