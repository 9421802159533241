//! The instance table, or what to do while it is empty.

use ratatui::layout::Rect;

use super::columns::{CellContext, SERVICES, chosen};
use super::grid::{Grid, Placed};
use super::text;
use super::{HitMap, Painter, Tone};
use crate::app::keymap::Context;
use crate::app::{
    Action, Aim, Command, Field, Model, Pane, Panel, PanelsCommand, TableCommand, clean,
};
use crate::fleet::Phase;

/// The columns for the cursor and the mark.
const GUTTER: u16 = 3;

/// Draws it: a rule, the headings, the rows of the window, and how many there are.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    painter.rule(area, 0, (Tone::Dim, ""), "");
    hits.add(area, Command::Panels(PanelsCommand::Focus(Panel::Table)));
    let rows = Rect {
        x: area.x + GUTTER,
        y: area.y + 1,
        width: area.width.saturating_sub(GUTTER + 1),
        height: area.height.saturating_sub(2),
    };
    let context = CellContext { now: model.now, glyphs: painter.theme.glyphs };
    let grid = Grid::new(chosen(model.table.columns.shown()), &context, painter.theme, rows);
    for (spot, key) in grid.headings(painter.buffer, Some(model.table.sort())) {
        hits.add(spot, Command::Table(TableCommand::SortBy(key)));
    }
    if model.fleet.is_empty() {
        newcomer(model, painter, rows);
        return;
    }
    let shown = model.table.window().iter().zip(0..rows.height.saturating_sub(1));
    for (key, line) in shown {
        let Some(instance) = model.fleet.get(key) else { continue };
        grid.row(painter.buffer, line, instance);
        let whole = Rect { y: rows.y + line + 1, height: 1, ..area };
        hits.add(whole, Command::Table(TableCommand::Select(key.clone())));
        if model.table.marks().contains(key) {
            painter.text(whole, 0, 0, Tone::Accent, painter.theme.glyphs.mark);
        }
        if model.table.cursor() == Some(key) {
            painter.buffer.set_style(rows.intersection(whole), painter.theme.selection());
            let tone = if model.focus() == Panel::Table { Tone::Accent } else { Tone::Dim };
            painter.text(whole, 1, 0, tone, painter.theme.glyphs.cursor);
        }
    }
    if model.table.is_empty() {
        painter.text(
            rows,
            0,
            2,
            Tone::Plain,
            "No instance has all these words. Esc shows all again.",
        );
    }
    let is_services = |placed: &Placed| grid.columns[placed.index].field == Some(Field::Services);
    let lettered = grid.placed.iter().any(is_services);
    status(
        model,
        painter,
        Rect { y: area.bottom().saturating_sub(1), height: 1, ..area },
        lettered,
    );
}

/// What a newcomer can do next.
fn newcomer(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let key = |command: &Command| model.keymap.key_for(Context::Table, command).unwrap_or_default();
    let create = key(&Command::Ask(Action::Create(None), Aim::Deployment));
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
        let mut lines = first(model);
        lines.push(format!("Press {create} to choose how many and where, ? for all keys."));
        lines
    };
    for (said, line) in lines.iter().zip(2..) {
        painter.text(area, 0, line, Tone::Plain, said);
    }
}

/// What is known of an empty deployment, and what the configuration asks for.
fn first(model: &Model) -> Vec<String> {
    let known = model.fleet.regions().values().any(|view| view.answered.is_some());
    let known = if known { "No instances yet." } else { "Looking for instances in all regions." };
    let mut lines = vec![known.to_owned()];
    let Some(config) = &model.config else { return lines };
    let wanted: u32 = config.spread().values().sum();
    let wanted = text::count(usize::try_from(wanted).unwrap_or(usize::MAX), "instance");
    let regions = text::count(config.regions.len(), "region");
    lines.push(format!("The configuration asks for {wanted} in {regions}."));
    lines
}

/// The filter, else what there is to say about the row under the cursor; and how many rows there
/// are, in which order.
fn status(model: &Model, painter: &mut Painter<'_>, area: Rect, lettered: bool) {
    let table = &model.table;
    let (sort, reverse) = table.sort();
    let marked = match (table.marks().len(), table.is_ranging()) {
        (0, _) => String::new(),
        (marked, false) => format!("{marked} marked, "),
        (marked, true) => format!("marking {marked}, "),
    };
    let backwards = if reverse { " backwards" } else { "" };
    let counted = format!("{marked}{} of {}", table.len(), model.fleet.len());
    let sorted = format!("{counted}, sorted by {}{backwards}", sort.name());
    let aside = aside(model).or_else(|| lettered.then(legend));
    // The heading shows the order as well.
    let needed = aside.as_ref().map_or(0, |(_, said)| text::width(said) + text::width(&sorted) + 8);
    let said = if needed > area.width.into() { counted } else { sorted };
    let taken = painter.right(area, 0, 0, Tone::Dim, &said);
    let area = Rect { width: area.width.saturating_sub(taken), ..area };
    let filter = table.query().text();
    if model.filtering || !filter.is_empty() {
        let x = painter.text(area, 1, 0, Tone::Accent, "/ ");
        if model.filtering {
            painter.field(area, x, 0, &model.filter);
        } else {
            painter.text(area, x, 0, Tone::Plain, filter);
        }
    } else if let Some((tone, said)) = aside {
        painter.text(area, 3, 0, tone, &said);
    }
}

/// What the one-letter headings stand for.
fn legend() -> (Tone, String) {
    let said = SERVICES.map(|name| format!("{} {name}", name[..1].to_uppercase()));
    (Tone::Dim, said.join("  "))
}

/// Why the row under the cursor failed, and the key that tells what to do; or the last thing that
/// a row at work said.
fn aside(model: &Model) -> Option<(Tone, String)> {
    let instance = model.fleet.get(model.table.cursor()?)?;
    match &instance.phase {
        Phase::Failed(failure) => {
            let key = |command: &Command| {
                model.keymap.key_for(Context::Table, command).unwrap_or_default()
            };
            let details = key(&Command::Panels(PanelsCommand::Open(Pane::Details)));
            let retry = key(&Command::Ask(Action::Retry, Aim::Chosen));
            let reason = clean(&failure.reason, 1024);
            let step = failure.step;
            Some((Tone::Bad, format!("{step}: {reason}. {details}: what to do, {retry}: retry")))
        }
        phase if phase.is_deploying() => Some((Tone::Dim, instance.last_line.clone()?)),
        _ => None,
    }
}
