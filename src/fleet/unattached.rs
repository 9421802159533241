//! Since when something kept is on no instance, until when, and what of that is posted to the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::apart::Apart;
use super::bill::Amount;
use super::entry::{Entry, LedgerLine};
use super::posting::divide;
use super::{DeploymentId, Fleet, Kept, KeptKind, Region};

impl Fleet {
    /// Notes what no instance has any more, and what one has again, or nobody.
    pub(super) fn note_apart(&mut self, region: &Region, deployment: &DeploymentId, at: Timestamp) {
        let is_here = |(of, _): &(&Region, &Kept)| *of == region;
        let now: Vec<Kept> = self.kept_apart().filter(is_here).map(|(_, it)| it.clone()).collect();
        let mut known = std::mem::take(&mut self.apart);
        for apart in known.iter_mut().filter(|it| it.region == *region && it.until.is_none()) {
            match now.iter().find(|it| it.id == apart.kept.id) {
                Some(kept) => apart.kept = kept.clone(),
                None => apart.until = Some(self.taken(apart, at)),
            }
        }
        for kept in now {
            if !known.iter().any(|it| it.until.is_none() && it.kept.id == kept.id) {
                let from = self.let_go(region, &kept, at);
                let (region, deployment) = (region.clone(), deployment.clone());
                known.push(Apart { region, deployment, kept, from, until: None });
            }
        }
        self.apart = known;
    }

    /// When no instance had it any more: the last one of its machine that had storage, by its row or by
    /// the ledger, and not before it was made. Where nobody knows, that is when it was seen first.
    fn let_go(&self, region: &Region, kept: &Kept, at: Timestamp) -> Timestamp {
        if kept.kind == KeptKind::Snapshot {
            // No instance ever has it.
            let posted = self.ledger.until(kept, region);
            return posted.max(kept.since).unwrap_or(at).min(at);
        }
        let rows = self.instances.values().filter(|row| row.region == *region);
        let its = rows.filter(|row| row.machine_name() == Some(kept.machine.as_str()));
        let gone = its.filter_map(|row| row.bill.gone).max();
        let let_go = gone.max(self.ledger.until(kept, region)).unwrap_or(at);
        let_go.max(kept.since.unwrap_or(let_go)).min(at)
    }

    /// When it came to an instance: that one pays for it from its launch on.
    fn taken(&self, apart: &Apart, at: Timestamp) -> Timestamp {
        let holder = self.kept().find(|(_, it)| it.id == apart.kept.id);
        let row = holder.and_then(|(_, it)| self.by_id(it.instance.as_ref()?));
        let born = row.and_then(|row| Some(row.machine.as_ref()?.birth.launched));
        born.unwrap_or(at).max(apart.from).min(at)
    }

    /// What it has cost that the ledger does not have yet, by region.
    pub fn unposted_apart(&self, now: Timestamp) -> impl Iterator<Item = (&Region, Amount)> {
        self.apart.iter().map(move |it| {
            let sum = it.unposted(self.prices(&it.region), now).iter().map(Amount::from).sum();
            (&it.region, sum)
        })
    }

    /// Posts what is over of it. What is posted counts as spent: no row has it.
    pub(super) fn post_apart(
        &mut self,
        now: Timestamp,
        tags: impl Fn(Option<&str>, &Region) -> BTreeMap<String, String>,
    ) -> Vec<LedgerLine> {
        let mut lines = Vec::new();
        let mut known = std::mem::take(&mut self.apart);
        for apart in &mut known {
            let hours = apart.unposted(self.prices(&apart.region), now);
            let (over, _) = divide(apart.until.is_some(), hours, now);
            let Some(last) = over.last() else { continue };
            apart.from = last.until;
            lines.extend(
                self.introduce(apart.holder(tags(Some(&apart.kept.machine), &apart.region))),
            );
            for entry in over {
                *self.spent.entry(apart.region.clone()).or_default() += Amount::from(&entry);
                self.ledger.post(&entry);
                lines.push(LedgerLine::Entry(entry));
            }
        }
        known.retain(|it| it.until.is_none_or(|until| it.from < until));
        self.apart = known;
        lines
    }

    /// What its hours come to that are not over.
    pub(super) fn open_apart(
        &self,
        now: Timestamp,
        tags: impl Fn(Option<&str>, &Region) -> BTreeMap<String, String>,
    ) -> Vec<LedgerLine> {
        let mut lines = Vec::new();
        for apart in &self.apart {
            let open = apart.unposted(self.prices(&apart.region), now);
            let holder = apart.holder(tags(Some(&apart.kept.machine), &apart.region));
            let is_new = !open.is_empty() && !self.ledger.knows(&holder);
            lines.extend(is_new.then_some(LedgerLine::Holder(holder)));
            let open = open.into_iter().map(|entry| Entry { is_open: true, ..entry });
            lines.extend(open.map(LedgerLine::Entry));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::fleet::{
        Entries, Grouping, InstanceId, JobId, KeptKind, Ledger, News, PriceList, RegionNews,
        RegionPrices, Report, SnapshotOf, Spending, Thing,
    };

    fn at(minutes: i64) -> Timestamp {
        let began: Timestamp = "2026-11-20T09:20:00Z".parse().unwrap();
        began + SignedDuration::from_mins(minutes)
    }

    fn region() -> Region {
        "us-west-2".into()
    }

    fn home(instance: Option<InstanceId>) -> Kept {
        Kept {
            machine: "dev".into(),
            kind: KeptKind::Home,
            id: "vol-1".into(),
            zone: Some("us-west-2a".into()),
            gib: Some(100),
            address: None,
            instance,
            host_key: None,
            since: Some(at(-30)),
            snapshot: None,
            aside_of: None,
        }
    }

    fn learn(fleet: &mut Fleet, minutes: i64, news: RegionNews) {
        let report = Report { job: JobId(1), at: at(minutes), news: News::Region(region(), news) };
        fleet.apply(&report, &"spot-1".into());
    }

    /// gp3 at 0.072 a GB-month: 0.01 an hour for a hundred.
    fn priced() -> Fleet {
        let list = PriceList { gp3: Some(0.072), ipv4: Some(0.005), ..PriceList::default() };
        let prices = RegionPrices { list, ..RegionPrices::default() };
        let mut fleet = Fleet::default();
        learn(&mut fleet, 0, RegionNews::Prices(prices));
        fleet
    }

    fn post(fleet: &mut Fleet, minutes: i64) -> Vec<LedgerLine> {
        fleet.post(at(minutes), |_, _| BTreeMap::new())
    }

    fn accrued(fleet: &mut Fleet, minutes: i64) -> String {
        fleet.reckon(at(minutes));
        fleet.costs()[&region()].accrued.to_string()
    }

    #[test]
    fn what_no_instance_has_is_in_the_sums_and_its_hours_are_posted() {
        let mut fleet = priced();
        learn(&mut fleet, 0, RegionNews::Kept(vec![home(None)]));
        assert_eq!(accrued(&mut fleet, 90), "$0.015");
        // 09:20 to 10:00: the hour that goes on is not over.
        let lines = post(&mut fleet, 90);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(accrued(&mut fleet, 90), "$0.015", "and none of it twice");
        assert_eq!(post(&mut fleet, 91), []);
        // It is deleted at 11:20.
        learn(&mut fleet, 120, RegionNews::Kept(Vec::new()));
        let lines = [lines, post(&mut fleet, 121)].concat();
        assert_eq!(accrued(&mut fleet, 600), "$0.020");
        let entries = Entries::of(lines);
        let by_machine = Spending::of(&entries, &Grouping::Machine);
        assert_eq!(by_machine.groups["dev"].total().to_string(), "$0.020");
        assert_eq!((by_machine.instances.len(), by_machine.total.hours), (0, 0.0));
    }

    #[test]
    fn the_next_process_goes_on_where_the_ledger_ends() {
        let mut fleet = priced();
        learn(&mut fleet, 0, RegionNews::Kept(vec![home(None)]));
        let mut lines = post(&mut fleet, 60);
        lines.extend(fleet.open_hours(at(60), |_, _| BTreeMap::new()));
        assert_eq!(lines.len(), 3, "{lines:?}");
        // It begins two hours later, and looks a quarter of an hour after that.
        let mut next = priced();
        next.take_over(lines.clone());
        learn(&mut next, 195, RegionNews::Kept(vec![home(None)]));
        lines.extend(post(&mut next, 200));
        assert_eq!(accrued(&mut next, 200), "$0.033");
        let total = Spending::of(&Entries::of(lines.clone()), &Grouping::Thing).total.total();
        assert_eq!(total.to_string(), "$0.027", "until 12:00");
        let (ledger, of_instances) = Ledger::read(lines);
        assert_eq!((ledger.instances(), of_instances.len()), (0, 0));
    }

    #[test]
    fn what_came_up_without_a_price_gets_it_later() {
        let mut fleet = Fleet::default();
        learn(&mut fleet, 0, RegionNews::Kept(vec![home(None)]));
        assert_eq!(post(&mut fleet, 60), [], "it waits for its price");
        assert_eq!(post(&mut fleet, 150).len(), 2, "and no longer than an hour");
        let list = PriceList { gp3: Some(0.072), ..PriceList::default() };
        let prices = RegionPrices { list, ..RegionPrices::default() };
        learn(&mut fleet, 151, RegionNews::Prices(prices));
        post(&mut fleet, 151);
        fleet.reckon(at(151));
        let usd = fleet.costs()[&region()].accrued.usd;
        assert!((usd - 151.0 / 60.0 * 0.01).abs() < 1e-9, "{usd}");
    }

    /// A snapshot of 100 GiB, 30 of which were ever written; made at 08:50.
    fn snapshot() -> Kept {
        let (kind, full_gib) = (KeptKind::Home, Some(30));
        let of = SnapshotOf { kind, is_complete: true, is_scheduled: true, full_gib };
        Kept { kind: KeptKind::Snapshot, snapshot: Some(of), id: "snap-1".into(), ..home(None) }
    }

    #[test]
    fn a_snapshot_costs_at_the_most_what_all_its_blocks_do_since_it_was_made() {
        let mut fleet = priced();
        learn(&mut fleet, 0, RegionNews::Kept(vec![snapshot()]));
        fleet.reckon(at(0));
        assert!(fleet.costs()[&region()].accrued.is_partial, "its price is not known");
        let list = PriceList { snapshot: Some(0.048), ..PriceList::default() };
        let prices = RegionPrices { list, ..RegionPrices::default() };
        learn(&mut fleet, 1, RegionNews::Prices(prices));
        // 0.002 an hour for 30 GiB, since 08:50.
        assert_eq!(accrued(&mut fleet, 90), "$0.004");
        let lines = post(&mut fleet, 90);
        learn(&mut fleet, 150, RegionNews::Kept(Vec::new()));
        let lines = [lines, post(&mut fleet, 151)].concat();
        assert_eq!(accrued(&mut fleet, 600), "$0.006", "until it is deleted at 11:50");
        let of = Spending::of(&Entries::of(lines), &Grouping::Thing).groups;
        assert_eq!(of["snapshots"].total().to_string(), "$0.006");
    }

    #[test]
    fn what_its_machine_cost_before_is_not_the_snapshot_s() {
        let mut fleet = priced();
        learn(&mut fleet, 0, RegionNews::Kept(vec![home(None)]));
        let lines = post(&mut fleet, 600);
        let mut next = priced();
        next.take_over(lines);
        learn(&mut next, 610, RegionNews::Kept(vec![snapshot()]));
        let begins = next.open_hours(at(610), |_, _| BTreeMap::new());
        let first = begins.iter().find_map(|line| match line {
            LedgerLine::Entry(entry) if entry.thing == Thing::Snapshot => Some(entry.from),
            _ => None,
        });
        assert_eq!(first, Some(at(-30)));
    }
}
