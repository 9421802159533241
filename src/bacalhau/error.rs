//! What can go wrong with the orchestrator, and what the user can do about it.

use std::fmt;

use crate::fleet::{Failure, FailureKind, Step};

/// What was asked of the orchestrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// To list all nodes.
    List,
    /// To forget this node.
    Delete(String),
    /// To give this node no more work.
    Reject(String),
    /// To give this node work again.
    Approve(String),
    /// To list the jobs.
    Jobs,
    /// To tell of this job.
    Job(String),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List => f.write_str("listing the nodes"),
            Self::Delete(node) => write!(f, "deleting the node {node}"),
            Self::Reject(node) => write!(f, "rejecting the node {node}"),
            Self::Approve(node) => write!(f, "approving the node {node}"),
            Self::Jobs => f.write_str("listing the jobs"),
            Self::Job(job) => write!(f, "asking for the job {job}"),
        }
    }
}

/// The orchestrator did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum BacalhauError {
    /// What is configured is no address of an API.
    #[error("{api} is not the address of an orchestrator's API: {reason}")]
    Address {
        /// As configured.
        api: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answered.
    #[error("{operation} at {api}: {reason}")]
    Unreachable {
        /// What was tried.
        operation: Operation,
        /// Where.
        api: String,
        /// The innermost cause.
        reason: String,
    },
    /// It answered with an error.
    #[error("{operation} at {api}: HTTP {status}: {message}")]
    Refused {
        /// What was tried.
        operation: Operation,
        /// Where.
        api: String,
        /// The HTTP status.
        status: u16,
        /// Its own words, cleaned and cut.
        message: String,
    },
    /// It answered something that is not its API's.
    #[error("{operation} at {api}: the answer is not an orchestrator's: {reason}")]
    Answer {
        /// What was tried.
        operation: Operation,
        /// Where.
        api: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl BacalhauError {
    /// Whether the same question may be answered a little later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 428 | 429 | 500..=599),
            Self::Address { .. } | Self::Answer { .. } => false,
        }
    }

    /// The same for the user, with what to do.
    pub fn failure(&self, step: Step) -> Failure {
        let hint = match self {
            Self::Refused { status: 401 | 403, .. } => {
                "bacalhau.api_key_file has to name a file with an API key that may read and write \
                 nodes, and read jobs where `scale` goes by them; the compute nodes' token is not one"
            }
            Self::Refused { status: 409, .. } => "delete it by hand: bacalhau node delete ID",
            Self::Refused { .. } => "look at the orchestrator's log",
            Self::Address { .. } | Self::Answer { .. } => {
                "bacalhau.api has to be the orchestrator's API, such as https://host:1234; it is \
                 not its NATS endpoint"
            }
            Self::Unreachable { .. } => "is bacalhau.api right, and reachable from here?",
        };
        let kind = match self {
            Self::Unreachable { .. } => FailureKind::Unreachable,
            Self::Refused { status: 401 | 403, .. }
            | Self::Address { .. }
            | Self::Answer { .. } => FailureKind::Configuration,
            Self::Refused { .. } => FailureKind::Other,
        };
        Failure::new(kind, step, self.to_string(), hint)
    }
}
