//! What was spent, counted as somebody asks: by day, region, type, machine or tag.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::entry::{Entry, Holder, HolderId, LedgerLine, Thing};
use super::hours::priced;
use super::ledger::Sum;
use super::posting::tariff;
use super::{InstanceId, Market, Region};

/// By what spending is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// By day, in UTC.
    Day,
    /// By month, in UTC.
    Month,
    /// By region.
    Region,
    /// By machine type.
    Type,
    /// By machine of the configuration, what it keeps with it; an instance that is none counts by
    /// itself.
    Machine,
    /// By what spending is on: compute, addresses, storage.
    Thing,
    /// By the value of a tag of the user's.
    Tag(String),
}

/// What was spent, as far as it was written down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spending {
    /// By group, in the order of their names.
    pub groups: BTreeMap<String, Sum>,
    /// All of it.
    pub total: Sum,
    /// The instances that it was spent on.
    pub instances: BTreeSet<InstanceId>,
    /// When the first of it begins and the last of it ends.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// The lines of a ledger that count: of those that tell of the same the last one, each with what
/// it belongs to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entries {
    holders: BTreeMap<HolderId, Holder>,
    entries: BTreeMap<(HolderId, Thing, Timestamp), Entry>,
}

impl Entries {
    /// Those of these lines.
    pub fn of(lines: impl IntoIterator<Item = LedgerLine>) -> Self {
        let mut all = Self::default();
        for line in lines {
            match line {
                LedgerLine::Holder(holder) => drop(all.holders.insert(holder.id(), holder)),
                LedgerLine::Entry(entry) => drop(all.entries.insert(entry.key(), entry)),
            }
        }
        all.drop_superseded();
        all
    }

    /// What was still open when it was written does not count where the same time was posted later.
    fn drop_superseded(&mut self) {
        let mut posted: Option<(HolderId, Thing, Timestamp)> = None;
        self.entries.retain(|(holder, thing, from), entry| {
            let is_same = |it: &(HolderId, Thing, Timestamp)| it.0 == *holder && it.1 == *thing;
            if entry.is_open {
                return !posted.as_ref().is_some_and(|it| is_same(it) && *from < it.2);
            }
            posted = Some((holder.clone(), *thing, entry.until));
            true
        });
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Gives what has no price the one that it has by these.
    pub fn price(&mut self, market: &Market) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            let pieces = self.priced(&entry, market);
            self.entries.extend(pieces.into_iter().map(|piece| (piece.key(), piece)));
        }
    }

    /// An entry in pieces of one rate, where it had none; its end is that of the last.
    fn priced(&self, entry: &Entry, market: &Market) -> Vec<Entry> {
        let holder = self.holders.get(&entry.holder).filter(|_| entry.usd.is_none());
        let prices = holder.and_then(|holder| Some((holder, market.get(&holder.region)?)));
        let Some((holder, prices)) = prices else { return vec![entry.clone()] };
        let mut pieces = priced(entry, entry.from, &tariff(holder), prices);
        if pieces.iter().all(|piece| piece.usd.is_none()) {
            return vec![entry.clone()];
        }
        let last = pieces.len() - 1;
        pieces[..last].iter_mut().for_each(|piece| piece.end = None);
        pieces
    }

    /// Only what lies after this moment, and of what it divides that part.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        let entries = self.entries.into_values().filter(|entry| since < entry.until);
        let after = entries.map(|entry| {
            let part = entry.share_since(since);
            Entry {
                from: entry.from.max(since),
                usd: entry.usd.map(|usd| usd * part),
                on_demand: entry.on_demand.map(|usd| usd * part),
                ..entry
            }
        });
        self.entries = after.map(|entry| (entry.key(), entry)).collect();
        self
    }

    /// Each entry, with what it belongs to.
    pub fn iter(&self) -> impl Iterator<Item = (&Holder, &Entry)> {
        let of = |entry: &Entry| self.holders.get(&entry.holder);
        self.entries.values().filter_map(move |entry| Some((of(entry)?, entry)))
    }
}

impl Spending {
    /// What these come to.
    pub fn of(entries: &Entries, grouping: &Grouping) -> Self {
        let mut spending = Self::default();
        for (holder, entry) in entries.iter() {
            spending.total.add(entry, 1.0, true);
            spending.instances.extend(entry.holder.instance().cloned());
            spending.span = Some(match spending.span {
                Some((first, last)) => (first.min(entry.from), last.max(entry.until)),
                None => (entry.from, entry.until),
            });
            // What lies in two days is of both; its end is in the last one.
            let names = names(grouping, holder, entry);
            let last = names.len() - 1;
            for (at, (name, share)) in names.into_iter().enumerate() {
                spending.groups.entry(name).or_default().add(entry, share, at == last);
            }
        }
        spending
    }
}

/// The groups that an entry belongs to, and with which part.
fn names(grouping: &Grouping, holder: &Holder, entry: &Entry) -> Vec<(String, f64)> {
    let name = match grouping {
        Grouping::Day | Grouping::Month => {
            let days = entry.days().into_iter();
            let is_month = *grouping == Grouping::Month;
            let name = |day: Date| {
                if is_month { day.strftime("%Y-%m").to_string() } else { day.to_string() }
            };
            return days.map(|(day, part)| (name(day), part)).collect();
        }
        Grouping::Region => Region::to_string(&holder.region),
        Grouping::Type => {
            holder.machine_type().map_or("no instance".to_owned(), ToString::to_string)
        }
        Grouping::Machine => {
            holder.machine.clone().unwrap_or_else(|| holder.id().as_str().to_owned())
        }
        Grouping::Thing => entry.thing.word().to_owned(),
        Grouping::Tag(tag) => holder.tags.get(tag).cloned().unwrap_or_else(|| "none".to_owned()),
    };
    vec![(name, 1.0)]
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fleet::entry::End;
    use crate::fleet::market::{History, Quote};
    use crate::fleet::{HolderKind, KeptKind, Lifecycle, Pool, PriceList, RegionPrices};

    fn at(hours: i64) -> Timestamp {
        let began: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        began + SignedDuration::from_hours(hours)
    }

    fn holder(kind: HolderKind) -> Holder {
        Holder {
            kind,
            region: "us-west-2".into(),
            zone: Some("us-west-2a".into()),
            deployment: "spot-7f3a".into(),
            machine: Some("dev".into()),
            storage_gb: Some(90),
            tags: BTreeMap::new(),
        }
    }

    fn unpriced(holder: &Holder, thing: Thing, is_open: bool) -> Entry {
        Entry {
            holder: holder.id(),
            thing,
            from: at(0),
            until: at(2),
            usd: None,
            on_demand: None,
            end: (!is_open).then_some(End::Reclaimed),
            is_free: false,
            is_open,
        }
    }

    #[test]
    fn what_has_no_price_has_one_by_prices_that_come_later_be_it_open_or_of_no_type() {
        let node = holder(HolderKind::Instance {
            id: "i-1".into(),
            machine_type: "t3.medium".into(),
            lifecycle: Lifecycle::Spot,
        });
        let home = holder(HolderKind::Kept { kept: "vol-1".into(), part: KeptKind::Home });
        let mut entries = Entries::of([
            LedgerLine::Holder(node.clone()),
            LedgerLine::Holder(home.clone()),
            LedgerLine::Entry(unpriced(&node, Thing::Compute, false)),
            LedgerLine::Entry(unpriced(&home, Thing::Storage, true)),
        ]);
        entries.price(&Market::default());
        assert!(Spending::of(&entries, &Grouping::Thing).total.total().is_unknown());
        let pool = Pool { zone: "us-west-2a".into(), machine_type: "t3.medium".into() };
        let quote = |hour, usd| Quote { since: at(hour), usd };
        let prices = RegionPrices {
            spot: [(pool, History::new([quote(-1, 0.01), quote(1, 0.03)]))].into(),
            list: PriceList { gp3: Some(0.08), ..PriceList::default() },
            ..RegionPrices::default()
        };
        entries.price(&[("us-west-2".into(), prices)].into());
        let total = Spending::of(&entries, &Grouping::Thing).total;
        let usd = |thing| total.things[&thing].usd;
        assert!((usd(Thing::Compute) - 0.04).abs() < 1e-9, "{total:?}");
        assert!((usd(Thing::Storage) - 0.02).abs() < 1e-9, "{total:?}");
        assert!(!total.total().is_partial);
        assert_eq!(total.interruptions, 1, "in two pieces");
    }
}
