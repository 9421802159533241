//! The box of a dialog, its buttons and its fields.

use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::widgets::{Block, Widget};

use crate::app::{Command, PageCommand, Press, TextField};
use crate::view::theme::Theme;
use crate::view::{HitMap, Painter, Tone};

/// The title of what signs in on a page.
pub(super) const SIGN_IN: &str = "Sign in to AWS";

/// The columns within the border of the widest dialog of sentences.
pub(super) const WIDEST: u16 = 100;

/// The columns that are left beside a dialog, or none.
const MARGIN: u16 = 16;

/// The most lines that a dialog lists.
pub(super) const LISTED: usize = 24;

/// Clears a box in the middle, `lines` high within its border, and returns its inside.
pub(super) fn open(painter: &mut Painter<'_>, area: Rect, title: &str, lines: u16) -> Rect {
    open_as(painter, area, (Tone::Accent, title), WIDEST, lines)
}

/// The same as wide as its content, and in the colour of what it is about.
pub(super) fn open_as(
    painter: &mut Painter<'_>,
    area: Rect,
    (tone, title): (Tone, &str),
    content: u16,
    lines: u16,
) -> Rect {
    open_wide(painter, area, (tone, title), content.min(WIDEST), lines)
}

/// The same for what is wider than is read at ease: a table.
pub(super) fn open_wide(
    painter: &mut Painter<'_>,
    area: Rect,
    (tone, title): (Tone, &str),
    content: u16,
    lines: u16,
) -> Rect {
    let width = width(content, area);
    let height = lines.saturating_add(2).min(area.height.saturating_sub(1));
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + area.height.saturating_sub(height + 1) / 2,
        width,
        height,
    };
    painter.clear(place);
    let block = Block::bordered()
        .border_set(border_set(painter.theme))
        .border_style(painter.theme.style(tone))
        .title(format!(" {title} "))
        .title_style(painter.theme.style(if tone == Tone::Bad { tone } else { Tone::Strong }));
    let inside = block.inner(place);
    block.render(place, painter.buffer);
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

fn border_set(theme: &Theme) -> border::Set<'static> {
    if theme.glyphs.rule.is_ascii() {
        border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        }
    } else {
        border::ROUNDED
    }
}

/// A line of choices, one of them chosen.
pub(super) fn buttons(
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    (area, line): (Rect, u16),
    words: &[&str],
    chosen: usize,
) {
    let mut x = 0;
    for (at, word) in words.iter().enumerate() {
        let is_chosen = at == chosen;
        let said = if is_chosen { format!("[ {word} ]") } else { format!("  {word}  ") };
        let style =
            if is_chosen { painter.theme.chosen() } else { painter.theme.style(Tone::Plain) };
        let from = x;
        x = painter.styled(area, x, line, style, &said) + 1;
        pick(hits, area, (from, line, x.saturating_sub(from + 1)), at);
    }
}

/// Says that a click there picks the choice at this place.
pub(super) fn pick(hits: &mut HitMap, area: Rect, (x, line, width): (u16, u16, u16), at: usize) {
    let spot = Rect { x: area.x + x, y: area.y + line, width, height: 1 };
    hits.add(spot.intersection(area), Command::Press(Press::Pick(at)));
}

/// A field and its cursor.
pub(super) fn field(
    painter: &mut Painter<'_>,
    area: Rect,
    line: u16,
    label: &str,
    typed: &TextField,
) {
    let x = painter.text(area, 0, line, Tone::Accent, label);
    painter.field(area, x + 1, line, typed);
}

/// A line of a page's address, which leads there.
pub(super) fn address(
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    (inside, line): (Rect, u16),
    said: &str,
    page: &str,
) {
    let end = painter.text(inside, 0, line, Tone::Accent, said);
    let place = Rect { y: inside.y + line, width: end, height: 1, ..inside }.intersection(inside);
    hits.link(place, page.to_owned());
    hits.add(place, Command::Page(PageCommand::Open));
}

/// The columns of a dialog with this content. A few left beside it would show only letters of what lies
/// below.
fn width(content: u16, area: Rect) -> u16 {
    let wanted = content.saturating_add(4);
    if wanted + MARGIN > area.width { area.width } else { wanted }
}

/// The columns within the border of the widest dialog.
pub(super) fn room(area: Rect) -> usize {
    width(WIDEST, area).saturating_sub(4).into()
}

pub(super) fn blank() -> (Tone, String) {
    (Tone::Plain, String::new())
}
