//! Lines that are read while they grow: an instance's log, and the events.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::text;
use super::{Painter, Tone};
use crate::app::{LogLine, Model, Reader, Ring, find};
use crate::fleet::{InstanceKey, Level};

/// The columns of the time and the space after it.
const TIME: u16 = 11;
/// The columns of whom an event is about.
const ABOUT: u16 = 30;
/// The same without addresses.
const NARROW_ABOUT: u16 = 16;
/// The narrowest pane that has addresses.
const WIDE: u16 = 90;

/// Draws what one instance printed and what was said of it.
pub(super) fn output(model: &Model, painter: &mut Painter<'_>, area: Rect, key: &InstanceKey) {
    match model.log.of(key) {
        Some(ring) => lines(model, &model.output, painter, area, ring),
        None => {
            painter.text(area, 1, 1, Tone::Dim, "Nothing was printed yet.");
        }
    }
}

/// Draws everything that happened.
pub(super) fn events(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    lines(model, &model.events, painter, area, model.log.events());
}

fn lines(model: &Model, reader: &Reader, painter: &mut Painter<'_>, area: Rect, ring: &Ring) {
    let body = Rect { height: area.height.saturating_sub(1), ..area };
    let window = reader.window(ring, body.height.into(), model.now);
    for (line, at) in window.into_iter().zip(0..) {
        draw_line((reader, model.now), painter, body, at, line);
    }
    let status_line = Rect { y: body.bottom(), height: 1, ..area };
    status((reader, model.now), painter, status_line, ring);
}

fn draw_line(
    (reader, now): (&Reader, Timestamp),
    painter: &mut Painter<'_>,
    area: Rect,
    at: u16,
    line: &LogLine,
) {
    painter.text(area, 1, at, Tone::Dim, &text::moment(line.at, now));
    let mut x = TIME;
    // What a node printed is about that node.
    if !line.about.is_empty() {
        let wide = area.width >= WIDE;
        let about = if wide { ABOUT } else { NARROW_ABOUT };
        let whom = text::label(&line.about, wide);
        let whom = text::cut(&whom, usize::from(about - 2), painter.theme.glyphs.cut);
        painter.text(area, x, at, Tone::Plain, &whom);
        x += about;
    }
    if line.level != Level::Info {
        let sign = painter.theme.glyphs.level(line.level);
        x = painter.text(area, x, at, line.level.into(), sign) + 1;
    }
    // A needle may be in the node's own stamp, which is not shown.
    let said = text::unstamped(&line.text);
    painter.text(area, x, at, Tone::Plain, said);
    if reader.finds(line, now)
        && let Some(word) = reader.word()
        && let Some(found) = find(said, word)
        && let (Some(before), Some(said)) = (said.get(..found), said.get(found..found + word.len()))
    {
        let before = u16::try_from(text::width(before)).unwrap_or(u16::MAX);
        painter.styled(area, x.saturating_add(before), at, painter.theme.chosen(), said);
    }
}

/// What is looked for, and how many lines there are.
fn status((reader, now): (&Reader, Timestamp), painter: &mut Painter<'_>, area: Rect, ring: &Ring) {
    let mut said = text::count(reader.lines(ring, now).len(), "line");
    if ring.dropped() > 0 {
        said = format!("{said}, {} older ones were dropped", ring.dropped());
    }
    let needle = reader.needle.text();
    let taken = painter.right(area, text::needle(needle), 0, Tone::Dim, &said);
    if reader.typing || !reader.needle.is_empty() {
        let area = Rect { width: area.width.saturating_sub(taken), ..area };
        let x = painter.text(area, 1, 0, Tone::Accent, if reader.only { "& " } else { "/ " });
        if reader.typing {
            painter.field(area, x, 0, &reader.needle);
        } else {
            painter.text(area, x, 0, Tone::Plain, needle);
        }
    }
}
