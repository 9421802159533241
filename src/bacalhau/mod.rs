//! The orchestrator's API: which nodes it knows, which jobs, and telling it to forget a node, or to give
//! it no more work.
//!
//! Bacalhau's own JSON stops here. This room knows no AWS, no SSH, no state, no jobs; whose node is
//! whose is decided by them.

mod error;
mod jobs;
mod orchestrator;
mod quantities;

pub use error::{BacalhauError, Operation};
pub use jobs::{Constraint, JobPage, JobSeen, JobType, Placed};
pub use orchestrator::{Connection, Membership, Node, Orchestrator};
