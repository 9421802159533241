//! The keys that work where the help was called, from the keymap itself.

use ratatui::layout::Rect;

use super::text;
use super::{Painter, Tone};
use crate::app::Model;
use crate::app::keymap::Context;

/// The columns of the keys, of what they do, and of an action's name.
const COLUMNS: [u16; 3] = [3, 24, 92];

/// Draws it, from the line `top` on.
pub(super) fn draw(
    model: &Model,
    painter: &mut Painter<'_>,
    area: Rect,
    context: Context,
    top: usize,
) {
    let title = format!("keys: {}", context.title());
    let lines = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let all = model.keymap.bindings(context).count();
    let below = all.saturating_sub(top + usize::from(lines.height));
    let remark = match below {
        0 => "Esc closes".to_owned(),
        below => format!("{below} more below, Esc closes"),
    };
    painter.rule(area, 0, (Tone::Strong, &title), &remark);
    for ((binding, keys), line) in model.keymap.bindings(context).skip(top).zip(0..lines.height) {
        let keys: Vec<String> = keys.iter().map(|key| key.name()).collect();
        let keys = text::cut(&keys.join(" "), 20, painter.theme.glyphs.cut).into_owned();
        painter.text(lines, COLUMNS[0], line, Tone::Accent, &keys);
        painter.text(lines, COLUMNS[1], line, Tone::Plain, binding.help);
        if area.width > COLUMNS[2] + 16 && !binding.name.is_empty() {
            painter.text(lines, COLUMNS[2], line, Tone::Dim, &format!(":{}", binding.name));
        }
    }
}
