//! The instance table, or what to do while it is empty.

use ratatui::layout::Rect;

use super::columns::{INSTANCE, Look};
use super::grid::Grid;
use super::text;
use super::{HitMap, Pen, Tone};
use crate::app::keymap::{Context, key_for};
use crate::app::{Command, Focus, Model, clean};
use crate::fleet::Phase;

/// The columns for the cursor and the mark.
const GUTTER: u16 = 3;

/// Draws it: a rule, the headings, the rows of the window, and how many there are.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, hits: &mut HitMap, area: Rect) {
    pen.rule(area, 0, (Tone::Dim, ""), "");
    let rows = Rect {
        x: area.x + GUTTER,
        y: area.y + 1,
        width: area.width.saturating_sub(GUTTER + 1),
        height: area.height.saturating_sub(2),
    };
    let look = Look { now: model.now, glyphs: pen.theme.glyphs };
    let grid = Grid::new(&INSTANCE, &look, pen.theme, rows);
    for (spot, key) in grid.headings(pen.buffer, Some(model.table.sort())) {
        hits.add(spot, Command::SortBy(key));
    }
    if model.fleet.is_empty() {
        newcomer(model, pen, rows);
        return;
    }
    let shown = model.table.window().iter().zip(0..rows.height.saturating_sub(1));
    for (key, line) in shown {
        let Some(instance) = model.fleet.get(key) else { continue };
        grid.row(pen.buffer, line, instance);
        let whole = Rect { y: rows.y + line + 1, height: 1, ..area };
        hits.add(whole, Command::Select(key.clone()));
        if model.table.marks().contains(key) {
            pen.text(whole, 2, 0, Tone::Accent, pen.theme.glyphs.mark);
        }
        if model.table.cursor() == Some(key) {
            pen.buffer.set_style(rows.intersection(whole), pen.theme.selection());
            let tone = if model.focus == Focus::Table { Tone::Accent } else { Tone::Dim };
            pen.text(whole, 1, 0, tone, pen.theme.glyphs.cursor);
        }
    }
    if model.table.is_empty() {
        pen.text(rows, 0, 2, Tone::Plain, "No instance has all these words. Esc shows all again.");
    }
    status(model, pen, Rect { y: area.bottom().saturating_sub(1), height: 1, ..area });
}

/// What a newcomer can do next.
fn newcomer(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let key = |command: &Command| key_for(Context::Table, command).unwrap_or_default();
    let create = key(&Command::AskCreate);
    let lines = if let Some(failure) = &model.trouble {
        let mut lines = text::wrap(&failure.reason, area.width.into());
        lines.extend(text::wrap(&failure.hint, area.width.into()));
        lines.push(format!("Press {} to try again.", key(&Command::Refresh)));
        lines
    } else if model.config.is_none() {
        vec![
            "No configuration yet.".to_owned(),
            "Quit with q, run spot-tui setup to write config.yaml, and start again.".to_owned(),
        ]
    } else if model.read_only.is_some() {
        vec!["No instances of this deployment are known.".to_owned()]
    } else {
        vec![format!("No instances yet. Press {create} to create some, ? for all keys.")]
    };
    for (said, line) in lines.iter().zip(2..) {
        pen.text(area, 0, line, Tone::Plain, said);
    }
}

/// The filter, else why the row under the cursor failed; and how many rows there are.
fn status(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let table = &model.table;
    let (sort, reverse) = table.sort();
    let marked = match table.marks().len() {
        0 => String::new(),
        marked => format!("{marked} marked, "),
    };
    let backwards = if reverse { " backwards" } else { "" };
    let (shown, all) = (table.len(), model.tally.total);
    let said = format!("{marked}{shown} of {all}, sorted by {}{backwards}", sort.word());
    pen.right(area, 0, 0, Tone::Dim, &said);
    let taken = u16::try_from(text::width(&said)).unwrap_or(u16::MAX).saturating_add(4);
    let area = Rect { width: area.width.saturating_sub(taken), ..area };
    if model.filtering || !table.filter().is_empty() {
        let x = pen.text(area, 1, 0, Tone::Accent, "/ ");
        let x = pen.text(area, x, 0, Tone::Plain, table.filter());
        if model.filtering {
            pen.styled(area, x, 0, pen.theme.chosen(), " ");
        }
    } else if let Some(why) = why_failed(model) {
        pen.text(area, 3, 0, Tone::Bad, &why);
    }
}

/// Why the row under the cursor failed, and the key that tells more.
fn why_failed(model: &Model) -> Option<String> {
    let instance = model.fleet.get(model.table.cursor()?)?;
    let Phase::Failed(failure) = &instance.phase else { return None };
    let key = key_for(Context::Table, &Command::Details).unwrap_or_default();
    let reason = clean(&failure.reason, 1024);
    Some(format!("{key}: what to do. {}: {reason}", failure.step))
}
