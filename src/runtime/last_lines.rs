//! What programs are told of a command that ended before it had anything open to tell it: why, and the
//! line that is always the last one.

use jiff::Timestamp;

use crate::cli::{self, Command, LeaseCommand};
use crate::fleet::DeploymentId;
use crate::headless::print_end;
use crate::store::{Paths, StateFile};

use super::environment::Environment;
use super::startup::{deployment_told, read_config};
use super::stdout::Stdout;
use super::stop::Stop;

/// What stands for a deployment that nothing tells: none has such a name.
const NOBODYS: &str = "-";

/// Prints them. On standard error it is said as always.
pub(super) fn print(at: Option<&Environment>, stop: &Stop) {
    if *stop == Stop::HandedOver {
        return;
    }
    let now = at.map_or_else(Timestamp::now, |at| at.access.now());
    let (deployment, alive) = at.map(|at| known(at, now)).unwrap_or_default();
    let deployment = deployment.unwrap_or_else(|| DeploymentId::new(NOBODYS));
    print_end(Stdout, now, &deployment, (stop.reason(), alive));
}

/// The deployment that it was about, and how many instances it had last, as far as files tell.
fn known(at: &Environment, now: Timestamp) -> (Option<DeploymentId>, usize) {
    let config = read_config(at).ok().flatten();
    let state = StateFile::new(Paths::new(&at.global.state)).read();
    let state = state.map(|loaded| loaded.state).unwrap_or_default();
    let alive = state.entries.iter().filter(|it| it.instance(now).is_alive()).count();
    (deployment_told(&at.global, config.as_ref(), &state), alive)
}

/// Whether a program reads a JSON object a line of it, the last of which is a summary.
pub(super) fn are_wanted(command: &Command) -> bool {
    match command {
        Command::Create(cli::Create { json, .. })
        | Command::Keep(cli::Keep { json, .. })
        | Command::Destroy(cli::Destroy { json, .. })
        | Command::Nuke(cli::Nuke { json, .. })
        | Command::Cleanup(cli::Cleanup { json, .. })
        | Command::Retry(cli::Retry { json, .. })
        | Command::Stop(cli::Machines { json, .. })
        | Command::Start(cli::Machines { json, .. })
        | Command::Reboot(cli::Machines { json, .. })
        | Command::Recreate(cli::Machines { json, .. })
        | Command::Drain(cli::Machines { json, .. })
        | Command::Exec(cli::Exec { json, .. })
        | Command::Pull(cli::Pull { json, .. })
        | Command::Lease { command: LeaseCommand::Extend { json, .. } }
        | Command::Up { json, .. }
        | Command::Down { json, .. }
        | Command::Awake { json, .. }
        | Command::Snapshot { json, .. }
        | Command::Restore { json, .. }
        | Command::Recover { json }
        | Command::Logs { json, .. } => *json,
        // One document, or lines of their own.
        _ => false,
    }
}
