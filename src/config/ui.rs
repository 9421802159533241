//! The section `ui`.

use std::collections::BTreeMap;

use super::complaint::{ComplaintSink, quoted};
use super::fields::Fields;
use super::keys::Section;
use super::schema::{Rebound, ThemeName, Ui};
use super::tree::{Node, Value};
use super::values::{boolean, choice, text};

/// Reads the section.
pub(super) fn read(node: Option<&Node>, sink: &mut ComplaintSink) -> Ui {
    let mut fields = Fields::of(node, Section::Ui, "in 'ui'", sink);
    let ui = Ui {
        theme: fields.read("theme", sink, |node| choice(node, &ThemeName::ALL)).or(ThemeName::Auto),
        mouse: fields.read("mouse", sink, boolean).or(false),
        bell: fields.read("bell", sink, boolean).or(false),
        keymap: keymap(fields.get("keymap"), sink),
    };
    fields.finish(sink);
    ui
}

/// Actions with a key, or a list of keys, each.
fn keymap(node: Option<&Node>, sink: &mut ComplaintSink) -> BTreeMap<String, Rebound> {
    let mut keymap = BTreeMap::new();
    let Some(node) = node else { return keymap };
    let Value::Mapping(entries) = &node.value else {
        let hint = "write 'keymap: { create: n }'";
        sink.add_with(node.at, "'keymap' in 'ui' must be actions with keys", hint);
        return keymap;
    };
    for entry in entries {
        let nodes: Vec<&Node> = match &entry.node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![&entry.node],
        };
        let mut keys = Vec::new();
        for node in nodes {
            match text(node, "a key", |text| !text.is_empty() && text.len() <= 16) {
                Ok(key) => keys.push(key.to_owned()),
                Err(wrong) => sink.add_with(
                    wrong.at,
                    format!(
                        "{} in 'keymap' must be a key, found {}",
                        quoted(&entry.key),
                        wrong.found
                    ),
                    "write a character, or a name such as F2, Ctrl-N or PgDn, in quotes where YAML \
                     needs them",
                ),
            }
        }
        let at = (entry.at.line, entry.at.column);
        keymap.insert(entry.key.clone(), Rebound { at, keys });
    }
    keymap
}
