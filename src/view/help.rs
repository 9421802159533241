//! The keys that work where the help was called, from the keymap itself: by what they are for, in as
//! many columns as have room.

use ratatui::layout::Rect;

use super::text;
use super::{Painter, Tone};
use crate::app::keymap::{Binding, Context};
use crate::app::{Layout, Model};

/// The fewest and the most columns of the keys in a column of the help.
const KEYS: (u16, u16) = (12, 22);

/// One line.
enum Line {
    Heading(&'static str),
    Binding(&'static Binding, String),
}

impl Line {
    /// The columns that its keys take.
    fn keys(&self) -> u16 {
        match self {
            Self::Heading(_) => 0,
            Self::Binding(_, keys) => u16::try_from(text::width(keys)).unwrap_or(u16::MAX),
        }
    }
}

/// Draws it, from the line `top` on.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    area: Rect,
    context: Context,
    top: usize,
) {
    let title = format!("keys: {}", context.title());
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let lines = lines(model, context);
    let columns = Layout::help_columns((body.width, body.height), lines.len());
    let height = lines.len().div_ceil(columns);
    let remark = match height.saturating_sub(top + usize::from(body.height)) {
        0 => "Esc closes".to_owned(),
        below => format!("{below} more below, Esc closes"),
    };
    painter.rule(area, 0, (Tone::Strong, &title), &remark);
    let width = area.width / u16::try_from(columns).unwrap_or(1);
    for (column, number) in lines.chunks(height.max(1)).zip(0..) {
        let place = Rect { x: body.x + width * number, width: width.saturating_sub(2), ..body };
        let keys = column.iter().map(Line::keys).max().unwrap_or(0).clamp(KEYS.0, KEYS.1);
        for (line, at) in column.iter().skip(top).zip(0..place.height) {
            draw_line(painter, place, at, line, keys);
        }
    }
}

fn draw_line(painter: &mut Painter<'_>, place: Rect, at: u16, line: &Line, width: u16) {
    match line {
        Line::Heading(title) => {
            painter.text(place, 1, at, Tone::Strong, title);
        }
        Line::Binding(binding, keys) => {
            let keys = text::cut(keys, width.into(), painter.theme.glyphs.cut);
            painter.text(place, 3, at, Tone::Accent, &keys);
            painter.text(place, 4 + width, at, Tone::Plain, binding.help);
        }
    }
}

/// All lines in their order, a heading before each group.
fn lines(model: &Model, context: Context) -> Vec<Line> {
    let mut lines = Vec::new();
    for (group, bindings) in model.keymap.grouped(context) {
        lines.push(Line::Heading(group.title()));
        lines.extend(bindings.into_iter().map(|(binding, keys)| {
            let names: Vec<String> = keys.iter().map(|key| key.name()).collect();
            Line::Binding(binding, names.join(" "))
        }));
    }
    lines
}
