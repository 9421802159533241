//! What instances cost: each pool of the region under the cursor, and its price over time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::widgets::Widget;
use ratatui::widgets::canvas::{Canvas, Line};

use super::graph::line;
use super::grid::{Cell, Column, Grid};
use super::money::{dollars, hourly};
use super::offers::risk;
use super::theme::{Glyphs, Theme};
use super::{Painter, Tone, text};
use crate::app::keymap::Context;
use crate::app::ranking::ranking;
use crate::app::{Command, Model, PanelsCommand, PriceStep, priced, priced_type};
use crate::fleet::cost::storage_hourly;
use crate::fleet::market::{History, savings};
use crate::fleet::{MachineType, Pool, Region, RegionPrices, Risk, Zone};

/// The columns of the prices beside a chart.
const SCALE: u16 = 9;
/// The lines between two prices of a scale.
const BETWEEN: u16 = 6;
/// The fewest lines of a chart that shows anything.
const CHART: u16 = 6;
/// The meaning of lines: the cheapest, and the others. A letter at the end of each says which it
/// is; what colours mean elsewhere, good or waiting, they do not mean here.
const TONES: [Tone; 3] = [Tone::Working, Tone::Plain, Tone::Dim];

/// A row: one pool, and what of ours is in it.
struct Row<'a> {
    pool: &'a Pool,
    region: &'a Region,
    history: &'a History,
    on_demand: Option<f64>,
    risk: Risk,
    ours: usize,
    now: Timestamp,
    /// How far back is looked.
    back: SignedDuration,
    /// The lowest and the highest price of all rows: they share one scale.
    scale: (f64, f64),
}

impl Row<'_> {
    fn since(&self) -> Timestamp {
        self.now.checked_sub(self.back).unwrap_or(Timestamp::MIN)
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
            let ago = self.back.as_secs() * (steps - 1 - step) / steps.max(1);
            self.history.at(self.now.checked_sub(SignedDuration::from_secs(ago)).ok()?)
        };
        let shares: Vec<f64> = (0..steps).filter_map(at).map(|quote| share(quote.usd)).collect();
        line(&shares, columns.into(), glyphs)
    }
}

fn columns<'a>(week: bool) -> [Column<Row<'a>, Theme>; 11] {
    let span = if week { "7 DAYS" } else { "24 H" };
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
        Column::text("trend", span, [8, 0, 24], 3, |row: &Row<'_>, theme: &Theme, width| {
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
        Column::text("risk", "RISK", [8, 0, 8], 9, |row: &Row<'_>, theme: &Theme, _| {
            risk(row.risk, theme.glyphs)
        })
        .right(),
        Column::text("record", "OUR RECORD", [10, 0, 14], 10, |row: &Row<'_>, theme: &Theme, _| {
            Cell::known(row.risk.record().words(), theme.glyphs)
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
    let Some((region, prices)) = priced(model) else {
        let said = "No prices yet: they are loaded after signing in.";
        painter.text(area, 1, 1, Tone::Dim, said);
        return;
    };
    let rows = rows(model, region, prices);
    let head = head(painter, area, &summary(model, region), made_of(model, region));
    let most = area.height.saturating_sub(CHART + head + 3).max(3);
    let shown = u16::try_from(rows.len()).unwrap_or(most).min(most);
    let table = Rect {
        x: area.x + 1,
        y: area.y + head + 1,
        width: area.width.saturating_sub(2),
        height: (shown + 1).min(area.height.saturating_sub(head + 1)),
    };
    let columns = columns(model.prices.week);
    let shown_rows: Vec<&Row<'_>> = rows.iter().take(shown.into()).collect();
    let grid = Grid::new(&columns, &shown_rows, painter.theme, painter.theme, table, None);
    grid.headings(painter.buffer);
    for (row, line) in rows.iter().zip(0..shown) {
        grid.row(painter.buffer, line, row);
    }
    let used = shown + head + 3;
    let chart = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    if chart.height >= CHART {
        draw_chart(model, painter, chart, &rows);
    }
}

/// What the region costs, and what the instance under the cursor does. Answers how many lines that
/// took: no number is cut.
fn head(painter: &mut Painter<'_>, area: Rect, region: &str, row: Option<String>) -> u16 {
    let room = usize::from(area.width.saturating_sub(2));
    let lines = |tone: Tone, said: &str| {
        text::wrap(said, room).into_iter().map(move |line| (tone, line)).collect::<Vec<_>>()
    };
    let mut said = lines(Tone::Strong, region);
    said.extend(row.map(|row| lines(Tone::Plain, &row)).unwrap_or_default());
    said.truncate(4);
    for ((tone, said), line) in said.iter().zip(0..) {
        painter.text(area, 1, line, *tone, said);
    }
    u16::try_from(said.len()).unwrap_or(4).max(2)
}

/// The pools of a region, the cheapest first.
fn rows<'a>(model: &'a Model, region: &'a Region, prices: &'a RegionPrices) -> Vec<Row<'a>> {
    let mut ours: BTreeMap<(&Zone, &MachineType), usize> = BTreeMap::new();
    for machine in model.fleet.alive().filter_map(|row| row.machine.as_ref()) {
        *ours.entry((&machine.zone, &machine.machine_type)).or_insert(0) += 1;
    }
    let ranking = ranking(model, region);
    let back = SignedDuration::from_hours(if model.prices.week { 7 * 24 } else { 24 });
    let mut rows: Vec<Row<'_>> = prices
        .spot
        .iter()
        .map(|(pool, history)| Row {
            pool,
            region,
            history,
            on_demand: prices.list.on_demand.get(&pool.machine_type).copied(),
            risk: ranking.risk(pool),
            ours: ours.get(&(&pool.zone, &pool.machine_type)).copied().unwrap_or(0),
            now: model.now,
            back,
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
    format!("{region}: {}{spent}", text::count(model.tally.in_region(region), "instance"))
}

/// What the instance under the cursor costs an hour, and of what that is made, where it is one of the
/// region that is shown.
fn made_of(model: &Model, region: &Region) -> Option<String> {
    let row = model.fleet.get(model.table.cursor()?).filter(|row| row.region == *region)?;
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

/// Prices of one machine type over time, a line for each zone, with its letter at its end; and what
/// it costs on demand, which is mostly far above.
fn draw_chart(model: &Model, painter: &mut Painter<'_>, area: Rect, rows: &[Row<'_>]) {
    let wanted = priced_type(model);
    let rows: Vec<&Row<'_>> =
        rows.iter().filter(|row| Some(&row.pool.machine_type) == wanted).collect();
    let (Some(first), Some(wanted)) = (rows.first(), wanted) else { return };
    let ranges = rows.iter().filter_map(|row| row.history.range(first.since()));
    let (low, high) = ranges
        .fold((f64::INFINITY, 0.0_f64), |(low, high), range| (low.min(range.0), high.max(range.1)));
    if !low.is_finite() {
        return;
    }
    let span = if model.prices.week { "7 days" } else { "24 hours" };
    let title = format!("{wanted}, {span}, $/h");
    let remark = keys(model);
    let has_room = text::width(&title) + text::width(&remark) + 9 <= area.width.into();
    painter.rule(area, 0, (Tone::Dim, &title), if has_room { &remark } else { "" });
    // A flat price is a line in the middle.
    let margin = ((high - low) * 0.1).max(high * 0.02);
    let (bottom, top) = ((low - margin).max(0.0), high + margin);
    let above = first.on_demand.filter(|usd| *usd > top && area.height > CHART);
    let lines = u16::from(above.is_some());
    let plot = Rect {
        x: area.x + SCALE,
        y: area.y + 1 + lines,
        width: area.width.saturating_sub(SCALE + 4),
        height: area.height.saturating_sub(2 + lines),
    };
    let plot = plot.intersection(painter.buffer.area);
    if plot.is_empty() {
        return;
    }
    if let Some(usd) = above {
        on_demand(painter, area, plot.width, usd);
    }
    scale(painter, area, plot, ((bottom, top), model.prices.week));
    let tone = |index: usize| TONES[index.min(TONES.len() - 1)];
    let styles: Vec<Style> =
        (0..rows.len()).map(|index| painter.theme.style(tone(index))).collect();
    lines_of(painter, plot, &rows, &styles, (bottom, top));
    letters(painter, plot, &rows, &styles, (bottom, top));
}

/// The keys that choose what is shown.
fn keys(model: &Model) -> String {
    let key = |step| {
        let command = Command::Panels(PanelsCommand::Prices(step));
        model.keymap.key_for(Context::Table, &command).unwrap_or_default()
    };
    let [span, types, region] =
        [PriceStep::Span, PriceStep::NextType, PriceStep::NextRegion].map(key);
    format!("{span} span  {types} type  {region} region")
}

/// The lines of a chart.
fn lines_of(
    painter: &mut Painter<'_>,
    plot: Rect,
    rows: &[&Row<'_>],
    styles: &[Style],
    (bottom, top): (f64, f64),
) {
    let marker = if painter.theme.is_ascii() { Marker::Custom('.') } else { Marker::Braille };
    let hours = rows.first().map_or(0.0, |row| row.back.as_secs_f64() / 3600.0);
    Canvas::default()
        .marker(marker)
        .x_bounds([-hours, 0.0])
        .y_bounds([bottom, top])
        .paint(|context| {
            for (row, style) in rows.iter().zip(styles) {
                let color = style.fg.unwrap_or_default();
                for [x1, y1, x2, y2] in steps(row) {
                    context.draw(&Line { x1, y1, x2, y2, color });
                }
            }
        })
        .render(plot, painter.buffer);
}

/// The letters of the zones where their lines end; those at the same height side by side.
fn letters(
    painter: &mut Painter<'_>,
    plot: Rect,
    rows: &[&Row<'_>],
    styles: &[Style],
    bounds: (f64, f64),
) {
    let mut ends: Vec<u16> = Vec::new();
    for (row, style) in rows.iter().zip(styles) {
        let Some(price) = row.price() else { continue };
        let line = height(price, bounds, plot.height);
        let before = u16::try_from(ends.iter().filter(|end| **end == line).count()).unwrap_or(0);
        ends.push(line);
        let place = Rect { x: plot.right() + 1 + before, width: 1, ..plot };
        painter.styled(place, 0, line, *style, row.pool.zone.letter(row.region));
    }
}

/// The price on demand, above a chart whose scale does not reach so far: the line is broken.
fn on_demand(painter: &mut Painter<'_>, area: Rect, width: u16, usd: f64) {
    painter.text(area, 1, 1, Tone::Dim, &hourly(usd));
    let said = " on demand, not to scale ";
    let sign = if painter.theme.is_ascii() { "- " } else { "╌" };
    let signs = usize::from(width).saturating_sub(text::width(said) + 2) / text::width(sign);
    let line = format!("{}{said}", sign.repeat(signs));
    painter.text(area, SCALE, 1, Tone::Dim, &line);
}

/// The prices beside a chart and the hours, or days, below it.
fn scale(
    painter: &mut Painter<'_>,
    area: Rect,
    plot: Rect,
    ((bottom, top), week): ((f64, f64), bool),
) {
    let first = plot.y - area.y;
    let steps = (plot.height / BETWEEN).max(2);
    for step in 0..=steps {
        let price = top + (bottom - top) * f64::from(step) / f64::from(steps);
        let line = first + step * (plot.height - 1) / steps;
        painter.text(area, 1, line, Tone::Dim, &hourly(price));
    }
    let below = first + plot.height;
    let [begin, half] = if week { ["-7 d", "-3.5 d"] } else { ["-24 h", "-12 h"] };
    painter.text(area, SCALE, below, Tone::Dim, begin);
    painter.text(area, SCALE + plot.width / 2, below, Tone::Dim, half);
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

/// A pool's price over the time that is shown: it holds until the next, so it goes in steps.
fn steps(row: &Row<'_>) -> Vec<[f64; 4]> {
    let since = row.since();
    let hours = |at: Timestamp| -row.now.duration_since(at).as_secs_f64() / 3600.0;
    let later = row.history.quotes().iter().filter(|quote| quote.since > since);
    let first = row.history.at(since).map(|quote| (hours(since), quote.usd));
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
