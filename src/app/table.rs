//! Which instances the table shows, in which order, and where the cursor is.
//!
//! The order is computed when a message changes it, never while a frame is drawn. The cursor and
//! the marks are rows by their key: a re-sort never moves them to another machine.
//!
//! Sorted by region, as the screen starts, bad news comes first: what AWS takes back, then what
//! failed, then the rest by region. A sort by any other column is that column's order alone.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::command::Motion;
use crate::fleet::{Fleet, Health, Instance, InstanceKey, Phase};

/// What the table can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortKey {
    /// Bad news, then by region.
    #[default]
    Region,
    /// The EC2 id.
    Instance,
    /// From what needs a person to what is on its way out.
    Phase,
    /// The machine type.
    Type,
    /// The address.
    Address,
    /// The youngest first.
    Age,
}

impl SortKey {
    const ALL: [Self; 6] =
        [Self::Region, Self::Instance, Self::Phase, Self::Type, Self::Address, Self::Age];

    /// The word below the table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Instance => "instance",
            Self::Phase => "phase",
            Self::Type => "type",
            Self::Address => "address",
            Self::Age => "age",
        }
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|key| *key == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    fn compare(self, a: &Instance, b: &Instance, reverse: bool) -> Ordering {
        let turn = |order: Ordering| if reverse { order.reverse() } else { order };
        match self {
            Self::Region => urgency(a).cmp(&urgency(b)).then_with(|| turn(a.region.cmp(&b.region))),
            Self::Instance => turn(a.id().cmp(&b.id())),
            Self::Phase => turn(
                (a.phase.health(), a.phase.progress()).cmp(&(b.phase.health(), b.phase.progress())),
            ),
            Self::Type => turn(machine_type(a).cmp(&machine_type(b))),
            Self::Address => turn(a.address().cmp(&b.address())),
            Self::Age => turn(birth(b).cmp(&birth(a))),
        }
        .then_with(|| a.key.cmp(&b.key))
    }
}

fn urgency(instance: &Instance) -> u8 {
    match instance.phase.health() {
        Health::Interrupted => 0,
        Health::Bad => 1,
        _ => 2,
    }
}

fn machine_type(instance: &Instance) -> Option<&str> {
    instance.machine.as_ref().map(|machine| machine.machine_type.as_str())
}

/// When it was launched, or planned.
fn birth(instance: &Instance) -> jiff::Timestamp {
    instance.machine.as_ref().map_or_else(
        || instance.timeline.first().map_or(instance.since, |(at, _)| *at),
        |machine| machine.launched,
    )
}

/// The order of the rows, the cursor, the window and the marks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    order: Vec<InstanceKey>,
    cursor: Option<InstanceKey>,
    at: usize,
    top: usize,
    height: usize,
    marks: BTreeSet<InstanceKey>,
    filter: String,
    sort: SortKey,
    reverse: bool,
}

impl Table {
    /// The rows to draw: those of the window.
    pub fn window(&self) -> &[InstanceKey] {
        let end = self.order.len().min(self.top + self.height);
        self.order.get(self.top..end).unwrap_or_default()
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

    /// The marked rows, else the one under the cursor.
    pub fn chosen(&self) -> Vec<InstanceKey> {
        if self.marks.is_empty() {
            self.cursor.iter().cloned().collect()
        } else {
            self.order.iter().filter(|key| self.marks.contains(*key)).cloned().collect()
        }
    }

    /// The words that a row has to contain.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// What it is sorted by, and whether the other way round.
    pub fn sort(&self) -> (SortKey, bool) {
        (self.sort, self.reverse)
    }

    /// Computes the order anew. The cursor stays on its instance; when that is gone, it goes to
    /// the one that took its place.
    pub(super) fn arrange(&mut self, fleet: &Fleet) {
        let needles: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let mut rows: Vec<&Instance> =
            fleet.instances().filter(|instance| passes(instance, &needles)).collect();
        rows.sort_by(|a, b| self.sort.compare(a, b, self.reverse));
        self.order = rows.into_iter().map(|instance| instance.key.clone()).collect();
        if !self.marks.is_empty() {
            let shown: BTreeSet<&InstanceKey> = self.order.iter().collect();
            self.marks.retain(|key| shown.contains(key));
        }
        let found =
            self.cursor.as_ref().and_then(|key| self.order.iter().position(|row| row == key));
        self.put(found.unwrap_or(self.at));
    }

    /// Tells how many rows the window has.
    pub(super) fn resize(&mut self, height: usize) {
        self.height = height;
        self.put(self.at);
    }

    pub(super) fn step(&mut self, motion: Motion) {
        self.put(motion.from(self.at, self.order.len(), self.height));
    }

    /// Puts the cursor on a row, if that is shown.
    pub(super) fn select(&mut self, key: &InstanceKey) {
        if let Some(at) = self.order.iter().position(|row| row == key) {
            self.put(at);
        }
    }

    pub(super) fn mark(&mut self) {
        if let Some(key) = self.cursor.clone() {
            if !self.marks.remove(&key) {
                self.marks.insert(key);
            }
            self.step(Motion::Down);
        }
    }

    pub(super) fn unmark(&mut self) {
        self.marks.clear();
    }

    pub(super) fn set_filter(&mut self, filter: String, fleet: &Fleet) {
        self.filter = filter;
        self.arrange(fleet);
    }

    pub(super) fn sort_next(&mut self, fleet: &Fleet) {
        self.sort = self.sort.next();
        self.reverse = false;
        self.arrange(fleet);
    }

    pub(super) fn sort_reverse(&mut self, fleet: &Fleet) {
        self.reverse = !self.reverse;
        self.arrange(fleet);
    }

    pub(super) fn sort_by(&mut self, key: SortKey, fleet: &Fleet) {
        self.reverse = self.sort == key && !self.reverse;
        self.sort = key;
        self.arrange(fleet);
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

/// Whether a row contains all words, in any of its columns.
fn passes(instance: &Instance, needles: &[String]) -> bool {
    if needles.is_empty() {
        return true;
    }
    let mut text = format!("{} {} {}", instance.key, instance.region, instance.phase.word());
    if let Phase::Failed(failure) = &instance.phase {
        text.push(' ');
        text.push_str(&failure.reason);
    }
    if let Some(machine) = &instance.machine {
        for part in [machine.id.as_str(), machine.machine_type.as_str(), machine.zone.as_str()] {
            text.push(' ');
            text.push_str(part);
        }
        for part in [&machine.name, &machine.creator].into_iter().flatten() {
            text.push(' ');
            text.push_str(part);
        }
        for address in [machine.public_ip, machine.private_ip].into_iter().flatten() {
            text.push(' ');
            text.push_str(&address.to_string());
        }
    }
    let text = text.to_lowercase();
    needles.iter().all(|needle| text.contains(needle))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::fleet::{Failure, Region, Step};

    fn fleet(rows: &[(&str, &str, Phase)]) -> Fleet {
        let mut fleet = Fleet::default();
        for (key, region, phase) in rows {
            let mut instance = Instance::planned(
                (*key).into(),
                Region::from(*region),
                "spot-1".into(),
                Timestamp::UNIX_EPOCH,
            );
            instance.phase = phase.clone();
            fleet.insert(instance);
        }
        fleet
    }

    fn failed() -> Phase {
        Phase::Failed(Failure::new(Step::Launch, "no capacity", ""))
    }

    fn order(table: &Table) -> Vec<&str> {
        table.order.iter().map(InstanceKey::as_str).collect()
    }

    fn three() -> Fleet {
        fleet(&[
            ("a", "us-west-2", Phase::Ready),
            ("b", "eu-west-1", Phase::Ready),
            ("c", "sa-east-1", failed()),
            ("d", "us-east-1", Phase::Interrupted { at: None }),
        ])
    }

    #[test]
    fn bad_news_comes_first_also_in_reverse() {
        let fleet = three();
        let mut table = Table::default();
        table.arrange(&fleet);
        assert_eq!(order(&table), ["d", "c", "b", "a"]);
        table.sort_reverse(&fleet);
        assert_eq!(order(&table), ["d", "c", "a", "b"]);
        table.sort_by(SortKey::Instance, &fleet);
        assert_eq!(order(&table), ["a", "b", "c", "d"]);
    }

    #[test]
    fn the_cursor_stays_on_its_instance_when_the_order_changes() {
        let mut fleet = three();
        let mut table = Table::default();
        table.resize(2);
        table.arrange(&fleet);
        table.select(&"a".into());
        assert_eq!(table.window().len(), 2);
        table.sort_by(SortKey::Instance, &fleet);
        assert_eq!(table.cursor().unwrap().as_str(), "a");
        assert!(table.window().contains(&"a".into()));
        fleet.remove(&"a".into());
        table.arrange(&fleet);
        assert_eq!(table.cursor().unwrap().as_str(), "b", "the one that took its place");
    }

    #[test]
    fn a_filter_hides_rows_marks_and_cursor() {
        let fleet = three();
        let mut table = Table::default();
        table.resize(10);
        table.arrange(&fleet);
        table.select(&"a".into());
        table.mark();
        table.set_filter("CAPACITY sa-".into(), &fleet);
        assert_eq!(order(&table), ["c"]);
        assert_eq!(table.cursor().unwrap().as_str(), "c");
        assert!(table.marks().is_empty());
        table.set_filter("nothing like it".into(), &fleet);
        assert_eq!(table.cursor(), None);
        assert!(table.chosen().is_empty());
    }

    #[test]
    fn the_window_follows_the_cursor_and_never_shows_less_than_it_could() {
        let rows: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
        let rows: Vec<_> =
            rows.iter().map(|key| (key.as_str(), "us-west-2", Phase::Ready)).collect();
        let fleet = fleet(&rows);
        let mut table = Table::default();
        table.resize(10);
        table.arrange(&fleet);
        table.step(Motion::PageDown);
        assert_eq!((table.cursor().unwrap().as_str(), table.top()), ("010", 1));
        table.step(Motion::Last);
        assert_eq!((table.cursor().unwrap().as_str(), table.top()), ("099", 90));
        table.resize(50);
        assert_eq!(table.top(), 50);
        table.resize(0);
        assert!(table.window().is_empty());
    }
}
