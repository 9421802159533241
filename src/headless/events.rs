//! `events`: what happened, as lines for people or JSON lines for programs.

use std::io::Write;

use serde_json::json;

use super::line::LONGEST;
use crate::app::{LogLine, clean};
use crate::fleet::Phase;

/// Prints events, as they were taken down; the file that they come from may hold anybody's text.
pub fn print_events(mut out: impl Write, lines: &[LogLine], as_json: bool) {
    for line in lines {
        let text = if as_json { object(line) } else { sentence(line) };
        // A reader that went away is no reason to fail.
        if writeln!(out, "{text}").is_err() {
            return;
        }
    }
}

/// `2026-11-28 20:01:33 [us-west-2] WARNING: no spot capacity`, in UTC.
fn sentence(line: &LogLine) -> String {
    let at = line.at.strftime("%Y-%m-%d %H:%M:%S");
    format!("{at} {}", clean(&line.to_string(), LONGEST))
}

/// One event; see `assets/events.schema.json`.
fn object(line: &LogLine) -> String {
    let origin = line.origin.as_deref();
    json!({
        "v": 1,
        "ts": line.at,
        "event": "past",
        "kind": line.kind.word(),
        "level": line.level.word(),
        "region": origin.and_then(|it| it.region.as_ref()),
        "instance": origin.and_then(|it| it.instance.as_ref()),
        "phase": origin.and_then(|it| it.phase.as_ref()).map(Phase::word),
        "about": clean(&line.about, LONGEST),
        "text": clean(&line.text, LONGEST),
    })
    .to_string()
}
