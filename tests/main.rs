//! All stories in one binary.

mod screens;
mod support;
