//! What instances cost: the regions with ours in them, then every pool that has a price.

use ratatui::layout::Rect;

use super::columns::{Look, amount};
use super::grid::Grid;
use super::offers::OFFER;
use super::{Pen, Tone};
use crate::app::Model;
use crate::fleet::market::offers;
use crate::fleet::{Amount, Cost};

/// The most lines for regions.
const REGIONS: u16 = 6;

/// Draws it.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let look = Look { now: model.now, glyphs: pen.theme.glyphs };
    let mut line = costs(model, pen, &look, area);
    let offers = offers(model.fleet.market(), model.now);
    if offers.is_empty() {
        pen.text(area, 1, line, Tone::Dim, "No price is known yet.");
        return;
    }
    line += 1;
    let rest = Rect {
        x: area.x + 1,
        y: area.y + line,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(line),
    };
    let grid = Grid::new(&OFFER, &look, pen.theme, rest);
    grid.headings(pen.buffer, None);
    for (offer, line) in offers.iter().zip(0..rest.height.saturating_sub(1)) {
        grid.row(pen.buffer, line, offer);
    }
}

/// The total and the dearest regions. Answers how many lines that took.
fn costs(model: &Model, pen: &mut Pen<'_>, look: &Look, area: Rect) -> u16 {
    let mut regions: Vec<_> = model.fleet.costs().iter().collect();
    regions.sort_by(|a, b| b.1.accrued.usd.total_cmp(&a.1.accrued.usd));
    let sum = |of: fn(&Cost) -> Amount| model.fleet.costs().values().map(of).sum::<Amount>();
    let total = Cost { hourly: sum(|cost| cost.hourly), accrued: sum(|cost| cost.accrued) };
    let lines = regions.into_iter().map(|(region, cost)| (region.as_str(), *cost));
    let mut line = 0;
    for (name, cost) in std::iter::once(("all", total)).chain(lines).take(REGIONS.into()) {
        let hourly = amount(Some(cost.hourly), 4, look).text;
        let accrued = amount(Some(cost.accrued), 2, look).text;
        pen.text(area, 1, line, Tone::Dim, name);
        pen.text(area, 17, line, Tone::Plain, &format!("{hourly:>9} $/h {accrued:>9} $ so far"));
        line += 1;
    }
    line
}
