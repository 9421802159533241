//! `spot-tui demo-cloud` as a process of its own: an EC2 with idempotent client tokens, spot
//! requests, and things that depend on each other.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running demo cloud without hosts. It ends with the test.
pub(crate) struct Cloud {
    child: Child,
    address: SocketAddr,
}

impl Cloud {
    /// Starts one whose time passes `speed` times as fast as real.
    pub(crate) fn start(speed: u32, story: u64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_spot-tui"))
            .args(["demo-cloud", "--no-ssh", "--speed", &speed.to_string()])
            .args(["--seed", &story.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let endpoint = told["endpoint"].as_str().unwrap();
        let address = endpoint.trim_start_matches("http://").parse().unwrap();
        Self { child, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
