//! The program on a machine that stops it where nothing goes on: put there, or taken away.

use bytes::Bytes;

use crate::config::IdleStop;
use crate::fleet::IDLE_STOP;
use crate::ssh::{LONGEST_ANSWER, RemoteCommand, Session, SshError, quote};

/// The program. It comes over the command's input: one that is older is replaced.
const PROGRAM: &[u8] = include_bytes!("../../../instance/idle-stop.sh");

/// Sees that the machine stops by itself as this says, or no more.
pub(super) async fn set(
    session: &Session,
    idle: Option<&IdleStop>,
    mut on_line: impl FnMut(&str),
) -> Result<(), SshError> {
    let command = idle.map_or_else(remove, install).most(LONGEST_ANSWER);
    session.run("setting when it stops by itself", &command, |_, line| on_line(line)).await
}

/// It is moved to its place whole: the timer may run it at any moment.
fn install(idle: &IdleStop) -> RemoteCommand {
    let put = format!(
        "cat >{IDLE_STOP}.new && chmod 755 {IDLE_STOP}.new && mv {IDLE_STOP}.new {IDLE_STOP} && \
         exec {IDLE_STOP} install \"$@\""
    );
    let (after, below) = (idle.after.as_secs(), idle.cpu_below);
    let line = format!("sudo sh -c {} idle-stop {after} {below}", quote(&put));
    RemoteCommand::new(line).stdin(Bytes::from_static(PROGRAM))
}

fn remove() -> RemoteCommand {
    let line = format!("if [ -x {IDLE_STOP} ]; then exec {IDLE_STOP} remove; fi");
    RemoteCommand::new(format!("sudo sh -c {}", quote(&line)))
}
