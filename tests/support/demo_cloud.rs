//! `spot-tui demo-cloud` as a process of its own, which ends with whoever started it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A running demo cloud.
pub(crate) struct DemoCloud {
    /// Its process.
    pub(crate) child: Child,
    /// Held open: nobody who writes to it shall find it closed.
    _out: BufReader<ChildStdout>,
    line: Value,
}

impl DemoCloud {
    /// Starts one on a free port and reads the line that says where it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spot-tui"))
            .arg("demo-cloud")
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, _out: out, line }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.url().trim_start_matches("http://").parse().unwrap()
    }

    /// What clients are given as the endpoint.
    pub(crate) fn url(&self) -> &str {
        self.line["endpoint"].as_str().unwrap()
    }

    /// Where its hosts listen, each on an address of its own.
    pub(crate) fn ssh_port(&self) -> u64 {
        self.line["ssh_port"].as_u64().unwrap()
    }
}

impl Drop for DemoCloud {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
