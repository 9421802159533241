//! The command line and what could be meant by it.

use ratatui::layout::Rect;

use super::frame::{field, open_as, pick};
use crate::app::Model;
use crate::app::dialog::Palette;
use crate::view::text;
use crate::view::{HitMap, Painter, Tone};

/// The most proposals that are shown.
const MOST: usize = 10;

/// As wide whatever is typed, too.
const WIDTH: u16 = 84;

/// Draws it.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    palette: &Palette,
) {
    let proposals = palette.proposals(&model.words());
    let room = usize::from(area.height.saturating_sub(8)).clamp(1, MOST);
    // As many lines whatever is typed, so that nothing jumps.
    let lines = u16::try_from(room).unwrap_or(u16::MAX).saturating_add(2);
    let inside = open_as(painter, area, (Tone::Accent, "Command"), WIDTH, lines);
    field(painter, inside, 0, ":", &palette.field);
    let top = (palette.at + 1).saturating_sub(room);
    let window = proposals.iter().enumerate().skip(top).take(room);
    let widest = proposals.iter().map(|it| text::width(&it.line)).max().unwrap_or(0);
    for ((at, proposal), line) in window.zip(2..) {
        let chosen = at == palette.at;
        let style = if chosen { painter.theme.chosen() } else { painter.theme.style(Tone::Plain) };
        let x = painter.styled(inside, 0, line, style, &format!(" {:widest$} ", proposal.line));
        let x = painter.text(inside, x + 1, line, Tone::Accent, &format!("{:10}", proposal.keys));
        painter.text(inside, x + 1, line, Tone::Dim, &proposal.help);
        pick(hits, inside, (0, line, inside.width), at);
    }
    if proposals.is_empty() && !palette.field.text().trim().is_empty() {
        let said = "No such command; Enter tries it as typed.";
        let said = palette.help().unwrap_or(said);
        painter.text(inside, 0, 2, Tone::Dim, said);
    }
}
