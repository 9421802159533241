//! What is spent by now, what of it the budget allows, and what a month comes to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::app::Model;
use crate::config::Budget;
use crate::fleet::entry::{beginning_of, day_of};
use crate::fleet::{Amount, Entry, Region, Unpriced};

/// How large a volume is that nobody told of and no configuration: the configuration's default.
const USUAL_GIB: u32 = 50;

/// A sum that may be spent, and what of it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cap {
    /// Its key under `budget`.
    pub name: &'static str,
    /// USD.
    pub most: f64,
    /// What is spent by now. What has no price yet counts as on demand.
    pub spent: Amount,
    /// What of that has no price on demand, either, and where.
    pub lacks: Option<(String, Region)>,
}

/// The caps of the configuration.
pub(super) fn caps(model: &Model, budget: &Budget) -> Vec<Cap> {
    if budget.month_usd.is_none() && budget.total_usd.is_none() {
        return Vec::new();
    }
    let unpriced = model.fleet.unpriced(model.now);
    let cap = |name, most, spent, share: &dyn Fn(&Entry) -> f64| {
        let mut cap = Cap { name, most, spent, lacks: None };
        for it in &unpriced {
            let share = share(&it.entry);
            if share <= 0.0 {
                continue;
            }
            match at_most(model, it) {
                Some(usd) => cap.spent.usd += usd * share,
                None => cap.lacks = Some((it.what().to_owned(), it.holder.region.clone())),
            }
        }
        cap
    };
    let of_month = |entry: &Entry| share_of_month(entry, model.now);
    let month =
        budget.month_usd.map(|most| cap("month_usd", most, spent_this_month(model), &of_month));
    let total = budget.total_usd.map(|most| cap("total_usd", most, spent(model), &|_| 1.0));
    month.into_iter().chain(total).collect()
}

/// What comes to a sum of what has no price yet, at the most.
fn at_most(model: &Model, unpriced: &Unpriced) -> Option<f64> {
    let region = &unpriced.holder.region;
    let config = model.config.as_ref();
    let usual = config.and_then(|it| it.region(region).or(it.regions.first()));
    let usual = usual.map_or(USUAL_GIB, |wanted| wanted.instance_storage_gb);
    unpriced.at_most(model.fleet.prices(region), usual)
}

/// The part of an entry that is of the month of a moment.
fn share_of_month(entry: &Entry, now: Timestamp) -> f64 {
    let month = day_of(now).first_of_month();
    let days = entry.days().into_iter().filter(|(day, _)| day.first_of_month() == month);
    days.map(|(_, share)| share).sum()
}

/// All that was ever spent.
fn spent(model: &Model) -> Amount {
    model.fleet.costs().values().map(|cost| cost.accrued).sum()
}

/// What was spent since the month began, in UTC. An open hour that began before counts as well.
fn spent_this_month(model: &Model) -> Amount {
    let posted = model.fleet.ledger().month(model.now);
    let open = model.fleet.instances().map(|row| {
        let (all, posted) = (row.cost.accrued, row.bill.posted.amount());
        Amount { usd: (all.usd - posted.usd).max(0.0), is_partial: all.is_partial }
    });
    let apart = model.fleet.unposted_apart(model.now).map(|(_, open)| open);
    open.chain(apart).fold(posted, |sum, open| sum + open)
}

/// What was spent each day of UTC, by region: what is posted, and of today what is still open. An open
/// hour that began yesterday counts as today's until it is over.
pub fn spent_by_day(model: &Model) -> BTreeMap<Date, BTreeMap<Region, Amount>> {
    let mut days = model.fleet.ledger().days().clone();
    let today = day_of(model.now);
    for row in model.fleet.instances().filter(|row| row.machine.is_some()) {
        let (all, posted) = (row.cost.accrued, row.bill.posted.amount());
        let open = Amount { usd: (all.usd - posted.usd).max(0.0), is_partial: all.is_partial };
        if open.usd > 0.0 || open.is_partial {
            *days.entry(today).or_default().entry(row.region.clone()).or_default() += open;
        }
    }
    for (region, open) in model.fleet.unposted_apart(model.now) {
        *days.entry(today).or_default().entry(region.clone()).or_default() += open;
    }
    days
}

/// What this month comes to if everything runs on to its end; `None` where that is not known.
pub fn forecast(model: &Model) -> Option<Amount> {
    let hourly: Amount = model.fleet.costs().values().map(|cost| cost.hourly).sum();
    let next = day_of(model.now).last_of_month().tomorrow().ok().and_then(beginning_of)?;
    let left = next.duration_since(model.now).as_secs_f64() / 3600.0;
    let spent = spent_this_month(model);
    let is_known = !hourly.is_partial && (hourly.usd > 0.0 || spent.usd > 0.0);
    is_known.then_some(Amount { usd: spent.usd + hourly.usd * left, ..spent })
}
