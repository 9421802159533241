//! What instances cost: filled in by the market's facts.

use ratatui::layout::Rect;

use super::{Pen, Tone};
use crate::app::Model;

/// Draws it.
pub(super) fn draw(_: &Model, pen: &mut Pen<'_>, area: Rect) {
    pen.text(area, 1, 1, Tone::Dim, "No price is known yet.");
}
