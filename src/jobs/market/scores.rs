//! Which regions are likely to have what another one did not have.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::aws::Class;
use crate::config::RegionConfig;
use crate::fleet::{Level, MachineType, Region};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::market::offers::configured;

/// How long an answer is kept: AWS limits the different questions of a day.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long it is kept that there is none: a permission may be granted meanwhile.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// These regions, the likeliest first; in their own order where AWS does not score them, which is
/// said once and keeps nothing from being tried.
pub(in crate::jobs) async fn likeliest<'a>(
    context: &Context,
    regions: Vec<&'a RegionConfig>,
    count: u32,
    reporter: &Reporter,
) -> Vec<&'a RegionConfig> {
    if regions.len() < 2 {
        return regions;
    }
    let scores = scores(context, &regions, count, reporter).await.unwrap_or_default();
    let mut ordered = regions;
    ordered.sort_by_key(|wanted| std::cmp::Reverse(scores.get(&wanted.region).copied()));
    ordered
}

async fn scores(
    context: &Context,
    regions: &[&RegionConfig],
    count: u32,
    reporter: &Reporter,
) -> Option<BTreeMap<Region, i32>> {
    let types = types(context, regions).await;
    // AWS refuses a question without types.
    if types.is_empty() {
        return None;
    }
    let names: Vec<Region> = regions.iter().map(|wanted| wanted.region.clone()).collect();
    let question = format!("scores-{count}-{}-{}", joined(&types), joined(&names));
    if let Some(known) = context.cached::<Option<BTreeMap<Region, i32>>>(&question).await {
        return known;
    }
    let told = match context.aws().await {
        Ok(aws) => aws.placement_scores(&types, count, &names).await,
        Err(error) => Err(error),
    };
    if let Err(error) = &told {
        let text = format!("no placement scores, the configuration's order decides: {error}");
        reporter.remarked(Level::Info, text).await;
    }
    let passes = told.as_ref().is_err_and(|error| error.class == Class::Retry);
    let told = told.ok();
    if !passes {
        context.keep_cached(&question, &told, if told.is_some() { DAY } else { HOUR }).await;
    }
    told
}

/// The types of all these regions, be they named or looked up by what they must have.
async fn types(context: &Context, regions: &[&RegionConfig]) -> Vec<MachineType> {
    let Ok(aws) = context.aws().await else { return Vec::new() };
    let mut types = BTreeSet::new();
    for wanted in regions {
        types.extend(configured(context, &aws.region(&wanted.region)).await);
    }
    types.into_iter().collect()
}

fn joined(names: &[impl ToString]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
}
