//! A configuration to start with, and what `setup` adds to one that is there.
//!
//! The user's text is never parsed and written again: new lines are put between the old ones,
//! which keep their order, their comments and their bytes. An addition after which any value of
//! the user's would read differently is dropped.

use std::path::{Path, PathBuf};

use super::complaint::{ComplaintSink, Complaints};
use super::parse::parse;
use super::shapes;
use super::tree::{self, Node, Value};
use crate::fleet::Region;

/// What `setup` found on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// A private key for SSH, as it should stand in the file.
    pub private_key: Option<PathBuf>,
    /// The region of the AWS profile.
    pub region: Option<Region>,
}

/// A configuration with the defaults in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The whole text.
    pub text: String,
    /// The keys that are new in it: `aws.private_ssh_key_path`. Empty when nothing changed.
    pub added: Vec<String>,
}

/// Adds what is missing to the user's configuration, or makes one where there is none.
///
/// A key that the user set, be it to null, is left alone, and so is a mapping in braces, into
/// which no line can be put.
///
/// # Errors
/// The mistakes of the existing text, which the user has to mend first.
pub fn merge_defaults(
    name: &str,
    existing: Option<&str>,
    found: &Discovered,
) -> Result<Merged, Complaints> {
    let existing = existing.unwrap_or_default();
    let mut merged = Merged { text: existing.to_owned(), added: Vec::new() };
    if is_blank(existing) {
        merged.text = append(existing, &starter(found));
        merged.added = vec!["aws".into(), "regions".into()];
    } else {
        for addition in additions(found) {
            addition.apply(&mut merged);
        }
    }
    parse(name, &merged.text)?;
    Ok(merged)
}

/// Whether there is nothing but comments.
fn is_blank(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// A short configuration of its own.
fn starter(found: &Discovered) -> String {
    let aws = match found.private_key.as_deref().and_then(scalar) {
        Some(key) => format!("  private_ssh_key_path: {key}\n"),
        None => "  # The agent's keys and the usual files in ~/.ssh are tried.\n  \
                 private_ssh_key_path: null\n"
            .into(),
    };
    format!(
        "# What spot-tui creates. config.yaml.example explains every key.\n\
         \n\
         aws:\n  \
         # Instances in all, spread evenly over the regions.\n  \
         total_instances: 1\n  \
         # The key for SSH; its public half is imported into EC2.\n\
         {aws}\n\
         {}",
        regions(found)
    )
}

fn regions(found: &Discovered) -> String {
    let region = found.region.as_ref().map(Region::as_str);
    let region = region.filter(|region| shapes::is_region(region)).unwrap_or("us-west-2");
    format!(
        "# Where to launch, and what. 'auto' is the newest Ubuntu LTS.\n\
         regions:\n  \
         - {region}:\n      \
         machine_type: t3.medium\n      \
         image: auto\n"
    )
}

/// A path as a YAML scalar, in quotes where it needs them; `None` where it cannot be one.
fn scalar(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control))?;
    let starts_plain = text.starts_with(['/', '.']) || text.starts_with("~/");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/~._-".contains(&byte);
    if starts_plain && text.bytes().all(is_plain) {
        return Some(text.to_owned());
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A key that may be missing.
struct Addition {
    /// The mapping that it belongs to; `None` for the file itself.
    parent: Option<&'static str>,
    key: &'static str,
    /// What is written: the whole block of a top key, the value of another.
    text: String,
}

fn additions(found: &Discovered) -> Vec<Addition> {
    let key = found.private_key.as_deref().and_then(scalar).map(|text| Addition {
        parent: Some("aws"),
        key: "private_ssh_key_path",
        text,
    });
    let regions = Addition { parent: None, key: "regions", text: regions(found) };
    key.into_iter().chain([regions]).collect()
}

impl Addition {
    /// Adds the key where it is missing, can be put in a line of its own, and changes nothing.
    fn apply(&self, merged: &mut Merged) {
        let Some(before) = read(&merged.text) else { return };
        let Some(text) = self.insert(&merged.text, &before) else { return };
        let Some(mut after) = read(&text) else { return };
        if !self.take_out(&mut after, &before) || !alike(&before, &after) {
            return;
        }
        merged.text = text;
        merged.added.push(match self.parent {
            Some(parent) => format!("{parent}.{}", self.key),
            None => self.key.into(),
        });
    }

    fn insert(&self, text: &str, root: &Node) -> Option<String> {
        let top = " ".repeat(root.at.column - 1);
        let Some(parent) = self.parent else {
            let block = indent(&format!("\n{}", self.text), &top);
            return root.get(self.key).is_none().then(|| append(text, &block));
        };
        let Some(section) = root.get(parent) else {
            let block = format!("\n{parent}:\n  {}: {}\n", self.key, self.text);
            return Some(append(text, &indent(&block, &top)));
        };
        let column = if section.node.is_null() {
            section.at.column + 2
        } else if section.node.at.line > section.at.line && section.node.get(self.key).is_none() {
            section.node.at.column
        } else {
            return None;
        };
        let line = format!("{}{}: {}", " ".repeat(column - 1), self.key, self.text);
        Some(insert_after(text, section.at.line, &line))
    }

    /// Takes the key out of the tree again. False where it did not get there.
    fn take_out(&self, after: &mut Node, before: &Node) -> bool {
        match self.parent {
            Some(parent) if before.get(parent).is_some() => {
                let Value::Mapping(entries) = &mut after.value else { return false };
                let section = entries.iter_mut().find(|entry| entry.key == parent);
                section.is_some_and(|section| remove(&mut section.node, self.key))
            }
            Some(parent) => remove(after, parent),
            None => remove(after, self.key),
        }
    }
}

pub(super) fn read(text: &str) -> Option<Node> {
    let mut sink = ComplaintSink::default();
    tree::read(text, &mut sink).filter(|_| sink.is_empty())
}

fn remove(node: &mut Node, key: &str) -> bool {
    let Value::Mapping(entries) = &mut node.value else { return false };
    let before = entries.len();
    entries.retain(|entry| entry.key != key);
    entries.len() < before
}

/// Whether two trees say the same, wherever it stands. A null section says what an empty one does.
pub(super) fn alike(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar { text: a, plain: x }, Value::Scalar { text: b, plain: y }) => {
            a == b && x == y
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.key == b.key && alike(&a.node, &b.node))
        }
        (Value::Scalar { .. }, Value::Mapping(entries)) => one.is_null() && entries.is_empty(),
        _ => false,
    }
}

/// The line ending of the text.
fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

fn indent(block: &str, by: &str) -> String {
    let lines = block.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("{by}{line}\n"),
    });
    lines.collect()
}

fn append(text: &str, block: &str) -> String {
    let end = line_end(text);
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    format!("{text}{gap}{}", block.replace('\n', end))
}

/// Puts a line behind the one with this number.
fn insert_after(text: &str, number: usize, line: &str) -> String {
    let end = line_end(text);
    let at = text.split_inclusive('\n').take(number).map(str::len).sum();
    let (head, tail) = text.split_at(at);
    let gap = if head.ends_with('\n') { "" } else { end };
    format!("{head}{gap}{line}{end}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE_LINES: &str = "regions:\n  - us-west-2:\n      machine_type: t3.medium\n";

    fn found() -> Discovered {
        Discovered { private_key: Some("~/.ssh/id_ed25519".into()), region: None }
    }

    fn merge(text: &str) -> Merged {
        merge_defaults("config.yaml", Some(text), &found()).unwrap()
    }

    /// Every line of the user's, in its order, is in the result.
    fn assert_keeps_lines(before: &str, after: &str) {
        let mut lines = after.lines();
        for line in before.lines() {
            assert!(lines.any(|found| found == line), "lost {line:?} in:\n{after}");
        }
    }

    #[test]
    fn the_starter_parses_and_names_what_was_found() {
        let merged = merge_defaults("config.yaml", None, &found()).unwrap();
        let config = parse("config.yaml", &merged.text).unwrap();
        assert_eq!(config.aws.private_ssh_key_path, Some("~/.ssh/id_ed25519".into()));
        assert_eq!(config.aws.total_instances, 1);
        let found = Discovered { private_key: None, region: Some("eu-west-1".into()) };
        let merged = merge_defaults("config.yaml", None, &found).unwrap();
        let config = parse("config.yaml", &merged.text).unwrap();
        assert_eq!(config.regions[0].region, "eu-west-1".into());
        assert_eq!(config.aws.private_ssh_key_path, None);
    }

    #[test]
    fn a_file_of_comments_keeps_them_above_the_starter() {
        let merged = merge("# mine\n");
        assert!(merged.text.starts_with("# mine\n# What spot-tui creates."), "{}", merged.text);
    }

    #[test]
    fn a_key_goes_below_its_section_and_moves_nothing() {
        let before = "# top\naws: # ours\n    # how many\n    total_instances: 2   # two\n\n\
                      regions: [{us-west-2: {machine_type: t3.medium}}]\n# end";
        let merged = merge(before);
        assert_keeps_lines(before, &merged.text);
        assert_eq!(merged.added, ["aws.private_ssh_key_path"]);
        assert!(
            merged.text.contains(
                "aws: # ours\n    private_ssh_key_path: ~/.ssh/id_ed25519\n    # how many\n"
            ),
            "{}",
            merged.text
        );
    }

    #[test]
    fn missing_sections_are_appended() {
        let merged = merge(THREE_LINES);
        let expected = format!("{THREE_LINES}\naws:\n  private_ssh_key_path: ~/.ssh/id_ed25519\n");
        assert_eq!(merged.text, expected);
        let merged = merge("aws:\n  total_instances: 2\n");
        assert_eq!(merged.added, ["aws.private_ssh_key_path", "regions"]);
    }

    #[test]
    fn an_empty_section_gets_its_first_key() {
        let before = format!("aws:\n{THREE_LINES}");
        let merged = merge(&before);
        assert_keeps_lines(&before, &merged.text);
        assert_eq!(merged.added, ["aws.private_ssh_key_path"]);
    }

    #[test]
    fn what_the_user_set_stays_even_null() {
        for aws in [
            "aws:\n  private_ssh_key_path: ~/.ssh/mine\n",
            "aws:\n  private_ssh_key_path: null\n",
            "aws: {total_instances: 1}\n",
            "aws: null\n",
            "aws:\n  {total_instances: 1}\n",
        ] {
            let before = format!("{aws}{THREE_LINES}");
            let merged = merge(&before);
            assert_eq!(merged, Merged { text: before, added: Vec::new() });
        }
    }

    #[test]
    fn nothing_is_put_behind_the_end_of_the_document() {
        let before = format!("---\n{THREE_LINES}...\n");
        assert_eq!(merge(&before), Merged { text: before, added: Vec::new() });
    }

    #[test]
    fn windows_line_ends_and_indented_files_are_followed() {
        let before = "  aws:\r\n    total_instances: 1\r\n";
        let merged = merge(before);
        assert!(merged.text.starts_with(
            "  aws:\r\n    private_ssh_key_path: ~/.ssh/id_ed25519\r\n    total_instances: 1\r\n"
        ));
        assert!(!merged.text.replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn a_second_merge_adds_nothing() {
        let once = merge("aws:\n  total_instances: 2\n");
        assert_eq!(merge(&once.text), Merged { text: once.text.clone(), added: Vec::new() });
    }

    #[test]
    fn a_path_with_blanks_is_quoted() {
        let found = Discovered { private_key: Some("/home/a b/\"k\": #1".into()), region: None };
        let merged = merge_defaults("config.yaml", Some(THREE_LINES), &found).unwrap();
        let config = parse("config.yaml", &merged.text).unwrap();
        assert_eq!(config.aws.private_ssh_key_path, found.private_key);
    }

    #[test]
    fn mistakes_are_the_users_to_mend() {
        let complaints = merge_defaults("my.yaml", Some("awz: 1\n"), &found()).unwrap_err();
        assert!(complaints.to_string().starts_with("my.yaml:1:1: unknown key 'awz'"));
    }
}
