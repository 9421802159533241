//! The headless commands' printers: lines for people, JSON for programs.
//!
//! They print what the loop reports; they start nothing and decide nothing.

mod line;
mod list;
mod prices;
mod printer;

pub use list::print_list;
pub use prices::print_prices;
pub use printer::{Before, Format, Printer, Tally};
