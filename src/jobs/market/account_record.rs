//! What EC2 Capacity Manager tells of the account's own spot instances, where the configuration names the
//! region in which it is on: asked once a day. Nothing waits for it for longer than some seconds, and
//! nothing fails by it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::time::{Duration, timeout};

use crate::aws::AccountRecords;
use crate::fleet::{Level, MachineType, Record, Region};
use crate::jobs::context::Context;
use crate::jobs::context::price_memory::{AskedManager, GOOD, LEFT_ALONE, NEW};
use crate::jobs::context::reporter::Reporter;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Under which question its answer is kept.
const QUESTION: &str = "capacity-manager";

/// What it tells of the types of a region.
pub(super) async fn account_record(
    context: &Context,
    of: &Region,
    reporter: &Reporter,
) -> BTreeMap<MachineType, Record> {
    let region = context.config.as_ref().and_then(|it| it.placement.capacity_manager.clone());
    let Some(region) = region else { return BTreeMap::new() };
    let mut memory = context.prices().manager.lock().await;
    let known = match memory.asked.take() {
        None => context.cached::<AskedManager>(QUESTION).await,
        known => known,
    };
    let now = context.now();
    let asked = match known.filter(|known| known.region == region) {
        Some(known) if now < known.again => known,
        known => {
            let before = known.map(|known| known.records).unwrap_or_default();
            let (asked, trouble) = ask(context, region, before, now).await;
            context.keep_cached(QUESTION, &asked, GOOD).await;
            if let Some(trouble) = trouble
                && !std::mem::replace(&mut memory.is_said, true)
            {
                let text = format!("no figures of Capacity Manager: {trouble}");
                reporter.remarked(Level::Info, text).await;
            }
            asked
        }
    };
    let told = asked.records.get(of).cloned().unwrap_or_default();
    memory.asked = Some(asked);
    told
}

/// Its new answer, or the old one and why there is no new one.
async fn ask(
    context: &Context,
    region: Region,
    before: AccountRecords,
    now: Timestamp,
) -> (AskedManager, Option<String>) {
    let told =
        timeout(PATIENCE, async { context.aws().await?.account_records(&region, now).await });
    let (records, again, trouble) = match told.await {
        Ok(Ok(Some(records))) => (records, NEW, None),
        Ok(Ok(None)) => (AccountRecords::new(), NEW, Some(format!("it is not on in {region}"))),
        Ok(Err(error)) => (before, LEFT_ALONE, Some(error.to_string())),
        Err(_) => {
            (before, LEFT_ALONE, Some(format!("it did not answer in {} s", PATIENCE.as_secs())))
        }
    };
    (AskedManager { region, again: now + again, records }, trouble)
}
