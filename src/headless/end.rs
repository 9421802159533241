//! What a command came to that had nothing open yet, for programs.

use std::io::Write;

use jiff::Timestamp;

use super::line::{Event, JsonLine};
use crate::fleet::{DeploymentId, FailureKind};

/// Prints why it ended, and the summary of a command that did nothing: so many instances were there when
/// somebody looked last.
pub fn print_end(
    mut out: impl Write,
    now: Timestamp,
    deployment: &DeploymentId,
    (reason, alive): (Option<(String, Option<FailureKind>)>, usize),
) {
    let why = reason.map(|(text, kind)| Event::reason(&text, kind));
    let nothing =
        Event::Summary { ok: false, launched: 0, ready: 0, terminated: 0, failed: 0, alive };
    for event in why.into_iter().chain([nothing]) {
        let line = JsonLine::of_command(deployment, now, event);
        if let Ok(text) = serde_json::to_string(&line) {
            // Nobody may be reading.
            let _ = writeln!(out, "{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn programs_read_why_and_then_the_last_line() {
        let mut out = Vec::new();
        let reason = Some(("the state is locked".to_owned(), Some(FailureKind::LocalDisk)));
        print_end(&mut out, Timestamp::UNIX_EPOCH, &"spot-1".into(), (reason, 2));
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(
            (&lines[0]["event"], &lines[0]["deployment"]),
            (&"message".into(), &"spot-1".into())
        );
        assert_eq!(lines[0]["text"], "the state is locked");
        assert_eq!(
            (&lines[1]["event"], &lines[1]["ok"], &lines[1]["alive"]),
            (&"summary".into(), &false.into(), &2.into())
        );
    }
}
