//! What a process remembers of holding the wanted count, beside what outlives it
//! ([`Upkeep`](crate::fleet::Upkeep)).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Action, Scope};
use crate::fleet::{InstanceId, InstanceKey, JobId, Region};

/// What waits for a job: for prices, or for the lock between machines.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// The job.
    pub job: JobId,
    /// What is to be created, started or recreated.
    pub wish: Action,
    /// What it is done to, where that is there already.
    pub scope: Scope,
    /// How many were there when that was asked for.
    pub there: u64,
}

impl Waiting {
    /// Whether it launches something, and does nothing to what is there.
    pub(super) fn launches(&self) -> bool {
        !matches!(self.wish, Action::Start | Action::Recreate)
    }
}

/// How it stands with holding the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Holding {
    /// Whether this process is the keeper: it holds the whole count, not only what AWS takes back.
    pub is_keeper: bool,
    /// How often it has looked what is missing.
    pub passes: u64,
    /// When it last looked what follows from time; `None` where something happened since.
    pub looked: Option<Timestamp>,
    /// Why nothing was launched when that was last tried.
    pub refused: Option<String>,
    /// Where launches are refused: how often in a row, and until when none is tried.
    pub unavailable: BTreeMap<Region, (u32, Timestamp)>,
    /// In whose place nothing was launched while it still works, and why, when that was last tried.
    pub rebalance_refused: Option<(InstanceKey, String)>,
    /// The nodes that are drained because others have taken their place, the jobs that do so, and when
    /// they may be destroyed at the earliest.
    pub drains: BTreeMap<InstanceId, (JobId, Timestamp)>,
    /// Since when more is there than is wanted.
    pub surplus: BTreeMap<Region, Timestamp>,
    /// When a watch that has ended is begun again, and how often that was in vain.
    pub next_watch: Option<(Timestamp, u32)>,
    /// Whether it was looked who has the lock between machines.
    pub knows_lock: bool,
    /// When the lock between machines is asked for again.
    pub next_lock: Option<Timestamp>,
    /// Those that ended by their lease and are not wanted any more.
    pub let_go: BTreeSet<InstanceKey>,
    /// The rows for which AWS had nothing and in whose place the next try comes.
    pub in_vain: Vec<InstanceKey>,
    /// When left-over rows were last looked for.
    pub swept: Option<Timestamp>,
}
