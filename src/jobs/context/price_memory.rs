//! The spot prices that were asked for lately.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::market::History;
use crate::fleet::{MachineType, Pool, Region};

/// The spot prices of each region, as far as they were asked for. One asks, the others wait.
#[derive(Debug, Default)]
pub(in crate::jobs) struct PriceMemory {
    pub regions: Mutex<HashMap<Region, Arc<tokio::sync::Mutex<Option<AskedPrices>>>>>,
}

/// What was asked of one region, and the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::jobs) struct AskedPrices {
    pub at: Timestamp,
    pub since: Timestamp,
    pub types: Vec<MachineType>,
    pub told: BTreeMap<Pool, History>,
}
