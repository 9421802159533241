//! The headless commands' printers: lines for people, JSON for programs.
//!
//! They print what the loop reports; they start nothing and decide nothing.

mod costs;
mod csv;
mod end;
mod events;
mod focus;
mod line;
mod list;
mod metrics;
mod nodes;
mod notify;
mod outputs;
mod prices;
mod printer;
mod progress;
mod risk;
mod status;

pub use costs::{CostsFormat, print_costs};
pub use end::print_end;
pub use events::print_events;
pub use focus::print_focus;
pub use list::{ListFormat, cut_short, exported, print_list, print_pending_creates};
pub use metrics::{Calls, MetricsFormat, metrics};
pub use nodes::{Export, ExportHost, diagnosis_json, print_diagnosis, print_export};
pub use notify::{Sent, SentState, Tested, print_delivered, print_sent, print_tested};
pub use outputs::{NodeOutput, dropped_lines, print_outputs};
pub use prices::print_prices;
pub use printer::{Detail, Format, Printer, Summary, coloured};
pub use progress::{RegionLine, RegionLines, Room, text_of};
pub use status::print_status;
