//! The two files with which a node joins its orchestrator: there, and usable?

use std::path::Path;

use crate::config::{ENDPOINT_FILE, TOKEN_FILE, check_endpoint, check_token};
use crate::files::{MOST, read_text};
use crate::fleet::{Failure, FailureKind, Step};

/// How one of them is looked at.
type Check = fn(&str) -> Result<(), String>;

/// The files and how each is looked at.
const FILES: [(&str, Check); 2] = [(ENDPOINT_FILE, check_endpoint), (TOKEN_FILE, check_token)];

/// What there is to say about the credentials in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Files that are not there: the nodes will start without them.
    pub missing: Vec<String>,
    /// Files that cannot work, each with why.
    pub wrong: Vec<String>,
}

impl Credentials {
    /// Looks at the credentials in the user's folder. Reads files.
    pub fn inspect(folder: &Path) -> Self {
        let mut seen = Self::default();
        for (name, check) in FILES {
            let path = folder.join(name);
            let shown = path.display();
            if !path.exists() {
                let then = if name == FILES[0].0 {
                    "the nodes will start and join nothing"
                } else {
                    "the orchestrator must accept nodes without one"
                };
                seen.missing.push(format!("{shown} is missing: {then}"));
                continue;
            }
            match read_text(&path, MOST) {
                // The node would take it for a part of the value.
                Ok(text) if text.starts_with('\u{feff}') => {
                    let why = "begins with a byte order mark: save it as UTF-8 without one";
                    seen.wrong.push(format!("{shown} {why}"));
                }
                Ok(text) => {
                    seen.wrong.extend(check(&text).err().map(|why| format!("{shown}: {why}")));
                }
                Err(error) => seen.wrong.push(format!("{shown}: {error}")),
            }
        }
        seen
    }

    /// Refuses what cannot work.
    pub(in crate::jobs) fn usable(&self) -> Result<(), Failure> {
        if self.wrong.is_empty() {
            return Ok(());
        }
        let hint = "mend the file, or take it away; nothing was launched";
        Err(Failure::new(FailureKind::Configuration, Step::State, self.wrong.join("; "), hint))
    }
}
