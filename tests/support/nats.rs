//! Debian's nats-server with a token, and who is connected to it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A server. Gone when it is dropped.
pub(crate) struct Nats {
    port: u16,
    monitor: u16,
    token: String,
    process: Option<Child>,
}

impl Nats {
    /// Starts one on free ports that asks for a token.
    pub(crate) fn start(token: &str) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut nats =
            Self { port: free(), monitor: free(), token: token.to_owned(), process: None };
        nats.up();
        nats
    }

    /// Its port for clients.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again.
    pub(crate) fn up(&mut self) {
        let process = Command::new("nats-server")
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--http_port", &self.monitor.to_string(), "--auth", &self.token])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server is missing: apt-get install nats-server");
        self.process = Some(process);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nats-server does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it.
    pub(crate) fn down(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// The names of the clients that are connected and showed the token.
    pub(crate) fn clients(&self) -> Vec<String> {
        let answer = self.ask("/connz").unwrap_or_default();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let known: Value = serde_json::from_str(body).unwrap_or_default();
        let connections = known["connections"].as_array().into_iter().flatten();
        connections.filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
    }

    fn ask(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.monitor))?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.down();
    }
}
