//! What a close look at a node found, and how it reads: a verdict a line, then what it rests on.

use std::fmt;

use serde_json::Value;

use super::text::clean_line;
use super::vitals::{Check, Vitals};

/// The longest line of a log that is shown, in characters.
const LONGEST: usize = 500;

/// What a close look found.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnosis {
    /// How the node is.
    pub vitals: Vitals,
    /// The whole report, an object of JSON; texts in it come from the far side, where the token was
    /// masked.
    pub report: Value,
}

impl Diagnosis {
    /// The verdict, a line for each part.
    pub fn verdict(&self) -> Vec<String> {
        self.vitals.verdict().iter().map(ToString::to_string).collect()
    }

    /// Logs, journals and listings, each under its name.
    pub fn details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, part) in self.report["details"].as_object().into_iter().flatten() {
            match part.as_object() {
                Some(parts) => {
                    parts.iter().for_each(|(unit, part)| section(&mut lines, unit, part));
                }
                None => section(&mut lines, &name.replace('_', " "), part),
            }
        }
        lines
    }
}

/// One part of a report. The far side wrote it.
fn section(lines: &mut Vec<String>, name: &str, part: &Value) {
    let clean = |text: &str| clean_line(text).chars().take(LONGEST).collect::<String>();
    lines.extend([String::new(), clean(name)]);
    let texts = part.as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.extend(texts.map(|text| format!("  {}", clean(text))));
}

impl fmt::Display for Check {
    /// `  BAD  docker        Docker does not answer`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.good { "ok" } else { "BAD" };
        write!(f, "  {mark:<4} {:<13} {}", self.name, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_rests_on_stands_below_its_name_and_no_terminal_obeys_it() {
        let report = serde_json::json!({"v": 1, "details": {
            "journals": {"bacalhau.service": ["up", "\u{1b}[2Jaway"]},
            "deployment_log": ["END exit=0"], "odd": 7
        }});
        let diagnosis = Diagnosis { vitals: Vitals::default(), report };
        let wanted = [
            "",
            "deployment log",
            "  END exit=0",
            "",
            "bacalhau.service",
            "  up",
            "  away",
            "",
            "odd",
        ];
        assert_eq!(diagnosis.details(), wanted);
        assert!(diagnosis.verdict().iter().any(|line| line.starts_with("  BAD  docker  ")));
    }
}
