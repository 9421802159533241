//! The work: straight async functions that read like a runbook.

pub mod network;
