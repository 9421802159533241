//! How many to create, and where.

use super::next::Next;
use crate::app::command::{Command, Motion, Press};
use crate::app::{Counts, Edit};
use crate::fleet::Region;

/// The most that can be asked for in one region at once. A slip of the finger on a digit shall
/// not cost a fortune; more goes by `instances_per_region`.
const MOST: u32 = 999;

/// A count for each configured region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateForm {
    /// The regions in the order of the configuration.
    pub rows: Vec<(Region, u32)>,
    /// The row under the cursor.
    pub at: usize,
    /// `Some` once the counts stand: whether Yes is chosen.
    pub choice: Option<bool>,
    /// Whether the next digit begins a new number.
    fresh: bool,
}

impl CreateForm {
    /// The counts to start from.
    pub fn new(rows: Vec<(Region, u32)>) -> Self {
        Self { rows, at: 0, choice: None, fresh: true }
    }

    /// Instances in all.
    pub fn total(&self) -> u64 {
        self.rows.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The counts, without the regions that get none.
    pub fn counts(&self) -> Counts {
        self.rows.iter().filter(|(_, count)| *count > 0).cloned().collect()
    }

    fn go(&mut self, motion: Motion) {
        self.at = motion.from(self.at, self.rows.len(), self.rows.len());
        self.fresh = true;
    }

    fn change(&mut self, change: impl FnOnce(u32) -> u32) {
        if let Some((_, count)) = self.rows.get_mut(self.at) {
            *count = change(*count).min(MOST);
        }
    }

    fn digit(&mut self, digit: u32) {
        let fresh = std::mem::replace(&mut self.fresh, false);
        self.change(|count| if fresh { digit } else { count * 10 + digit });
    }

    pub(super) fn on_press(&mut self, press: Press) -> Next {
        if let Some(yes) = &mut self.choice {
            match press {
                Press::Choose(choose) => {
                    *yes = choose.of_two(*yes);
                    if choose.is_an_answer() {
                        return self.on_press(Press::Accept);
                    }
                }
                Press::Accept if *yes => return Next::Do(Command::more(self.counts())),
                Press::Pick(1) => return Next::Do(Command::more(self.counts())),
                Press::Accept | Press::Back | Press::Pick(_) => self.choice = None,
                Press::Move(_)
                | Press::Edit(_)
                | Press::Complete
                | Press::Recall(_)
                | Press::More
                | Press::Less
                | Press::Column(_) => {}
            }
            return Next::Stay;
        }
        match press {
            Press::Move(motion) => self.go(motion),
            Press::More => self.change(|count| count.saturating_add(1)),
            Press::Less => self.change(|count| count.saturating_sub(1)),
            Press::Edit(Edit::InsertChar(character)) => {
                if let Some(digit) = character.to_digit(10) {
                    self.digit(digit);
                }
            }
            Press::Edit(Edit::DeletePrevChar) => self.change(|count| count / 10),
            Press::Edit(Edit::DeleteLine) => self.change(|_| 0),
            Press::Accept if self.total() > 0 => self.choice = Some(false),
            Press::Back => return Next::Close,
            Press::Pick(at) => self.at = at.min(self.rows.len().saturating_sub(1)),
            Press::Accept
            | Press::Edit(_)
            | Press::Complete
            | Press::Recall(_)
            | Press::Choose(_)
            | Press::Column(_) => {}
        }
        Next::Stay
    }
}
