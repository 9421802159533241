//! What is spent by now, what of it the budget allows, and what a month comes to.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::app::Model;
use crate::config::Budget;
use crate::fleet::entry::{beginning_of, day_of};
use crate::fleet::{Amount, Region};

/// A sum that may be spent, and what of it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cap {
    /// Its key under `budget`.
    pub name: &'static str,
    /// USD.
    pub most: f64,
    /// What is spent by now.
    pub spent: Amount,
}

/// The caps of the configuration.
pub(super) fn caps(model: &Model, budget: &Budget) -> Vec<Cap> {
    let month = budget.month_usd;
    let month = month.map(|most| Cap { name: "month_usd", most, spent: spent_this_month(model) });
    let total = budget.total_usd;
    let total = total.map(|most| Cap { name: "total_usd", most, spent: spent(model) });
    month.into_iter().chain(total).collect()
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
