//! The ledger: what was spent, hour by hour, on what. What is over is posted to it, once; sums of
//! days and months are read off it.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use jiff::Timestamp;
use jiff::civil::Date;

use super::bill::{Amount, Posted};
use super::entry::{End, Entry, Holder, HolderId, LedgerLine, Thing, day_of};
use super::ranking::Records;
use super::{InstanceId, Kept, KeptKind, Lifecycle, Region};

/// What some entries come to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sum {
    /// What was spent, by what it was spent on.
    pub things: BTreeMap<Thing, Amount>,
    /// What the same would have been on demand.
    pub on_demand: Amount,
    /// For how many hours machines ran.
    pub hours: f64,
    /// For how many of them AWS did not charge: it took the machine back within its first hour.
    pub free_hours: f64,
    /// How often AWS took a machine back.
    pub interruptions: usize,
}

impl Sum {
    /// Adds a part of an entry; `has_end` where its end is in it.
    pub fn add(&mut self, entry: &Entry, part: f64, has_end: bool) {
        *self.things.entry(entry.thing).or_default() += Amount::from(entry).part(part);
        self.on_demand += Amount::of(entry.on_demand, 1.0).part(part);
        if entry.thing == Thing::Compute {
            self.hours += entry.hours() * part;
            self.free_hours += if entry.is_free { entry.hours() * part } else { 0.0 };
            self.interruptions += usize::from(entry.end == Some(End::Reclaimed) && has_end);
        }
    }

    /// Adds what an entry costs that is in it without a price.
    fn price(&mut self, entry: &Entry) {
        self.things.entry(entry.thing).or_default().usd += entry.usd.unwrap_or_default();
        self.on_demand.usd += entry.on_demand.unwrap_or_default();
    }

    /// All of it.
    pub fn total(&self) -> Amount {
        self.things.values().copied().sum()
    }

    /// How many dollars less it is than on demand; `None` where a price is missing.
    pub fn saved(&self) -> Option<f64> {
        let total = self.total();
        let is_known = !total.is_partial && !self.on_demand.is_partial;
        is_known.then_some(self.on_demand.usd - total.usd)
    }
}

/// What is known of what entries belong to, and of those that have no price yet.
#[derive(Debug, Clone, PartialEq)]
struct Account {
    holder: Holder,
    unpriced: Vec<Entry>,
    /// Until when it was there, by its entries for a thing that is paid for as long as it is there.
    until: Option<Timestamp>,
}

/// What was posted, as far as sums need it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    days: BTreeMap<Date, BTreeMap<Region, Amount>>,
    sum: Sum,
    accounts: BTreeMap<HolderId, Account>,
    records: Records,
}

impl Ledger {
    /// What a file holds, and what it has of each instance. Of lines that tell of the same, the
    /// last one holds; what was still open when it was written is reckoned anew, but for what was
    /// measured of it.
    pub fn read(
        lines: impl IntoIterator<Item = LedgerLine>,
    ) -> (Self, BTreeMap<InstanceId, Posted>) {
        let mut ledger = Self::default();
        let mut entries: BTreeMap<(HolderId, Thing, Timestamp), Entry> = BTreeMap::new();
        for line in lines {
            match line {
                LedgerLine::Holder(holder) => ledger.open(holder),
                LedgerLine::Entry(entry) => drop(entries.insert(entry.key(), entry)),
            }
        }
        let mut posted: BTreeMap<InstanceId, Posted> = BTreeMap::new();
        for entry in entries.into_values() {
            if entry.is_open {
                if let Some(instance) = entry.holder.instance() {
                    posted.entry(instance.clone()).or_default().note(&entry);
                }
                continue;
            }
            // One whose holder nobody knows belongs to no region.
            if ledger.post(&entry)
                && let Some(instance) = entry.holder.instance()
            {
                posted.entry(instance.clone()).or_default().post(&entry);
            }
        }
        (ledger, posted)
    }

    /// Whether a holder has been told of, and no less than this says of it: how large its volumes are
    /// may be learnt after its first hours were posted.
    pub(super) fn knows(&self, holder: &Holder) -> bool {
        let known = self.accounts.get(&holder.id());
        known.is_some_and(|it| it.holder.storage_gb.is_some() || holder.storage_gb.is_none())
    }

    /// Until when the ledger has what this machine keeps: by entries of its own, and by those of the
    /// machine's instances, whose storage it was part of.
    pub(super) fn until(&self, kept: &Kept, region: &Region) -> Option<Timestamp> {
        let is_about = |it: &&Account| {
            let Holder { machine, region: its, .. } = &it.holder;
            let is_it = it.holder.id() == HolderId::Kept(kept.id.clone());
            let had_it =
                it.holder.machine_type().is_some() && machine.as_ref() == Some(&kept.machine);
            // A snapshot is never part of that.
            is_it || (had_it && its == region && kept.kind != KeptKind::Snapshot)
        };
        self.accounts.values().filter(is_about).filter_map(|it| it.until).max()
    }

    /// Takes in what something is that entries will belong to.
    pub(super) fn open(&mut self, holder: Holder) {
        let id = holder.id();
        let known = self.accounts.remove(&id);
        let until = known.as_ref().and_then(|known| known.until);
        let unpriced = known.map(|known| known.unpriced).unwrap_or_default();
        self.accounts.insert(id, Account { holder, unpriced, until });
    }

    /// Takes in what is over. Whether its holder is known.
    pub(super) fn post(&mut self, entry: &Entry) -> bool {
        let Some(account) = self.accounts.get_mut(&entry.holder) else { return false };
        if entry.usd.is_none() {
            account.unpriced.push(entry.clone());
        }
        if !matches!(entry.thing, Thing::Compute | Thing::SurplusCredits) {
            account.until = account.until.max(Some(entry.until));
        }
        if let Some((pool, Lifecycle::Spot | Lifecycle::PersistentSpot)) = account.holder.capacity()
        {
            self.records.note(pool, entry);
        }
        let region = account.holder.region.clone();
        self.sum.add(entry, 1.0, true);
        self.add(&region, entry);
        true
    }

    fn add(&mut self, region: &Region, entry: &Entry) {
        for (day, part) in entry.days() {
            let regions = self.days.entry(day).or_default();
            *regions.entry(region.clone()).or_default() += Amount::from(entry).part(part);
        }
    }

    /// The entries of a region that had no price and have one now, each in pieces of one rate. What
    /// of it still has none is among them where the rest has.
    pub(super) fn price(
        &mut self,
        region: &Region,
        price: impl Fn(&Holder, &Entry) -> Vec<Entry>,
    ) -> Vec<Vec<Entry>> {
        let mut priced = Vec::new();
        let ours = self.accounts.values_mut().filter(|account| account.holder.region == *region);
        for account in ours.filter(|account| !account.unpriced.is_empty()) {
            for entry in mem::take(&mut account.unpriced) {
                let pieces = price(&account.holder, &entry);
                if pieces.iter().all(|piece| piece.usd.is_none()) {
                    account.unpriced.push(entry);
                    continue;
                }
                let unpriced = pieces.iter().filter(|piece| piece.usd.is_none());
                account.unpriced.extend(unpriced.cloned());
                priced.push(pieces);
            }
        }
        for entry in priced.iter().flatten().filter(|entry| entry.usd.is_some()) {
            self.sum.price(entry);
            self.add(region, entry);
        }
        if !priced.is_empty() {
            self.settle();
        }
        priced
    }

    /// What was posted without a price, and of what.
    pub(super) fn unpriced(&self) -> impl Iterator<Item = (&Holder, &Entry)> {
        let accounts = self.accounts.values();
        accounts.flat_map(|account| account.unpriced.iter().map(|entry| (&account.holder, entry)))
    }

    /// Sums are partial where an entry without a price is in them, and nowhere else.
    fn settle(&mut self) {
        let amounts = self.days.values_mut().flat_map(BTreeMap::values_mut);
        amounts.for_each(|amount| amount.is_partial = false);
        self.sum.things.values_mut().for_each(|amount| amount.is_partial = false);
        for account in self.accounts.values() {
            for entry in &account.unpriced {
                self.sum.things.entry(entry.thing).or_default().is_partial = true;
            }
            for (day, _) in account.unpriced.iter().flat_map(Entry::days) {
                let regions = self.days.entry(day).or_default();
                regions.entry(account.holder.region.clone()).or_default().is_partial = true;
            }
        }
    }

    /// What was posted, in all.
    pub fn sum(&self) -> &Sum {
        &self.sum
    }

    /// What happened to our spot instances, place by place.
    pub fn records(&self) -> &Records {
        &self.records
    }

    /// The instances that anything was posted for.
    pub fn instances(&self) -> usize {
        self.accounts.keys().filter(|holder| holder.instance().is_some()).count()
    }

    /// What was posted for each day, in UTC, and each region of it.
    pub fn days(&self) -> &BTreeMap<Date, BTreeMap<Region, Amount>> {
        &self.days
    }

    /// What was posted for the month of a moment.
    pub fn month(&self, now: Timestamp) -> Amount {
        let (first, last) = (day_of(now).first_of_month(), day_of(now).last_of_month());
        self.days.range(first..=last).flat_map(|(_, regions)| regions.values().copied()).sum()
    }

    /// What was posted for a region.
    pub fn region(&self, region: &Region) -> Amount {
        self.days.values().filter_map(|regions| regions.get(region).copied()).sum()
    }

    /// The regions for which anything was posted.
    pub fn regions(&self) -> BTreeSet<Region> {
        self.days.values().flat_map(BTreeMap::keys).cloned().collect()
    }
}
