//! The keys that can follow one, in a strip above the footer.

use ratatui::layout::Rect;

use super::frame::pick;
use crate::app::dialog::Strip;
use crate::view::text;
use crate::view::{HitMap, Painter, Tone};

/// Draws it, on as many lines as it takes.
pub(super) fn draw(painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect, strip: &Strip) {
    let lines = dealt(strip, area.width);
    let height = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX).min(area.height / 2);
    let y = area.bottom().saturating_sub(height + 1);
    let place = Rect { y, height, ..area }.intersection(painter.buffer.area);
    painter.clear(place);
    painter.rule(place, 0, (Tone::Strong, strip.title), "Esc closes");
    for (items, line) in lines.into_iter().zip(1..) {
        let mut x = 1;
        for at in items {
            let (key, name, _) = &strip.items[at];
            let end = painter.text(place, x, line, Tone::Accent, &key.to_string());
            let from = x;
            x = painter.text(place, end + 1, line, Tone::Plain, name) + 3;
            pick(hits, place, (from, line, x.saturating_sub(from + 3)), at);
        }
    }
}

/// Which items stand on which line.
fn dealt(strip: &Strip, width: u16) -> Vec<Vec<usize>> {
    let mut lines: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = 1;
    for (at, (_, name, _)) in strip.items.iter().enumerate() {
        let wide = text::width(name) + 5;
        if used + wide > usize::from(width) && used > 1 {
            lines.push(Vec::new());
            used = 1;
        }
        used += wide;
        lines.last_mut().into_iter().for_each(|line| line.push(at));
    }
    lines
}
