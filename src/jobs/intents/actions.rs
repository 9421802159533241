//! What the journal calls things: EC2's actions that make something, and our own words for whole
//! jobs, which are no actions of EC2's.

use crate::jobs::context::launch_lock::LOCK;
use crate::store::Intent;

/// The API action that launches.
pub(in crate::jobs) const RUN_INSTANCES: &str = "RunInstances";
/// The API action that launches many at once.
pub(in crate::jobs) const CREATE_FLEET: &str = "CreateFleet";
/// What a create was asked for in a region.
pub(super) const CREATE: &str = "Create";
/// A destroy of a deployment or a launch.
pub(super) const DESTROY: &str = "Destroy";
/// The same of everything in the account. Nobody goes on with it unasked.
pub(super) const NUKE: &str = "Nuke";

/// Whether an intent is a whole job, not a call.
pub(super) fn is_job(intent: &Intent) -> bool {
    intent.action == CREATE || is_destroy(intent) || is_lock(intent)
}

/// Whether an intent is the lock between machines.
pub(in crate::jobs) fn is_lock(intent: &Intent) -> bool {
    intent.action == LOCK
}

/// Whether an intent is a destroy.
pub(super) fn is_destroy(intent: &Intent) -> bool {
    [DESTROY, NUKE].contains(&intent.action.as_str())
}

/// Whether an intent is a destroy of the whole account.
pub(super) fn is_nuke(intent: &Intent) -> bool {
    intent.action == NUKE
}
