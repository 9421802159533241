//! Reads `ssh_config(5)` files, and says what they mean for a host, as OpenSSH 9 would.
//!
//! ```text
//! file     which files hold             include   their text, and that of what they include
//! parse    text -> statements           pattern   *, ?, !     location   file and line
//! select   statements + a host -> the settings that hold for it    tokens    %h, ${HOME}, ~
//! options  settings -> values           keyword   the words that are honoured
//! ```
//!
//! Nothing that such a file names is ever run. Own code, because the parsers on crates.io
//! (ssh2-config, russh-config) know no `Match`, let the settings of one block leak into another
//! and keep no line numbers, and a refusal has to name the line.

mod file;
mod include;
pub(super) mod keyword;
mod location;
mod options;
mod parse;
mod pattern;
mod select;
mod tokens;

pub use file::{SshConfigFile, Undecided};
pub(super) use options::{AgentChoice, KeepAlive, Strictness};
pub(super) use pattern::{Case, Pattern};
pub(super) use select::{Chosen, Setting, Subject};
pub(super) use tokens::{HostFacts, Tokens, expand_tilde, local_user};

#[cfg(test)]
mod tests;
