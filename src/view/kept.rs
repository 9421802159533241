//! What machines keep: volumes, snapshots and addresses, what no instance has first, and what it costs.

use ratatui::layout::Rect;

use super::grid::{Cell, Column, Grid};
use super::money::{dollars, sum};
use super::theme::Theme;
use super::{Painter, Tone};
use crate::app::{Model, clean};
use crate::fleet::{Amount, Kept, KeptKind, Region};

/// The longest name of a machine that is shown, in bytes.
const LONGEST: usize = 64;

/// What is kept, as one line shows it.
struct Row<'a> {
    region: &'a Region,
    kept: &'a Kept,
    /// The instance that has it, by its label.
    holder: Option<String>,
    monthly: Amount,
}

fn columns<'a>() -> [Column<Row<'a>, Theme>; 8] {
    [
        Column::text("machine", "MACHINE", [8, 0, 20], 0, |row: &Row<'_>, _: &Theme, _| {
            Cell::plain(clean(&row.kept.machine, LONGEST))
        }),
        Column::text("what", "WHAT", [7, 0, 16], 1, |row: &Row<'_>, _: &Theme, _| {
            Cell::plain(what(row.kept))
        }),
        Column::text("id", "ID", [12, 0, 26], 2, |row: &Row<'_>, _: &Theme, _| {
            let address = row.kept.address.map(|address| address.to_string());
            Cell::plain(address.unwrap_or_else(|| row.kept.id.clone()))
        }),
        Column::text("gib", "GIB", [5, 0, 6], 4, |row: &Row<'_>, theme: &Theme, _| {
            Cell::known(row.kept.gib.map(|gib| gib.to_string()), theme.glyphs)
        })
        .right(),
        Column::text("monthly", "A MONTH", [8, 0, 11], 3, |row: &Row<'_>, theme: &Theme, _| {
            let most = if row.kept.kind == KeptKind::Snapshot { "<" } else { "" };
            let told = (!row.monthly.is_unknown()).then(|| format!("{most}{}", sum(row.monthly)));
            Cell::known(told, theme.glyphs)
        })
        .right(),
        Column::text("holder", "HAS IT", [11, 0, 24], 5, |row: &Row<'_>, _: &Theme, _| match &row
            .holder
        {
            Some(label) => Cell::plain(label.clone()),
            None => Cell::toned(Tone::Dim, "no instance"),
        }),
        Column::text("since", "SINCE", [10, 0, 10], 7, |row: &Row<'_>, theme: &Theme, _| {
            let day = row.kept.since.map(|at| at.strftime("%Y-%m-%d").to_string());
            Cell::known(day, theme.glyphs)
        }),
        Column::text("region", "REGION", [10, 0, 16], 6, |row: &Row<'_>, _: &Theme, _| {
            let zone = row.kept.zone.as_ref().map(ToString::to_string);
            Cell::plain(zone.unwrap_or_else(|| row.region.to_string()))
        }),
    ]
}

/// `home`, `snapshot of home`, `beside home`.
fn what(kept: &Kept) -> String {
    match (kept.kind, kept.snapshot, kept.aside_of) {
        (KeptKind::Snapshot, Some(of), _) => format!("snapshot of {}", of.kind.word()),
        (KeptKind::Aside, _, Some(of)) => format!("beside {}", of.word()),
        (kind, ..) => kind.word().to_owned(),
    }
}

/// Draws it.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let rows = rows(model);
    if rows.is_empty() {
        painter.text(area, 1, 1, Tone::Dim, "No machine keeps anything.");
        return;
    }
    for (line, (tone, said)) in (0..).zip(summary(&rows)) {
        painter.text(area, 1, line, tone, &said);
    }
    let height = area.height.saturating_sub(3);
    let table = Rect { x: area.x + 1, y: area.y + 3, width: area.width.saturating_sub(2), height };
    let room = usize::from(height.saturating_sub(1));
    // Where there are more, the last line says so.
    let shown = if rows.len() > room { room.saturating_sub(1) } else { rows.len() };
    let columns = columns();
    let shown_rows: Vec<&Row<'_>> = rows.iter().take(shown).collect();
    let grid = Grid::new(&columns, &shown_rows, painter.theme, painter.theme, table, None);
    grid.headings(painter.buffer);
    for (row, line) in shown_rows.into_iter().zip(0..) {
        grid.row(painter.buffer, line, row);
    }
    if shown < rows.len() {
        let more = format!("and {} more: spot-tui list --json", rows.len() - shown);
        painter.text(area, 1, area.height.saturating_sub(1), Tone::Dim, &more);
    }
}

/// What no instance has comes first: nothing else shows it.
fn rows(model: &Model) -> Vec<Row<'_>> {
    let row = |(region, kept)| {
        let kept: &Kept = kept;
        let holder = kept.instance.as_ref().and_then(|id| model.fleet.by_id(id));
        let holder = holder.filter(|row| row.is_alive()).map(|row| clean(&row.label(), LONGEST));
        let monthly = kept.monthly(&model.fleet.prices(region).list);
        Row { region, kept, holder, monthly }
    };
    let mut rows: Vec<Row<'_>> = model.fleet.kept().map(row).collect();
    rows.sort_by_cached_key(|row| {
        let kept = row.kept;
        let newest_first = kept.since.map(|at| -at.as_second());
        (row.holder.is_some(), kept.machine.clone(), kept.kind, newest_first, kept.id.clone())
    });
    rows
}

fn summary(rows: &[Row<'_>]) -> [(Tone, String); 2] {
    let of = |apart: bool| rows.iter().filter(move |row| row.holder.is_none() == apart);
    let sum = |apart: bool| dollars(of(apart).map(|row| row.monthly).sum());
    let on_none = match of(true).count() {
        0 => "nothing is on no instance".to_owned(),
        1 => format!("1 thing is on no instance: {} a month", sum(true)),
        many => format!("{many} things are on no instance: {} a month", sum(true)),
    };
    let mut on_some = format!("{} with instances: {} a month", of(false).count(), sum(false));
    if rows.iter().any(|row| row.kept.kind == KeptKind::Snapshot) {
        on_some.push_str("; snapshots at the most they can cost");
    }
    [(Tone::Strong, on_none), (Tone::Plain, on_some)]
}
