//! What the stories stand on: real peers, started for one test and gone with it.

pub(crate) mod cut;
pub(crate) mod keys;
pub(crate) mod root;
pub(crate) mod sshd;
