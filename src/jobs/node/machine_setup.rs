//! What a machine of the configuration gets on its node besides what every node gets.

use super::home::{self, HomeMount};
use super::user_data::KEEP_HOSTNAME;
use super::{idle, instance_store};
use crate::config::{IdleStop, InstanceStore};
use crate::fleet::{Failure, Step};
use crate::ssh::{RemoteCommand, Session};

/// What a machine of the configuration gets on its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) struct MachineSetup {
    /// Whether its root goes on to other instances.
    pub keeps_root: bool,
    /// Its home volume, where it has one.
    pub home: Option<HomeMount>,
    /// What becomes of the disks of its type, if anything.
    pub instance_store: Option<InstanceStore>,
    /// When it stops by itself, if it does.
    pub idle: Option<IdleStop>,
}

impl MachineSetup {
    /// Sees to all of it, as often as one likes. What is printed meanwhile goes to `on_line`. Fails
    /// where the work of its user would go to the wrong disk; answers what else did not succeed.
    pub(super) async fn apply(
        &self,
        session: &Session,
        mut on_line: impl FnMut(&str),
    ) -> Result<Vec<String>, Failure> {
        if let Some(home) = &self.home {
            home::mount(session, home, &mut on_line).await.map_err(|error| {
                let failure = error.failure();
                let reason = format!("{} at {}: {}", home.volume, home.path, failure.reason);
                let hint = "what was on it is as it was; `spot-tui logs` shows what it said";
                Failure::new(failure.kind, Step::Keep, reason, hint)
            })?;
        }
        let mut warnings = Vec::new();
        if self.keeps_root {
            let command = RemoteCommand::new(KEEP_HOSTNAME);
            let kept = session.run("keeping its hostname", &command, |_, line| on_line(line)).await;
            warnings
                .extend(kept.err().map(|error| format!("{error}: another instance names it anew")));
        }
        // After the home volume, below which it may lie.
        let store = self.instance_store.as_ref();
        if let Err(error) = instance_store::set(session, store, &mut on_line).await {
            warnings.push(format!("{error}: the instance store is as it was"));
        }
        if let Err(error) = idle::set(session, self.idle.as_ref(), on_line).await {
            warnings.push(format!("{error}: when it stops by itself is as it was"));
        }
        Ok(warnings)
    }
}
