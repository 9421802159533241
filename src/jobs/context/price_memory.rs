//! The spot prices that were asked for lately, and what the Spot Advisor told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::AccountRecords;
use crate::fleet::market::History;
use crate::fleet::{Band, MachineType, Pool, Region};

/// The spot prices of each region, as far as they were asked for. One asks, the others wait.
#[derive(Debug, Default)]
pub(in crate::jobs) struct PriceMemory {
    pub regions: Mutex<HashMap<Region, Arc<tokio::sync::Mutex<Option<AskedPrices>>>>>,
    pub advisor: tokio::sync::Mutex<AdvisorMemory>,
    pub manager: tokio::sync::Mutex<ManagerMemory>,
}

/// The Spot Advisor: one asks it, the others wait.
#[derive(Debug, Default)]
pub(in crate::jobs) struct AdvisorMemory {
    pub asked: Option<AskedAdvisor>,
    /// Whether somebody was told that it does not answer.
    pub is_said: bool,
}

/// What the Spot Advisor was asked, and its last answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::jobs) struct AskedAdvisor {
    pub url: String,
    /// Of which types in which regions its answer is kept; of all types where none is named.
    pub wanted: BTreeMap<Region, BTreeSet<MachineType>>,
    /// When it is to be asked again.
    pub again: Timestamp,
    /// When it last said what is kept here; `None` where it never did.
    pub told: Option<Timestamp>,
    pub etag: Option<String>,
    pub bands: BTreeMap<Region, BTreeMap<MachineType, Band>>,
}

/// EC2 Capacity Manager: one asks it, the others wait.
#[derive(Debug, Default)]
pub(in crate::jobs) struct ManagerMemory {
    pub asked: Option<AskedManager>,
    /// Whether somebody was told that it tells nothing.
    pub is_said: bool,
}

/// What it was asked, and its last answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::jobs) struct AskedManager {
    /// Where it was asked.
    pub region: Region,
    /// When it is to be asked again.
    pub again: Timestamp,
    pub records: AccountRecords,
}

/// What was asked of one region, and the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::jobs) struct AskedPrices {
    pub at: Timestamp,
    pub since: Timestamp,
    pub types: Vec<MachineType>,
    pub told: BTreeMap<Pool, History>,
}
