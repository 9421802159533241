//! The keys that work where the help was called, from the keymap itself.

use ratatui::layout::Rect;

use super::{Pen, Tone};
use crate::app::keymap::{self, Context};

/// Draws it, from the line `top` on.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, context: Context, top: usize) {
    let title = format!("keys: {}", context.title());
    let lines = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let all = keymap::bindings(context).count();
    let below = all.saturating_sub(top + usize::from(lines.height));
    let remark = match below {
        0 => "Esc closes".to_owned(),
        below => format!("{below} more below, Esc closes"),
    };
    pen.rule(area, 0, (Tone::Strong, &title), &remark);
    for (binding, line) in keymap::bindings(context).skip(top).zip(0..lines.height) {
        let keys: Vec<String> = binding.keys.iter().map(|key| key.name()).collect();
        pen.text(lines, 3, line, Tone::Accent, &keys.join(" "));
        pen.text(lines, 24, line, Tone::Plain, binding.help);
    }
}
