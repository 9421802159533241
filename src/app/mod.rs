//! What happens next: the model, the messages that reach it, and the effects it asks for.
//!
//! Pure: no tokio, no AWS, no SSH, no files, no clock, no randomness.

mod command;
mod effect;
mod message;

pub use command::Command;
pub use effect::{Effect, Exit};
pub use message::{Counts, Input, Message, Question, QuestionId, Scope, Secret, Signal, Stamped};
