//! What happens next: the model, the messages that reach it, and the effects it asks for.
//!
//! Pure: no tokio, no AWS, no SSH, no files, no clock, no randomness.

pub mod action;
mod answers;
mod away;
mod cap_watch;
mod columns;
mod command;
mod counters;
pub mod dialog;
mod effect;
mod event;
mod event_query;
mod field;
mod figures;
mod heat;
mod history;
mod holding;
mod job_record;
pub mod keymap;
mod layout;
mod lifetimes;
mod log;
mod message;
mod model;
mod notify;
mod panels;
mod price_choice;
mod prices;
mod query;
pub mod ranking;
mod reader;
mod regions;
pub mod resolve;
mod scaling;
mod scope;
mod selection;
mod story;
mod table;
mod tally;
mod text_field;
mod update;
mod visits;

pub use action::{Action, Aim};
pub use answers::{Answers, InstanceAnswer};
pub use columns::Columns;
pub use command::{
    Choose, ColumnPress, Command, Copied, LeaveCommand, LinesCommand, Motion, Older, PageCommand,
    PanelsCommand, Press, PriceStep, RowCommand, ScreenCommand, TableCommand, Turn, UserCommand,
    ViewCommand, VisitCommand,
};
pub use counters::{Counters, Histogram, SECONDS};
pub use dialog::Dialog;
pub use effect::{Effect, Exit, Left, Program};
pub use event::{EventKind, Origin};
pub use event_query::{kept_line, matching, read_lines};
pub use field::{Field, birth, current, disk, measured, membership, memory, rate};
pub use figures::figures;
pub use heat::{HEAT_LABEL, Heat, HeatBy, HeatCell, HeatLine};
pub use history::History;
pub use job_record::JobRecord;
pub use layout::{Layout, SMALLEST};
pub use log::{Log, LogLine, LogPanel, Ring};
pub use message::{Input, Message, Signal, Stamped};
pub use model::opening::Opening;
pub use model::{Flash, Latest, Model};
pub use notify::Notify;
pub use panels::{Pane, Panel, Panels, Remembered, SavedView, View};
pub use price_choice::PriceChoice;
pub use prices::{priced, priced_type};
pub use query::{Query, find};
pub use reader::Reader;
pub use regions::{RegionRow, Regions};
pub use scope::{Counts, Scope, counts, total};
pub use selection::Selection;
pub use story::{Story, story};
pub use table::{Fold, Table};
pub use tally::Tally;
pub use text_field::{Edit, TextField};
pub use update::{
    CreatePlan, beside, budget_refusal, closing_lines, console_page, estimate, forecast,
    has_ends_ahead, has_too_many, how_full, is_held, lock_refusal, lock_words, login_words,
    machine_price, only_machines, receipt, spent_by_day, surplus_remark, update, would_end,
};
pub use visits::{Visit, Visits};

pub use crate::fleet::text::clean;
pub use crate::fleet::{Question, QuestionId, Secret, Wanted};
