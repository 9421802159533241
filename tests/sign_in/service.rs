//! A service on loopback that is a script of ours: it prints where it is, keeps a log of its calls, and
//! goes when nobody holds it any more.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::moto::{python, script};

/// One that runs.
pub(super) struct Service(Child);

impl Service {
    /// Starts one that answers with these, the last one for ever. Answers with its first line, too.
    pub(super) fn start(name: &str, answers: &[&str], settings: &[(&str, &str)]) -> (Self, String) {
        let mut child = Command::new(python())
            .arg(script(name))
            .args(answers)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line)
    }

    /// Ends it. The calls that it saw.
    pub(super) fn close(mut self) -> Vec<Value> {
        drop(self.0.stdin.take());
        let mut log = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
