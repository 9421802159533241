//! What instances cost: each pool of the region under the cursor, and its price over time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Line};

use super::graph::bars;
use super::grid::{Cell, Column, Grid};
use super::money::{dollars, hourly};
use super::theme::{Glyphs, Theme};
use super::{Painter, Tone};
use crate::app::Model;
use crate::fleet::cost::storage_hourly;
use crate::fleet::market::{History, savings};
use crate::fleet::{MachineType, Pool, Region, RegionPrices, Zone};

/// How far back is looked.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// The columns of the prices beside a chart.
const SCALE: u16 = 9;
/// The fewest lines of a chart that shows anything.
const CHART: u16 = 6;
/// The meaning of lines: the cheapest, and the others. A letter at the end of each says which it
/// is; what colours mean elsewhere, good or waiting, they do not mean here.
const TONES: [Tone; 2] = [Tone::Working, Tone::Plain];

/// A row: one pool, and what of ours is in it.
struct Row<'a> {
    pool: &'a Pool,
    region: &'a Region,
    history: &'a History,
    on_demand: Option<f64>,
    ours: usize,
    now: Timestamp,
    /// The lowest and the highest price of all rows: they share one scale.
    scale: (f64, f64),
}

impl Row<'_> {
    fn since(&self) -> Timestamp {
        self.now.checked_sub(BACK).unwrap_or(Timestamp::MIN)
    }

    fn price(&self) -> Option<f64> {
        self.history.now().map(|quote| quote.usd)
    }

    /// How its price went, on so many columns.
    fn trend(&self, columns: u16, glyphs: &Glyphs) -> String {
        let (low, high) = self.scale;
        let share = |usd: f64| if high > low { (usd - low) / (high - low) } else { 0.0 };
        let steps = i64::from(columns) * 2;
        let at = |step: i64| {
            let ago = BACK.as_secs() * (steps - 1 - step) / steps.max(1);
            self.history.at(self.now.checked_sub(SignedDuration::from_secs(ago)).ok()?)
        };
        let shares: Vec<f64> = (0..steps).filter_map(at).map(|quote| share(quote.usd)).collect();
        bars(&shares, columns.into(), glyphs)
    }
}

fn columns<'a>() -> [Column<Row<'a>, Theme>; 9] {
    [
        Column::text("zone", "ZONE", [4, 0, 4], 0, |row: &Row<'_>, _, _| {
            Cell::plain(row.pool.zone.letter(row.region))
        }),
        Column::text("type", "TYPE", [10, 0, 14], 1, |row: &Row<'_>, _, _| {
            Cell::plain(row.pool.machine_type.as_str())
        }),
        Column::text("now", "$/H NOW", [7, 0, 7], 2, |row: &Row<'_>, theme: &Theme, _| {
            Cell::known(row.price().map(hourly), theme.glyphs)
        })
        .right(),
        Column::text("trend", "24 H", [8, 0, 24], 3, |row: &Row<'_>, theme: &Theme, width| {
            Cell::toned(Tone::Working, row.trend(width, theme.glyphs))
        }),
        Column::text("low", "LOW", [7, 0, 7], 5, |row: &Row<'_>, theme: &Theme, _| {
            Cell::known(row.history.range(row.since()).map(|(low, _)| hourly(low)), theme.glyphs)
        })
        .right(),
        Column::text("high", "HIGH", [7, 0, 7], 6, |row: &Row<'_>, theme: &Theme, _| {
            Cell::known(row.history.range(row.since()).map(|(_, high)| hourly(high)), theme.glyphs)
        })
        .right(),
        Column::text("list", "ON DEMAND", [9, 0, 9], 7, |row: &Row<'_>, theme: &Theme, _| {
            Cell::known(row.on_demand.map(hourly), theme.glyphs)
        })
        .right(),
        Column::text("saved", "SAVED", [5, 0, 5], 8, |row: &Row<'_>, theme: &Theme, _| {
            let prices = row.price().zip(row.on_demand);
            let saved = prices.and_then(|(price, list)| savings(price, list));
            Cell::known(saved.map(|saved| format!("{saved:.0} %")), theme.glyphs)
        })
        .right(),
        Column::text("ours", "OURS", [4, 0, 4], 4, |row: &Row<'_>, _, _| match row.ours {
            0 => Cell::toned(Tone::Dim, "0"),
            ours => Cell::toned(Tone::Strong, ours.to_string()),
        })
        .right(),
    ]
}

/// Draws it.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let Some((region, prices)) = region(model) else {
        let said = "No prices yet: they are loaded after signing in.";
        painter.text(area, 1, 1, Tone::Dim, said);
        return;
    };
    let rows = rows(model, region, prices);
    painter.text(area, 1, 0, Tone::Strong, &summary(model, region));
    if let Some(said) = made_of(model) {
        painter.text(area, 1, 1, Tone::Plain, &said);
    }
    let most = area.height.saturating_sub(CHART + 5).max(3);
    let shown = u16::try_from(rows.len()).unwrap_or(most).min(most);
    let table = Rect {
        x: area.x + 1,
        y: area.y + 3,
        width: area.width.saturating_sub(2),
        height: (shown + 1).min(area.height.saturating_sub(3)),
    };
    let columns = columns();
    let shown_rows: Vec<&Row<'_>> = rows.iter().take(shown.into()).collect();
    let grid = Grid::new(&columns, &shown_rows, painter.theme, painter.theme, table, None);
    grid.headings(painter.buffer);
    for (row, line) in rows.iter().zip(0..shown) {
        grid.row(painter.buffer, line, row);
    }
    let used = shown + 5;
    let chart = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    if chart.height >= CHART {
        draw_chart(painter, chart, &rows, machine_type(model, &rows));
    }
}

/// The region under the cursor, else the first of which prices are known.
fn region(model: &Model) -> Option<(&Region, &RegionPrices)> {
    let market = model.fleet.market();
    let known = |prices: &&RegionPrices| !prices.spot.is_empty();
    let here = model.region();
    here.and_then(|region| Some((region, market.get(region).filter(known)?)))
        .or_else(|| market.iter().find(|(_, prices)| known(prices)))
}

/// The machine type of the row under the cursor, else of the cheapest pool.
fn machine_type<'a>(model: &'a Model, rows: &[Row<'a>]) -> Option<&'a MachineType> {
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    let own = row.and_then(|row| row.machine.as_ref()).map(|machine| &machine.machine_type);
    own.filter(|own| rows.iter().any(|row| row.pool.machine_type == **own))
        .or_else(|| rows.first().map(|row| &row.pool.machine_type))
}

/// The pools of a region, the cheapest first.
fn rows<'a>(model: &'a Model, region: &'a Region, prices: &'a RegionPrices) -> Vec<Row<'a>> {
    let mut ours: BTreeMap<(&Zone, &MachineType), usize> = BTreeMap::new();
    for machine in model.fleet.alive().filter_map(|row| row.machine.as_ref()) {
        *ours.entry((&machine.zone, &machine.machine_type)).or_insert(0) += 1;
    }
    let mut rows: Vec<Row<'_>> = prices
        .spot
        .iter()
        .map(|(pool, history)| Row {
            pool,
            region,
            history,
            on_demand: prices.list.on_demand.get(&pool.machine_type).copied(),
            ours: ours.get(&(&pool.zone, &pool.machine_type)).copied().unwrap_or(0),
            now: model.now,
            scale: (0.0, 0.0),
        })
        .collect();
    let ranges: Vec<(f64, f64)> =
        rows.iter().filter_map(|row| row.history.range(row.since())).collect();
    let scale = ranges
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), range| (low.min(range.0), high.max(range.1)));
    for row in &mut rows {
        row.scale = scale;
    }
    rows.sort_by(|a, b| {
        let price = |row: &Row<'_>| row.price().unwrap_or(f64::INFINITY);
        price(a).total_cmp(&price(b))
    });
    rows
}

/// What the region costs.
fn summary(model: &Model, region: &Region) -> String {
    let cost = model.fleet.costs().get(region);
    let spent = cost.map_or_else(String::new, |cost| {
        format!(", {}/h now, {} so far", dollars(cost.hourly), dollars(cost.accrued))
    });
    format!("{region}: {}{spent}", super::text::count(model.tally.in_region(region), "instance"))
}

/// What the instance under the cursor costs an hour, and of what that is made.
fn made_of(model: &Model) -> Option<String> {
    let row = model.fleet.get(model.table.cursor()?)?;
    let machine = row.machine.as_ref().filter(|_| row.is_alive())?;
    let prices = model.fleet.market().get(&row.region)?;
    let compute = prices.compute(&machine.pool(), machine.birth.lifecycle)?;
    let mut parts = vec![format!("{} {}", hourly(compute), machine.machine_type)];
    let address = prices.list.ipv4.filter(|_| row.bill.public_ip);
    parts.extend(address.map(|usd| format!("{} address", hourly(usd))));
    let storage = row.bill.storage_gb.and_then(|gib| {
        Some(format!("{} {gib} GiB disk", hourly(storage_hourly(&prices.list, gib)?)))
    });
    parts.extend(storage);
    let id = machine.id.short();
    Some(format!("{id} {}/h = {}", dollars(row.cost.hourly), parts.join(" + ")))
}

/// Prices of one machine type over time, a line for each zone, with its letter at its end.
fn draw_chart(
    painter: &mut Painter<'_>,
    area: Rect,
    rows: &[Row<'_>],
    wanted: Option<&MachineType>,
) {
    let rows: Vec<&Row<'_>> =
        rows.iter().filter(|row| Some(&row.pool.machine_type) == wanted).collect();
    let (Some(first), Some(wanted)) = (rows.first(), wanted) else { return };
    let ranges = rows.iter().filter_map(|row| row.history.range(first.since()));
    let (low, high) = ranges
        .fold((f64::INFINITY, 0.0_f64), |(low, high), range| (low.min(range.0), high.max(range.1)));
    if !low.is_finite() {
        return;
    }
    painter.rule(area, 0, (Tone::Dim, &format!("{wanted}, 24 hours")), "$/h");
    // A flat price is a line in the middle.
    let margin = ((high - low) * 0.1).max(high * 0.02);
    let (bottom, top) = ((low - margin).max(0.0), high + margin);
    let plot = Rect {
        x: area.x + SCALE,
        y: area.y + 1,
        width: area.width.saturating_sub(SCALE + 4),
        height: area.height.saturating_sub(2),
    };
    let plot = plot.intersection(painter.buffer.area);
    if plot.is_empty() {
        return;
    }
    scale(painter, area, plot, [top, bottom.midpoint(top), bottom]);
    let marker = if painter.theme.is_ascii() { Marker::Custom('.') } else { Marker::Braille };
    let tone = |index: usize| TONES[index.min(TONES.len() - 1)];
    let styles: Vec<Style> =
        (0..rows.len()).map(|index| painter.theme.style(tone(index))).collect();
    Canvas::default()
        .marker(marker)
        .x_bounds([-HOURS, 0.0])
        .y_bounds([bottom, top])
        .paint(|context| {
            for (row, style) in rows.iter().zip(&styles) {
                let color = style.fg.unwrap_or_default();
                for [x1, y1, x2, y2] in steps(row) {
                    context.draw(&Line { x1, y1, x2, y2, color });
                }
            }
        })
        .render(plot, painter.buffer);
    // Lines that end at the same height have their letters side by side.
    let mut ends: Vec<u16> = Vec::new();
    for (row, style) in rows.iter().zip(styles) {
        let Some(price) = row.price() else { continue };
        let line = height(price, (bottom, top), plot.height);
        let before = u16::try_from(ends.iter().filter(|end| **end == line).count()).unwrap_or(0);
        ends.push(line);
        let place = Rect { x: plot.right() + 1 + before, width: 1, ..plot };
        painter.styled(place, 0, line, style, row.pool.zone.letter(row.region));
    }
}

/// The hours of the chart.
const HOURS: f64 = 24.0;

/// The prices beside a chart and the hours below it.
fn scale(painter: &mut Painter<'_>, area: Rect, plot: Rect, prices: [f64; 3]) {
    let top = plot.y - area.y;
    let middle = top + plot.height / 2;
    for (price, line) in prices.into_iter().zip([top, middle, top + plot.height - 1]) {
        painter.text(area, 1, line, Tone::Dim, &hourly(price));
    }
    let below = top + plot.height;
    for (hours, said) in [(24, "-24 h"), (12, "-12 h")] {
        let x = SCALE + plot.width * (24 - hours) / 24;
        painter.text(area, x, below, Tone::Dim, said);
    }
    painter.text(area, (SCALE + plot.width).saturating_sub(3), below, Tone::Dim, "now");
}

/// The line of a price in a plot of so many lines.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share lies between 0 and 1, and the result below the lines"
)]
fn height(price: f64, (bottom, top): (f64, f64), lines: u16) -> u16 {
    let share = ((top - price) / (top - bottom)).clamp(0.0, 1.0);
    ((share * f64::from(lines)) as u16).min(lines.saturating_sub(1))
}

/// A pool's price over the last day: it holds until the next, so it goes in steps.
fn steps(row: &Row<'_>) -> Vec<[f64; 4]> {
    let since = row.since();
    let hours = |at: Timestamp| -row.now.duration_since(at).as_secs_f64() / 3600.0;
    let later = row.history.quotes().iter().filter(|quote| quote.since > since);
    let first = row.history.at(since).map(|quote| (-HOURS, quote.usd));
    let mut points: Vec<(f64, f64)> =
        first.into_iter().chain(later.map(|quote| (hours(quote.since), quote.usd))).collect();
    points.extend(row.price().map(|price| (0.0, price)));
    let mut lines = Vec::new();
    for pair in points.windows(2) {
        let ((from, price), (to, next)) = (pair[0], pair[1]);
        lines.push([from, price, to, price]);
        lines.push([to, price, to, next]);
    }
    lines
}
