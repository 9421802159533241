//! What was spent and has no price yet: it costs all the same.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entry::{Entry, Holder, Thing};
use super::hours::{priced, unposted};
use super::posting::{holder, tariff};
use super::{Fleet, MachineType, RegionPrices};

/// Some time of a thing that has no price, and what that belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Unpriced {
    /// What it belongs to.
    pub holder: Holder,
    /// The time.
    pub entry: Entry,
}

impl Unpriced {
    /// What it comes to by what is known now: on demand where the spot price is not. A volume of which
    /// nobody knows how large it is has this size.
    pub fn at_most(&self, prices: &RegionPrices, usual_gib: u32) -> Option<f64> {
        let mut tariff = tariff(&self.holder);
        tariff.storage_gb = tariff.storage_gb.or(Some(usual_gib));
        let pieces = priced(&self.entry, self.entry.from, &tariff, prices);
        let known: Option<f64> = pieces.iter().map(|piece| piece.usd.or(piece.on_demand)).sum();
        known.or(self.entry.on_demand)
    }

    /// What its price is of.
    pub fn what(&self) -> &str {
        let machine_type = self.holder.machine_type().map_or("compute", MachineType::as_str);
        match self.entry.thing {
            Thing::Compute => machine_type,
            Thing::Address => "public addresses",
            thing => thing.word(),
        }
    }
}

impl Fleet {
    /// All that was spent by now and has no price, though AWS has one: not what is measured, nor what
    /// nobody knows the type of.
    pub fn unpriced(&self, now: Timestamp) -> Vec<Unpriced> {
        let posted = self.ledger.unpriced().map(|(holder, entry)| (holder.clone(), entry.clone()));
        // Of what has all its prices no hour has to be reckoned again.
        let rows = self.instances().filter(|row| row.cost.accrued.is_partial);
        let rows = rows.filter_map(|row| Some((holder(row, |_, _| BTreeMap::new())?, row)));
        let rows = rows.flat_map(|(holder, row)| {
            let hours = unposted(row, self.prices(&row.region), now);
            hours.into_iter().map(move |entry| (holder.clone(), entry))
        });
        let apart = self.apart.iter().flat_map(|apart| {
            let hours = apart.unposted(self.prices(&apart.region), now);
            hours.into_iter().map(|entry| (apart.holder(BTreeMap::new()), entry))
        });
        let has_price = |holder: &Holder, entry: &Entry| {
            let is_known = holder.machine_type().is_none_or(|it| !it.as_str().is_empty());
            entry.thing != Thing::SurplusCredits && (is_known || entry.thing != Thing::Compute)
        };
        posted
            .chain(rows)
            .chain(apart)
            .filter(|(holder, entry)| entry.usd.is_none() && has_price(holder, entry))
            .map(|(holder, entry)| Unpriced { holder, entry })
            .collect()
    }
}
