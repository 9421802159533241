//! The section `ui`.

use std::collections::BTreeMap;

use super::complaint::{ComplaintSink, quoted};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::schema::{Colours, Rebound, ThemeName, Ui, UserCommand};
use super::tree::{Node, Value};
use super::values::{ValueResult, Wrong, boolean, choice, text};

/// Reads the section.
pub(super) fn read(node: Option<&Node>, sink: &mut ComplaintSink) -> Ui {
    let mut fields = Fields::of(node, Section::Ui, "in 'ui'", sink);
    let ui = Ui {
        theme: fields.read("theme", sink, |node| choice(node, &ThemeName::ALL)).or(ThemeName::Auto),
        mouse: fields.read("mouse", sink, boolean).or(false),
        bell: fields.read("bell", sink, boolean).or(false),
        is_still: !fields.read("motion", sink, boolean).or(true),
        palette: palette(fields.get("palette"), sink),
        commands: commands(fields.get("commands"), sink),
        keymap: keymap(fields.get("keymap"), sink),
    };
    fields.finish(sink);
    ui
}

/// Colours, `'#rrggbb'` each.
fn palette(node: Option<&Node>, sink: &mut ComplaintSink) -> Colours {
    let mut fields = Fields::of(node, Section::Palette, "in 'palette'", sink);
    let ground = fields.read("ground", sink, colour);
    let said = fields.read("text", sink, colour);
    let (at, ground, said) = (ground.at().or(said.at()), ground.given(), said.given());
    let is_half = ground.is_some() != said.is_some();
    if let Some(at) = at.filter(|_| is_half) {
        let hint = "one alone may not be read on the terminal's own";
        sink.add_with(at, "'palette' needs both 'ground' and 'text', or neither", hint);
    }
    let mut one = |key| fields.read(key, sink, colour).given();
    let colours = Colours {
        ground: ground.zip(said).map(|(ground, text)| [ground, text]),
        dim: one("dim"),
        states: ["good", "working", "waiting", "interrupted", "bad"].map(&mut one),
        selection: one("selection"),
        mark: one("mark"),
    };
    fields.finish(sink);
    colours
}

/// `'#rrggbb'`.
fn colour(node: &Node) -> ValueResult<[u8; 3]> {
    let hex = |text: &str| {
        let digits = text.strip_prefix('#').filter(|it| it.len() == 6)?;
        u32::from_str_radix(digits, 16).ok()
    };
    let text = text(node, "a colour such as '#7aa2f7', in quotes", |text| hex(text).is_some())?;
    let [_, red, green, blue] = hex(text).unwrap_or_default().to_be_bytes();
    Ok([red, green, blue])
}

/// How a command is written, for hints.
const FORM: &str = "write '- { key: p, name: ping, run: ping -c 3 $IP }'";

/// The user's own commands.
fn commands(node: Option<&Node>, sink: &mut ComplaintSink) -> Vec<UserCommand> {
    let Some(node) = node else { return Vec::new() };
    let Value::List(items) = &node.value else {
        let Wrong { found, .. } = Wrong::new(node, "");
        let message = format!("'commands' in 'ui' must be a list, found {found}");
        sink.add_with(node.at, message, FORM);
        return Vec::new();
    };
    let mut commands: Vec<UserCommand> = Vec::new();
    for item in items {
        let Some(command) = user_command(item, sink) else { continue };
        if commands.iter().any(|known| known.key == command.key) {
            let message = format!("two of 'commands' in 'ui' have the key '{}'", command.key);
            sink.add_with(item.at, message, "give each a key of its own");
        } else {
            commands.push(command);
        }
    }
    commands
}

fn user_command(item: &Node, sink: &mut ComplaintSink) -> Option<UserCommand> {
    let mut fields = Fields::of(Some(item), Section::UserCommand, "in 'commands'", sink);
    let is_key = |text: &str| text.chars().count() == 1 && text.chars().all(char::is_alphanumeric);
    let is_line = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    let key = fields.read("key", sink, |node| text(node, "a letter or a digit", is_key));
    let name = fields.read("name", sink, |node| text(node, "a name", is_line));
    let run = fields.read("run", sink, |node| text(node, "a line for the shell", is_line));
    let confirm = fields.read("confirm", sink, boolean).or(false);
    let wait = fields.read("wait", sink, boolean).or(true);
    let is_missing = [&key, &name, &run].iter().any(|it| matches!(it, Reading::Absent));
    fields.finish(sink);
    let (Some(key), Some(name), Some(run)) = (key.given(), name.given(), run.given()) else {
        if is_missing {
            sink.add_with(item.at, "a command needs a key, a name and what to run", FORM);
        }
        return None;
    };
    let key = key.chars().next()?;
    Some(UserCommand { key, name: name.to_owned(), run: run.to_owned(), confirm, wait })
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
