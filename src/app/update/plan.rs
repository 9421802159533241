//! What a create comes to: how much of it an earlier one has made already, and what is launched.
//!
//! The only place that reckons it: the dialog, the plan on the command line, the budget and the
//! launch itself all go by this.

use std::collections::BTreeMap;

use crate::app::{Counts, Model, total};
use crate::fleet::{Instance, Machine, PendingCreate, Region};

/// What AWS took back, by the region where others are launched in its place.
pub(super) type Lost = BTreeMap<Region, Vec<Machine>>;

/// What is launched, and what is taken up with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CreatePlan {
    /// The unfinished creates that are taken over.
    pub(super) taken: Vec<TakenOver>,
    /// What is launched besides, by region.
    pub(super) fresh: Counts,
    /// Of these, what is launched in the place of what AWS took back.
    pub(super) lost: Lost,
    /// What the budget leaves for each of them above the cheapest place of its region, in USD an
    /// hour; `None` where it limits no money.
    pub(super) budget_left: Option<f64>,
    /// Whether they are launched on demand although spot is meant.
    pub(super) on_demand: bool,
    /// The machine of the configuration that is launched; then it is that one alone.
    pub(super) machine: Option<String>,
}

/// An unfinished create that is taken over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TakenOver {
    /// What stands in the journal.
    pub pending: PendingCreate,
    /// What of it is there.
    pub there: Vec<Instance>,
    /// How many of it are still launched.
    pub missing: u32,
}

impl TakenOver {
    /// What of it is there.
    pub(super) fn count(&self) -> u32 {
        number(self.there.len())
    }

    /// How many of it are not asked for any more.
    pub(super) fn dropped(&self) -> u32 {
        self.pending.count.saturating_sub(self.count()).saturating_sub(self.missing)
    }
}

impl CreatePlan {
    /// A create of so many, in which what an earlier run was to create counts where it was asked
    /// for: the same command, given again, completes it and adds nothing, and never is more
    /// launched than is asked for now.
    pub fn of(model: &Model, counts: &Counts) -> Self {
        let mut plan = Self::taking_over(model, counts);
        // All that is there first: what one order lacks may be what another one has made.
        for taken in &plan.taken {
            if let Some(wanted) = plan.fresh.get_mut(taken.pending.counts_for()) {
                *wanted = wanted.saturating_sub(taken.count());
            }
        }
        plan.complete(model);
        plan
    }

    /// So many more than there are: what an earlier run was to create and did not goes first, and
    /// what it did is only taken up.
    pub fn more(model: &Model, counts: &Counts) -> Self {
        let mut plan = Self::taking_over(model, counts);
        plan.complete(model);
        plan
    }

    /// So many more than there are, to hold a count by itself: of what an earlier run left open goes
    /// first what the program had begun by itself, and all of it where it is the keeper.
    pub(super) fn holding(model: &Model, counts: &Counts) -> Self {
        let mut plan = Self::taking_over(model, counts);
        plan.taken.retain(|taken| taken.pending.is_replacement || model.is_keeper());
        plan.complete(model);
        plan
    }

    /// So many besides whatever stands.
    pub(super) fn besides(counts: Counts) -> Self {
        Self { fresh: counts, ..Self::default() }
    }

    /// The orders of the regions that are asked for now. The others stand as they are.
    fn taking_over(model: &Model, counts: &Counts) -> Self {
        let is_meant = |pending: &&PendingCreate| {
            pending.machine.is_none()
                && counts.contains_key(pending.counts_for())
                && !model.destroys_in(&pending.region)
        };
        let pending_creates = model.unfinished().filter(is_meant);
        let taken = pending_creates.map(|pending| {
            let there = model.made_by(pending).cloned().collect();
            TakenOver { pending: pending.clone(), there, missing: 0 }
        });
        Self { taken: taken.collect(), fresh: counts.clone(), ..Self::default() }
    }

    /// Launches under the orders what they lack, as far as that is asked for; the rest is fresh.
    fn complete(&mut self, model: &Model) {
        let is_configured = |pending: &PendingCreate| {
            let config = model.config.as_ref();
            config.is_none_or(|config| config.region(&pending.region).is_some())
        };
        for taken in self.taken.iter_mut().filter(|taken| is_configured(&taken.pending)) {
            let Some(wanted) = self.fresh.get_mut(taken.pending.counts_for()) else { continue };
            taken.missing = taken.pending.count.saturating_sub(taken.count()).min(*wanted);
            *wanted -= taken.missing;
        }
        self.fresh.retain(|_, count| *count > 0);
    }

    /// How many are launched in each region: what is shown, priced and judged by the budget.
    pub fn launched(&self) -> Counts {
        let mut launched = self.fresh.clone();
        for taken in self.taken.iter().filter(|taken| taken.missing > 0) {
            let count = launched.entry(taken.pending.region.clone()).or_default();
            *count = count.saturating_add(taken.missing);
        }
        launched
    }

    /// The same by the region that each was asked for in, and what is left of older orders there
    /// and is not asked for any more.
    pub(super) fn asked(&self) -> (Counts, Counts) {
        let (mut asked, mut dropped) = (self.fresh.clone(), Counts::new());
        for taken in &self.taken {
            let region = taken.pending.counts_for();
            let count = asked.entry(region.clone()).or_default();
            *count = count.saturating_add(taken.missing);
            *dropped.entry(region.clone()).or_default() += taken.dropped();
        }
        (asked, dropped)
    }

    /// What an earlier create has to do with it, in a sentence; nothing where there was none.
    pub fn remark(&self) -> Option<String> {
        let pending_creates = self.taken.iter().filter(|taken| taken.pending.count > 0);
        let wanted: u64 = pending_creates.clone().map(|taken| u64::from(taken.pending.count)).sum();
        let there: u64 = pending_creates.clone().map(|taken| u64::from(taken.count())).sum();
        let dropped: u64 = pending_creates.map(|taken| u64::from(taken.dropped())).sum();
        if wanted == 0 {
            return None;
        }
        let missing = total(&self.launched()) - total(&self.fresh);
        let left_out = match dropped {
            0 => String::new(),
            dropped => format!(", {dropped} are not asked for any more and dropped"),
        };
        Some(format!(
            "a create of {wanted} was cut short: {there} of it run, {missing} of it are still \
             launched{left_out}"
        ))
    }
}

/// How many those are.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
