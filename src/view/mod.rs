//! What it looks like: the model, drawn. Pure: it reads the model and writes a frame.
//!
//! ```text
//!  spot-tui  spot-7f3a · 123456789012 alice · all spot             ● live, 2 s ago   header
//!  17 instances   ✗ 1 in trouble   ◐ 3 deploying   ● 12 ready    create in us-west-2
//!  eu-west-1 ▇▇▇▇ 4   us-west-2 ▇▇▇▇▇ 5                                   where it is high
//! ── 1 rows  2 regions  3 grid  4 map  5 prices  6 events ────────────────────────   views
//!    REGION ▴    INSTANCE             PHASE                         ADDRESS      AGE    what the
//!    sa-east-1   –                    ✗ Failed: no spot capacity…   –             2m    view shows
//!  ▌ us-west-2a  i-0a1b2c3d4e5f67890  ◐ Configuring ▰▰▰▰▱▱  docker  54.123.45.6  12m
//!                                                                 2 of 17, by region
//! ── log ──────────────────────────────────────────────────────────── following ──
//!  09:41:07  ! sa-east-1       no spot capacity (3 times)                            log
//!  c create  d destroy  Enter details  / filter  ? help  q quit                      footer
//! ```
//!
//! A pane (details, an instance's log, map, prices, events) stands to the right of the table where
//! there is room, else in its place. Dialogs lie over all of it. Below 60x15 one line says so, and
//! the keys still work.

mod answers;
mod bubbles;
pub mod columns;
mod costs;
mod details;
mod dialogs;
mod footer;
pub mod graph;
pub mod grid;
mod header;
mod heat;
mod help;
mod hit;
mod kept;
mod links;
mod log;
mod map;
pub mod money;
pub mod offers;
mod painter;
mod palettes;
mod prices;
pub mod qr;
mod reader;
mod regions;
mod side;
mod table;
mod tabs;
pub mod text;
mod theme;
mod title;
mod toasts;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub use header::STATES;
pub use hit::HitMap;
#[cfg(test)]
pub(crate) use links::shown;
use painter::Painter;
#[cfg(test)]
pub(crate) use painter::witness::losses;
pub use theme::{Ability, Background, Glyphs, Theme, Tone};
pub use title::{Progress, progress, title};

use crate::app::{Dialog, Layout, Model, Panel, SMALLEST};

/// Draws a frame and tells what lies where in it.
pub fn render(model: &Model, theme: &Theme, frame: &mut Frame<'_>) -> HitMap {
    let hits = draw(model, theme, frame);
    straighten(frame.buffer_mut());
    theme.dress(frame.buffer_mut());
    if theme.has_links() {
        links::attach(frame.buffer_mut(), hits.links());
    }
    hits
}

/// Draws every sign so that each terminal gives it the columns that were reckoned with. Whatever
/// was drawn went through here: names and tags from AWS, and what nodes print.
fn straighten(buffer: &mut Buffer) {
    for at in 0..buffer.content.len() {
        let Some(steady) = text::steady(buffer.content[at].symbol()) else { continue };
        let style = buffer.content[at].style();
        let cells = buffer.content[at..].iter_mut();
        if text::width(&steady) == steady.chars().count() {
            for (cell, sign) in cells.zip(steady.chars()) {
                cell.set_char(sign).set_style(style);
            }
        } else {
            buffer.content[at].set_symbol(&steady);
        }
    }
}

fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) -> HitMap {
    let area = frame.area();
    let mut hits = HitMap::default();
    let layout = model.layout();
    // The frame may be of another size than the model knows until the resize has arrived.
    let fits = layout.fits && area.width >= SMALLEST.0 && area.height >= SMALLEST.1;
    let mut painter = Painter::new(frame.buffer_mut(), theme);
    if !fits {
        let text = format!("terminal too small ({}x{} needed)", SMALLEST.0, SMALLEST.1);
        painter.text(area, 0, 0, Tone::Plain, &text);
        return hits;
    }
    let mut rest = area;
    header::draw(model, &mut painter, cut_top(&mut rest, 2 + layout.strip + layout.banner));
    let footer = Rect { y: area.bottom() - 1, height: 1, ..area };
    rest.height = rest.height.saturating_sub(1);
    match &model.dialog {
        Some(Dialog::Help { context, top }) => {
            help::draw(model, &mut painter, rest, *context, *top);
        }
        _ => panels(model, &mut painter, &mut hits, rest, &layout),
    }
    let answer = footer::answer(model, area.width).map_or(1, |(_, lines)| lines.len());
    let above = rest.height.saturating_sub(u16::try_from(answer).unwrap_or(1) - 1);
    toasts::draw(model, &mut painter, Rect { height: above, ..rest });
    if let Some(dialog) = &model.dialog {
        hits.cover();
        if dialog.is_question() {
            painter.recede(area);
        }
        dialogs::draw(model, &mut painter, &mut hits, area, dialog);
    }
    footer::draw(model, &mut painter, &mut hits, footer);
    hits
}

/// The table, the pane beside it and the log, or the one of them that has all the room.
fn panels(
    model: &Model,
    painter: &mut Painter<'_>,
    hits: &mut HitMap,
    area: Rect,
    layout: &Layout,
) {
    let mut rest = area;
    match (layout.whole, model.panels.side) {
        (Some(Panel::Log), _) => log::draw(model, painter, hits, rest),
        (Some(Panel::Side), Some(pane)) => side::draw(model, painter, hits, rest, pane, false),
        (Some(_), _) => table::draw(model, painter, hits, rest),
        (None, pane) => {
            let log = if layout.log > 0 { layout.log + 1 } else { 0 };
            let mut upper = cut_top(&mut rest, area.height.saturating_sub(log));
            if let Some(pane) = pane.filter(|_| layout.side > 0) {
                let columns = layout.side_columns.min(upper.width);
                upper.width -= columns;
                let beside = Rect { x: upper.right(), width: columns, ..upper };
                side::draw(model, painter, hits, beside, pane, true);
            }
            table::draw(model, painter, hits, upper);
            if layout.log > 0 {
                log::draw(model, painter, hits, rest);
            }
        }
    }
}

/// Takes lines from the top of an area.
fn cut_top(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    let taken = Rect { height: lines, ..*area };
    area.y += lines;
    area.height -= lines;
    taken
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;
    use ratatui::style::{Modifier, Style};

    use super::*;

    #[test]
    fn emoji_shift_no_columns_and_leave_nothing_behind() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 16, 2));
        let text = "a⚠\u{fe0f}b👩\u{200d}💻c🇩🇪d👍\u{1f3fd}e日f";
        buffer.set_string(0, 0, text, Style::new().add_modifier(Modifier::REVERSED));
        straighten(&mut buffer);
        let symbols: Vec<&str> = buffer.content[..16].iter().map(Cell::symbol).collect();
        let columns =
            ["a", "⚠", " ", "b", "👩", " ", "c", "D", "E", "d", "👍", " ", "e", "日", " ", "f"];
        assert_eq!(symbols, columns);
        let is_reversed = |at: usize| buffer.content[at].modifier.contains(Modifier::REVERSED);
        assert!(is_reversed(1) && is_reversed(2) && is_reversed(8), "no hole in what is chosen");
    }
}
