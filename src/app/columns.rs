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

/// Those that are not shown at first. The zone stands beside the region's name, and the newest line in
/// the phase; CloudWatch tells nothing unasked.
const HIDDEN: [Field; 9] = [
    Field::Zone,
    Field::City,
    Field::Cpu5m,
    Field::NetIn,
    Field::NetOut,
    Field::Credits,
    Field::Private,
    Field::Cost,
    Field::Output,
];

impl Default for Columns {
    fn default() -> Self {
        Self { order: Field::ALL.to_vec(), hidden: BTreeSet::from(HIDDEN) }
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

    /// Shows these as well, unless the user chose columns.
    pub(super) fn show(&mut self, fields: &[Field]) {
        if *self == Self::default() {
            self.hidden.retain(|field| !fields.contains(field));
        }
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
        let new = || Field::ALL.iter().copied().filter(|field| !seen.contains(field));
        self.hidden.extend(new().filter(|field| HIDDEN.contains(field)));
        self.order.extend(new());
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
        assert!(!columns.shown().any(|field| field == Field::Credits), "nobody asks for them");
    }

    #[test]
    fn what_cloudwatch_is_asked_for_is_shown_where_nobody_chose() {
        let mut columns = Columns::default();
        columns.show(&[Field::Credits]);
        assert!(columns.shown().any(|field| field == Field::Credits));
        let mut chosen = Columns::of(&[Field::Phase]);
        chosen.show(&[Field::Credits]);
        assert_eq!(chosen.shown().collect::<Vec<_>>(), [Field::Phase]);
    }
}
