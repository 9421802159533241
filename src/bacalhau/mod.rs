//! The orchestrator's node API: which nodes it knows, and telling it to forget one.
//!
//! Bacalhau's own JSON stops here. This room knows no AWS, no SSH, no state, no jobs; whose node is
//! whose is decided by them.

mod error;
mod orchestrator;

pub use error::{BacalhauError, Operation};
pub use orchestrator::{Connection, Membership, Node, Orchestrator};
