//! What a region's machine types cost: those of the configuration, and those that are there.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::price_list::PriceLists;
use super::question::{Question, Seen, WatchedRegion};
use crate::aws::AwsError;
use crate::fleet::{MachineType, RegionNews, RegionPrices};
use crate::jobs::market::offers::configured;
use crate::jobs::market::prices;
use crate::jobs::market::risk::advice;

pub(super) struct SpotPrices {
    /// The list prices, as far as they are known: they are reported together.
    lists: watch::Receiver<PriceLists>,
}

impl SpotPrices {
    pub(super) fn new(lists: &watch::Receiver<PriceLists>) -> Self {
        Self { lists: lists.clone() }
    }
}

impl Question for SpotPrices {
    const NAME: &'static str = "spot prices";

    fn pace(&self, region: &WatchedRegion) -> Option<Duration> {
        Some(region.context.pace.prices)
    }

    async fn ask(&mut self, region: &WatchedRegion) -> Result<(), AwsError> {
        let WatchedRegion { context, ec2, .. } = region;
        // Seen first, whatever comes of the rest: a list that counts as new would ask again at once,
        // for ever.
        let lists = self.lists.borrow_and_update().clone();
        let mut types = BTreeSet::from_iter(configured(context, ec2).await);
        let oldest = {
            let seen = region.seen();
            types.extend(seen.machines.iter().map(|machine| machine.machine_type.clone()));
            seen.machines.iter().map(|machine| machine.birth.launched).min()
        };
        if types.is_empty() {
            return Ok(());
        }
        lists.note(ec2.region(), &types);
        let types: Vec<MachineType> = types.into_iter().collect();
        let week_ago = context.now() - prices::WEEK;
        let since: Timestamp = oldest.map_or(week_ago, |oldest| oldest.min(week_ago));
        let spot = prices::spot_prices(context, ec2, &types, since).await?;
        let advice = advice(context, ec2.region(), &types, &region.reporter).await;
        let prices = RegionPrices { spot, list: lists.of(ec2.region()), advice };
        region.reporter.learned_of(ec2.region(), RegionNews::Prices(prices)).await;
        Ok(())
    }

    /// New instances may be of other types; a list price is shown beside the spot price.
    async fn woken(&mut self, _: &WatchedRegion, changes: &mut watch::Receiver<Seen>) {
        let mut lists = self.lists.clone();
        tokio::select! {
            _ = changes.changed() => {}
            // Where nobody asks for lists, none will come.
            Ok(()) = lists.changed() => {}
        }
    }
}
