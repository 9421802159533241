//! What a command printed on several instances, in tiles side by side.

use ratatui::layout::Rect;

use super::{Painter, Tone, text};
use crate::app::{InstanceAnswer, Model};
use crate::fleet::Health;

/// The narrowest tile that is worth reading, in columns.
const WIDTH: u16 = 38;
/// The fewest lines of a tile, its name and the space below it counted in.
const HEIGHT: u16 = 5;
/// The widest one that lines are given.
const WIDEST: u16 = 80;
/// The newest lines of an answer, by which widths are found.
const NEWEST: usize = 20;
/// The narrowest one that has addresses.
const WIDE: u16 = 48;
/// Columns between two tiles.
const GAP: u16 = 3;

/// Draws it: as many tiles as have room, from the one that was scrolled to.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let Some(answers) = &model.answers else {
        painter.text(area, 1, 1, Tone::Dim, "Nothing was run yet: ! runs a command.");
        return;
    };
    let groups = answers.groups();
    let count = u16::try_from(groups.len()).unwrap_or(u16::MAX).max(1);
    let body = Rect { height: area.height.saturating_sub(1), ..area };
    let columns = (body.width / least_width(&answers.answers)).clamp(1, count);
    let height = (body.height / count.div_ceil(columns)).max(HEIGHT).min(body.height);
    let width = body.width / columns;
    let room = usize::from(columns) * usize::from(body.height / height.max(1));
    let (first, below) = if count == 1 { (0, answers.top) } else { (answers.top, 0) };
    for (group, place) in groups.iter().skip(first).take(room).zip(0..) {
        let tile = Rect {
            x: body.x + place % columns * width,
            y: body.y + place / columns * height,
            width: width.saturating_sub(GAP),
            height: height.saturating_sub(1),
        };
        draw_tile(group, painter, tile, below);
    }
    let shown: usize = groups.iter().skip(first).take(room).map(Vec::len).sum();
    let running = match answers.running() {
        0 => "all have ended".to_owned(),
        running => format!("{running} running"),
    };
    let said = format!("{shown} of {}, {running}", answers.answers.len());
    painter.right(area, 0, area.height.saturating_sub(1), Tone::Dim, &said);
}

/// How wide tiles have to be so that most lines are seen whole.
fn least_width(answers: &[InstanceAnswer]) -> u16 {
    let lines = answers.iter().flat_map(|answer| answer.lines.lines().rev().take(NEWEST));
    let longest = lines.map(|line| text::width(&line.text)).max().unwrap_or(0);
    u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(GAP + 1).clamp(WIDTH, WIDEST)
}

/// Whose answer it is, how it ended, and the last lines; why it could not be run, where there are
/// none.
fn draw_tile(group: &[&InstanceAnswer], painter: &mut Painter<'_>, area: Rect, below: usize) {
    let [answer, others @ ..] = group else { return };
    let glyphs = painter.theme.glyphs;
    let (health, glyph, end) = match &answer.result {
        None => (Health::Working, glyphs.health(Health::Working), "running"),
        Some(result) if result.went_well => (Health::Good, glyphs.well, result.end.as_str()),
        Some(result) => (Health::Bad, glyphs.health(Health::Bad), result.end.as_str()),
    };
    let label = match others.len() {
        0 => text::label(&answer.label, area.width >= WIDE),
        others => format!("{} and {others} more", text::label(&answer.label, false)).into(),
    };
    let x = painter.text(area, 1, 0, Tone::Strong, &label);
    painter.text(area, x + 2, 0, health.into(), &format!("{glyph} {end}"));
    let lines = answer.lines.lines();
    if lines.len() == 0 && health == Health::Bad {
        let room = usize::from(area.width.saturating_sub(1));
        for (line, at) in text::wrap(end, room).iter().zip(1..area.height) {
            painter.text(area, 1, at, Tone::Bad, line);
        }
    }
    let room = usize::from(area.height.saturating_sub(1));
    let skipped = lines.len().saturating_sub(room + below);
    for (line, at) in lines.skip(skipped).take(room).zip(1..) {
        painter.text(area, 1, at, Tone::Plain, &line.text);
    }
}
