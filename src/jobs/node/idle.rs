//! The program on a machine that stops it where nothing goes on: put there, or taken away.

use super::resident::Resident;
use crate::config::IdleStop;
use crate::fleet::IDLE_STOP;
use crate::ssh::{Session, SshError};

const PROGRAM: Resident = Resident {
    path: IDLE_STOP,
    name: "idle-stop",
    program: include_bytes!("../../../instance/idle-stop.sh"),
};

/// Sees that the machine stops by itself as this says, or no more.
pub(super) async fn set(
    session: &Session,
    idle: Option<&IdleStop>,
    mut on_line: impl FnMut(&str),
) -> Result<(), SshError> {
    let command = idle.map_or_else(
        || PROGRAM.remove(),
        |idle| PROGRAM.install(&[&idle.after.as_secs().to_string(), &idle.cpu_below.to_string()]),
    );
    session.run("setting when it stops by itself", &command, |_, line| on_line(line)).await
}
