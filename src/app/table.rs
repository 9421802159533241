//! Which instances the table shows, in which order and columns, and where the cursor is.
//!
//! The order is computed when a message changes it, never while a frame is drawn; where few rows
//! changed, only those are moved. The cursor and the marks are rows by their key: a re-sort never
//! moves them to another machine.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use super::command::Motion;
use super::{Columns, Field, Query};
use crate::fleet::{Amount, Fleet, Health, Instance, InstanceKey, Region};

/// The order of the rows, the cursor, the window and the marks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    order: Vec<InstanceKey>,
    cursor: Option<InstanceKey>,
    /// Whether anybody has done anything here: until then the list shows its beginning.
    is_touched: bool,
    /// The row that the cursor was on before a filter hid it; none once somebody moved the cursor.
    home: Option<InstanceKey>,
    at: usize,
    top: usize,
    height: usize,
    marks: BTreeSet<InstanceKey>,
    range: Option<Range>,
    query: Query,
    /// Which columns are shown, and in which order.
    pub columns: Columns,
    sort: Field,
    reverse: bool,
    /// The moment by which ages are filtered.
    pub(super) now: Timestamp,
    /// The regions whose rows are one line.
    folded: BTreeSet<Region>,
    /// Whether that holds now: where regions or cells are shown it does not.
    pub(super) folds: bool,
    /// What each such line stands for, by the first of its rows.
    folds_at: BTreeMap<InstanceKey, Fold>,
}

/// The rows of a region that are one line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fold {
    /// All of them, in their order.
    pub keys: Vec<InstanceKey>,
    /// How many there are in each state.
    pub counts: BTreeMap<Health, usize>,
    /// What they cost an hour.
    pub hourly: Amount,
}

/// How many rows from all over are measured.
const SAMPLE: usize = 48;

/// Marks that grow with the cursor.
#[derive(Debug, Clone, PartialEq)]
struct Range {
    from: InstanceKey,
    /// What was marked before.
    before: BTreeSet<InstanceKey>,
}

impl Table {
    /// The rows to draw: those of the window.
    pub fn window(&self) -> &[InstanceKey] {
        let end = self.order.len().min(self.top + self.height);
        self.order.get(self.top..end).unwrap_or_default()
    }

    /// The rows of the window, and some from all over: by what these show columns get their
    /// widths, which then hardly change while one scrolls.
    pub fn sample(&self) -> impl Iterator<Item = &InstanceKey> {
        let step = (self.order.len() / SAMPLE).max(1);
        self.window().iter().chain(self.order.iter().step_by(step).take(SAMPLE))
    }

    /// All rows that pass the filter, in their order.
    pub fn order(&self) -> &[InstanceKey] {
        &self.order
    }

    /// The place of the row under the cursor.
    pub fn at(&self) -> usize {
        self.at
    }

    /// How many rows pass the filter.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no row passes the filter.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The first row of the window.
    pub fn top(&self) -> usize {
        self.top
    }

    /// The row under the cursor: always one that passes the filter.
    pub fn cursor(&self) -> Option<&InstanceKey> {
        self.cursor.as_ref()
    }

    /// The marked rows: always such that pass the filter, so that nobody destroys what he does
    /// not see.
    pub fn marks(&self) -> &BTreeSet<InstanceKey> {
        &self.marks
    }

    /// Whether marks grow with the cursor.
    pub fn is_ranging(&self) -> bool {
        self.range.is_some()
    }

    /// The marked rows, else the one under the cursor: all of them where they are one line.
    pub fn chosen(&self) -> Vec<InstanceKey> {
        if self.marks.is_empty() {
            self.cursor.iter().flat_map(|key| self.behind(key)).cloned().collect()
        } else {
            self.all().filter(|key| self.marks.contains(*key)).cloned().collect()
        }
    }

    /// What a line stands for, where it stands for a region.
    pub fn fold_at(&self, key: &InstanceKey) -> Option<&Fold> {
        self.folds_at.get(key)
    }

    /// How many rows are behind lines that stand for more than one.
    pub fn folded_away(&self) -> usize {
        self.folds_at.values().map(|fold| fold.keys.len() - 1).sum()
    }

    /// The rows behind a line.
    fn behind<'a>(&'a self, key: &'a InstanceKey) -> &'a [InstanceKey] {
        self.folds_at.get(key).map_or(std::slice::from_ref(key), |fold| &fold.keys)
    }

    /// All rows that pass the filter, also those behind a line.
    fn all(&self) -> impl Iterator<Item = &InstanceKey> {
        self.order.iter().flat_map(|key| self.behind(key))
    }

    /// Makes the rows of a region one line, or shows them again.
    pub(super) fn fold(&mut self, region: &Region, folded: bool, fleet: &Fleet) {
        let is_news =
            if folded { self.folded.insert(region.clone()) } else { self.folded.remove(region) };
        if is_news {
            self.arrange(fleet);
        }
    }

    /// The same with every region.
    pub(super) fn fold_all(&mut self, folded: bool, fleet: &Fleet) {
        self.folded.clear();
        if folded {
            self.folded.extend(fleet.instances().map(|row| row.region.clone()));
        }
        self.arrange(fleet);
    }

    /// What a row has to say to be shown.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// What it is sorted by, and whether the other way round.
    pub fn sort(&self) -> (Field, bool) {
        (self.sort, self.reverse)
    }

    /// Computes the order anew. The cursor stays on its instance; when that is gone, it goes to
    /// the one that took its place.
    pub(super) fn arrange(&mut self, fleet: &Fleet) {
        let mut rows: Vec<&Instance> =
            fleet.instances().filter(|row| self.query.passes(row, self.now)).collect();
        rows.sort_by(|a, b| self.sort.compare(a, b, self.reverse));
        self.deal(&rows);
        self.follow();
    }

    /// Makes lines of rows: one each, but one for all of a folded region, where its first one stands.
    fn deal(&mut self, rows: &[&Instance]) {
        self.folds_at.clear();
        let mut heads: BTreeMap<&Region, InstanceKey> = BTreeMap::new();
        let mut order = Vec::with_capacity(rows.len());
        for row in rows {
            if !self.folds || !self.folded.contains(&row.region) {
                order.push(row.key.clone());
                continue;
            }
            let head = heads.entry(&row.region).or_insert_with(|| {
                order.push(row.key.clone());
                row.key.clone()
            });
            let fold = self.folds_at.entry(head.clone()).or_default();
            fold.keys.push(row.key.clone());
            *fold.counts.entry(row.phase.health()).or_insert(0) += 1;
            fold.hourly += row.cost.hourly;
        }
        self.order = order;
    }

    /// Moves only the rows that changed, where they are few: the others keep their order.
    pub(super) fn rearrange(&mut self, fleet: &Fleet, changed: &BTreeSet<InstanceKey>) {
        if changed.len() > self.order.len() / 8 || (self.folds && !self.folded.is_empty()) {
            self.arrange(fleet);
            return;
        }
        let moved: HashSet<&InstanceKey> = changed.iter().collect();
        let mut kept = std::mem::take(&mut self.order);
        kept.retain(|key| !moved.contains(key));
        let mut rows: Vec<&Instance> = changed
            .iter()
            .filter_map(|key| fleet.get(key))
            .filter(|row| self.query.passes(row, self.now))
            .collect();
        rows.sort_by(|a, b| self.sort.compare(a, b, self.reverse));
        let mut order = Vec::with_capacity(kept.len() + rows.len());
        let places: Vec<usize> = rows
            .iter()
            .map(|row| {
                kept.partition_point(|key| {
                    let other = fleet.get(key);
                    other.is_some_and(|other| self.sort.compare(other, row, self.reverse).is_lt())
                })
            })
            .collect();
        let (mut kept, mut taken) = (kept.into_iter(), 0);
        for (row, place) in rows.into_iter().zip(places) {
            order.extend(kept.by_ref().take(place - taken));
            order.push(row.key.clone());
            taken = place;
        }
        order.extend(kept);
        self.order = order;
        self.follow();
    }

    /// Puts marks and cursor where their instances are now.
    fn follow(&mut self) {
        if !self.marks.is_empty() {
            let shown: HashSet<InstanceKey> = self.all().cloned().collect();
            self.marks.retain(|key| shown.contains(key));
        }
        let found = self.cursor.as_ref().and_then(|key| self.line_of(key));
        self.put(if self.is_touched { found.unwrap_or(self.at) } else { 0 });
    }

    /// Somebody has pressed a key: the cursor stays with its row from now on.
    pub(super) fn touch(&mut self) {
        self.is_touched = true;
    }

    /// Somebody has put the cursor somewhere.
    fn moved(&mut self, at: usize) {
        self.touch();
        self.home = None;
        self.put(at);
        self.stretch();
    }

    /// The line that a row is on.
    fn line_of(&self, key: &InstanceKey) -> Option<usize> {
        let line = self.order.iter().position(|row| row == key);
        line.or_else(|| {
            let head = self.folds_at.iter().find(|(_, fold)| fold.keys.contains(key))?.0;
            self.order.iter().position(|row| row == head)
        })
    }

    /// Tells how many rows the window has.
    pub(super) fn resize(&mut self, height: usize) {
        self.height = height;
        self.put(self.at);
    }

    pub(super) fn step(&mut self, motion: Motion) {
        self.moved(motion.from(self.at, self.order.len(), self.height));
    }

    /// Puts the cursor on a row, if that is shown.
    pub(super) fn select(&mut self, key: &InstanceKey) {
        if let Some(at) = self.line_of(key) {
            self.moved(at);
        }
    }

    /// Puts the cursor on the row at a place.
    pub(super) fn go(&mut self, at: usize) {
        self.moved(at);
    }

    /// Marks these rows, or takes their marks away where all of them have one.
    pub(super) fn mark_these(&mut self, keys: Vec<InstanceKey>) {
        self.range = None;
        if keys.iter().all(|key| self.marks.contains(key)) {
            for key in &keys {
                self.marks.remove(key);
            }
        } else {
            self.marks.extend(keys);
        }
    }

    pub(super) fn mark(&mut self) {
        self.range = None;
        if let Some(key) = self.cursor.clone() {
            self.mark_these(self.behind(&key).to_vec());
            self.step(Motion::Down);
        }
    }

    /// Marks grow with the cursor from here on; the second time they stay.
    pub(super) fn mark_range(&mut self) {
        self.range = match (self.range.take(), &self.cursor) {
            (None, Some(from)) => Some(Range { from: from.clone(), before: self.marks.clone() }),
            _ => None,
        };
        self.stretch();
    }

    pub(super) fn mark_all(&mut self) {
        self.range = None;
        self.marks = self.all().cloned().collect();
    }

    pub(super) fn mark_others(&mut self) {
        self.range = None;
        self.marks = self.all().filter(|key| !self.marks.contains(*key)).cloned().collect();
    }

    pub(super) fn unmark(&mut self) {
        self.range = None;
        self.marks.clear();
    }

    /// Marks what lies between the beginning of a range and the cursor.
    fn stretch(&mut self) {
        let Some(range) = &self.range else { return };
        let from = self.order.iter().position(|key| *key == range.from).unwrap_or(self.at);
        let (first, last) = (from.min(self.at), from.max(self.at));
        let lines = self.order.iter().take(last + 1).skip(first);
        let rows = lines.flat_map(|key| self.behind(key)).cloned();
        self.marks = range.before.iter().cloned().chain(rows).collect();
    }

    /// Puts the cursor on the next row that passes this filter, or the one before; from the last to
    /// the first. Says whether there is any.
    pub(super) fn seek(&mut self, query: &Query, fleet: &Fleet, back: bool) -> bool {
        let count = self.order.len();
        let place = |step: usize| (self.at + if back { count - step } else { step }) % count;
        let row = |at: &usize| fleet.get(&self.order[*at]);
        let passes = |at: &usize| row(at).is_some_and(|row| query.passes(row, self.now));
        let found = (1..=count).map(place).find(passes).map(|at| self.order[at].clone());
        if let Some(key) = &found {
            self.select(key);
        }
        found.is_some()
    }

    /// Shows what passes this filter. Where that hides the cursor's row, the cursor is on the first
    /// one, and back on that row as soon as it is shown again.
    pub(super) fn set_filter(&mut self, filter: &str, fleet: &Fleet) {
        let home = self.home.take().or_else(|| self.cursor.clone());
        self.query = Query::parse(filter);
        self.arrange(fleet);
        let at = home.as_ref().and_then(|key| self.line_of(key));
        self.home = if at.is_none() { home } else { None };
        self.put(at.unwrap_or(0));
    }

    pub(super) fn sort_reverse(&mut self, fleet: &Fleet) {
        self.reverse = !self.reverse;
        self.arrange(fleet);
    }

    pub(super) fn sort_by(&mut self, field: Field, fleet: &Fleet) {
        self.reverse = self.sort == field && !self.reverse;
        self.sort = field;
        self.arrange(fleet);
    }

    /// The order that was remembered.
    pub(super) fn restore(&mut self, columns: Columns, sort: Field, reverse: bool) {
        (self.columns, self.sort, self.reverse) = (columns, sort, reverse);
    }

    /// Puts the cursor on the row at a place, or the nearest there is, and moves the window no
    /// further than it must.
    fn put(&mut self, at: usize) {
        let last = self.order.len().saturating_sub(1);
        self.at = at.min(last);
        self.cursor = self.order.get(self.at).cloned();
        let full = self.order.len().saturating_sub(self.height);
        let lowest = (self.at + 1).saturating_sub(self.height.max(1));
        self.top = self.top.clamp(lowest, self.at).min(full.max(lowest));
    }
}

#[cfg(test)]
mod tests;
