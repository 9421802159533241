//! The program on a machine that mounts the disks of its instance type at each boot: put there, or
//! taken away.

use super::resident::Resident;
use crate::config::InstanceStore;
use crate::fleet::INSTANCE_STORE;
use crate::ssh::{Session, SshError};

const PROGRAM: Resident = Resident {
    path: INSTANCE_STORE,
    name: "instance-store",
    program: include_bytes!("../../../instance/instance-store.sh"),
};

/// Sees that they are mounted as this says, now and at each boot; without it, no more from the next
/// boot on.
pub(super) async fn set(
    session: &Session,
    store: Option<&InstanceStore>,
    mut on_line: impl FnMut(&str),
) -> Result<(), SshError> {
    let command = store.map_or_else(
        || PROGRAM.remove(),
        |store| PROGRAM.install(&[store.filesystem.word(), &store.mount]),
    );
    session.run("mounting the instance store", &command, |_, line| on_line(line)).await
}
