//! All stories in one binary: each further one would link the AWS SDK again.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed; clippy knows it in test functions only"
)]

mod accounts;
mod architecture;
mod attack;
mod bacalhau;
mod circumstances;
mod clearing;
mod cloudwatch;
mod command_line;
mod company;
mod config;
mod demo;
mod demo_hosts;
mod disk;
mod docs;
mod event_loop;
mod examples;
mod faults;
mod files;
mod histories;
mod host_keys;
mod identity;
mod idle;
mod instance;
mod instance_store;
mod keep;
mod ledger;
mod lock;
mod looks;
mod machine;
mod main_path;
mod market;
mod metrics;
mod mutations;
mod nights;
mod node;
mod nodes;
mod notify;
mod oracle;
mod orders;
mod package;
mod peers;
mod permissions;
mod predecessor;
mod preflight;
mod profiles;
mod rebalance;
mod rehearsal;
mod scale;
mod scaling;
mod scenarios;
mod schema;
mod screens;
mod secrets;
mod sign_in;
mod ssh;
mod stay;
mod support;
mod sweep;
mod terminal;
mod wire;
