//! What happens next: the model, the messages that reach it, and the effects it asks for.
//!
//! Pure: no tokio, no AWS, no SSH, no files, no clock, no randomness.

mod answers;
mod columns;
mod command;
pub mod dialog;
mod effect;
mod field;
mod job_record;
pub mod keymap;
mod layout;
mod log;
mod message;
mod model;
mod panels;
mod query;
mod reader;
mod scope;
mod story;
mod table;
mod tally;
mod update;

pub use answers::{Answer, Answers};
pub use columns::Columns;
pub use command::{
    Action, Aim, Choose, ColumnPress, Command, Copied, Edit, LeaveCommand, LinesCommand, Motion,
    PanelsCommand, Press, RowCommand, ScreenCommand, TableCommand, Turn,
};
pub use dialog::Dialog;
pub use effect::{Effect, Exit};
pub use field::{Field, birth, membership};
pub use job_record::JobRecord;
pub use layout::{Layout, SMALLEST};
pub use log::{Line, Log, LogPanel, Ring};
pub use message::{Input, Message, Signal, Stamped};
pub use model::{Flash, Latest, Model, Opening};
pub use panels::{Pane, Panel, Panels, Remembered};
pub use query::{Query, find};
pub use reader::Reader;
pub use scope::{Counts, Scope, total};
pub use story::{Story, story};
pub use table::Table;
pub use tally::Tally;
pub use update::{estimate, update};

pub use crate::fleet::text::clean;
pub use crate::fleet::{Question, QuestionId, Secret};
