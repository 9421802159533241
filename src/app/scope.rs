//! How much is wanted, and what a destroy is aimed at.

use std::collections::BTreeMap;

use crate::fleet::{AccountId, InstanceKey, Region};

/// How many instances to create, by region.
pub type Counts = BTreeMap<Region, u32>;

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
