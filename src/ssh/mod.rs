//! SSH: reaching a machine, making sure that it is the right one, running commands on it and
//! sending it files. russh's types stop here; this room knows no AWS, no state, no jobs.
//!
//! ```text
//! config   ssh_config files -> settings      keys, agent, signing   what we show, who signs
//! route    settings -> Route ──┐             hostkey, known_hosts   who the far side has to be
//! openssh  Route -> ssh's words│             │
//!                              v             v
//!                       connect   dial -> handshake -> login -> Session    (wait: until it works)
//!                                                 │
//!                       exec      a command, its lines, its end   <┤   (command: what is run)
//!                       bundle    folders -> one tar.gz           <┤
//!                       upload    the bundle, verified over there <┘
//!                       error     why not, and what to do
//! ```
//!
//! Three rules about russh, each a hang that was met: a writer is raced against the reader and
//! the reader decides; a channel that is open is read; keepalive and inactivity limits are set
//! together. And one about commands on this side: `ssh_config` can name some, none is ever run.

mod agent;
mod bundle;
mod command;
mod config;
mod connect;
mod dial;
mod download;
mod error;
mod exec;
mod handshake;
mod hostkey;
mod keys;
mod known_hosts;
mod lines;
mod login;
mod openssh;
mod route;
mod signing;
mod unpack;
mod upload;
mod wait;

pub use bundle::{Bundle, Checked, Source};
pub use command::{ExitStatus, LONGEST_ANSWER, Pipe, RemoteCommand, quote};
pub use config::{SshConfigFile, Undecided};
pub use connect::{Session, connect};
pub use dial::{ByteStream, Dial, TcpDial};
pub use error::{Operation, SshError};
pub use exec::LastLines;
pub use hostkey::HostKeyCheck;
pub use keys::{Ask, Identities, PublicKey};
pub use openssh::{HostBlock, OpenSshOption, arguments, arguments_of_another_home, config_file};
pub use route::{Hop, Route, Settings, agent, resolve};
pub use unpack::{Listing, UnpackError, Unpacked, unpack};
pub use wait::{WaitTimeouts, wait_for};
