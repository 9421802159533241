//! The list prices of all regions, in four calls a week, and again only where a type or a region is
//! there that was not before: asked for by themselves, so that a price list that hangs or refuses keeps
//! nobody from an answer, and again until it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::aws::AwsError;
use crate::fleet::{MachineType, PriceList, Region};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::market::prices::{self, Lists};
use crate::retry::Pauses;

/// Types by region.
type Types = BTreeMap<Region, BTreeSet<MachineType>>;

/// The list prices by region, as far as they are known; and of what there is one to be.
#[derive(Debug, Default, Clone)]
pub(super) struct PriceLists {
    known: BTreeMap<Region, PriceList>,
    /// What was seen: an older configuration may have launched it, in a region that this one has not.
    /// Whoever reads the lists tells whoever asks for them.
    seen: Arc<watch::Sender<Types>>,
}

impl PriceLists {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// What is known of a region.
    pub(super) fn of(&self, region: &Region) -> PriceList {
        self.known.get(region).cloned().unwrap_or_default()
    }

    /// Notes that these types have something to do with a region. Who asks for the lists is woken where
    /// that is new.
    pub(super) fn note(&self, region: &Region, types: &BTreeSet<MachineType>) {
        self.seen.send_if_modified(|seen| {
            let before = seen.entry(region.clone()).or_default();
            let count = before.len();
            before.extend(types.iter().cloned());
            before.len() > count
        });
    }
}

/// Asks until all are known, and again where there are new types. That AWS does not tell them is said
/// once until it does.
pub(super) async fn ask_for_lists(
    context: Arc<Context>,
    reporter: Reporter,
    known: watch::Sender<PriceLists>,
) {
    let mut backoff = Pauses::new(context.pace.busy * 2, context.pace.prices).backoff();
    let mut seen = known.borrow().seen.subscribe();
    let (mut answered, mut is_said) = (Types::new(), false);
    loop {
        let there = seen.borrow_and_update().clone();
        let asked = wanted(&context, there).await.map(|wanted| missing(&wanted, &answered));
        // Nobody asks for a list price twice in a week, and no watch lasts that long: who listens keeps
        // what was told last.
        if asked.as_ref().is_ok_and(BTreeMap::is_empty) {
            backoff.reset();
            // The sender lives as long as what is told here.
            drop(seen.changed().await);
            continue;
        }
        let lists = match &asked {
            Ok(asked) => prices::price_lists(&context, asked).await,
            Err(_) => Lists::default(),
        };
        if !lists.known.is_empty() {
            // What was told before is not lost where AWS falls silent.
            known.send_modify(|it| it.known.extend(lists.known));
        }
        if lists.is_complete {
            for (region, types) in asked.into_iter().flatten() {
                answered.entry(region).or_default().extend(types);
            }
            is_said = false;
            continue;
        }
        if !std::mem::replace(&mut is_said, true) {
            prices::say_no_lists(&reporter).await;
        }
        sleep(backoff.pause()).await;
    }
}

/// Of what there is to be a list price: of what is configured, and of what is there.
async fn wanted(context: &Context, there: Types) -> Result<Types, AwsError> {
    let mut wanted = there;
    for (region, types) in prices::configured_everywhere(context).await? {
        wanted.entry(region).or_default().extend(types);
    }
    Ok(wanted)
}

/// What is wanted that AWS was not asked for.
fn missing(wanted: &Types, answered: &Types) -> BTreeMap<Region, Vec<MachineType>> {
    let is_answered = |region: &Region, types: &BTreeSet<MachineType>| {
        answered.get(region).is_some_and(|answered| types.is_subset(answered))
    };
    // All of a region's: what was remembered of it may be gone by now.
    let missing = wanted.iter().filter(|&(region, types)| !is_answered(region, types));
    missing.map(|(region, types)| (region.clone(), types.iter().cloned().collect())).collect()
}
