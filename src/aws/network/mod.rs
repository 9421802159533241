//! A region's network: the runbooks that put it there and take it away, and the calls that they
//! are made of.
//!
//! Both runbooks go by tags, so both may be stopped at any point and begun again, here or on
//! another machine. What exists is adopted; what is not ours is never changed. `find` asks, `make`
//! creates, `remove` deletes, one API call each; `ensure` and `teardown` decide in which order.
//! Knows no job: what is about to be made is told to a [`RecordIntent`] first.

mod addresses;
mod ensure;
mod find;
mod guards;
mod make;
mod parts;
mod plan;
mod remove;
mod residue;
mod teardown;

pub use ensure::{ensure, ensure_key_pair};
pub use plan::{NetworkCall, NetworkError, NetworkPlan, NetworkReady, RecordIntent, Say};
pub use residue::{Kind, Residue};
pub use teardown::{Teardown, teardown};

#[cfg(test)]
mod tests;
