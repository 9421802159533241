//! What the headless commands print, held to the schemas in `assets/` by a validator that nobody
//! here wrote: Python's jsonschema, and fastjsonschema where there is much to read.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::moto::python;

/// The schema of one line of `create --json` and `destroy --json`.
pub(crate) const JSON_LINES: &str = "json-lines.schema.json";
/// The schema of the array of `list --json`.
pub(crate) const LIST: &str = "list.schema.json";

/// The schema of the object of `status --json`.
pub(crate) const STATUS: &str = "status.schema.json";

/// The schema of a line of `events --json`.
pub(crate) const EVENTS: &str = "events.schema.json";

/// The schema of the object of `costs --json`.
pub(crate) const COSTS: &str = "costs.schema.json";

/// The schema of what `webhook: json` of `notify` gets.
pub(crate) const NOTIFICATION: &str = "notification.schema.json";

/// The schema of what `notify --json` prints.
pub(crate) const NOTIFY: &str = "notify.schema.json";

/// The schema of the array of `list --pending-creates --json`.
pub(crate) const PENDING_CREATES: &str = "pending-creates.schema.json";

/// Every line is valid, and the last one, and no other, is the summary.
pub(crate) fn assert_json_lines(text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let wrong = complaints(JSON_LINES, &lines);
    let said: Vec<String> =
        wrong.iter().map(|(number, why)| format!("{why}\n  {}", lines[*number])).collect();
    assert!(wrong.is_empty(), "{}", said.join("\n"));
    let summaries: Vec<usize> = (0..lines.len())
        .filter(|number| {
            let line: Value = serde_json::from_str(lines[*number]).expect("it is valid");
            line["event"] == "summary"
        })
        .collect();
    assert_eq!(summaries, [lines.len().wrapping_sub(1)], "one summary, at the end:\n{text}");
}

/// The whole text is one valid array.
pub(crate) fn assert_list(text: &str) {
    let list: Value = serde_json::from_str(text).expect("one JSON document");
    let wrong = complaints(LIST, &[&list.to_string()]);
    assert!(wrong.is_empty(), "{wrong:?}\n{text}");
}

/// What is wrong with each of these documents, by their place; nothing for those that are valid.
pub(crate) fn complaints(schema: &str, documents: &[&str]) -> BTreeMap<usize, String> {
    held_to(schema, documents, &[])
}

/// The same of very many: the schema is compiled. It may say nothing that is newer than draft 7.
pub(crate) fn complaints_of_many(schema: &str, documents: &[&str]) -> BTreeMap<usize, String> {
    held_to(schema, documents, &["--compiled"])
}

fn held_to(schema: &str, documents: &[&str], options: &[&str]) -> BTreeMap<usize, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut child = Command::new(python())
        .arg(root.join("tests/support/check_schema.py"))
        .arg(root.join("assets").join(schema))
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starting python");
    let mut stdin = child.stdin.take().expect("it is piped");
    let text = documents.join("\n");
    // Its answers may fill the pipe before it has read all: both ends are served at once.
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("waiting for python");
    let written = writer.join().expect("the writer");
    assert!(output.status.success() && written.is_ok(), "the validator failed: see above");
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| {
            let (number, why) = line.split_once(": ").expect("number: complaint");
            (number.parse().expect("a number"), why.to_owned())
        })
        .collect()
}
