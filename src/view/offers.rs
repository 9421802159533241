//! The columns of a price, as data: drawn by the pane and printed by `prices`.

use super::columns::CellContext;
use super::grid::{Align, Cell, Column};
use super::theme::{Glyphs, Tone};
use crate::fleet::Risk;
use crate::fleet::market::Offer;

/// The columns, in the order in which they are drawn.
pub static OFFER: [Column<Offer, CellContext>; 10] = [
    text("region", "REGION", 14, 1, |row, _, _| Cell::plain(row.region.as_str())),
    text("zone", "ZONE", 4, 2, |row, _, _| Cell::plain(row.pool.zone.letter(&row.region))),
    text("type", "TYPE", 12, 3, |row, _, _| Cell::plain(row.pool.machine_type.as_str())),
    usd("spot", "SPOT $/H", 0, |row, _, _| price(row.spot.usd)),
    usd("on_demand", "OD $/H", 5, |row, context, _| match row.on_demand {
        Some(amount) => price(amount),
        None => Cell::known(None::<String>, context.glyphs),
    }),
    usd("savings", "SAVES", 4, |row, context, _| match row.savings() {
        Some(percent) => Cell::toned(Tone::Good, format!("{percent:.0} %")),
        None => Cell::known(None::<String>, context.glyphs),
    }),
    usd("risk", "RISK", 8, |row, context, _| risk(row.risk, context.glyphs)),
    usd("record", "OUR RECORD", 9, |row, context, _| {
        Cell::known(row.risk.record().words(), context.glyphs)
    }),
    usd("low", "7D LOW", 6, |row, _, _| price(row.week.0)),
    usd("high", "7D HIGH", 7, |row, _, _| price(row.week.1)),
];

const fn text(
    id: &'static str,
    heading: &'static str,
    width: u16,
    rank: u8,
    cell: fn(&Offer, &CellContext, u16) -> Cell,
) -> Column<Offer, CellContext> {
    Column::text(id, heading, [width, 0, width], rank, cell)
}

const fn usd(
    id: &'static str,
    heading: &'static str,
    rank: u8,
    cell: fn(&Offer, &CellContext, u16) -> Cell,
) -> Column<Offer, CellContext> {
    Column { align: Align::Right, ..text(id, heading, 8, rank, cell) }
}

/// The share of a month that AWS takes back.
pub(super) fn risk(risk: Risk, glyphs: &Glyphs) -> Cell {
    let Some(band) = risk.told else { return Cell::known(None::<String>, glyphs) };
    let tone = match band.index() {
        0 => Tone::Good,
        1 | 2 => Tone::Plain,
        _ => Tone::Waiting,
    };
    Cell::toned(tone, band.word())
}

/// Four digits after the point, as EC2 quotes.
fn price(amount: f64) -> Cell {
    Cell::plain(format!("{amount:.4}"))
}
