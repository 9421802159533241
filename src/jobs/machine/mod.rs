//! Machines that stay: stopped, started again, rebooted, and given what they keep. Nothing is launched
//! here and nothing is ended; what becomes of an instance is read from EC2, so each step may be
//! repeated.

mod adopt;
mod belongings;
mod discard;
mod fit;
mod keep;
mod launched;
mod reboot;
mod replace_root;
mod restore;
mod snapshot;
mod start;
mod stop;
mod target;

pub(super) use adopt::keep_what_it_has;
pub(super) use discard::discard;
pub(super) use launched::Launched;
pub(super) use reboot::reboot;
pub(super) use restore::restore;
pub(super) use snapshot::snapshot;
pub(super) use start::start;
pub(super) use stop::stop;
