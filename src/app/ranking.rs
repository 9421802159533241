//! Which place is asked first, as far as the model knows the prices: what plan and estimates say is
//! what a launch does.

use jiff::SignedDuration;

use super::Model;
use crate::config::{Placement, RegionConfig};
use crate::fleet::{Attempt, Band, Lifecycle, Pool, Ranked, Ranking, Region, Risk, Weights};

/// How long a launch leaves a pool alone that had nothing to give (`retry::UNAVAILABLE_POOL_TTL`).
const UNAVAILABLE: SignedDuration = SignedDuration::from_mins(3);

/// The place that is asked first.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstPlace<'a> {
    /// The place.
    pub pool: &'a Pool,
    /// What its processors cost an hour, in USD.
    pub usd: f64,
    /// How often AWS takes back what runs there; `None` on demand, where it takes back nothing.
    pub risk: Option<Risk>,
    /// Why it is the first: `5-10 % a month, within 10 % of the cheapest`.
    pub reason: Option<String>,
}

/// By what the places of a region are ranked.
pub fn ranking<'a>(model: &'a Model, region: &Region) -> Ranking<'a> {
    Ranking {
        weights: weights(model),
        advice: &model.fleet.prices(region).advice,
        records: model.fleet.ledger().records(),
    }
}

fn weights(model: &Model) -> Weights {
    let placement = model.config.as_ref().map(|config| &config.placement);
    placement.map(Placement::weights).unwrap_or_default()
}

/// Which of these regions has the best place, by what ranks the places of each; `None` while no price
/// is known.
pub fn first_region<'a>(
    model: &'a Model,
    regions: impl Iterator<Item = &'a RegionConfig>,
) -> Option<&'a Region> {
    let first = |it: &'a RegionConfig| Some((&it.region, first_place(model, it)?));
    // What is on demand is as safe as can be.
    let safe = Risk { told: Band::all().next(), ..Risk::default() };
    let ranked = weights(model).rank(regions.filter_map(first).collect(), |(_, first)| {
        (first.pool, first.usd, first.risk.unwrap_or(safe))
    });
    ranked.into_iter().next().map(|first| first.place.0)
}

/// The newest refusal of a region's, of this pool or of any, while a launch goes by it.
pub fn refusal<'a>(model: &'a Model, region: &Region, pool: Option<&Pool>) -> Option<&'a Attempt> {
    let is_meant = |it: &&Attempt| {
        pool.is_none_or(|pool| it.zone == pool.zone && it.machine_type == pool.machine_type)
    };
    let tried = model.fleet.regions().get(region)?.attempts.iter().rev().find(is_meant)?;
    let code = tried.code.as_deref()?;
    // What a zone does not sell it does not sell later; a fleet has a code of its own for it.
    let is_not_sold = matches!(code, "Unsupported" | "InvalidFleetConfiguration");
    let is_new = model.now.duration_since(tried.at) < UNAVAILABLE;
    (is_new || is_not_sold).then_some(tried)
}

/// Whether a launch would ask this pool now: it had something to give when it was asked last, or that is
/// some time ago.
pub fn has_chance(model: &Model, region: &Region, pool: &Pool) -> bool {
    refusal(model, region, Some(pool)).is_none()
}

/// The place of a region's that is asked first: of those that have a chance, or where none has one, of
/// all, as a launch does. `None` while no price is known.
pub fn first_place<'a>(model: &'a Model, wanted: &RegionConfig) -> Option<FirstPlace<'a>> {
    first_of(model, wanted, |pool| has_chance(model, &wanted.region, pool))
        .or_else(|| first_of(model, wanted, |_| true))
}

fn first_of<'a>(
    model: &'a Model,
    wanted: &RegionConfig,
    has_chance: impl Fn(&Pool) -> bool,
) -> Option<FirstPlace<'a>> {
    let prices = model.fleet.market().get(&wanted.region)?;
    if wanted.lifecycle == Lifecycle::OnDemand {
        let (types, lifecycle) = (&wanted.machine_types, wanted.lifecycle);
        let (pool, usd) = prices.cheapest_of(types, lifecycle, has_chance)?;
        return Some(FirstPlace { pool, usd, risk: None, reason: None });
    }
    let zones = &wanted.availability_zones;
    let is_meant = |pool: &Pool| {
        let types = &wanted.machine_types;
        (types.is_empty() || types.contains(&pool.machine_type))
            && (zones.is_empty() || zones.contains(&pool.zone))
            && has_chance(pool)
    };
    let places = prices.spot.keys().filter(|pool| is_meant(pool));
    let places = places.filter_map(|pool| Some((pool, prices.compute(pool, wanted.lifecycle)?)));
    let ranking = ranking(model, &wanted.region);
    let ranked = ranking.rank(places.collect(), |(pool, usd)| (*pool, *usd));
    let Ranked { place: (pool, usd), reason } = ranked.into_iter().next()?;
    Some(FirstPlace { pool, usd, risk: Some(ranking.risk(pool)), reason: Some(reason) })
}
