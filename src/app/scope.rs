//! How much is wanted, and what an action is meant for.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::fleet::{AccountId, InstanceKey, Region};

/// How many instances to create, by region.
pub type Counts = BTreeMap<Region, u32>;

/// How many in all; more than fit into one count.
pub fn total(counts: &Counts) -> u64 {
    counts.values().map(|count| u64::from(*count)).sum()
}

/// What an action is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These rows.
    Instances(Vec<InstanceKey>),
    /// Everything of the deployment in a region.
    Region(Region),
    /// Everything of the deployment.
    All,
    /// Everything of ours in this account, of whatever deployment: in these regions, in all where
    /// none is named.
    Account(AccountId, Vec<Region>),
}

/// The counts that `REGION[=N]` asks for, each once; without a number, what the configuration
/// gives that region. Says which of them is wrong.
pub fn counts<'a>(
    config: &Config,
    asked: impl IntoIterator<Item = &'a str>,
) -> Result<Counts, String> {
    let spread = config.spread();
    let mut counts = Counts::new();
    for text in asked {
        let (region, count) = match text.split_once('=') {
            Some((region, count)) => {
                let count = count
                    .parse()
                    .map_err(|_| format!("{text}: '{count}' is not a number of instances"))?;
                (Region::from(region), Some(count))
            }
            None => (Region::from(text), None),
        };
        let Some(configured) = spread.get(&region) else {
            let known: Vec<&str> = spread.keys().map(Region::as_str).collect();
            return Err(format!(
                "{region}: not in the configuration, which has {}",
                known.join(", ")
            ));
        };
        // A region whose share is none still gets one when it is asked for by name.
        let count = count.unwrap_or((*configured).max(1));
        if counts.insert(region.clone(), count).is_some() {
            return Err(format!("{region}: named twice"));
        }
    }
    if counts.values().all(|count| *count == 0) {
        return Err("nothing to create: every count is 0".to_owned());
    }
    Ok(counts)
}
