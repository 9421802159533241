//! The spot prices that were asked for lately, and what the Spot Advisor told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aws::AccountRecords;
use crate::fleet::market::History;
use crate::fleet::{Band, MachineType, Pool, Region};

/// The spot prices of each region, as far as they were asked for. One asks, the others wait.
#[derive(Debug, Default)]
pub(in crate::jobs) struct PriceMemory {
    pub regions: Mutex<HashMap<Region, Arc<tokio::sync::Mutex<Option<AskedPrices>>>>>,
    pub advisor: tokio::sync::Mutex<DailyMemory<AskedAdvisor>>,
    pub manager: tokio::sync::Mutex<DailyMemory<AskedManager>>,
}

/// How long the answer of who is asked once a day counts as new. How often AWS makes another is not
/// known.
pub(in crate::jobs) const NEW: SignedDuration = SignedDuration::from_hours(24);
/// For how long it is better than none: it tells of a month.
pub(in crate::jobs) const GOOD: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long one that does not answer is left alone.
pub(in crate::jobs) const LEFT_ALONE: SignedDuration = SignedDuration::from_hours(1);

/// Who is asked once a day: one asks, the others wait.
#[derive(Debug)]
pub(in crate::jobs) struct DailyMemory<T> {
    pub asked: Option<T>,
    /// Whether somebody was told that it does not answer.
    pub is_said: bool,
}

impl<T> Default for DailyMemory<T> {
    fn default() -> Self {
        Self { asked: None, is_said: false }
    }
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

/// What EC2 Capacity Manager was asked, and its last answer.
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
