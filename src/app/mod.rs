//! What happens next: the model, the messages that reach it, and the effects it asks for.
//!
//! Pure: no tokio, no AWS, no SSH, no files, no clock, no randomness.

mod command;
pub mod dialog;
mod effect;
pub mod keymap;
mod layout;
mod log;
mod message;
mod model;
mod story;
mod table;
mod text;
mod update;

pub use command::{Command, Motion};
pub use dialog::Dialog;
pub use effect::{Effect, Exit};
pub use layout::{Layout, SMALLEST};
pub use log::{Line, Log, LogPanel, Ring};
pub use message::{Counts, Input, Message, Scope, Signal, Stamped};
pub use model::{Flash, Focus, JobRecord, Model, Opening, Tally};
pub use story::{Story, story};
pub use table::{SortKey, Table};
pub use text::clean;
pub use update::update;

pub use crate::fleet::{Question, QuestionId, Secret};
