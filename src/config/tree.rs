//! YAML text as a tree in which every key and value knows its place.
//!
//! It is built from the events of serde-saphyr's own parser, not through serde: a serde
//! deserializer stops at the first mistake, reports one duplicate key at most, and hands a scalar
//! over as a number or a boolean, so that the tag value `1.10` would come out as `1.1`.
//!
//! The text is bounded in size, depth and number of values, the copies that aliases make
//! included, so that no input takes long.

use std::collections::HashMap;

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span, Tag, options};

use super::complaint::{ComplaintSink, Position, SHORTEST, quoted};
use super::syntax::{self, MAX_DEPTH};

/// How many values there may be, counting each copy that an alias makes.
const MAX_VALUES: usize = 20_000;

/// A value and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A scalar as written. A plain one may be a null, a boolean or a number; one in quotes, in a
    /// block or with the tag `!!str` is text.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order of the text, each key once.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: Position,
    pub(super) key: String,
    pub(super) node: Node,
}

impl Node {
    /// Whether it says "not set".
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of a key, where this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(nodes) => nodes.iter().map(Self::count).sum(),
            Value::Mapping(entries) => entries.iter().map(|entry| entry.node.count()).sum(),
        }
    }
}

/// Reads a text. `None` only after a complaint.
pub(super) fn read(text: &str, sink: &mut ComplaintSink) -> Option<Node> {
    if !syntax::is_readable(text, sink) {
        return None;
    }
    let mut builder = Builder::default();
    let limits = options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
        emit_comments: false,
    };
    for event in Parser::new_from_str_with_options(text, limits) {
        let done = match event {
            Ok((event, span)) => builder.on_event(event, &span, sink),
            Err(error) => {
                syntax::explain(&error, text, sink);
                Err(Stop)
            }
        };
        if done.is_err() {
            return None;
        }
    }
    let root = builder.root.filter(|root| !root.is_null());
    if root.is_none() {
        sink.add_with(Position::START, "there is nothing in this file", SHORTEST);
    }
    root
}

/// Reading ends here; the report says why.
struct Stop;

/// Puts the events together.
#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    values: usize,
    documents: usize,
}

/// A list or mapping whose end has not come yet.
struct Frame {
    at: Position,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Mapping { entries: Vec<Entry>, key: Option<Key>, merged: Vec<Node> },
}

/// A key that waits for its value.
enum Key {
    Text(Position, String),
    /// `<<`: the value's own entries are taken over.
    Merge,
    /// Complained about; the value goes nowhere.
    Refused,
}

impl Builder {
    fn on_event(
        &mut self,
        event: Event<'_>,
        span: &Span,
        sink: &mut ComplaintSink,
    ) -> Result<(), Stop> {
        let at = position(span);
        match event {
            Event::DocumentStart(..) => self.start_document(at, sink),
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = style != ScalarStyle::Plain || is_string(tag.as_deref(), span, sink);
                let value = Value::Scalar { text: text.into_owned(), plain: !quoted };
                self.spend(1, at, sink)?;
                self.complete(Node { at, value }, anchor, sink)
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), span, sink);
                self.start(at, anchor, Parts::List(Vec::new()), sink)
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_tag(tag.as_deref(), span, sink);
                let parts = Parts::Mapping { entries: Vec::new(), key: None, merged: Vec::new() };
                self.start(at, anchor, parts, sink)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(frame) => {
                    let value = frame.parts.into_value(sink);
                    self.complete(Node { at: frame.at, value }, frame.anchor, sink)
                }
                None => Ok(()),
            },
            Event::Alias(id) => self.copy(id, at, sink),
            _ => Ok(()),
        }
    }

    fn start_document(&mut self, at: Position, sink: &mut ComplaintSink) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents == 1 {
            return Ok(());
        }
        sink.add_with(at, "a second document starts here", "a configuration is one document");
        Err(Stop)
    }

    fn start(
        &mut self,
        at: Position,
        anchor: usize,
        parts: Parts,
        sink: &mut ComplaintSink,
    ) -> Result<(), Stop> {
        self.spend(1, at, sink)?;
        self.open.push(Frame { at, anchor, parts });
        Ok(())
    }

    /// Puts what an alias stands for in its place.
    fn copy(&mut self, id: usize, at: Position, sink: &mut ComplaintSink) -> Result<(), Stop> {
        let Some(size) = self.anchors.get(&id).map(Node::count) else {
            sink.add(at, "an alias that contains itself");
            return Err(Stop);
        };
        self.spend(size, at, sink)?;
        match self.anchors.get(&id).cloned() {
            Some(node) => self.complete(node, 0, sink),
            None => Ok(()),
        }
    }

    fn spend(&mut self, values: usize, at: Position, sink: &mut ComplaintSink) -> Result<(), Stop> {
        self.values += values;
        if self.values <= MAX_VALUES {
            return Ok(());
        }
        sink.add(at, format!("more than {MAX_VALUES} values, counting what aliases repeat"));
        Err(Stop)
    }

    fn complete(
        &mut self,
        node: Node,
        anchor: usize,
        sink: &mut ComplaintSink,
    ) -> Result<(), Stop> {
        if anchor != 0 {
            self.spend(node.count(), node.at, sink)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|frame| &mut frame.parts) {
            None => self.root = Some(node),
            Some(Parts::List(nodes)) => nodes.push(node),
            Some(Parts::Mapping { entries, key, merged }) => match key.take() {
                None => *key = Some(Key::read(node, sink)),
                Some(Key::Text(at, key)) => entries.push(Entry { at, key, node }),
                Some(Key::Merge) => merged.push(node),
                Some(Key::Refused) => {}
            },
        }
        Ok(())
    }
}

impl Key {
    fn read(node: Node, sink: &mut ComplaintSink) -> Self {
        match node.value {
            Value::Scalar { text, plain: true } if text == "<<" => Self::Merge,
            Value::Scalar { text, .. } => Self::Text(node.at, text),
            Value::List(_) | Value::Mapping(_) => {
                sink.add(node.at, "a key must be a word, not a list or a mapping");
                Self::Refused
            }
        }
    }
}

impl Parts {
    fn into_value(self, sink: &mut ComplaintSink) -> Value {
        match self {
            Self::List(nodes) => Value::List(nodes),
            Self::Mapping { entries, merged, .. } => {
                let mut unique = Unique::default();
                for entry in entries {
                    unique.add(entry, sink);
                }
                for node in merged {
                    unique.merge(node, sink);
                }
                Value::Mapping(unique.entries)
            }
        }
    }
}

/// Entries of which no key comes twice.
#[derive(Default)]
struct Unique {
    entries: Vec<Entry>,
    places: HashMap<String, Position>,
}

impl Unique {
    fn add(&mut self, entry: Entry, sink: &mut ComplaintSink) {
        if let Some(first) = self.places.get(&entry.key) {
            sink.add_with(
                entry.at,
                format!("duplicate key {}", quoted(&entry.key)),
                format!("it is already at {first}"),
            );
            return;
        }
        self.places.insert(entry.key.clone(), entry.at);
        self.entries.push(entry);
    }

    /// Takes over what `<<` names; a key that is already there keeps its value
    /// (<https://yaml.org/type/merge.html>).
    fn merge(&mut self, node: Node, sink: &mut ComplaintSink) {
        match node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    if !self.places.contains_key(&entry.key) {
                        self.add(entry, sink);
                    }
                }
            }
            Value::List(nodes) => {
                for node in nodes {
                    self.merge(node, sink);
                }
            }
            Value::Scalar { .. } => {
                sink.add(node.at, "'<<' must name a mapping, or a list of mappings");
            }
        }
    }
}

fn position(span: &Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

/// Whether a scalar's tag makes it text. Other tags have no meaning here.
fn is_string(tag: Option<&Tag>, span: &Span, sink: &mut ComplaintSink) -> bool {
    let is_string = tag.is_some_and(|tag| tag.core_suffix() == Some("str"));
    if !is_string {
        refuse_tag(tag, span, sink);
    }
    is_string
}

fn refuse_tag(tag: Option<&Tag>, span: &Span, sink: &mut ComplaintSink) {
    let Some(tag) = tag else { return };
    let at = span.tag_start().map_or_else(
        || position(span),
        |mark| Position { line: mark.line(), column: mark.col() + 1 },
    );
    sink.add_with(
        at,
        format!("the YAML tag {} has no meaning here", quoted(&tag.original())),
        "leave it out",
    );
}
