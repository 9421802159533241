//! The program's vocabulary: what keys, the palette and the command line can ask for.

use super::{Counts, Scope};

/// Something that the user wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Learn who we are and what is there.
    Refresh,
    /// Launch and deploy. Without counts: what the configuration says.
    Create(Option<Counts>),
    /// Destroy, already confirmed.
    Destroy(Scope),
    /// Leave.
    Quit,
}
