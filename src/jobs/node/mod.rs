//! Everything that goes over SSH to a node: setting it up, looking at it, running commands on it,
//! stopping it in good order; and what a node is given.

pub(super) mod credentials;
pub(super) mod deploy;
pub(super) mod drain;
pub(super) mod exec;
pub mod exit_codes;
pub(super) mod files;
pub(super) mod home;
pub(super) mod hooks;
mod host_key;
mod idle;
pub(super) mod inputs;
mod instance_store;
pub(super) mod logs;
pub(super) mod machine_setup;
pub(super) mod monitor;
pub(super) mod node_access;
pub(super) mod orchestrator;
mod pull;
mod resident;
mod scripts;
pub(super) mod sources;
pub(super) mod ssh_access;
mod status;
pub mod user_data;
