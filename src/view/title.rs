//! What the terminal's window is called: how the fleet is, for who looks at another window.

use crate::app::{Model, clean};
use crate::fleet::{Health, JobKind};

/// The longest title, in bytes.
const LONGEST: usize = 120;

/// How far what is under way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nobody can tell.
    Unknown,
    /// So many percent of it are done.
    Percent(u8),
}

/// How far what is under way is; nothing while nothing is.
pub fn progress(model: &Model) -> Option<Progress> {
    let mut jobs = model.changing().peekable();
    jobs.peek()?;
    let creates = jobs.any(|(_, job)| job.kind == JobKind::Create);
    let all = model.tally.total.max(1);
    let ready = model.tally.health.get(&Health::Good).copied().unwrap_or(0);
    let percent = u8::try_from(ready * 100 / all).ok().filter(|_| creates);
    Some(percent.map_or(Progress::Unknown, Progress::Percent))
}

/// Bad news first, then how many of all are ready.
pub fn title(model: &Model) -> String {
    let count = |health| model.tally.health.get(&health).copied().unwrap_or(0);
    let mut said = Vec::new();
    for (health, word) in [(Health::Bad, "in trouble"), (Health::Interrupted, "interrupted")] {
        if count(health) > 0 {
            said.push(format!("{} {word}", count(health)));
        }
    }
    if model.tally.total > 0 {
        said.push(format!("{} of {} ready", count(Health::Good), model.tally.total));
    }
    said.push(format!("spot-tui {}", model.deployment));
    clean(&said.join(", "), LONGEST)
}
