//! Choosing the table's columns. The table follows each key.

use super::next::Next;
use crate::app::{Columns, Command, Field};

/// The columns under choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnsForm {
    /// All of them in their order, and which are shown.
    pub columns: Columns,
    /// The place of the one under the cursor.
    pub at: usize,
    /// What to sort by from now on.
    pub(in crate::app) sort: Option<Field>,
}

impl ColumnsForm {
    /// The choice that begins with these.
    pub(in crate::app) fn new(columns: Columns) -> Self {
        Self { columns, at: 0, sort: None }
    }

    pub(super) fn take(&mut self, command: &Command) -> Next {
        match command {
            Command::Move(motion) => {
                let count = Field::ALL.len();
                self.at = motion.from(self.at, count, count);
            }
            Command::Mark => self.columns.toggle(self.at),
            Command::Shift(right) => self.at = self.columns.shift(self.at, *right),
            Command::SortNext => {
                self.sort = self.columns.all().nth(self.at).map(|(field, _)| field);
            }
            Command::EraseAll => self.columns = Columns::default(),
            Command::Back | Command::Accept => return Next::Close,
            _ => {}
        }
        Next::Stay
    }
}
