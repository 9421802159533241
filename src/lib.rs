//! spot-tui: a terminal dashboard that creates, watches and destroys AWS EC2 spot instances in
//! many regions and turns them into Bacalhau compute nodes.
//!
//! One event loop owns one model; keys, timers and jobs send it messages; a pure `update` changes
//! the model and returns effects; a pure `view` draws it; jobs talk to the world through the wire
//! and report on one progress stream. The headless commands are the same loop with another sink.
//!
//! ```text
//! fleet <- config <- app <- view     pure
//! jobs     -> aws, ssh, bacalhau, store, fleet, config
//! headless -> app, view's columns    runtime -> everything
//! demo     -> fleet                  nobody knows demo but main and the tests
//! ```

pub mod app;
pub mod aws;
pub mod bacalhau;
pub mod cli;
pub mod config;
pub mod demo;
pub mod files;
pub mod fleet;
pub mod headless;
pub mod jobs;
pub mod notify;
pub mod program;
pub mod retry;
pub mod runtime;
pub mod ssh;
pub mod store;
pub mod view;
