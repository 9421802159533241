//! The headless commands: each is what it checks, what it asks, and what it gives to the loop, which
//! is the dashboard's own, with a printer where that has a screen.

pub(super) mod clear;
pub(super) mod costs;
pub(super) mod create;
pub(super) mod destroy;
pub(super) mod keep;
pub(super) mod login;
pub(super) mod machines;
pub(super) mod nodes;
pub(super) mod notify;
pub(super) mod show;
