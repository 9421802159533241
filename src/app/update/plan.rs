//! What a create comes to: how much of it an earlier one has made already, and what is launched.

use crate::app::{Counts, Model};
use crate::fleet::{Instance, PendingCreate, Phase};

/// What is launched, and what is taken up with it.
#[derive(Debug, Default)]
pub(super) struct CreatePlan {
    /// The unfinished creates that are taken over.
    pub taken: Vec<TakenOver>,
    /// What is launched besides, by region.
    pub fresh: Counts,
    /// What the budget leaves for each of them above the cheapest place of its region, in USD an
    /// hour; `None` where it limits no money.
    pub budget_left: Option<f64>,
}

/// An unfinished create that is taken over.
#[derive(Debug)]
pub(super) struct TakenOver {
    /// What stands in the journal.
    pub pending: PendingCreate,
    /// What of it is there.
    pub there: Vec<Instance>,
    /// How many of it are still launched.
    pub missing: u32,
}

impl CreatePlan {
    /// A create of so many. What an earlier run was to create and did not is counted in where it
    /// was asked for: the same command, given again, completes it and adds nothing, and never is
    /// more launched than is asked for now.
    pub(super) fn of(model: &Model, counts: &Counts) -> Self {
        let (mut fresh, mut taken) = (counts.clone(), Vec::new());
        for pending in model.unfinished() {
            let Some(wanted) = fresh.get_mut(pending.counts_for()) else { continue };
            if model.destroys_in(&pending.region) {
                continue;
            }
            let there = made_by(model, pending);
            let count = u32::try_from(there.len()).unwrap_or(u32::MAX);
            *wanted = wanted.saturating_sub(count);
            let missing = pending.count.saturating_sub(count).min(*wanted);
            *wanted -= missing;
            taken.push(TakenOver { pending: pending.clone(), there, missing });
        }
        fresh.retain(|_, count| *count > 0);
        Self { taken, fresh, budget_left: None }
    }

    /// How many are launched in each region: what the budget is judged by.
    pub(super) fn launched(&self) -> Counts {
        let mut launched = self.fresh.clone();
        for taken in self.taken.iter().filter(|taken| taken.missing > 0) {
            let count = launched.entry(taken.pending.region.clone()).or_default();
            *count = count.saturating_add(taken.missing);
        }
        launched
    }
}

fn made_by(model: &Model, pending: &PendingCreate) -> Vec<Instance> {
    let alive = model.fleet.alive().filter(|row| row.phase != Phase::Terminating);
    let made = alive.filter(|row| row.machine.as_ref().is_some_and(|it| pending.made(it)));
    made.cloned().collect()
}
