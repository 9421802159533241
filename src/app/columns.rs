//! Which columns the table shows, and in which order.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Field;

/// The columns in their order, and those that are hidden. What the screen has no room for goes by
/// rank, whatever is chosen here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    order: Vec<Field>,
    hidden: BTreeSet<Field>,
}

impl Default for Columns {
    fn default() -> Self {
        // The zone stands beside the region's name, and the newest line in the phase.
        let hidden =
            BTreeSet::from([Field::Zone, Field::City, Field::Private, Field::Cost, Field::Output]);
        Self { order: Field::ALL.to_vec(), hidden }
    }
}

impl Columns {
    /// These in this order, and no others. Without any, as at first.
    pub fn of(fields: &[Field]) -> Self {
        if fields.is_empty() {
            return Self::default();
        }
        let mut columns = Self { order: fields.to_vec(), hidden: BTreeSet::new() };
        columns.complete();
        columns.hidden =
            Field::ALL.iter().copied().filter(|field| !fields.contains(field)).collect();
        columns
    }

    /// All of them in order, and whether each is shown.
    pub fn all(&self) -> impl Iterator<Item = (Field, bool)> + '_ {
        self.order.iter().map(|field| (*field, !self.hidden.contains(field)))
    }

    /// Those that are shown, in order.
    pub fn shown(&self) -> impl Iterator<Item = Field> + '_ {
        self.all().filter(|(_, shown)| *shown).map(|(field, _)| field)
    }

    /// Hides the column at a place, or shows it again. One always stays.
    pub(super) fn toggle(&mut self, at: usize) {
        let Some(field) = self.order.get(at).copied() else { return };
        if !self.hidden.remove(&field) && self.shown().count() > 1 {
            self.hidden.insert(field);
        }
    }

    /// Moves the column at a place one to the left or to the right; says where it is then.
    pub(super) fn shift(&mut self, at: usize, right: bool) -> usize {
        let to = if right { at + 1 } else { at.saturating_sub(1) };
        if at >= self.order.len() || to >= self.order.len() {
            return at;
        }
        self.order.swap(at, to);
        to
    }

    /// Adds the fields that an older version did not know, and drops what is there twice.
    pub(super) fn complete(&mut self) {
        let mut seen = BTreeSet::new();
        self.order.retain(|field| seen.insert(*field));
        self.order.extend(Field::ALL.iter().copied().filter(|field| !seen.contains(field)));
        if self.shown().next().is_none() {
            self.hidden.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_hidden_and_moved_and_one_stays() {
        let mut columns = Columns::of(&[Field::Phase, Field::Region]);
        assert_eq!(columns.shown().collect::<Vec<_>>(), [Field::Phase, Field::Region]);
        assert_eq!(columns.shift(0, true), 1);
        columns.toggle(0);
        columns.toggle(1);
        assert_eq!(columns.shown().collect::<Vec<_>>(), [Field::Phase]);
        assert_eq!(columns.shift(0, false), 0);
        assert_eq!(columns.all().count(), Field::ALL.len());
    }

    #[test]
    fn what_an_older_version_remembered_is_completed() {
        let mut columns: Columns =
            serde_json::from_str(r#"{"order":["phase","phase"],"hidden":[]}"#).unwrap();
        columns.complete();
        assert_eq!(columns.all().count(), Field::ALL.len());
        assert_eq!(columns.shown().next(), Some(Field::Phase));
    }
}
