//! What of the market the price view shows: which region, which machine type, how far back.

use super::command::PriceStep;
use super::{Model, PriceChoice};
use crate::fleet::market::History;
use crate::fleet::{MachineType, Pool, Region, RegionPrices};

/// The region whose prices are shown: the chosen one, else the one under the cursor, else the first
/// of which any are known.
pub fn priced(model: &Model) -> Option<(&Region, &RegionPrices)> {
    let market = model.fleet.market();
    let known = |prices: &&RegionPrices| !prices.spot.is_empty();
    let of = |region| Some((region, market.get(region).filter(known)?));
    let chosen = model.prices.region.as_ref().and_then(of);
    let first = || market.iter().find(|(_, prices)| known(prices));
    chosen.or_else(|| model.region().and_then(of)).or_else(first)
}

/// The machine type whose prices are shown over time: the chosen one, else that of the row under the
/// cursor, else of the cheapest pool.
pub fn priced_type(model: &Model) -> Option<&MachineType> {
    let (_, prices) = priced(model)?;
    let pools = || prices.spot.keys();
    let there = |wanted: &&MachineType| pools().any(|pool| pool.machine_type == **wanted);
    let row = model.table.cursor().and_then(|key| model.fleet.get(key));
    let own = row.and_then(|row| row.machine.as_ref()).map(|machine| &machine.machine_type);
    let price = |pool: &&Pool| {
        prices.spot.get(*pool).and_then(History::now).map_or(f64::INFINITY, |it| it.usd)
    };
    let cheapest = pools().min_by(|a, b| price(a).total_cmp(&price(b)));
    let chosen = model.prices.machine_type.as_ref().filter(there);
    chosen.or(own.filter(there)).or_else(|| cheapest.map(|pool| &pool.machine_type))
}

/// Takes a step.
pub(super) fn step(model: &mut Model, step: PriceStep) {
    match step {
        PriceStep::Span => model.prices.week = !model.prices.week,
        PriceStep::NextType | PriceStep::PreviousType => {
            let prices = priced(model).map(|(_, prices)| prices);
            let mut types: Vec<&MachineType> =
                prices.iter().flat_map(|it| it.spot.keys()).map(|it| &it.machine_type).collect();
            types.sort_unstable();
            types.dedup();
            let next = beside(&types, priced_type(model), step == PriceStep::NextType);
            model.prices.machine_type = next.cloned();
        }
        PriceStep::NextRegion | PriceStep::PreviousRegion => {
            let market = model.fleet.market().iter();
            let regions: Vec<&Region> =
                market.filter(|(_, it)| !it.spot.is_empty()).map(|(region, _)| region).collect();
            let here = priced(model).map(|(region, _)| region);
            let next = beside(&regions, here, step == PriceStep::NextRegion).cloned();
            model.prices =
                PriceChoice { region: next, week: model.prices.week, machine_type: None };
        }
    }
}

/// The one after, or before, from the last to the first.
fn beside<'a, T: PartialEq>(all: &[&'a T], here: Option<&T>, next: bool) -> Option<&'a T> {
    let count = all.len();
    let at = here.and_then(|here| all.iter().position(|it| *it == here)).unwrap_or(0);
    let step = if next { 1 } else { count.saturating_sub(1) };
    all.get((at + step).checked_rem(count)?).copied()
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn a_step_goes_round() {
        let all = [&"a", &"b", &"c"];
        assert_eq!(beside(&all, Some(&"c"), true), Some(&"a"));
        assert_eq!(beside(&all, Some(&"a"), false), Some(&"c"));
        assert_eq!(beside(&all, None, true), Some(&"b"));
        assert_eq!(beside::<&str>(&[], None, false), None);
    }
}
