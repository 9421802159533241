//! How a long ledger becomes shorter: hours of one rate become one entry, later all hours of a day do,
//! and then those of a month. No sum of a day, or then of a month, becomes another by it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::entry::{Entry, Holder, HolderId, LedgerLine, Thing, day_of};

/// How old hours are that become days.
const DAYS: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How old days are that become months.
const MONTHS: SignedDuration = SignedDuration::from_hours(100 * 24);

/// The same ledger in as few lines as its age allows.
pub fn fold(lines: Vec<LedgerLine>, now: Timestamp) -> Vec<LedgerLine> {
    let mut holders: BTreeMap<HolderId, Holder> = BTreeMap::new();
    let mut entries: BTreeMap<(HolderId, Thing, Timestamp), Entry> = BTreeMap::new();
    for line in lines {
        match line {
            LedgerLine::Holder(holder) => drop(holders.insert(holder.id(), holder)),
            LedgerLine::Entry(entry) => drop(entries.insert(entry.key(), entry)),
        }
    }
    let mut folded: Vec<Entry> = Vec::new();
    // What is old enough is cut at midnight, so that a day ends with its last hour.
    let cut = |entry: Entry| match period(&entry, now) {
        Some(_) => entry.cut_by_day(),
        None => vec![entry],
    };
    for piece in entries.into_values().flat_map(cut) {
        match folded.last_mut() {
            Some(last) if belong_together(last, &piece, now) => join(last, &piece),
            _ => folded.push(piece),
        }
    }
    let holders = holders.into_values().map(LedgerLine::Holder);
    holders.chain(folded.into_iter().map(LedgerLine::Entry)).collect()
}

/// The day, or the first day of the month, into which an entry is folded; `None` for one that is
/// too young, or that is not settled.
fn period(entry: &Entry, now: Timestamp) -> Option<Date> {
    let age = now.duration_since(entry.until);
    let is_settled = entry.usd.is_some() && !entry.is_open;
    match age {
        _ if !is_settled || age < DAYS => None,
        _ if age < MONTHS => Some(day_of(entry.from)),
        _ => Some(day_of(entry.from).first_of_month()),
    }
}

fn belong_together(last: &Entry, next: &Entry, now: Timestamp) -> bool {
    let is_same = last.holder == next.holder && last.thing == next.thing;
    let is_alike = last.is_free == next.is_free && last.end.is_none();
    let goes_on = last.until == next.from;
    is_same && is_alike && goes_on && (is_one_rate(last, next) || is_one_period(last, next, now))
}

fn is_one_period(last: &Entry, next: &Entry, now: Timestamp) -> bool {
    let period = period(last, now);
    let is_alike = last.on_demand.is_some() == next.on_demand.is_some();
    is_alike && period.is_some() && period == self::period(next, now)
}

/// Whether an hour costs the same in both. What was divided and added again differs in its last
/// digits.
fn is_one_rate(last: &Entry, next: &Entry) -> bool {
    let rates = |entry: &Entry| {
        let rate = |usd: f64| usd / entry.hours();
        let is_settled = !entry.is_open && entry.hours() > 0.0;
        Some((rate(entry.usd.filter(|_| is_settled)?), entry.on_demand.map(rate)))
    };
    let is_near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let (Some((a, of_a)), Some((b, of_b))) = (rates(last), rates(next)) else { return false };
    let is_on_demand_near = match of_a.zip(of_b) {
        Some((a, b)) => is_near(a, b),
        None => of_a.is_none() && of_b.is_none(),
    };
    is_near(a, b) && is_on_demand_near
}

fn join(last: &mut Entry, next: &Entry) {
    last.until = next.until;
    last.usd = last.usd.zip(next.usd).map(|(a, b)| a + b);
    last.on_demand = last.on_demand.zip(next.on_demand).map(|(a, b)| a + b);
    last.end = next.end;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::entry::HolderKind;
    use crate::fleet::{Amount, Ledger, Lifecycle};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A machine for a month of hours that begin at half past.
    fn month() -> Vec<LedgerLine> {
        let holder = LedgerLine::Holder(Holder {
            kind: HolderKind::Instance {
                id: "i-1".into(),
                machine_type: "t3.medium".into(),
                lifecycle: Lifecycle::Spot,
            },
            region: "us-west-2".into(),
            zone: Some("us-west-2a".into()),
            deployment: "spot-1".into(),
            machine: None,
            storage_gb: Some(50),
            tags: BTreeMap::new(),
        });
        let begin = at("2026-11-01T00:30:00Z");
        let hours = (0_i32..30 * 24).map(|hour| {
            let from = begin + SignedDuration::from_hours(hour.into());
            LedgerLine::Entry(Entry {
                holder: HolderId::Instance("i-1".into()),
                thing: Thing::Compute,
                from,
                until: from + SignedDuration::from_hours(1),
                usd: Some(if hour % 2 == 0 { 0.01 } else { 0.03 } + f64::from(hour) / 1e6),
                on_demand: Some(0.0416),
                end: None,
                is_free: false,
                is_open: false,
            })
        });
        std::iter::once(holder).chain(hours).collect()
    }

    fn days(lines: Vec<LedgerLine>) -> Vec<String> {
        let (ledger, _) = Ledger::read(lines);
        let sum = |regions: &BTreeMap<_, Amount>| regions.values().copied().sum::<Amount>().usd;
        ledger.days().iter().map(|(day, regions)| format!("{day} {:.6}", sum(regions))).collect()
    }

    #[test]
    fn a_folded_ledger_is_short_and_tells_the_same_of_each_day() {
        let lines = month();
        let folded = fold(lines.clone(), at("2026-12-20T00:00:00Z"));
        assert_eq!(folded.len(), 1 + 31, "a line a day");
        assert_eq!(days(folded.clone()), days(lines.clone()));
        assert_eq!(fold(folded, at("2026-12-20T00:00:00Z")).len(), 32, "again is the same");
        let old = fold(lines.clone(), at("2027-12-20T00:00:00Z"));
        assert_eq!(old.len(), 1 + 2, "a line a month: the last half hour is December's");
        let young = fold(lines.clone(), at("2026-12-01T02:00:00Z"));
        assert!(young.len() > 70, "the newest hours stay: {}", young.len());
        assert_eq!(days(young), days(lines));
    }

    #[test]
    fn hours_of_one_rate_become_one_at_once() {
        let mut lines = month();
        for (at, line) in lines.iter_mut().enumerate() {
            let LedgerLine::Entry(entry) = line else { continue };
            // Three rates, and an hour whose price is not known.
            entry.usd = Some([0.01, 0.03, 0.02][at / 250]).filter(|_| at != 600);
        }
        let folded = fold(lines.clone(), at("2026-12-01T01:00:00Z"));
        assert_eq!(folded.len(), 1 + 3 + 2);
        assert_eq!(days(folded), days(lines));
    }
}
