//! What became different by a report: everything that follows from one reads it here.

use jiff::Timestamp;

use super::{
    Account, Attempt, CommandResult, DeploymentId, DeploymentSeen, Diagnosis, Failure, InstanceKey,
    LaunchId, Level, LockStanding, NetworkState, Outcome, Phase, QueueLook, Region, Subject,
};

/// Something that became different.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A look found an instance that had no row; now it has one.
    Adopted(InstanceKey),
    /// EC2 made the instance of a planned row.
    Launched(InstanceKey),
    /// An instance had two rows, one of them adopted, which gave way to the planned one.
    Joined {
        /// The row that stays.
        row: InstanceKey,
        /// The row that is gone.
        adopted: InstanceKey,
    },
    /// EC2 tells otherwise of an instance: its state, its addresses.
    Told(InstanceKey),
    /// A row entered another phase, or the same one with another reason or another end.
    Entered {
        /// The row.
        key: InstanceKey,
        /// The phase before.
        from: Phase,
        /// The phase now.
        to: Phase,
    },
    /// The state machine refused a step; the last good phase stays.
    Refused(IllegalStep),
    /// EC2 has begun to take an instance back. Told once.
    Interrupted(InstanceKey),
    /// AWS recommends to replace an instance. Told once.
    Rebalance(InstanceKey),
    /// A machine on which nothing goes on stops soon, at this time. Told once.
    StopsSoon(InstanceKey, Timestamp),
    /// A host showed another key than was known.
    HostKey(InstanceKey),
    /// A launch was tried for a row.
    Tried(InstanceKey, Attempt),
    /// A planned row is tried in another region.
    Moved(InstanceKey),
    /// How the user's command ended on an instance.
    CommandResult(InstanceKey, CommandResult),
    /// What a close look at a node found.
    Diagnosed(InstanceKey, Box<Diagnosis>),
    /// A line from the far side, without control characters.
    Output(InstanceKey, String),
    /// A region does not answer any more, for this reason.
    Lost(Region, String),
    /// The network of a region.
    Network(Region, NetworkState),
    /// A job launches in another region than it was asked to, too.
    Spilled(Region, LaunchId),
    /// What things in a region cost is known better.
    Priced(Region),
    /// Who we are.
    Account(Account),
    /// The deployment that this process works on.
    Deployment(DeploymentId),
    /// The deployments that tags tell of in the account.
    Deployments(Vec<DeploymentSeen>),
    /// The login has ended, and calls wait for the next one; `None` when they go on.
    LoginEnded(Option<Failure>),
    /// How much work the orchestrator has; or why it does not tell.
    Queue(Result<QueueLook, String>),
    /// How many instances the user's program wants; or why it does not tell.
    Advice(Result<u32, String>),
    /// A node is out of the work; or why it stays.
    Retired(InstanceKey, Result<(), String>),
    /// How this process stands to the lock between machines, be it as before.
    Lock(LockStanding),
    /// A sentence for people.
    Said(Subject, Level, String),
    /// The job is over.
    Ended(Outcome),
}

impl Change {
    /// Whether the state file holds what changed.
    pub fn is_kept(&self) -> bool {
        matches!(
            self,
            Self::Adopted(_)
                | Self::Launched(_)
                | Self::Joined { .. }
                | Self::Told(_)
                | Self::Entered { .. }
                | Self::HostKey(_)
        )
    }
}

/// A step that the state machine refused. The last good phase stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {from} cannot become {to}")]
pub struct IllegalStep {
    /// The row.
    pub key: InstanceKey,
    /// The phase that stays, by its word.
    pub from: &'static str,
    /// The phase that was refused, by its word.
    pub to: &'static str,
}
