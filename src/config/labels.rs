//! The user's own tags: what EC2 would refuse, and what is ours.
//!
//! The limits are those of "Tag your Amazon EC2 resources" in the EC2 user guide: "Although EC2 allows
//! for any character in its tags, other Amazon Web Services are more restrictive". What is refused is
//! what no screen can show.

use std::collections::BTreeMap;

use super::complaint::{ComplaintSink, Position, quoted};
use super::fields::{Fields, Reading};
use super::tree::{Entry, Node, Value};
use super::values::{Wrong, verbatim};
use crate::fleet::tags::{MOST_OF_OURS, RESERVED};

/// How many tags a resource may have.
const MOST: usize = 50;

/// Reads `tags`; `place` is where they stand. What is wrong is left out; the number is not checked,
/// for a region adds to those of `aws`.
pub(super) fn read(
    fields: &mut Fields<'_>,
    place: &str,
    sink: &mut ComplaintSink,
) -> Reading<BTreeMap<String, String>> {
    let Some(node) = fields.get("tags") else { return Reading::Absent };
    let Value::Mapping(entries) = &node.value else {
        let Wrong { at, found, .. } = Wrong::new(node, "");
        sink.add_with(
            at,
            format!("'tags' {place} must be keys with values, found {found}"),
            "write 'tags: {Owner: me}'",
        );
        return Reading::Wrong;
    };
    let mut tags = BTreeMap::new();
    for entry in entries {
        let key_fits = check_key(entry, place, sink);
        let value = check_value(entry, place, sink);
        if let (true, Some(value)) = (key_fits, value) {
            tags.insert(entry.key.clone(), value.to_owned());
        }
    }
    Reading::Given(tags, node.at)
}

/// Complains where these tags and ours are more than EC2 takes.
pub(super) fn check_count(
    tags: &BTreeMap<String, String>,
    at: Position,
    place: &str,
    sink: &mut ComplaintSink,
) {
    let (own, room) = (tags.len(), MOST - MOST_OF_OURS);
    if own > room {
        sink.add_with(
            at,
            format!("{own} tags {place} and {MOST_OF_OURS} of ours are more than {MOST}"),
            format!("keep {room} at most"),
        );
    }
}

fn check_key(entry: &Entry, place: &str, sink: &mut ComplaintSink) -> bool {
    let key = &entry.key;
    let name = format!("the tag key {} {place}", quoted(key));
    let length = key.chars().count();
    let reserved = RESERVED.iter().find(|reserved| reserved.eq_ignore_ascii_case(key));
    let wrong = if length == 0 {
        Some(format!("a tag key {place} is empty"))
    } else if length > 128 {
        Some(format!("{name} has {length} characters, at most 128 are allowed"))
    } else if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        Some(format!("{name} starts with 'aws:', which AWS keeps for itself"))
    } else if let Some(reserved) = reserved {
        Some(format!("{name} is reserved: '{reserved}' is how our resources are found"))
    } else {
        control_character(key).map(|found| format!("{name} has the control character {found}"))
    };
    let fits = wrong.is_none();
    if let Some(message) = wrong {
        sink.add(entry.at, message);
    }
    fits
}

fn check_value<'a>(entry: &'a Entry, place: &str, sink: &mut ComplaintSink) -> Option<&'a str> {
    let name = format!("the tag {} {place}", quoted(&entry.key));
    let node: &Node = &entry.node;
    let value = match verbatim(node, "a text") {
        Ok(value) => value,
        Err(Wrong { found, .. }) => {
            let hint = node.is_null().then(|| "write \"\" for an empty one".into());
            sink.push(
                node.at,
                format!("{name} must have a text as its value, found {found}"),
                hint,
            );
            return None;
        }
    };
    let length = value.chars().count();
    if length > 256 {
        sink.add(node.at, format!("{name} has {length} characters, at most 256 are allowed"));
        return None;
    }
    if let Some(found) = control_character(value) {
        sink.add(node.at, format!("{name} has the control character {found}"));
        return None;
    }
    Some(value)
}

/// The first control character, quoted.
fn control_character(text: &str) -> Option<String> {
    text.chars().find(|c| c.is_control()).map(|c| quoted(c.encode_utf8(&mut [0; 4])))
}
