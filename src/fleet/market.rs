//! What AWS asks for what it rents out, as far as it told. Nothing here is ever guessed: a price
//! that AWS did not tell is not there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::risk::{Advice, Record, Risk};
use super::{Lifecycle, MachineType, Region, Zone};

/// One machine type in one zone: what has a spot price and a capacity of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pool {
    /// The zone.
    pub zone: Zone,
    /// The type.
    pub machine_type: MachineType,
}

/// A spot price and since when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    /// Since when.
    pub since: Timestamp,
    /// USD an hour.
    pub usd: f64,
}

/// The spot prices of one pool, oldest first. Each holds until the next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History(Vec<Quote>);

impl History {
    /// A history of these, in whatever order.
    pub fn new(quotes: impl IntoIterator<Item = Quote>) -> Self {
        let mut quotes: Vec<Quote> = quotes.into_iter().collect();
        quotes.sort_by_key(|quote| quote.since);
        quotes.dedup_by_key(|quote| quote.since);
        Self(quotes)
    }

    /// All of them, oldest first.
    pub fn quotes(&self) -> &[Quote] {
        &self.0
    }

    /// What held at a moment; before the first one, that one: AWS tells no older.
    pub fn at(&self, moment: Timestamp) -> Option<Quote> {
        let after = self.0.partition_point(|quote| quote.since <= moment);
        self.0.get(after.saturating_sub(1)).copied()
    }

    /// Until when what holds at a moment does; `None` for as long as anybody knows.
    pub(super) fn holds_until(&self, moment: Timestamp) -> Option<Timestamp> {
        let after = self.0.partition_point(|quote| quote.since <= moment);
        self.0.get(after.max(1)).map(|quote| quote.since)
    }

    /// The newest.
    pub fn now(&self) -> Option<Quote> {
        self.0.last().copied()
    }

    /// The lowest and the highest price that held at any time since then.
    pub fn range(&self, from: Timestamp) -> Option<(f64, f64)> {
        let first = self.at(from)?;
        let later = self.0.iter().filter(|quote| quote.since > from);
        Some(later.fold((first.usd, first.usd), |(low, high), quote| {
            (low.min(quote.usd), high.max(quote.usd))
        }))
    }

    /// Adds what was told later.
    pub fn extend(&mut self, news: &Self) {
        *self = Self::new(self.0.iter().chain(&news.0).copied());
    }
}

/// What AWS's price list says of one region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PriceList {
    /// On demand, Linux, shared tenancy: USD an hour.
    pub on_demand: BTreeMap<MachineType, f64>,
    /// A public IPv4 address that is in use: USD an hour.
    pub ipv4: Option<f64>,
    /// gp3 storage: USD a GiB and month.
    pub gp3: Option<f64>,
    /// Snapshots in the standard tier: USD a GiB and month.
    #[serde(default)]
    pub snapshot: Option<f64>,
}

/// The hours of a month, as EBS counts: it has 30 days (EBS pricing).
const MONTH: f64 = 30.0 * 24.0;

/// What a volume of so many GiB costs an hour.
pub fn storage_hourly(list: &PriceList, gib: u32) -> Option<f64> {
    list.gp3.map(|usd| usd * f64::from(gib) / MONTH)
}

/// What a snapshot of so many GiB costs an hour, were all of it its own: AWS counts each block once,
/// however many snapshots of a volume have it, and tells nobody how many these are.
pub fn snapshot_hourly(list: &PriceList, gib: u32) -> Option<f64> {
    list.snapshot.map(|usd| usd * f64::from(gib) / MONTH)
}

/// What is known of one region's prices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionPrices {
    /// Spot.
    pub spot: BTreeMap<Pool, History>,
    /// Everything that has a list price.
    pub list: PriceList,
    /// How often AWS takes back what runs there.
    pub advice: Advice,
}

impl RegionPrices {
    /// Of a region whose prices AWS did not tell.
    pub const UNKNOWN: Self = Self {
        spot: BTreeMap::new(),
        list: PriceList { on_demand: BTreeMap::new(), ipv4: None, gp3: None, snapshot: None },
        advice: Advice::NONE,
    };

    /// What an instance of a pool costs an hour now, without its address and its storage.
    pub fn compute(&self, pool: &Pool, lifecycle: Lifecycle) -> Option<f64> {
        match lifecycle {
            Lifecycle::OnDemand => self.list.on_demand.get(&pool.machine_type).copied(),
            Lifecycle::Spot | Lifecycle::PersistentSpot => {
                self.spot.get(pool).and_then(History::now).map(|quote| quote.usd)
            }
        }
    }

    /// The cheapest pool of some machine types now; of all that are known where none is named.
    pub fn cheapest(&self, types: &[MachineType], lifecycle: Lifecycle) -> Option<(&Pool, f64)> {
        self.cheapest_of(types, lifecycle, |_| true)
    }

    /// The same among the pools that have a chance.
    pub fn cheapest_of(
        &self,
        types: &[MachineType],
        lifecycle: Lifecycle,
        has_chance: impl Fn(&Pool) -> bool,
    ) -> Option<(&Pool, f64)> {
        self.spot
            .keys()
            .filter(|pool| types.is_empty() || types.contains(&pool.machine_type))
            .filter(|pool| has_chance(pool))
            .filter_map(|pool| Some((pool, self.compute(pool, lifecycle)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// One pool as the price list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The region.
    pub region: Region,
    /// The pool.
    pub pool: Pool,
    /// The spot price now, and since when.
    pub spot: Quote,
    /// The lowest and the highest spot price of seven days.
    pub week: (f64, f64),
    /// On demand, where AWS told.
    pub on_demand: Option<f64>,
    /// How often AWS takes back what runs there.
    pub risk: Risk,
}

impl Offer {
    /// How much less spot is than on demand, in percent.
    pub fn savings(&self) -> Option<f64> {
        self.on_demand.and_then(|usd| savings(self.spot.usd, usd))
    }
}

/// How much less a price is than the one on demand, in percent.
pub fn savings(usd: f64, on_demand: f64) -> Option<f64> {
    (on_demand > 0.0).then(|| (1.0 - usd / on_demand) * 100.0)
}

/// All pools that have a price, the cheapest first.
pub fn offers(market: &Market, own: impl Fn(&Pool) -> Record, now: Timestamp) -> Vec<Offer> {
    let week_ago = now - SignedDuration::from_hours(7 * 24);
    let own = &own;
    let mut offers: Vec<Offer> = market
        .iter()
        .flat_map(|(region, prices)| {
            prices.spot.iter().filter_map(move |(pool, history)| {
                Some(Offer {
                    region: region.clone(),
                    pool: pool.clone(),
                    spot: history.now()?,
                    week: history.range(week_ago)?,
                    on_demand: prices.list.on_demand.get(&pool.machine_type).copied(),
                    risk: prices.advice.risk(&pool.machine_type, own(pool)),
                })
            })
        })
        .collect();
    offers.sort_by(|a, b| a.spot.usd.total_cmp(&b.spot.usd).then_with(|| a.pool.cmp(&b.pool)));
    offers
}

/// What is known of all prices, by region.
pub type Market = BTreeMap<Region, RegionPrices>;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn history(quotes: &[(i64, f64)]) -> History {
        History::new(quotes.iter().map(|(since, usd)| Quote { since: at(*since), usd: *usd }))
    }

    #[test]
    fn a_price_holds_until_the_next() {
        let history = history(&[(200, 0.02), (100, 0.01)]);
        for (moment, usd) in [(50, 0.01), (100, 0.01), (199, 0.01), (200, 0.02), (999, 0.02)] {
            let held = history.at(at(moment)).map(|quote| quote.usd);
            assert_eq!(held, Some(usd), "{moment}");
        }
        for (moment, until) in [(50, Some(200)), (199, Some(200)), (200, None)] {
            assert_eq!(history.holds_until(at(moment)), until.map(at), "{moment}");
        }
        assert_eq!(History::default().at(at(1)), None);
    }

    #[test]
    fn the_range_begins_with_what_held_then() {
        let history = history(&[(100, 0.05), (200, 0.01), (300, 0.03)]);
        assert_eq!(history.range(at(150)), Some((0.01, 0.05)));
        assert_eq!(history.range(at(250)), Some((0.01, 0.03)));
    }

    #[test]
    fn news_are_added_once() {
        let mut known = history(&[(100, 0.01)]);
        known.extend(&history(&[(100, 0.01), (200, 0.02)]));
        assert_eq!(known, history(&[(100, 0.01), (200, 0.02)]));
    }
}
