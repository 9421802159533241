//! Reading what `node-status` on an instance prints.
//!
//! The text comes from the far side: whatever it holds, reading it does no harm.

use crate::fleet::health::Vitals;

/// The longest report that is read, in bytes. A full one holds some hundred lines of logs.
const LONGEST: usize = 256 * 1024;

/// The report in what was printed: from the last line on that begins one.
pub(in crate::jobs) fn parse(text: &str) -> Option<Vitals> {
    serde_json::from_str(report(text)?).ok()
}

/// The text of the report, which may go over many lines.
pub(in crate::jobs) fn report(text: &str) -> Option<&str> {
    let begin = text.rfind("\n{\"v\":").map(|at| at + 1);
    let begin = begin.or_else(|| text.starts_with("{\"v\":").then_some(0))?;
    Some(&text[begin..]).filter(|report| report.len() <= LONGEST)
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
}
