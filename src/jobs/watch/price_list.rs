//! The list prices of all regions, in three calls a week: asked for by themselves, so that a price
//! list that hangs or refuses keeps nobody from an answer, and again until it answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::fleet::{PriceList, Region};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::market::prices::{self, Lists};
use crate::retry::Pauses;

/// The list prices by region, as far as they are known.
pub(super) type PriceLists = BTreeMap<Region, PriceList>;

/// Asks until all are known. That AWS does not tell them is said once.
pub(super) async fn ask_for_lists(
    context: Arc<Context>,
    reporter: Reporter,
    known: watch::Sender<PriceLists>,
) {
    let mut backoff = Pauses::new(context.pace.busy * 2, context.pace.prices).backoff();
    let mut is_said = false;
    loop {
        let Lists { known: lists, is_complete } = prices::all_lists(&context).await;
        if !lists.is_empty() {
            known.send_replace(lists);
        }
        if is_complete {
            // Nobody asks for a list price twice in a week, and no watch lasts that long: who
            // listens keeps what was told last.
            return;
        }
        if !std::mem::replace(&mut is_said, true) {
            prices::say_no_lists(&reporter).await;
        }
        sleep(backoff.pause()).await;
    }
}
