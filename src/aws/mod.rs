//! EC2, STS, SSM and the price list behind our own types. The SDK's types stop here.
//!
//! ```text
//! Access ──open──> Aws ──account()──> who we are, enabled regions           access, profile
//!                   ├──price_lists()──> what has a list price               prices
//!                   └──region()──> Ec2, one region, two clients             access
//!                                   ├─ launch                               launch
//!                                   ├─ instances, terminate, spot requests  machines, spot
//!                                   ├─ spot_prices                          prices
//!                                   ├─ console_output ── its host keys      console
//!                                   ├─ image, machine_types, zones          images, offerings
//!                                   ├─ create.., describe.., delete         network
//!                                   └─ import_key                           keys
//! every failure ──> AwsError: one classifier, one table of hints            error, hints
//! ```
//!
//! Each mutating function is one API call, so that a runbook can write down its intent before
//! each. Nothing here decides in which order things happen, waits for a state or tries again:
//! that is the jobs' work. Knows nothing of SSH, of the state file or of jobs.

mod access;
mod address;
mod console;
mod error;
mod hints;
mod images;
mod instant_fleet;
mod keys;
mod launch;
mod machines;
pub mod network;
mod offerings;
mod prices;
mod profile;
mod retry;
mod scores;
#[cfg(test)]
pub(crate) mod scripted;
mod select;
mod spot;

pub use access::{Access, Aws, Credentials, Ec2, SharedHttpClient, SharedTimeSource, time_at};
pub use address::{AddressError, operator_networks, own_address};
pub use console::{ConsoleKeys, host_key_fingerprints};
pub use error::{AwsError, Class, Credential};
pub use images::{Architecture, ImageChoice};
pub use instant_fleet::{FleetPlace, FleetRequest, Given};
pub use launch::LaunchRequest;
pub use machines::DeploymentSeen;
pub use network::{Kind, Residue};
pub use offerings::MachineFacts;
pub use retry::retry_until;
pub use select::Selector;
pub use spot::SpotRequest;
