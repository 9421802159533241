//! What all measurements need: the program, a line of the table, and what a process has used.

#![expect(clippy::print_stdout, reason = "numbers are what this prints")]

use std::fs;
use std::path::Path;

use portable_pty::CommandBuilder;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_spot-tui");

/// Clock ticks a second in /proc/PID/stat: 100 on every Linux (USER_HZ, proc(5)).
const TICKS: f64 = 100.0;

/// One line of the table.
pub(crate) fn print(what: &str, measured: &str, target: &str) {
    let target = if target.is_empty() { String::new() } else { format!("target: {target}") };
    let line = format!("{what:<52} {measured:<52} {target}");
    println!("{}", line.trim_end());
}

/// A number of /proc/PID/status; 0 for a thread that has ended.
pub(crate) fn status(process: &Path, key: &str) -> f64 {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// User and system time of a process, in seconds.
pub(crate) fn cpu_time(process: &Path) -> f64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap();
    // Behind the name, which may hold anything: the fields from the third on.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS
}

/// The dashboard with an environment of its own, on an AWS that takes any key.
pub(crate) fn dashboard(endpoint: &str, folder: &Path) -> CommandBuilder {
    let mut command = CommandBuilder::new(PROGRAM);
    command.args(["--endpoint-url", endpoint]);
    command.cwd(folder);
    command.env_clear();
    command.env("HOME", folder);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    command.env("AWS_SECRET_ACCESS_KEY", "none");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}
