//! What is remembered of rows that get too old, and of those that are ended by themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::fleet::InstanceKey;

/// When it was said of rows that their lifetime ends, and when rows were last to be ended, for that or
/// because their set-up failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Lifetimes {
    /// When it was said.
    pub warned: BTreeMap<InstanceKey, Timestamp>,
    /// When it was last tried to end them.
    pub ended: BTreeMap<InstanceKey, Timestamp>,
}
