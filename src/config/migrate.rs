//! A configuration of spot-tui's predecessor, made into one of ours.
//!
//! The user's text is kept line by line: a line goes, or a word in it is another one. A change after
//! which anything else would read differently is left to the user, and so is what stands in braces.

use std::fmt;
use std::path::Path;

use super::complaint::Position;
use super::credentials::ENDPOINT_FILE;
use super::keys::Section;
use super::merge::{alike, read};
use super::retired::{Heir, heir};
use super::tree::{Entry, Node, Value};
use crate::fleet::tags::RESERVED;

/// What became of a configuration.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The whole text.
    pub text: String,
    /// What is different in it, a sentence each.
    pub changes: Vec<String>,
    /// What the user has to change, a sentence each.
    pub by_hand: Vec<String>,
    /// Files that belong into `aws.files_directory`, with their contents: they may be secrets.
    pub files: Vec<(&'static str, String)>,
}

/// A token is none of a log's business.
impl fmt::Debug for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Migrated");
        shown.field("changes", &self.changes).field("by_hand", &self.by_hand);
        shown.finish_non_exhaustive()
    }
}

/// Makes the text of a predecessor's configuration one of ours. `keeps_contract` says whether a
/// folder of scripts has what a node needs.
pub fn migrate(existing: &str, keeps_contract: impl Fn(&Path) -> bool) -> Migrated {
    let mut migrated = Migrated { text: existing.to_owned(), ..Migrated::default() };
    let mut refused: Vec<String> = Vec::new();
    while let Some(root) = read(&migrated.text) {
        let mut steps = steps(&root, &keeps_contract);
        steps.retain(|step| !refused.contains(&step.name));
        let Some(step) = steps.into_iter().next() else { break };
        if let Some(text) = step.apply(&migrated.text, &root) {
            migrated.text = text;
            migrated.changes.push(format!("{}: {}", step.name, step.why));
            migrated.files.extend(step.file);
        } else {
            let line = step.at.line;
            migrated.by_hand.push(format!("{} (line {line}): {}", step.name, step.why));
            refused.push(step.name);
        }
    }
    migrated
}

/// One change.
struct Step {
    /// `aws.startup_script`.
    name: String,
    /// Where the key, or the value that changes, stands.
    at: Position,
    /// The word that takes the place of the one there; the whole entry goes where there is none.
    word: Option<(String, String)>,
    /// The file that takes its place.
    file: Option<(&'static str, String)>,
    /// In words.
    why: String,
}

impl Step {
    fn take_out(name: String, entry: &Entry, why: &str) -> Self {
        let why = format!("taken out: {why}");
        Self { name, at: entry.at, word: None, file: None, why }
    }
}

/// What there is to change.
fn steps(root: &Node, keeps_contract: &impl Fn(&Path) -> bool) -> Vec<Step> {
    let aws = root.get("aws").map(|entry| &entry.node);
    let bacalhau = root.get("bacalhau").map(|entry| &entry.node);
    let sections = [
        ("", Section::Top, Some(root)),
        ("aws.", Section::Aws, aws),
        ("bacalhau.", Section::Bacalhau, bacalhau),
    ];
    let tls = sections.iter().filter_map(|(.., node)| node.as_ref()?.get("tls"));
    let wants_tls = tls.into_iter().any(|entry| is(&entry.node, "true"));
    let mut steps = Vec::new();
    for (prefix, section, node) in &sections {
        for entry in node.iter().flat_map(|node| entries(node)) {
            let name = format!("{prefix}{}", entry.key);
            // Whether TLS is wanted is known for as long as the key stands.
            let is_last = entry.key == "tls" && steps.iter().any(|step: &Step| step.file.is_some());
            steps.extend(
                heir(*section, &entry.key)
                    .filter(|_| !is_last)
                    .map(|heir| succeed(name, entry, heir, *node, wants_tls)),
            );
        }
    }
    steps.sort_by_key(|step| step.name.ends_with("tls"));
    if let Some(aws) = aws {
        steps.extend(of_keys(aws));
        steps.extend(of_scripts(aws, keeps_contract));
        steps.extend(of_tags("aws.tags", aws));
    }
    let regions = root.get("regions").map(|entry| &entry.node.value);
    let Some(Value::List(regions)) = regions else { return steps };
    for region in regions.iter().flat_map(entries) {
        steps.extend(of_tags(&format!("regions.{}.tags", region.key), &region.node));
        steps.extend(of_image(region));
    }
    steps
}

fn succeed(
    name: String,
    entry: &Entry,
    heir: Heir,
    section: Option<&Node>,
    wants_tls: bool,
) -> Step {
    match heir {
        Heir::Key(key) if section.is_some_and(|node| node.get(key).is_some()) => {
            Step::take_out(name, entry, &format!("'{key}' says it"))
        }
        Heir::Key(key) => Step {
            name,
            at: entry.at,
            word: Some((entry.key.clone(), key.to_owned())),
            file: None,
            why: format!("is '{key}' now"),
        },
        Heir::File(file) => {
            let content = first_word(&entry.node).map(|word| match file {
                ENDPOINT_FILE => address(word, wants_tls),
                _ => word.to_owned(),
            });
            let why = match (&content, entries_of_list(&entry.node)) {
                (None, _) => "taken out: it was empty".to_owned(),
                (Some(_), 2..) => format!("the first one is in the file {file} now"),
                (Some(_), _) => format!("is in the file {file} now"),
            };
            Step { name, at: entry.at, word: None, file: content.map(|it| (file, it)), why }
        }
        Heir::Nothing(why) => Step::take_out(name, entry, why),
    }
}

/// An address as the file has it.
fn address(word: &str, wants_tls: bool) -> String {
    let bare = word.strip_prefix("nats://").unwrap_or(word);
    if wants_tls && !bare.contains("://") { format!("tls://{bare}") } else { word.to_owned() }
}

/// One of the two keys for SSH: the predecessor brought the public one by user-data whatever was
/// named.
fn of_keys(aws: &Node) -> Option<Step> {
    let [name, path] = ["ssh_key_name", "public_ssh_key_path"].map(|key| aws.get(key));
    let (name, _) = (name?, path.filter(|entry| !entry.node.is_null())?);
    let why = "public_ssh_key_path is the one that was used";
    (!name.node.is_null()).then(|| Step::take_out("aws.ssh_key_name".into(), name, why))
}

/// The predecessor's scripts set no node of ours up.
fn of_scripts(aws: &Node, keeps_contract: &impl Fn(&Path) -> bool) -> Option<Step> {
    let entry = aws.get("scripts_directory")?;
    let folder = first_word(&entry.node)?;
    let why = format!("{folder} has no deploy_services.sh; instance/scripts is the default");
    (!keeps_contract(Path::new(folder)))
        .then(|| Step::take_out("aws.scripts_directory".into(), entry, &why))
}

/// Tags that are ours to set.
fn of_tags(prefix: &str, owner: &Node) -> Vec<Step> {
    let tags = owner.get("tags").map(|entry| &entry.node);
    let tags = tags.iter().flat_map(|node| entries(node));
    let reserved = tags.filter(|tag| RESERVED.iter().any(|it| it.eq_ignore_ascii_case(&tag.key)));
    let step = |tag: &Entry| {
        Step::take_out(format!("{prefix}.{}", tag.key), tag, "this tag is set for every resource")
    };
    reserved.map(step).collect()
}

fn of_image(region: &Entry) -> Option<Step> {
    let image = region.node.get("image").filter(|entry| is(&entry.node, "latest"))?;
    Some(Step {
        name: format!("regions.{}.image", region.key),
        at: image.node.at,
        word: Some(("latest".into(), "auto".into())),
        file: None,
        why: "is 'auto' now".into(),
    })
}

impl Step {
    /// The text after it; `None` where that cannot be done without touching anything else.
    fn apply(&self, text: &str, root: &Node) -> Option<String> {
        let (after, mut expected) = match &self.word {
            Some((old, new)) => (replace(text, self.at, old, new)?, root.clone()),
            None => (cut(text, self.at)?, root.clone()),
        };
        let is_done = match &self.word {
            Some((_, new)) => reword(&mut expected, self.at, new),
            None => take_out(&mut expected, self.at),
        };
        let is_meant = is_done && alike(&read(&after)?, &expected);
        is_meant.then_some(after)
    }
}

/// The text without the lines of the entry whose key stands here, where it has lines of its own.
fn cut(text: &str, at: Position) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (first, depth) = (at.line.checked_sub(1)?, at.column.checked_sub(1)?);
    let is_own = |line: &&str| line.chars().take(depth).all(|c| c == ' ');
    lines.get(first).filter(|line| is_own(line))?;
    let is_within = |line: &str| {
        let deep = line.len() - line.trim_start_matches(' ').len();
        let is_item = line.trim_start().starts_with("- ") || line.trim() == "-";
        deep > depth || deep == depth && is_item
    };
    let is_empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    // Blank lines and comments go where more of the entry follows, and stay where something else
    // does.
    let mut end = first + 1;
    for (index, line) in lines.iter().enumerate().skip(first + 1) {
        if is_empty(line) {
            continue;
        }
        if !is_within(line) {
            break;
        }
        end = index + 1;
    }
    Some([&lines[..first], &lines[end..]].concat().concat())
}

/// The text with another word here.
fn replace(text: &str, at: Position, old: &str, new: &str) -> Option<String> {
    let start: usize = text.split_inclusive('\n').take(at.line.checked_sub(1)?).map(str::len).sum();
    let line = &text[start..];
    let column = line.char_indices().nth(at.column.checked_sub(1)?)?.0;
    let rest = line[column..].strip_prefix(old)?;
    Some(format!("{}{new}{rest}", &text[..start + column]))
}

/// Takes the entry whose key stands here out of the tree.
fn take_out(node: &mut Node, at: Position) -> bool {
    match &mut node.value {
        Value::Mapping(entries) => {
            let before = entries.len();
            entries.retain(|entry| entry.at != at);
            entries.len() < before || entries.iter_mut().any(|entry| take_out(&mut entry.node, at))
        }
        Value::List(nodes) => nodes.iter_mut().any(|node| take_out(node, at)),
        Value::Scalar { .. } => false,
    }
}

/// Gives the key, or the value, that stands here another word.
fn reword(node: &mut Node, at: Position, new: &str) -> bool {
    let here = node.at;
    match &mut node.value {
        Value::Mapping(entries) => entries.iter_mut().any(|entry| {
            if entry.at == at {
                new.clone_into(&mut entry.key);
                return true;
            }
            reword(&mut entry.node, at, new)
        }),
        Value::List(nodes) => nodes.iter_mut().any(|node| reword(node, at, new)),
        Value::Scalar { text, .. } if here == at => {
            new.clone_into(text);
            true
        }
        Value::Scalar { .. } => false,
    }
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Mapping(entries) => entries,
        _ => &[],
    }
}

fn entries_of_list(node: &Node) -> usize {
    match &node.value {
        Value::List(nodes) => nodes.len(),
        _ => 1,
    }
}

/// The scalar, or the first one of a list; `None` where it says nothing.
fn first_word(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() && !text.is_empty() => Some(text),
        Value::List(nodes) => first_word(nodes.first()?),
        _ => None,
    }
}

fn is(node: &Node, word: &str) -> bool {
    matches!(&node.value, Value::Scalar { text, .. } if text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::credentials::TOKEN_FILE;
    use super::*;
    use crate::config::parse;

    /// As `amauo` 3.0.27 writes it, with comments and some more keys.
    const OLD: &str = "\
# ours
aws:
  total_instances: 3
  username: ubuntu
  public_ssh_key_path: ~/.ssh/id_rsa.pub
  private_ssh_key_path: ~/.ssh/id_rsa
  files_directory: instance-files
  scripts_directory: instance-files/usr/local/bin
  cloud_init_template: instance/cloud-init/init-vm-template.yml
  startup_script: instance-files/usr/local/bin/deploy_services.py
  # how large
  instance_storage_gb: 50
  tags:
    Project: Amauo
    ManagedBy: amauo
  use_dedicated_vpc: true
bacalhau:
  orchestrators:
  - nats://one.example.com:4222
  - nats://two.example.com:4222
  token: s3cr3t
  tls: true
regions:
- us-west-2:
    image: latest # newest
    machine_type: t3.medium
";

    #[test]
    fn a_predecessors_file_works_after_it_and_keeps_the_users_lines() {
        let migrated = migrate(OLD, |_| false);
        assert_eq!(migrated.by_hand, [""; 0]);
        parse("config.yaml", &migrated.text).unwrap();
        let kept = "  files_directory: instance-files\n  # how large\n  instance_storage_gb: 50\n  \
                    tags:\n    Project: Amauo\n  use_dedicated_vpc: true\nbacalhau:\nregions:\n";
        assert!(migrated.text.contains(kept), "{}", migrated.text);
        assert!(migrated.text.contains("image: auto # newest"), "{}", migrated.text);
        let files: Vec<(&str, &str)> =
            migrated.files.iter().map(|(name, content)| (*name, content.as_str())).collect();
        assert_eq!(files, [(ENDPOINT_FILE, "tls://one.example.com:4222"), (TOKEN_FILE, "s3cr3t")]);
        let told = format!("{migrated:?} {:?}", migrated.changes);
        assert!(!told.contains("s3cr3t"), "{told}");
        assert!(told.contains("aws.startup_script: taken out"), "{told}");
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let once = migrate(OLD, |_| false);
        let twice = migrate(&once.text, |_| false);
        assert_eq!((twice.text, twice.changes), (once.text, Vec::new()));
    }

    #[test]
    fn a_key_with_another_name_gets_it() {
        let text =
            "aws:\n  node_count: 4 # four\nregions:\n- us-west-2: {machine_type: t3.medium}\n";
        let migrated = migrate(text, |_| true);
        assert_eq!(migrated.text, text.replace("node_count", "total_instances"));
        let both = text.replace("aws:\n", "aws:\n  total_instances: 2\n");
        let migrated = migrate(&both, |_| true);
        assert!(!migrated.text.contains("node_count"), "{}", migrated.text);
        assert_eq!(parse("config.yaml", &migrated.text).unwrap().aws.total_instances, 2);
    }

    #[test]
    fn what_stands_in_braces_is_left_to_the_user() {
        let text = "aws: {startup_script: x, total_instances: 1}\nregions: []\n";
        let migrated = migrate(text, |_| true);
        assert_eq!(migrated.text, text);
        assert!(migrated.by_hand[0].starts_with("aws.startup_script (line 1): "), "{migrated:?}");
    }

    #[test]
    fn what_is_no_predecessors_is_not_touched() {
        let text = include_str!("../../config.yaml.example");
        assert_eq!(migrate(text, |_| true).text, text);
    }
}
