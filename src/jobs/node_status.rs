//! What `node-status` on an instance says, and what follows from it.
//!
//! The text comes from the far side: whatever it holds, reading it does no harm.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::fleet::text::clean_line;

/// The longest report that is read.
const LONGEST: usize = 64 * 1024;

/// The parts of the report that a verdict needs. Unknown parts are passed over.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct NodeStatus {
    deployment: Deployment,
    units: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Deployment {
    exit: Option<u32>,
    last: Option<String>,
}

impl NodeStatus {
    /// Reads the report: the last line that is a JSON object.
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.lines()
            .rev()
            .map(str::trim)
            .find(|line| line.starts_with('{') && line.len() <= LONGEST)
            .and_then(|line| serde_json::from_str(line).ok())
    }

    /// Whether a deployment came to its end on this node.
    pub(super) fn is_deployed(&self) -> bool {
        self.deployment.exit == Some(0)
    }

    /// What does not work, in one sentence; `None` when all is well.
    pub(super) fn trouble(&self) -> Option<String> {
        match self.deployment.exit {
            Some(0) => {}
            Some(code) => return Some(format!("the deployment ended with exit code {code}")),
            None => {
                let last = self.deployment.last.as_deref().unwrap_or("no log");
                return Some(format!("the deployment is not finished: {}", clean_line(last)));
            }
        }
        if self.units.is_empty() {
            return Some("no services are installed".into());
        }
        let down: Vec<String> = self
            .units
            .iter()
            .filter(|(_, state)| state.as_deref() != Some("active"))
            .map(|(unit, state)| {
                clean_line(&format!("{unit} is {}", state.as_deref().unwrap_or("unknown")))
            })
            .collect();
        (!down.is_empty()).then(|| down.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_units_active_after_a_finished_deployment_is_good() {
        let text = "noise\n{\"v\":1,\"deployment\":{\"exit\":0,\"last\":\"x\"},\
                    \"units\":{\"bacalhau.service\":\"active\"},\"docker\":null}\n";
        let status = NodeStatus::parse(text).unwrap();
        assert!(status.is_deployed());
        assert_eq!(status.trouble(), None);
    }

    #[test]
    fn trouble_is_named() {
        let units =
            r#"{"deployment":{"exit":0},"units":{"a.service":"active","b.service":"failed"}}"#;
        assert_eq!(NodeStatus::parse(units).unwrap().trouble().unwrap(), "b.service is failed");
        let exit = r#"{"deployment":{"exit":84}}"#;
        assert!(NodeStatus::parse(exit).unwrap().trouble().unwrap().contains("84"));
        let running = r#"{"deployment":{"exit":null,"last":"STEP \u001b[31mmove"}}"#;
        let trouble = NodeStatus::parse(running).unwrap().trouble().unwrap();
        assert!(trouble.contains("move") && !trouble.contains('\u{1b}'), "{trouble}");
    }

    #[test]
    fn what_is_not_a_report_is_none() {
        assert_eq!(NodeStatus::parse(""), None);
        assert_eq!(NodeStatus::parse("sudo: a password is required"), None);
        assert_eq!(NodeStatus::parse("{\"units\": 7}"), None);
    }
}
