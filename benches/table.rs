//! What all measurements need: a line of the table, and a number of a process.

#![expect(clippy::print_stdout, reason = "numbers are what this prints")]

use std::fs;
use std::path::Path;

/// One line of the table.
pub(crate) fn print(what: &str, measured: &str, target: &str) {
    let target = if target.is_empty() { String::new() } else { format!("target: {target}") };
    let line = format!("{what:<42} {measured:<52} {target}");
    println!("{}", line.trim_end());
}

/// A number of /proc/PID/status; 0 for a thread that has ended.
pub(crate) fn status(process: &Path, key: &str) -> f64 {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}
