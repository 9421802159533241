//! What of the fleet is over for the ledger, and the lines that its file gets for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::bill::Amount;
use super::entry::{Entry, Holder, HolderKind, LedgerLine, Thing};
use super::hours::{PRICED_WITHIN, Tariff, priced, unposted};
use super::ledger::Ledger;
use super::{Fleet, Instance, Machine, Region, RegionPrices};

const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(1);

impl Fleet {
    /// What was spent, day by day, as far as it is over.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes over what the ledger's file has. What it has of instances without a row was spent on
    /// what is gone; a region that an older state knows better keeps what that says.
    pub fn take_over(&mut self, lines: impl IntoIterator<Item = LedgerLine>) {
        let (ledger, posted) = Ledger::read(lines);
        let mut spent: BTreeMap<Region, Amount> = BTreeMap::new();
        for region in ledger.regions() {
            spent.insert(region.clone(), ledger.region(&region));
        }
        for (id, posted) in posted {
            let Some(row) = self.keys.get(&id).and_then(|key| self.instances.get_mut(key)) else {
                continue;
            };
            if let Some(spent) = spent.get_mut(&row.region) {
                spent.usd -= posted.amount().usd;
            }
            let machine_type = row.machine.as_ref().map(|machine| &machine.machine_type);
            row.bill.take_over(posted, machine_type);
        }
        for (region, amount) in spent {
            let known = self.spent.entry(region).or_default();
            if amount.usd > known.usd {
                *known = amount;
            }
        }
        self.ledger = ledger;
    }

    /// Posts what is over by now, and what has a price at last. Answers with the lines that have to
    /// be written down; `tags` are the user's own of a machine, or of what else is in a region.
    pub fn post(
        &mut self,
        now: Timestamp,
        tags: impl Fn(Option<&str>, &Region) -> BTreeMap<String, String>,
    ) -> Vec<LedgerLine> {
        let mut lines = self.price_posted();
        lines.extend(self.post_apart(now, &tags));
        let unknown = RegionPrices::default();
        for row in self.instances.values_mut() {
            if row.bill.next.is_some_and(|next| now < next) {
                continue;
            }
            let prices = self.market.get(&row.region).unwrap_or(&unknown);
            let (over, open) = divide(row.bill.gone.is_some(), unposted(row, prices, now), now);
            // Nothing of it is over before the first of its hours is; a look may say otherwise.
            // What waits for its price is asked about once in a while.
            let again = now + ASK_AGAIN;
            let hours = open.iter().filter_map(hour_after);
            row.bill.next = hours.min().map(|next| next.max(again));
            let noted: Vec<Entry> =
                open.into_iter().filter(|entry| row.bill.posted.note(entry)).collect();
            if over.is_empty() && noted.is_empty() {
                continue;
            }
            if let Some(holder) = holder(row, &tags).filter(|it| !self.ledger.knows(it)) {
                self.ledger.open(holder.clone());
                lines.push(LedgerLine::Holder(holder));
            }
            for entry in over {
                row.bill.posted.post(&entry);
                self.ledger.post(&entry);
                lines.push(LedgerLine::Entry(entry));
            }
            // CloudWatch is not asked of what is gone: what it told so far is written down as it comes.
            lines.extend(noted.into_iter().map(LedgerLine::Entry));
        }
        lines
    }

    /// What the hours come to that are not over: a process that ends writes them down.
    pub fn open_hours(
        &self,
        now: Timestamp,
        tags: impl Fn(Option<&str>, &Region) -> BTreeMap<String, String>,
    ) -> Vec<LedgerLine> {
        let unknown = RegionPrices::default();
        let mut lines = self.open_apart(now, &tags);
        for row in self.instances.values() {
            let prices = self.market.get(&row.region).unwrap_or(&unknown);
            let open = unposted(row, prices, now);
            if open.is_empty() {
                continue;
            }
            let new = holder(row, &tags).filter(|it| !self.ledger.knows(it));
            lines.extend(new.map(LedgerLine::Holder));
            lines.extend(
                open.into_iter().map(|entry| LedgerLine::Entry(Entry { is_open: true, ..entry })),
            );
        }
        lines
    }

    /// Tells the ledger of a holder that it does not know; the line for its file.
    pub(super) fn introduce(&mut self, holder: Holder) -> Option<LedgerLine> {
        let is_new = !self.ledger.knows(&holder);
        is_new.then(|| {
            self.ledger.open(holder.clone());
            LedgerLine::Holder(holder)
        })
    }

    /// The entries that had no price when they were posted and have one now.
    fn price_posted(&mut self) -> Vec<LedgerLine> {
        let mut lines = Vec::new();
        for (region, prices) in &self.market {
            let priced = self
                .ledger
                .price(region, |holder, entry| priced(entry, entry.from, &tariff(holder), prices));
            for pieces in priced {
                let Some(first) = pieces.first() else { continue };
                let row = first.holder.instance().and_then(|id| self.keys.get(id));
                if let Some(row) = row.and_then(|key| self.instances.get_mut(key)) {
                    row.bill.posted.price(&pieces);
                } else if first.holder.instance().is_none() {
                    let usd: f64 = pieces.iter().filter_map(|piece| piece.usd).sum();
                    self.spent.entry(region.clone()).or_default().usd += usd;
                }
                lines.extend(pieces.into_iter().map(LedgerLine::Entry));
            }
        }
        lines
    }
}

/// What can be posted, and what has to wait: for its hour to be over, or for its price. What is gone
/// waits for none: it might be forgotten before it has one.
pub(super) fn divide(is_gone: bool, hours: Vec<Entry>, now: Timestamp) -> (Vec<Entry>, Vec<Entry>) {
    let mut waiting: BTreeSet<Thing> = BTreeSet::new();
    hours.into_iter().partition(|entry| {
        let waits_for_price =
            entry.usd.is_none() && !is_gone && now.duration_since(entry.until) < PRICED_WITHIN;
        // The ledger has each thing until some moment: what comes later waits along.
        if entry.is_open || waits_for_price {
            waiting.insert(entry.thing);
        }
        !waiting.contains(&entry.thing)
    })
}

pub(super) fn tariff(holder: &Holder) -> Tariff {
    Tariff { capacity: holder.capacity(), storage_gb: holder.storage_gb }
}

/// What the ledger keeps of an instance.
pub(super) fn holder(
    row: &Instance,
    tags: impl Fn(Option<&str>, &Region) -> BTreeMap<String, String>,
) -> Option<Holder> {
    let Machine { id, machine_type, zone, birth, .. } = row.machine.as_ref()?;
    Some(Holder {
        kind: HolderKind::Instance {
            id: id.clone(),
            machine_type: machine_type.clone(),
            lifecycle: birth.lifecycle,
        },
        region: row.region.clone(),
        zone: Some(zone.clone()),
        deployment: row.deployment.clone(),
        machine: birth.machine.clone(),
        storage_gb: row.bill.storage_gb,
        tags: tags(row.machine_name(), &row.region),
    })
}

/// When the hour of an entry that goes on is over, at the earliest. What is measured is over when a
/// measurement says so, and not by the clock.
fn hour_after(entry: &Entry) -> Option<Timestamp> {
    let has_hours = entry.thing != Thing::SurplusCredits;
    entry.from.checked_add(SignedDuration::from_hours(1)).ok().filter(|_| has_hours)
}
