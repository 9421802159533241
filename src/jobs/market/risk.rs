//! How often AWS takes back what runs in a region: its Spot Advisor is asked once a day, for all
//! regions at once. Nothing waits for it for longer than some seconds, and nothing fails by it: what
//! it does not tell is unknown.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::account_record::account_record;
use crate::aws::{AdvisorAnswer, AdvisorError};
use crate::config::{Config, RegionConfig, SPOT_ADVISOR};
use crate::fleet::{Advice, Level, MachineType, Region};
use crate::jobs::context::Context;
use crate::jobs::context::price_memory::{AskedAdvisor, GOOD, LEFT_ALONE, NEW};
use crate::jobs::context::reporter::Reporter;

/// Under which question its answer is kept.
const QUESTION: &str = "spot-advisor";

/// What it tells of these types in a region, and what the account's own instances met there.
pub(in crate::jobs) async fn advice(
    context: &Context,
    region: &Region,
    types: &[MachineType],
    reporter: &Reporter,
) -> Advice {
    let told = Box::pin(advisors(context, region, types, reporter)).await;
    let account = Box::pin(account_record(context, region, reporter)).await;
    Advice { account, ..told }
}

async fn advisors(
    context: &Context,
    region: &Region,
    types: &[MachineType],
    reporter: &Reporter,
) -> Advice {
    let Some(url) = url(context).await else { return Advice::NONE };
    let mut memory = context.prices().advisor.lock().await;
    let known = match memory.asked.take() {
        None => context.cached::<AskedAdvisor>(QUESTION).await,
        known => known,
    };
    let now = context.now();
    let known = known.filter(|known| known.url == url);
    let asked = match known {
        Some(known) if known.covers(region, types) && now < known.again => known,
        known => {
            let before = known.unwrap_or_else(|| AskedAdvisor::nothing(&url, now));
            let (asked, trouble) = ask(context, before.widened(context, region, types), now).await;
            context.keep_cached(QUESTION, &asked, GOOD).await;
            if let Some(trouble) = trouble
                && !std::mem::replace(&mut memory.is_said, true)
            {
                say(reporter, &asked, &trouble, now).await;
            }
            asked
        }
    };
    let advice = asked.advice(region);
    memory.asked = Some(asked);
    advice
}

/// Whom to ask. A simulated AWS on this machine has no real advisor: only one that is named.
async fn url(context: &Context) -> Option<String> {
    let url = context.config.as_ref()?.placement.risk_url.clone()?;
    let is_simulated = context.aws().await.ok()?.is_loopback();
    (!is_simulated || url != SPOT_ADVISOR).then_some(url)
}

/// Its new answer, or the old one and why there is no new one.
async fn ask(
    context: &Context,
    before: AskedAdvisor,
    now: Timestamp,
) -> (AskedAdvisor, Option<String>) {
    let answer = match context.aws().await {
        Ok(aws) => {
            let is_wanted = |region: &Region, name: &MachineType| before.wants(region, name);
            aws.spot_advisor(&before.url, before.etag.as_deref(), is_wanted).await
        }
        Err(error) => Err(AdvisorError::Unreachable(error.to_string())),
    };
    match answer {
        Ok(AdvisorAnswer::Unchanged) => {
            (AskedAdvisor { again: now + NEW, told: Some(now), ..before }, None)
        }
        Ok(AdvisorAnswer::Told(bands, etag)) => {
            (AskedAdvisor { again: now + NEW, told: Some(now), etag, bands, ..before }, None)
        }
        Err(error) => {
            // Other steps mean that what is kept is no longer what it seems, either.
            let is_other = matches!(error, AdvisorError::OtherSteps(_));
            let is_old = before.told.is_none_or(|told| now.duration_since(told) >= GOOD);
            let kept = if is_other || is_old {
                AskedAdvisor { told: None, etag: None, bands: BTreeMap::new(), ..before }
            } else {
                before
            };
            (AskedAdvisor { again: now + LEFT_ALONE, ..kept }, Some(error.to_string()))
        }
    }
}

/// Says that there is no new advice, and by what places are ranked then.
async fn say(reporter: &Reporter, asked: &AskedAdvisor, why: &str, now: Timestamp) {
    let instead = match asked.told {
        None => "how often AWS takes back what runs in a place is not known".to_owned(),
        Some(told) => match now.duration_since(told).as_hours() / 24 {
            0 => "its figures of today go on to count".to_owned(),
            1 => "its figures of yesterday go on to count".to_owned(),
            days => format!("its figures of {days} days ago go on to count"),
        },
    };
    let text = format!("no new figures of the Spot Advisor ({why}): {instead}");
    reporter.remarked(Level::Info, text).await;
}

impl AskedAdvisor {
    fn nothing(url: &str, now: Timestamp) -> Self {
        Self {
            url: url.to_owned(),
            wanted: BTreeMap::new(),
            again: now,
            told: None,
            etag: None,
            bands: BTreeMap::new(),
        }
    }

    /// Whether its answer was read for these types, none of them for all.
    fn covers(&self, region: &Region, types: &[MachineType]) -> bool {
        self.wanted.get(region).is_some_and(|known| {
            known.is_empty() || (!types.is_empty() && types.iter().all(|it| known.contains(it)))
        })
    }

    fn wants(&self, region: &Region, name: &MachineType) -> bool {
        self.wanted.get(region).is_some_and(|known| known.is_empty() || known.contains(name))
    }

    /// The same for these types as well, and for all that the configuration has: once for all. What
    /// is to be read anew is not known by an ETag.
    fn widened(mut self, context: &Context, region: &Region, types: &[MachineType]) -> Self {
        let before = self.wanted.clone();
        let configured = context.config.as_deref().into_iter().flat_map(configured);
        for (region, types) in configured.chain([(region, types)]) {
            let is_new = !self.wanted.contains_key(region);
            let known = self.wanted.entry(region.clone()).or_default();
            if types.is_empty() {
                known.clear();
            } else if is_new || !known.is_empty() {
                known.extend(types.iter().cloned());
            }
        }
        if self.wanted != before {
            self.etag = None;
        }
        self
    }

    fn advice(&self, region: &Region) -> Advice {
        let bands = self.bands.get(region).cloned().unwrap_or_default();
        Advice { bands, told: self.told, account: BTreeMap::new() }
    }
}

/// The regions and types of a configuration; no type where they are looked up.
fn configured(config: &Config) -> impl Iterator<Item = (&Region, &[MachineType])> {
    let machines = config.machines.iter().map(|machine| &machine.place);
    let regions = config.regions.iter().chain(machines);
    regions.map(|RegionConfig { region, machine_types, .. }| (region, machine_types.as_slice()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn asked(wanted: &[(&str, &[&str])]) -> AskedAdvisor {
        let wanted = wanted.iter().map(|(region, types)| {
            ((*region).into(), types.iter().map(|name| MachineType::from(*name)).collect())
        });
        let nothing = AskedAdvisor::nothing("https://example.com/", Timestamp::UNIX_EPOCH);
        AskedAdvisor { wanted: wanted.collect::<BTreeMap<Region, BTreeSet<_>>>(), ..nothing }
    }

    #[test]
    fn an_answer_covers_the_types_that_it_was_read_for() {
        let known = asked(&[("us-west-2", &["t3.medium"]), ("eu-west-1", &[])]);
        for (region, types, is_covered) in [
            ("us-west-2", &["t3.medium"][..], true),
            ("us-west-2", &["t3.medium", "t3.large"], false),
            ("us-west-2", &[], false),
            ("eu-west-1", &["t3.large"], true),
            ("eu-west-1", &[], true),
            ("sa-east-1", &["t3.medium"], false),
        ] {
            let types: Vec<MachineType> = types.iter().map(|name| (*name).into()).collect();
            assert_eq!(known.covers(&region.into(), &types), is_covered, "{region} {types:?}");
        }
        assert!(known.wants(&"eu-west-1".into(), &"x1.large".into()));
        assert!(!known.wants(&"us-west-2".into(), &"x1.large".into()));
    }
}
