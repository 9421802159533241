//! A few things to choose from.

use ratatui::layout::Rect;

use super::frame::{self, open_as, pick};
use crate::app::dialog::{Menu, MenuItem};
use crate::view::text;
use crate::view::{HitMap, Painter, Tone};

/// The narrowest that it gets.
const NARROWEST: usize = 36;

/// Draws it.
pub(super) fn draw(painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect, menu: &Menu) {
    let mut said: Vec<String> = Vec::new();
    for paragraph in &menu.text {
        said.extend(text::wrap(paragraph, frame::room(area)));
        said.push(String::new());
    }
    let room = usize::from(area.height.saturating_sub(4)).saturating_sub(said.len()).max(1);
    let shown = menu.items.len().min(room);
    let top = (menu.at + 1).saturating_sub(shown);
    let lines = u16::try_from(said.len() + shown).unwrap_or(u16::MAX);
    let widest = menu.items.iter().map(|(name, ..)| text::width(name)).max().unwrap_or(0);
    let item = |(_, meaning, _): &MenuItem| widest + 5 + text::width(meaning);
    let items = menu.items.iter().map(item);
    let content = items.chain(said.iter().map(|line| text::width(line))).max().unwrap_or(0);
    let content = u16::try_from(content.max(NARROWEST)).unwrap_or(u16::MAX);
    let inside = open_as(painter, area, (Tone::Accent, menu.title), content, lines);
    let mut line = 0;
    for said in &said {
        painter.text(inside, 0, line, Tone::Plain, said);
        line += 1;
    }
    for (at, (name, meaning, _)) in menu.items.iter().enumerate().skip(top).take(shown) {
        let chosen = at == menu.at;
        let style = if chosen { painter.theme.chosen() } else { painter.theme.style(Tone::Plain) };
        let cursor = if chosen { painter.theme.glyphs.cursor } else { " " };
        painter.text(inside, 0, line, Tone::Accent, cursor);
        let x = painter.styled(inside, 2, line, style, &format!(" {name:widest$} "));
        painter.text(inside, x + 1, line, Tone::Dim, meaning);
        pick(hits, inside, (0, line, inside.width), at);
        line += 1;
    }
}
