//! What was spent: a bar a day, each region's part, and what the month comes to. Days are of UTC, as
//! AWS's bill has them.

use std::collections::BTreeMap;

use jiff::civil::Date;
use ratatui::layout::Rect;

use super::grid::{Cell, Column, Grid};
use super::money::{digits, dollars, sum_to};
use super::theme::Theme;
use super::{Painter, Tone, text};
use crate::app::{Model, forecast, spent_by_day};
use crate::fleet::cloudwatch::usd;
use crate::fleet::entry::day_of;
use crate::fleet::{Amount, Region};

/// The columns of the sums beside the bars.
const SCALE: u16 = 9;
/// The fewest lines of bars that show anything.
const CHART: u16 = 5;
/// The most columns of a bar.
const WIDEST: u16 = 5;
/// The most days that are shown: as long as hours are kept as days.
const MOST: u16 = 92;

/// A region's line.
struct Row<'a> {
    region: &'a Region,
    today: Amount,
    week: Amount,
    month: Amount,
    all: Amount,
    /// The digits of each sum: those of the largest.
    digits: usize,
}

fn columns<'a>() -> [Column<Row<'a>, Theme>; 5] {
    const WIDTHS: [u16; 3] = [8, 0, 11];
    [
        Column::text("region", "REGION", [14, 0, 16], 0, |row: &Row<'_>, _, _| {
            Cell::plain(row.region.as_str())
        }),
        Column::text("today", "TODAY", WIDTHS, 2, |row: &Row<'_>, theme: &Theme, _| {
            row.money(row.today, theme)
        })
        .right(),
        Column::text("week", "7 DAYS", WIDTHS, 3, |row: &Row<'_>, theme: &Theme, _| {
            row.money(row.week, theme)
        })
        .right(),
        Column::text("month", "MONTH", WIDTHS, 1, |row: &Row<'_>, theme: &Theme, _| {
            row.money(row.month, theme)
        })
        .right(),
        Column::text("all", "IN ALL", WIDTHS, 4, |row: &Row<'_>, theme: &Theme, _| {
            row.money(row.all, theme)
        })
        .right(),
    ]
}

impl Row<'_> {
    /// A sum, where something of it is known.
    fn money(&self, amount: Amount, theme: &Theme) -> Cell {
        Cell::known((!amount.is_unknown()).then(|| sum_to(amount, self.digits)), theme.glyphs)
    }
}

/// Draws it.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let days = spent_by_day(model);
    if days.is_empty() {
        painter.text(area, 1, 1, Tone::Dim, "Nothing was spent yet.");
        return;
    }
    for (line, said) in (0..).zip(summary(model, &days)) {
        let tone = if line == 0 { Tone::Strong } else { Tone::Plain };
        painter.text(area, 1, line, tone, &said);
    }
    let rows = rows(model, &days);
    let most = area.height.saturating_sub(CHART + 6).max(3);
    let shown = u16::try_from(rows.len()).unwrap_or(most).min(most);
    let height = (shown + 1).min(area.height.saturating_sub(3));
    let chart = Rect { y: area.y + 3, height: area.height.saturating_sub(height + 4), ..area };
    let has_chart = chart.height > CHART;
    if has_chart {
        bars(model, painter, chart, &days);
    }
    if let Some(said) = asked_of_cloudwatch(model) {
        painter.text(area, 1, 2, Tone::Dim, &said);
    }
    let y = if has_chart { chart.bottom() + 1 } else { area.y + 3 };
    let table = Rect { x: area.x + 1, y, width: area.width.saturating_sub(2), height };
    let columns = columns();
    let shown_rows: Vec<&Row<'_>> = rows.iter().take(shown.into()).collect();
    let grid = Grid::new(&columns, &shown_rows, painter.theme, painter.theme, table, None);
    grid.headings(painter.buffer);
    let hidden = rows.len() - usize::from(shown);
    let lines = if hidden > 0 { shown - 1 } else { shown };
    for (row, line) in rows.iter().zip(0..lines) {
        grid.row(painter.buffer, line, row);
    }
    if hidden > 0 {
        let more = rows[usize::from(lines)..].iter();
        let month: Amount = more.clone().map(|row| row.month).sum();
        let said = format!("and {} more, {} this month", more.count(), dollars(month));
        painter.text(table, 0, lines + 1, Tone::Dim, &said);
    }
}

/// What asking CloudWatch comes to: it is in no sum, for nobody's hours have it.
fn asked_of_cloudwatch(model: &Model) -> Option<String> {
    let asked = Some(model.fleet.metrics_asked()).filter(|asked| *asked > 0)?;
    let number = text::thousands(usize::try_from(asked).unwrap_or(usize::MAX));
    Some(format!("besides, {number} metrics asked of CloudWatch: ${:.4}", usd(asked)))
}

type Days = BTreeMap<Date, BTreeMap<Region, Amount>>;

/// What was spent from that day on.
fn since(days: &Days, first: Date) -> Amount {
    days.range(first..).flat_map(|(_, regions)| regions.values().copied()).sum()
}

fn summary(model: &Model, days: &Days) -> [String; 2] {
    let today = day_of(model.now);
    let month = since(days, today.first_of_month());
    let hourly: Amount = model.fleet.costs().values().map(|cost| cost.hourly).sum();
    let end = forecast(model).map(|end| format!(", {} by month's end", dollars(end)));
    let now = format!(
        "{} this month, {}/h now{}",
        dollars(month),
        dollars(hourly),
        end.unwrap_or_default()
    );
    let all: Amount = days.values().flat_map(|regions| regions.values().copied()).sum();
    let first = days.keys().next().map(ToString::to_string).unwrap_or_default();
    let saved = model.fleet.ledger().sum().saved().filter(|saved| *saved > 0.0);
    let saved = saved.map(|saved| format!(", ${saved:.2} less than on demand"));
    let all = format!("{} since {first}{}", dollars(all), saved.unwrap_or_default());
    [now, all]
}

/// The regions, the dearest of this month first.
fn rows<'a>(model: &Model, days: &'a Days) -> Vec<Row<'a>> {
    let today = day_of(model.now);
    let week = today.checked_sub(jiff::Span::new().days(6)).unwrap_or(today);
    let mut rows: BTreeMap<&Region, Row<'a>> = BTreeMap::new();
    for (day, regions) in days {
        for (region, amount) in regions {
            let none = Amount::default();
            let row = rows.entry(region).or_insert(Row {
                region,
                today: none,
                week: none,
                month: none,
                all: none,
                digits: 0,
            });
            row.all += *amount;
            for (sum, is_in) in [
                (&mut row.today, *day == today),
                (&mut row.week, *day >= week),
                (&mut row.month, *day >= today.first_of_month()),
            ] {
                *sum += if is_in { *amount } else { none };
            }
        }
    }
    let mut rows: Vec<Row<'a>> = rows.into_values().collect();
    let digits = digits(rows.iter().map(|row| row.all.usd).fold(0.0, f64::max));
    for row in &mut rows {
        row.digits = digits;
    }
    let key = |row: &Row<'_>| (row.month.usd, row.all.usd);
    rows.sort_by(|a, b| key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal));
    rows
}

/// A bar a day up to today, as many as have room, and their days below.
fn bars(model: &Model, painter: &mut Painter<'_>, area: Rect, days: &Days) {
    let room = area.width.saturating_sub(SCALE + 2);
    let today = day_of(model.now);
    let first = days.keys().next().copied().unwrap_or(today);
    let known = (today - first).get_days().unsigned_abs() + 1;
    let known = u16::try_from(known).unwrap_or(MOST).clamp(7, MOST);
    let step = (room / known).clamp(1, WIDEST + 1);
    let count = (room / step).min(known);
    let width = if step > 1 { step - 1 } else { 1 };
    let day = |ago: u16| today.checked_sub(jiff::Span::new().days(i64::from(ago))).ok();
    let of = |day: Date| -> Amount {
        days.get(&day).map(|regions| regions.values().copied().sum()).unwrap_or_default()
    };
    let shown: Vec<Date> = (0..count).rev().filter_map(day).collect();
    let top = shown.iter().map(|day| of(*day).usd).fold(0.0, f64::max);
    let lines = area.height - 1;
    painter.text(area, 1, 0, Tone::Dim, &dollars(Amount { usd: top, is_partial: false }));
    painter.text(area, 1, lines - 1, Tone::Dim, "$0");
    for (index, day) in (0..).zip(&shown) {
        let x = SCALE + index * step;
        let tone = if *day == today { Tone::Accent } else { Tone::Working };
        let share = if top > 0.0 { of(*day).usd / top } else { 0.0 };
        for line in 0..lines {
            let sign = sign(painter.theme, share, lines - 1 - line, lines);
            painter.text(area, x, line, tone, &sign.to_string().repeat(width.into()));
        }
        let label = day.day().to_string();
        let has_room = text::width(&label) <= usize::from(step) || day.day() == 1 || *day == today;
        let is_told = step >= 3 || day.day() % 5 == 0 || *day == today;
        if has_room && is_told && (step >= 3 || *day == today || (today - *day).get_days() > 2) {
            painter.text(area, x, lines, Tone::Dim, &label);
        }
    }
}

/// The sign of a bar of this share in a line, counted from below.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share lies between 0 and 1, and a screen has few lines"
)]
fn sign(theme: &Theme, share: f64, line: u16, lines: u16) -> char {
    let signs: Vec<char> = theme.glyphs.spark.chars().collect();
    let steps = u8::try_from(signs.len()).unwrap_or(1);
    let height = (share.clamp(0.0, 1.0) * f64::from(lines) * f64::from(steps)).round() as usize;
    // What is something is seen.
    let height = if share > 0.0 { height.max(1) } else { 0 };
    let steps = usize::from(steps);
    match height.saturating_sub(usize::from(line) * steps) {
        0 => ' ',
        // A column of the highest sign is none where that is no block.
        part if part >= steps && theme.is_ascii() => {
            theme.glyphs.block.chars().next().unwrap_or(' ')
        }
        part => signs.get(part.min(steps) - 1).copied().unwrap_or(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_top_and_seen_at_the_bottom() {
        let theme = Theme::colours();
        let bar =
            |share: f64| -> String { (0..3).map(|line| sign(&theme, share, line, 3)).collect() };
        assert_eq!(bar(1.0), "███");
        assert_eq!(bar(0.5), "█▄ ");
        assert_eq!(bar(0.001), "▁  ");
        assert_eq!(bar(0.0), "   ");
        let ascii = Theme::colours().ascii();
        let bar: String = (0..3).map(|line| sign(&ascii, 0.5, line, 3)).collect();
        assert_eq!(bar, "#- ");
    }
}
