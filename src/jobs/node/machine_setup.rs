//! What a machine of the configuration gets on its node besides what every node gets.

use super::home::{self, HomeMount};
use super::idle;
use crate::config::IdleStop;
use crate::fleet::{Failure, Step};
use crate::ssh::Session;

/// What a machine of the configuration gets on its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::jobs) struct MachineSetup {
    /// Its home volume, where it has one.
    pub home: Option<HomeMount>,
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
    ) -> Result<Option<String>, Failure> {
        if let Some(home) = &self.home {
            home::mount(session, home, &mut on_line).await.map_err(|error| {
                let failure = error.failure();
                let reason = format!("{} at {}: {}", home.volume, home.path, failure.reason);
                let hint = "nothing on it was changed; `spot-tui logs` shows what it said";
                Failure::new(failure.kind, Step::Keep, reason, hint)
            })?;
        }
        let set = idle::set(session, self.idle.as_ref(), on_line).await;
        Ok(set.err().map(|error| format!("{error}: when it stops by itself is as it was")))
    }
}
