//! Learns what things cost, with as few calls as will do: one a region for the spot prices, four
//! a week for all list prices, and what is remembered is not asked for again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::offers::{configured, resolve};
use super::risk::advice;
use crate::aws::{Aws, AwsError, Ec2};
use crate::config::RegionConfig;
use crate::fleet::market::History;
use crate::fleet::{
    JobResult, Level, MachineType, Pool, PriceList, Region, RegionNews, RegionPrices, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::price_memory::AskedPrices;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;

/// How long a spot price counts as the present one. They change a few times a day.
const FRESH: SignedDuration = SignedDuration::from_mins(5);
/// How far back prices are asked for.
pub(in crate::jobs) const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A list and the types that it was asked for: one that it lacks has no price. Storage, addresses and
/// snapshots have one without any.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Listed {
    types: Vec<MachineType>,
    list: PriceList,
}

impl Listed {
    /// Whether it tells anything, and was asked for all of these.
    fn answers(&self, types: &[MachineType]) -> bool {
        self.tells_something() && types.iter().all(|wanted| self.types.contains(wanted))
    }

    fn tells_something(&self) -> bool {
        !self.types.is_empty() || self.list.gp3.is_some()
    }
}

/// Reports the prices of these types in these regions. Where none is named, of those that the
/// configuration has there and of those that are there.
pub(in crate::jobs) async fn prices(
    context: Arc<Context>,
    wanted: BTreeMap<Region, Vec<MachineType>>,
    reporter: Reporter,
) -> JobResult {
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
    let regions = wanted.len();
    // First of all: the price list, too, has to be asked for types.
    let wanted = resolved(&context, &aws, wanted, &reporter).await;
    let unresolved = regions - wanted.len();
    let lists = price_lists(&context, &wanted).await;
    if !lists.is_complete {
        say_no_lists(&reporter).await;
    }
    let lists = Arc::new(lists.known);
    let since = context.now() - WEEK;
    let mut regions = JoinSet::new();
    for (region, types) in wanted {
        let (context, reporter, lists) =
            (Arc::clone(&context), reporter.clone(), Arc::clone(&lists));
        let ec2 = aws.region(&region);
        regions.spawn(async move {
            let spot = match spot_prices(&context, &ec2, &types, since).await {
                Ok(spot) => spot,
                Err(error) => {
                    let text = format!("the spot prices are not known: {error}");
                    reporter.said_of(&region, Level::Warning, text).await;
                    return true;
                }
            };
            let list = lists.get(&region).cloned().unwrap_or_default();
            let advice = advice(&context, &region, &types, &reporter).await;
            let prices = RegionPrices { spot, list, advice };
            reporter.learned_of(&region, RegionNews::Prices(prices)).await;
            false
        });
    }
    let lost = together(regions, || true).await.into_iter().filter(|lost| *lost).count();
    Ok(unresolved + lost)
}

/// These regions with the types of each. One whose need cannot be looked up is said and left out: the
/// prices of other machines would be taken for those of what it launches.
async fn resolved(
    context: &Arc<Context>,
    aws: &Aws,
    wanted: BTreeMap<Region, Vec<MachineType>>,
    reporter: &Reporter,
) -> BTreeMap<Region, Vec<MachineType>> {
    let mut regions = JoinSet::new();
    for (region, types) in wanted {
        let (context, reporter) = (Arc::clone(context), reporter.clone());
        let ec2 = aws.region(&region);
        regions.spawn(async move {
            if !types.is_empty() {
                return Some((region, types));
            }
            let (mut types, unresolved) = resolve(&context, &ec2).await;
            if let Some(error) = unresolved {
                let text = format!(
                    "which machine types there are, and their prices, is not known: {error}"
                );
                reporter.said_of(&region, Level::Warning, text).await;
                return None;
            }
            // A limit is judged by what is there as well, of whatever type an older configuration had it.
            let there = context.known().unlisted(&region, &context.deployment(), &[]);
            types.extend(there.into_values().map(|known| known.machine.machine_type));
            types.sort();
            types.dedup();
            Some((region, types))
        });
    }
    together(regions, || None).await.into_iter().flatten().collect()
}

/// The spot prices of these types in a region since then, the newest of them at most five minutes
/// old.
pub(in crate::jobs) async fn spot_prices(
    context: &Context,
    ec2: &Ec2,
    types: &[MachineType],
    since: Timestamp,
) -> Result<BTreeMap<Pool, History>, AwsError> {
    // Where no type is named, EC2 tells of all that it has.
    if types.is_empty() {
        return Ok(BTreeMap::new());
    }
    let now = context.now();
    let entry = {
        let mut regions = context.prices().regions.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(regions.entry(ec2.region().clone()).or_default())
    };
    let mut known = entry.lock().await;
    let question = format!("{}-spot-prices", ec2.region());
    let usable = |asked: &AskedPrices| {
        asked.since <= since && types.iter().all(|wanted| asked.types.contains(wanted))
    };
    let before = match known.take() {
        None => context.cached::<AskedPrices>(&question).await,
        known => known,
    };
    let before = before.filter(usable);
    let asked = match before {
        Some(before) if now.duration_since(before.at) < FRESH => before,
        Some(before) => later(ec2, before, now).await?,
        None => AskedPrices {
            told: ec2.spot_prices(types, since).await?,
            at: now,
            since,
            types: types.to_vec(),
        },
    };
    if asked.at == now {
        context.keep_cached(&question, &asked, WEEK).await;
    }
    let told = asked.told.clone();
    *known = Some(asked);
    Ok(told.into_iter().filter(|(pool, _)| types.contains(&pool.machine_type)).collect())
}

/// What was known, and what has changed since.
async fn later(ec2: &Ec2, mut known: AskedPrices, now: Timestamp) -> Result<AskedPrices, AwsError> {
    for (pool, news) in ec2.spot_prices(&known.types, known.at).await? {
        known.told.entry(pool).or_default().extend(&news);
    }
    Ok(AskedPrices { at: now, ..known })
}

/// The list prices that are known, and whether AWS told all that it was asked for.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Lists {
    pub known: BTreeMap<Region, PriceList>,
    pub is_complete: bool,
}

/// The list prices, remembered for a week. Where AWS does not tell them, those that are remembered.
pub(in crate::jobs) async fn price_lists(
    context: &Context,
    wanted: &BTreeMap<Region, Vec<MachineType>>,
) -> Lists {
    let Remembered { mut lists, missing, types } = remembered(context, wanted).await;
    if missing.is_empty() {
        return Lists { known: lists, is_complete: true };
    }
    let types: Vec<MachineType> = types.into_iter().collect();
    let told = match context.aws().await {
        Ok(aws) => aws.price_lists(&missing, &types).await,
        Err(error) => Err(error),
    };
    let told = told.unwrap_or_else(|error| {
        tracing::debug!(%error, "no list prices");
        BTreeMap::new()
    });
    let is_complete = !told.is_empty();
    for (region, list) in told {
        let listed = Listed { types: types.clone(), list };
        if listed.tells_something() {
            context.keep_cached(&list_of(&region), &listed, WEEK).await;
        }
        lists.insert(region, listed.list);
    }
    Lists { known: lists, is_complete }
}

/// The list prices that are remembered, and what is to be asked for.
#[derive(Default)]
struct Remembered {
    lists: BTreeMap<Region, PriceList>,
    /// The regions whose list does not answer for all types that are wanted there.
    missing: Vec<Region>,
    /// The types to ask for there.
    types: BTreeSet<MachineType>,
}

async fn remembered(context: &Context, wanted: &BTreeMap<Region, Vec<MachineType>>) -> Remembered {
    let mut remembered = Remembered::default();
    for (region, types) in wanted {
        let known = context.cached::<Listed>(&list_of(region)).await;
        if !known.as_ref().is_some_and(|known| known.answers(types)) {
            remembered.missing.push(region.clone());
            // The new list answers those who asked for the old one as well: else two who want other
            // types would ask again and again.
            let before = known.iter().flat_map(|known| &known.types);
            remembered.types.extend(types.iter().chain(before).cloned());
        }
        if let Some(known) = known {
            remembered.lists.insert(region.clone(), known.list);
        }
    }
    remembered
}

/// Says that there are no list prices.
pub(in crate::jobs) async fn say_no_lists(reporter: &Reporter) {
    let text = "AWS's price list does not answer: on-demand prices, addresses and storage are not \
                in the sums (it takes pricing:GetProducts)";
    reporter.remarked(Level::Warning, text).await;
}

/// Of which types in which regions the configuration needs list prices.
pub(in crate::jobs) async fn configured_everywhere(
    context: &Context,
) -> Result<BTreeMap<Region, Vec<MachineType>>, AwsError> {
    let mut wanted = BTreeMap::new();
    let Some(config) = &context.config else { return Ok(wanted) };
    let aws = context.aws().await?;
    let machines = config.machines.iter().map(|machine| &machine.place);
    for RegionConfig { region, .. } in config.regions.iter().chain(machines) {
        let types = configured(context, &aws.region(region)).await;
        wanted.insert(region.clone(), types);
    }
    Ok(wanted)
}

/// Under which question a region's price list is kept.
fn list_of(region: &Region) -> String {
    format!("{region}-price-list")
}
