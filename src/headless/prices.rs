//! `prices`: what spot instances cost now, as a table for people or one JSON array for programs.

use std::io::Write;

use serde_json::{Value, json};

use super::list::aligned;
use super::risk::risk;
use crate::app::Model;
use crate::fleet::market::{Offer, offers};
use crate::view::Theme;
use crate::view::columns::CellContext;
use crate::view::offers::OFFER;

/// Prints all pools that have a price, the cheapest first.
pub fn print_prices(mut out: impl Write, model: &Model, as_json: bool) {
    let records = model.fleet.ledger().records();
    let offers = offers(model.fleet.market(), |pool| records.of(pool), model.now);
    let text = if as_json {
        Value::Array(offers.iter().map(object).collect()).to_string()
    } else if offers.is_empty() {
        "no price is known".to_owned()
    } else {
        table(&offers, model)
    };
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{text}");
}

fn table(offers: &[Offer], model: &Model) -> String {
    let context =
        CellContext { now: model.now, glyphs: Theme::colours().ascii().glyphs, turns: false };
    let headings = OFFER.iter().map(|column| column.heading.to_owned()).collect();
    let rows = offers.iter().map(|offer| {
        OFFER.iter().map(|column| (column.cell)(offer, &context, u16::MAX).text).collect()
    });
    let lines: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
    aligned(&lines)
}

/// One pool. Prices are in USD an hour, null where AWS does not tell.
fn object(offer: &Offer) -> Value {
    json!({
        "region": offer.region,
        "zone": offer.pool.zone,
        "type": offer.pool.machine_type,
        "spot_usd": offer.spot.usd,
        "since": offer.spot.since.to_string(),
        "week_low_usd": offer.week.0,
        "week_high_usd": offer.week.1,
        "on_demand_usd": offer.on_demand,
        "savings_percent": offer.savings().map(f64::round),
        "risk": risk(offer.risk),
    })
}
