//! How much is wanted, and what a destroy is aimed at.

use std::collections::BTreeMap;

use crate::fleet::{AccountId, InstanceKey, Region};

/// How many instances to create, by region.
pub type Counts = BTreeMap<Region, u32>;

/// How many in all; more than fit into one count.
pub fn total(counts: &Counts) -> u64 {
    counts.values().map(|count| u64::from(*count)).sum()
}

/// What a destroy is aimed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These rows.
    Instances(Vec<InstanceKey>),
    /// Everything of the deployment in a region.
    Region(Region),
    /// Everything of the deployment.
    All,
    /// Everything that this program ever made in this account, of whatever deployment.
    Account(AccountId, Vec<Region>),
    /// What is left of deployments where nothing of them is alive.
    LeftOvers(Vec<Region>),
}
