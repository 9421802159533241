//! Choosing the table's columns. The table follows each key.

use super::next::Next;
use crate::app::command::{ColumnPress, Press};
use crate::app::{Columns, Field};

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

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        match press {
            Press::Move(motion) => {
                let count = Field::ALL.len();
                self.at = motion.from(self.at, count, count);
            }
            Press::Column(ColumnPress::Toggle) => self.columns.toggle(self.at),
            Press::Column(ColumnPress::Earlier) => self.at = self.columns.shift(self.at, false),
            Press::Column(ColumnPress::Later) => self.at = self.columns.shift(self.at, true),
            Press::Column(ColumnPress::Sort) => {
                self.sort = self.columns.all().nth(self.at).map(|(field, _)| field);
            }
            Press::Column(ColumnPress::Reset) => self.columns = Columns::default(),
            Press::Back | Press::Accept => return Next::Close,
            Press::Pick(at) => {
                self.at = at;
                self.columns.toggle(at);
            }
            Press::Edit(_)
            | Press::Complete
            | Press::Recall(_)
            | Press::Choose(_)
            | Press::More
            | Press::Less => {}
        }
        Next::Stay
    }
}
