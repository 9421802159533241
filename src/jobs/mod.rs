//! The work: straight functions that read like a runbook, and what they hand to an instance.

pub mod exit_codes;
pub mod network;
pub mod user_data;
