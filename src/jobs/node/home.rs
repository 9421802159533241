//! The home volume on the node: formatted where it is blank, mounted, by a script that may be run as
//! often as one likes.

use std::time::Duration;

use bytes::Bytes;

use crate::ssh::{LONGEST_ANSWER, RemoteCommand, Session, SshError, quote};

/// What does it there. It comes over its input: nothing of it has to be on the node.
const MOUNT_HOME: &[u8] = include_bytes!("../../../instance/mount-home.sh");

/// How long it may take: what lies at its place is copied to one that is blank, and a home of hundreds
/// of GB takes the better part of an hour.
const LIMIT: Duration = Duration::from_hours(1);

/// A home volume that an instance has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) struct HomeMount {
    /// The volume.
    pub volume: String,
    /// Where it is to be.
    pub path: String,
    /// How large the swap file on it is, in GiB; 0 for none.
    pub swap_gb: u32,
}

impl HomeMount {
    fn command(&self) -> RemoteCommand {
        let line =
            format!("sudo sh -s -- {} {} {}", quote(&self.volume), quote(&self.path), self.swap_gb);
        RemoteCommand::new(line)
            .limit(LIMIT)
            .most(LONGEST_ANSWER)
            .stdin(Bytes::from_static(MOUNT_HOME))
    }
}

/// Sees that it is mounted. What is printed meanwhile goes to `on_line`.
pub(super) async fn mount(
    session: &Session,
    home: &HomeMount,
    mut on_line: impl FnMut(&str),
) -> Result<(), SshError> {
    session.run("mounting the home volume", &home.command(), |_, line| on_line(line)).await
}
