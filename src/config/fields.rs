//! One mapping of the configuration: its keys are asked for one by one, and what nobody asked for
//! is complained about.

use super::complaint::{ComplaintSink, Position, quoted};
use super::keys::{Section, suggest};
use super::retired::heir;
use super::tree::{Entry, Node, Value};
use super::values::{ValueResult, Wrong};

/// What a key said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reading<T> {
    /// Nothing, or null.
    Absent,
    /// Something that was complained about.
    Wrong,
    /// This, at that place.
    Given(T, Position),
}

impl<T> Reading<T> {
    /// The value, where a good one was given.
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value, _) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// The value, or another.
    pub(super) fn or(self, default: T) -> T {
        self.given().unwrap_or(default)
    }

    /// Where a good value stands.
    pub(super) fn at(&self) -> Option<Position> {
        match self {
            Self::Given(_, at) => Some(*at),
            Self::Absent | Self::Wrong => None,
        }
    }

    /// Whether it was complained about.
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong)
    }
}

/// The keys of one mapping.
pub(super) struct Fields<'a> {
    section: Section,
    /// `in 'aws'`, or empty for the file itself.
    place: String,
    entries: &'a [Entry],
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The keys of `node`; none where it is missing or null, or, after a complaint, no mapping.
    pub(super) fn of(
        node: Option<&'a Node>,
        section: Section,
        place: &str,
        sink: &mut ComplaintSink,
    ) -> Self {
        let entries: &[Entry] = match node {
            Some(Node { value: Value::Mapping(entries), .. }) => entries,
            Some(node) if !node.is_null() => {
                let Wrong { found, .. } = Wrong::new(node, "");
                let what = place.trim_start_matches("in ");
                sink.add(node.at, format!("{what} must be keys with values, found {found}"));
                &[]
            }
            _ => &[],
        };
        Self { section, place: place.to_owned(), entries, asked: Vec::new() }
    }

    /// The value of a key, where it is set.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node).filter(|node| !node.is_null())
    }

    /// A key and its value, be it null.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        debug_assert!(self.section.keys().contains(&key), "{key} is not listed");
        self.asked.push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Reads the value of a key.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        sink: &mut ComplaintSink,
        take: impl FnOnce(&'a Node) -> ValueResult<T>,
    ) -> Reading<T> {
        let Some(node) = self.get(key) else { return Reading::Absent };
        match take(node) {
            Ok(value) => Reading::Given(value, node.at),
            Err(wrong) => {
                self.complain(&format!("'{key}'"), wrong, sink);
                Reading::Wrong
            }
        }
    }

    /// Reads a list, each item by itself.
    pub(super) fn read_list<T: PartialEq>(
        &mut self,
        key: &'static str,
        sink: &mut ComplaintSink,
        take: impl Fn(&'a Node) -> ValueResult<T>,
    ) -> Reading<Vec<T>> {
        let Some(node) = self.get(key) else { return Reading::Absent };
        let Value::List(items) = &node.value else {
            let hint = matches!(node.value, Value::Scalar { .. })
                .then(|| format!("put it in brackets: '{key}: [..]'"));
            self.complain(&format!("'{key}'"), Wrong::new(node, "a list").with(hint), sink);
            return Reading::Wrong;
        };
        let mut list = Vec::with_capacity(items.len());
        let mut wrong = false;
        for item in items {
            match take(item) {
                Ok(value) if list.contains(&value) => {
                    let Wrong { found, .. } = Wrong::new(item, "");
                    let what = with_place(&format!("'{key}'"), &self.place);
                    sink.add(item.at, format!("{what} has {found} twice"));
                }
                Ok(value) => list.push(value),
                Err(mistake) => {
                    wrong = true;
                    self.complain(&format!("each of '{key}'"), mistake, sink);
                }
            }
        }
        if wrong { Reading::Wrong } else { Reading::Given(list, node.at) }
    }

    fn complain(&self, what: &str, wrong: Wrong, sink: &mut ComplaintSink) {
        let Wrong { at, right, found, hint } = wrong;
        let what = with_place(what, &self.place);
        sink.push(at, format!("{what} must be {right}, found {found}"), hint);
    }

    /// Complains about the keys that are not known here. Returns those that were probably meant,
    /// so that nobody complains that they are missing as well.
    pub(super) fn finish(self, sink: &mut ComplaintSink) -> Vec<&'static str> {
        debug_assert!(
            self.section.keys().iter().all(|key| self.asked.contains(key)),
            "a listed key of {:?} is not read",
            self.section
        );
        let mut meant = Vec::new();
        for entry in self.entries {
            // At the top, other tools' habit to define anchors.
            let is_free = self.place.is_empty() && entry.key.starts_with("x-");
            if is_free || self.asked.contains(&entry.key.as_str()) {
                continue;
            }
            if let Some(heir) = heir(self.section, &entry.key) {
                let key = with_place(&quoted(&entry.key), &self.place);
                let old = format!("{key} is a key of spot-tui's predecessor");
                sink.push(entry.at, old, Some(heir.hint()));
                continue;
            }
            let unknown = format!("unknown key {}", quoted(&entry.key));
            let suggestion = suggest(self.section, &entry.key);
            meant.extend(suggestion.as_ref().map(|suggestion| suggestion.key));
            // On the screen it looks like a blank.
            let odd = entry.key.contains('\u{a0}');
            let hint = suggestion.map(|suggestion| suggestion.hint).or_else(|| {
                odd.then(|| "a no-break space (U+00A0) is in it: write blanks".to_owned())
            });
            sink.push(entry.at, with_place(&unknown, &self.place), hint);
        }
        meant
    }
}

fn with_place(what: &str, place: &str) -> String {
    if place.is_empty() { what.to_owned() } else { format!("{what} {place}") }
}
