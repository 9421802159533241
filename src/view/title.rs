//! What the terminal's window is called: how the fleet is, for who looks at another window.

use crate::app::{Model, clean};
use crate::fleet::Health;

/// The longest title, in bytes.
const LONGEST: usize = 120;

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
