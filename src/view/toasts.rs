//! What has just come to its end, in the corner above the footer.

use ratatui::layout::Rect;

use super::text;
use super::{Painter, Tone};
use crate::app::Model;

/// The widest that a toast gets, in columns.
const WIDEST: u16 = 120;

/// Draws them over the area's last lines, the newest at the bottom.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    for (toast, up) in model.toasts.iter().rev().zip(1..) {
        let Some(y) = area.bottom().checked_sub(up).filter(|y| *y >= area.y) else { return };
        let room = area.width.min(WIDEST).saturating_sub(4);
        let said = text::cut(&toast.text, room.into(), painter.theme.glyphs.cut).into_owned();
        let width = u16::try_from(text::width(&said)).unwrap_or(room) + 4;
        let place = Rect { x: area.right().saturating_sub(width), y, width, height: 1 };
        painter.clear(place);
        let tone: Tone = toast.level.into();
        let style = painter.theme.style(tone).add_modifier(ratatui::style::Modifier::REVERSED);
        painter.styled(place, 0, 0, style, &format!(" {said} "));
    }
}
