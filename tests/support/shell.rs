//! A line as a shell takes it.

use std::process::Command;

/// The words of a line: quotes are gone, and nothing else has happened to them.
pub(crate) fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\0' {line}");
    let ran = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}
