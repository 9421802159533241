//! The regions as a table: what runs in each and how it is, what it costs, and where it is cheap.

use ratatui::layout::Rect;

use super::grid::{Cell, Column, Grid};
use super::money::{digits, hourly, sum_to};
use super::painter::GUTTER;
use super::text;
use super::theme::{Glyphs, Tone};
use super::{HitMap, Painter};
use crate::app::ranking::{self, first_place, refusal};
use crate::app::{Command, Model, Panel, RegionRow, TableCommand, beside, clean};
use crate::fleet::{Cost, Health, Lifecycle, Pool};

/// What a cell is drawn with besides its row.
struct RegionContext<'a> {
    model: &'a Model,
    glyphs: &'static Glyphs,
    /// The digits of what all of them cost an hour, and of what they have cost.
    digits: [usize; 2],
}

type Drawn<'a> = Column<RegionRow, RegionContext<'a>>;

fn columns<'a>() -> [Drawn<'a>; 11] {
    let text = Column::text;
    [
        text("region", "REGION", [14, 0, 16], 0, |row: &RegionRow, _, _| {
            Cell::plain(row.region.as_str())
        }),
        text("all", "ALL", [3, 0, 7], 1, |row, context, _| {
            number(row.total(), Tone::Strong, context)
        })
        .right(),
        text("ready", "READY", [5, 0, 7], 4, |row, context, _| state(row, Health::Good, context))
            .right(),
        text("busy", "BUSY", [4, 0, 7], 6, |row, context, _| state(row, Health::Working, context))
            .right(),
        text("waiting", "WAIT", [4, 0, 7], 8, |row, context, _| {
            state(row, Health::Waiting, context)
        })
        .right(),
        text("bad", "BAD", [3, 0, 7], 5, |row, context, _| state(row, Health::Bad, context))
            .right(),
        text("hourly", "$/H", [6, 0, 9], 2, |row, context: &RegionContext<'_>, _| {
            let known = cost(row, context).filter(|cost| !cost.hourly.is_unknown());
            let known = known.filter(|_| row.total() > 0);
            Cell::known(known.map(|cost| sum_to(cost.hourly, context.digits[0])), context.glyphs)
        })
        .right(),
        text("cost", "SO FAR", [6, 0, 9], 7, |row, context: &RegionContext<'_>, _| {
            let known = cost(row, context).filter(|cost| cost.accrued.usd > 0.0);
            Cell::known(known.map(|cost| sum_to(cost.accrued, context.digits[1])), context.glyphs)
        })
        .right(),
        text("reclaimed", "RECLAIMED", [9, 0, 9], 3, |row, context, _| {
            number(row.reclaimed, Tone::Interrupted, context)
        })
        .right(),
        text("cheapest", "FIRST CHOICE", [14, 0, 40], 9, first_choice),
        text("health", "HEALTH", [8, 8, 120], 10, health).elastic(),
    ]
}

/// A number; a dot for none, so that the others stand out.
fn number(number: usize, tone: Tone, context: &RegionContext<'_>) -> Cell {
    match number {
        0 => Cell::toned(Tone::Dim, context.glyphs.unknown),
        number => Cell::toned(tone, text::thousands(number)),
    }
}

/// How many are like this.
fn state(row: &RegionRow, health: Health, context: &RegionContext<'_>) -> Cell {
    number(row.counts.get(&health).copied().unwrap_or(0), health.into(), context)
}

fn cost<'a>(row: &RegionRow, context: &RegionContext<'a>) -> Option<&'a Cost> {
    context.model.fleet.costs().get(&row.region)
}

/// Where an instance would be put now, address and storage included; or why there is no such place:
/// all were refused a moment ago.
fn first_choice(row: &RegionRow, context: &RegionContext<'_>, _: u16) -> Cell {
    let model = context.model;
    let config = model.config.as_ref().and_then(|config| config.region(&row.region));
    let has_chance = |pool: &Pool| ranking::has_chance(model, &row.region, pool);
    let cheapest = match config {
        Some(config) => first_place(model, config).map(|first| {
            let prices = model.fleet.prices(&row.region);
            (first.pool, first.usd + beside(model, config, prices))
        }),
        None => model.fleet.prices(&row.region).cheapest_of(&[], Lifecycle::Spot, has_chance),
    };
    if let Some((pool, usd)) = cheapest.filter(|(pool, _)| has_chance(pool)) {
        let letter = pool.zone.letter(&row.region);
        return Cell::plain(format!("{letter} {} {}", pool.machine_type, hourly(usd)));
    }
    refusal(model, &row.region, None).map_or_else(
        || Cell::toned(Tone::Dim, context.glyphs.none),
        |attempt| {
            let code = attempt.code.as_deref().unwrap_or_default();
            Cell::toned(Tone::Waiting, clean(&format!("{}: {code}", attempt.machine_type), 120))
        },
    )
}

/// The states as a strip, as long as the region is large beside the largest.
fn health(row: &RegionRow, context: &RegionContext<'_>, width: u16) -> Cell {
    let rows = context.model.regions.rows();
    let most = rows.iter().map(RegionRow::total).max().unwrap_or(0);
    let room = usize::from(width).min(most).max(1);
    // Whatever is there is seen, be it one of a thousand.
    let cells = |count: usize| (count * room / most.max(1)).max(1);
    let strip = row.counts.iter().map(|(health, count)| {
        ((*health).into(), context.glyphs.cell(*health).repeat(cells(*count)))
    });
    Cell { more: strip.collect(), ..Cell::default() }
}

/// Draws the rows of the window, below their headings.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    let rows = Rect { x: area.x + GUTTER, width: area.width.saturating_sub(GUTTER + 1), ..area };
    let most = |of: fn(&Cost) -> f64| model.fleet.costs().values().map(of).fold(0.0, f64::max);
    let digits = [most(|cost| cost.hourly.usd), most(|cost| cost.accrued.usd)].map(digits);
    let context = RegionContext { model, glyphs: painter.theme.glyphs, digits };
    let columns = columns();
    let all: Vec<&RegionRow> = model.regions.rows().iter().collect();
    let grid = Grid::new(&columns, &all, &context, painter.theme, rows, None);
    grid.headings(painter.buffer);
    let window = model.regions.window().iter().zip(0..rows.height.saturating_sub(1));
    for (row, line) in window {
        grid.row(painter.buffer, line, row);
        let whole = Rect { y: rows.y + line + 1, height: 1, ..area };
        hits.add(whole, Command::Table(TableCommand::SelectRegion(row.region.clone())));
        if let Some(all) = row.is_marked() {
            painter.mark(rows.intersection(whole), whole, all);
        }
        if model.regions.cursor() == Some(&row.region) {
            painter.buffer.set_style(rows.intersection(whole), painter.theme.selection());
            let tone = if model.focus() == Panel::Table { Tone::Accent } else { Tone::Dim };
            painter.text(whole, 1, 0, tone, painter.theme.glyphs.cursor);
        }
    }
    let body = Rect { y: rows.y + 1, height: rows.height.saturating_sub(1), ..area };
    painter.scrollbar(body, model.regions.top(), model.regions.rows().len());
}

/// Which region the cursor is on, of how many.
pub(super) fn position(model: &Model) -> String {
    let count = model.regions.rows().len();
    let at = if count == 0 { 0 } else { model.regions.at() + 1 };
    format!("{at} of {}", text::count(count, "region"))
}
