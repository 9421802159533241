//! How one value is read, and what is said about one that is something else.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::complaint::{Position, quoted};
use super::keys::nearest;
use super::shapes;
use super::tree::{Node, Value};

/// A value that is not what its key needs.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: Position,
    /// What would be right: `a whole number from 1 to 5`.
    pub(super) right: String,
    /// What stands there: `the text 'x'`.
    pub(super) found: String,
    pub(super) hint: Option<String>,
}

impl Wrong {
    /// `node` should have been `right`.
    pub(super) fn new(node: &Node, right: impl Into<String>) -> Self {
        Self { at: node.at, right: right.into(), found: describe(node), hint: None }
    }

    /// Adds what to write instead.
    pub(super) fn with(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

/// A value, or why it is none.
pub(super) type ValueResult<T> = Result<T, Wrong>;

/// What a scalar means by YAML's core schema, as far as this configuration cares.
enum Kind<'a> {
    Nothing,
    Boolean(bool),
    Number(&'a str),
    Text(&'a str),
    Collection,
}

fn kind(node: &Node) -> Kind<'_> {
    let Value::Scalar { text, plain } = &node.value else { return Kind::Collection };
    match text.as_str() {
        _ if node.is_null() => Kind::Nothing,
        text if !plain => Kind::Text(text),
        "true" | "True" | "TRUE" => Kind::Boolean(true),
        "false" | "False" | "FALSE" => Kind::Boolean(false),
        text if is_number(text) => Kind::Number(text),
        text => Kind::Text(text),
    }
}

fn is_number(text: &str) -> bool {
    // Rust also parses `inf`, `nan` and the like, which are words here.
    text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && text.parse::<f64>().is_ok()
}

fn describe(node: &Node) -> String {
    match kind(node) {
        Kind::Nothing => "nothing".into(),
        Kind::Boolean(value) => format!("the boolean {value}"),
        Kind::Number(text) if text.len() <= 30 => format!("the number {text}"),
        Kind::Number(_) => "a very long number".into(),
        Kind::Text(text) => format!("the text {}", quoted(text)),
        Kind::Collection if matches!(node.value, Value::List(_)) => "a list".into(),
        Kind::Collection => "a mapping".into(),
    }
}

/// A text that satisfies `fits`; `right` says what that is.
pub(super) fn text<'a>(
    node: &'a Node,
    right: &str,
    fits: impl Fn(&str) -> bool,
) -> ValueResult<&'a str> {
    match kind(node) {
        Kind::Text(text) if fits(text) => Ok(text),
        Kind::Number(text) if fits(text) => {
            Err(Wrong::new(node, right).with(Some(format!("put it in quotes: \"{text}\""))))
        }
        Kind::Boolean(value) if fits(if value { "true" } else { "false" }) => {
            Err(Wrong::new(node, right).with(Some(format!("put it in quotes: \"{value}\""))))
        }
        _ => Err(Wrong::new(node, right)),
    }
}

/// A scalar as it is written, be it a number, a boolean or text.
pub(super) fn verbatim<'a>(node: &'a Node, right: &str) -> ValueResult<&'a str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Ok(text),
        _ => Err(Wrong::new(node, right)),
    }
}

/// A path as it is written: `~/` is the runtime's to expand.
pub(super) fn path(node: &Node) -> ValueResult<PathBuf> {
    let text = text(node, "a path", |text| !text.is_empty())?;
    Ok(PathBuf::from(text))
}

/// An address of the web; `such_as` is an example.
pub(super) fn url(node: &Node, such_as: &str) -> ValueResult<String> {
    let right = format!("a web address such as {such_as}");
    text(node, &right, shapes::is_url).map(str::to_owned)
}

/// `true` or `false`, and the other words that YAML 1.1 has for them.
pub(super) fn boolean(node: &Node) -> ValueResult<bool> {
    match kind(node) {
        Kind::Boolean(value) => Ok(value),
        Kind::Text(text) if text.eq_ignore_ascii_case("yes") => Ok(true),
        Kind::Text(text) if text.eq_ignore_ascii_case("on") => Ok(true),
        Kind::Text(text) if text.eq_ignore_ascii_case("no") => Ok(false),
        Kind::Text(text) if text.eq_ignore_ascii_case("off") => Ok(false),
        _ => Err(Wrong::new(node, "true or false")),
    }
}

/// A whole number within bounds; `unit` follows them in the message.
pub(super) fn whole(node: &Node, bounds: RangeInclusive<u32>, unit: &str) -> ValueResult<u32> {
    let (low, high) = (bounds.start(), bounds.end());
    let right = format!("a whole number from {low} to {high}{unit}");
    match kind(node) {
        Kind::Number(text) => text
            .parse::<u32>()
            .ok()
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| Wrong::new(node, right)),
        Kind::Text(text) if text.parse::<u32>().is_ok() => {
            Err(Wrong::new(node, right).with(Some("remove the quotes".into())))
        }
        _ => Err(Wrong::new(node, right)),
    }
}

/// A price in USD per hour. EC2 refuses `SpotPrice` up to 0.001; no instance costs 1000.
pub(super) fn price(node: &Node) -> ValueResult<f64> {
    price_up_to(node, 1000.0)
}

/// A sum in USD per hour, more than a tenth of a cent.
pub(super) fn price_up_to(node: &Node, most: f64) -> ValueResult<f64> {
    let right = format!("a price in USD per hour, more than 0.001 and at most {most}");
    usd(node, right, |price| price > 0.001 && price <= most)
}

/// A sum in USD, be it nothing.
pub(super) fn sum_up_to(node: &Node, most: f64) -> ValueResult<f64> {
    let right = format!("a sum in USD from 0 to {most}");
    usd(node, right, |sum| (0.0..=most).contains(&sum))
}

fn usd(node: &Node, right: String, is_right: impl Fn(f64) -> bool) -> ValueResult<f64> {
    match kind(node) {
        Kind::Number(text) => text
            .parse::<f64>()
            .ok()
            .filter(|usd| is_right(*usd))
            .ok_or_else(|| Wrong::new(node, right)),
        Kind::Text(text) => {
            let bare = text.trim().trim_start_matches('$');
            let hint = is_number(bare).then(|| format!("write the bare number: {bare}"));
            Err(Wrong::new(node, right).with(hint))
        }
        _ => Err(Wrong::new(node, right)),
    }
}

/// One of a few words, each with its meaning.
pub(super) fn choice<T: Copy>(node: &Node, words: &[(&'static str, T)]) -> ValueResult<T> {
    let names: Vec<&'static str> = words.iter().map(|(name, _)| *name).collect();
    let right = alternatives(&names);
    let Kind::Text(text) = kind(node) else { return Err(Wrong::new(node, right)) };
    let found = words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let hint = nearest(text, &names).map(|name| format!("did you mean '{name}'?"));
        Wrong::new(node, right).with(hint)
    })
}

fn alternatives(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}
