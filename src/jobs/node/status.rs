//! Reading what `node-status` on an instance prints.
//!
//! The text comes from the far side: whatever it holds, reading it does no harm.

use serde_json::Value;

use crate::fleet::text::clean_json;
use crate::fleet::vitals::Vitals;

/// The longest report that is read, in bytes. A full one holds some hundred lines of logs.
const LONGEST: usize = 256 * 1024;

/// Adds a line that was printed.
pub(in crate::jobs) fn push(printed: &mut String, line: &str) {
    printed.push_str(line);
    printed.push('\n');
}

/// How the node is by its report.
pub(in crate::jobs) fn parse(printed: &str) -> Option<Vitals> {
    serde_json::from_value(report(printed)?).ok()
}

/// The report in what was printed, which may go over many lines: from the last line on that begins
/// one. JSON hides what a terminal obeys from who cleans lines (`\u009b`), so that it is cleaned
/// once more when it is read.
pub(in crate::jobs) fn report(printed: &str) -> Option<Value> {
    let begin = printed.rfind("\n{\"v\":").map(|at| at + 1);
    let begin = begin.or_else(|| printed.starts_with("{\"v\":").then_some(0))?;
    let report = Some(&printed[begin..]).filter(|report| report.len() <= LONGEST)?;
    serde_json::from_str(report).ok().map(clean_json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_found_among_noise() {
        let text = "noise\n{\"v\":1,\"deployment\":{\"exit\":0,\"last\":\"x\"},\
                    \"units\":{\"bacalhau.service\":\"active\"},\"docker\":null}\n\n";
        let vitals = parse(text).unwrap();
        assert!(vitals.is_deployed());
        assert_eq!(vitals.units["bacalhau.service"].as_deref(), Some("active"));
    }

    #[test]
    fn what_is_hostile_is_cleaned_or_passed_over() {
        let running = r#"{"v":1,"deployment":{"exit":null,"last":"STEP \u001b[31mmove"}}"#;
        let trouble = parse(running).unwrap().trouble().unwrap();
        assert!(trouble.contains("move") && !trouble.contains('\u{1b}'), "{trouble}");
        assert_eq!(parse(""), None);
        assert_eq!(parse("sudo: a password is required"), None);
        assert_eq!(parse("{\"v\":1,\"units\":7}"), None);
    }

    #[test]
    fn attack_26_no_text_of_a_report_moves_a_terminal() {
        let hostile =
            r#"{"v":1,"a\u009b2J":["\u009d0;x\u009cb\u202e", {"c": "\u001b[2Jd\u200b"}]}"#;
        let report = report(hostile).unwrap().to_string();
        assert_eq!(report, r#"{"a":["b",{"c":"d"}],"v":1}"#);
    }
}
