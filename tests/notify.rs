//! Somebody is told what happens: by requests in the words of each service, and by nothing that gives
//! their secret away. The far side is a server of the tests' own on loopback; the shapes that it is
//! held to are the services' own pages, named in `src/notify/body.rs`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use serde_json::Value;

use crate::support::demo_cloud::DemoCloud;
use crate::support::schema::{NOTIFICATION, NOTIFY, complaints};
use crate::support::spot::{Ran, Spot};

const SECRET: &str = "s3cr3t-0f-the-hook";
/// `whsec_` and 24 bytes.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One request: its line, its headers in lower case, and its body.
#[derive(Debug, Clone)]
struct Request {
    line: String,
    headers: String,
    body: Value,
}

/// A server that answers every request with one status, and repeats its path in the body.
struct Server {
    address: String,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (status, requests) = (Arc::new(AtomicU16::new(status)), Arc::default());
        let server = Self { address, status: Arc::clone(&status), requests };
        let requests = Arc::clone(&server.requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&mut stream) else { continue };
                let path = request.line.split(' ').nth(1).unwrap_or_default().to_owned();
                requests.lock().unwrap().push(request);
                let status = status.load(Ordering::SeqCst);
                let text = format!("nothing at {path}");
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                    text.len()
                );
            }
        });
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}{SECRET}", self.address)
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let (line, headers) = head.split_once("\r\n")?;
            let headers = headers.to_lowercase();
            let length = headers.lines().find_map(|it| it.strip_prefix("content-length: "))?;
            let length: usize = length.parse().ok()?;
            if let Some(body) = bytes.get(head.len() + 4..head.len() + 4 + length) {
                let (line, body) = (line.to_owned(), serde_json::from_slice(body).ok()?);
                return Some(Request { line, headers, body });
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

const TARGETS: &str = "notify:\n  \
    - { webhook: slack, url_env: HOOK }\n  - { webhook: discord, url_env: HOOK }\n  \
    - { webhook: teams, url_file: hook-url }\n  - { webhook: ntfy, url_env: HOOK, key_env: HOOK_KEY }\n  \
    - { webhook: json, url_env: HOOK, key_env: HOOK_KEY }\n  \
    - { command: [sh, -c, 'cat > told; env > environment'] }\n";

/// A user with a target of each kind.
fn user(server: &Server) -> Spot {
    let spot = Spot::new("http://127.0.0.1:9");
    spot.configure_without_hosts("", &["us-west-2"]);
    spot.add_configuration(TARGETS);
    spot.write("hook-url", 0o600, format!("{}\n", server.url("services/")).as_bytes());
    spot
}

fn notify(spot: &Spot, server: &Server, arguments: &[&str]) -> Ran {
    let mut command = spot.command();
    command.env("HOOK", server.url("services/")).env("HOOK_KEY", KEY);
    Ran::of(&command.arg("notify").args(arguments).output().unwrap())
}

/// The files below a folder that have the secret in them.
fn holders(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holders(&path, found);
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).contains(SECRET) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
}

#[test]
fn each_target_is_told_in_its_own_words() {
    let server = Server::start(200);
    let spot = user(&server);
    let ran = notify(&spot, &server, &["--test"]);
    assert_eq!(ran.code, 0, "{}", ran.told());
    let delivered = ran.out.lines().filter(|line| line.ends_with(": delivered")).count();
    assert_eq!(delivered, 6, "{}", ran.out);
    let requests = server.requests();
    let [slack, discord, teams, ntfy, json] = requests.as_slice() else { panic!("{requests:?}") };
    assert!(slack.body["blocks"][0]["text"]["text"].as_str().unwrap().contains("this is how"));
    assert!(discord.line.contains("?wait=true"), "{}", discord.line);
    assert_eq!(discord.body["allowed_mentions"]["parse"], serde_json::json!([]));
    let card = &teams.body["attachments"][0]["content"];
    assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
    assert_eq!(ntfy.line, "POST /services/ HTTP/1.1");
    assert_eq!(ntfy.body["topic"], SECRET);
    assert!(ntfy.headers.contains("authorization: bearer whsec_"), "{}", ntfy.headers);
    assert!(json.headers.contains("content-type: application/cloudevents+json"));
    for header in ["webhook-id: ", "webhook-timestamp: ", "webhook-signature: v1,"] {
        assert!(json.headers.contains(header), "{header}: {}", json.headers);
    }
    let told = fs::read_to_string(spot.path().join("told")).unwrap();
    let wrong = complaints(NOTIFICATION, &[&json.body.to_string(), &told]);
    assert!(wrong.is_empty(), "{wrong:?}");
    let lines = notify(&spot, &server, &["--test", "--json"]).out;
    let lines: Vec<&str> = lines.lines().collect();
    let wrong = complaints(NOTIFY, &lines);
    assert!(lines.len() >= 6 && wrong.is_empty(), "{wrong:?}: {lines:?}");
    let environment = fs::read_to_string(spot.path().join("environment")).unwrap();
    assert!(!environment.contains("AWS_"), "{environment}");
}

#[test]
fn a_url_is_told_to_nobody() {
    let server = Server::start(404);
    let spot = user(&server);
    let mut said = notify(&spot, &server, &["--test"]);
    assert_eq!(said.code, 1, "{}", said.told());
    assert!(said.out.contains("slack (127.0.0.1): not delivered: HTTP 404"), "{}", said.out);
    for arguments in [&["--list"][..], &["--list", "--json"], &["--send"]] {
        let ran = notify(&spot, &server, arguments);
        said.out += &ran.out;
        said.err += &ran.err;
    }
    let ran = spot.run(&["validate"]);
    assert!(
        ran.err.contains("notify: slack cannot be told anything: HOOK is not set"),
        "{}",
        ran.err
    );
    for text in [&said.out, &said.err, &ran.out, &ran.err] {
        assert!(!text.contains(SECRET) && !text.contains(&KEY[6..]), "{text}");
    }
    let mut found = Vec::new();
    holders(spot.path(), &mut found);
    // The program of the last target was given what it was not to see, by nobody.
    found.retain(|name| name != "environment");
    assert_eq!(found, ["hook-url"]);
}

/// What a create could not tell waits on the disk, and the next process tells it.
#[test]
fn what_nobody_took_is_told_later() {
    let server = Server::start(503);
    let cloud = DemoCloud::start(&["--no-ssh"]);
    let spot = Spot::new(cloud.url());
    spot.configure_without_hosts("", &["us-west-2"]);
    spot.add_configuration(
        "notify:\n  - { name: ops, webhook: json, url_env: HOOK, on: [failed] }\n",
    );
    let program = |arguments: &[&str]| {
        let mut command = spot.command();
        command.env("HOOK", server.url("services/"));
        Ran::of(&command.args(arguments).output().unwrap())
    };
    // Nobody can be reached: its deployment is given up.
    let ran = program(&["create", "--yes"]);
    assert!(ran.told().contains("1 message to `notify` waits"), "{}", ran.told());
    let later = program(&["notify", "--send"]);
    assert_eq!(later.code, 1, "it has not arrived: {}", later.told());
    assert!(later.out.starts_with("ops: waits until "), "{}", later.out);
    let list = program(&["notify", "--list"]);
    assert!(list.out.contains("waits") && list.out.contains("HTTP 503"), "{}", list.out);
    let outbox = spot.path().join("instances.json.outbox");
    assert!(outbox.is_dir());
    server.status.store(200, Ordering::SeqCst);
    let sent = || server.requests().last().unwrap().body["id"].clone();
    let before = sent();
    // Its pause may not be over yet.
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let arrived = loop {
        let ran = program(&["notify", "--send", "--json"]);
        if ran.code == 0 {
            break ran.out;
        }
        assert!(std::time::Instant::now() < deadline, "{}", program(&["notify"]).out);
    };
    let told: Value = serde_json::from_str(&arrived).unwrap();
    assert_eq!(told["messages"][0]["state"], "delivered", "{told}");
    let wrong = complaints(NOTIFY, &[&arrived]);
    assert!(wrong.is_empty(), "{wrong:?}");
    let again = program(&["notify", "--send"]);
    assert_eq!((again.code, again.out.as_str()), (0, "nothing waits\n"), "{}", again.told());
    assert_eq!(sent(), before, "it is the same event");
    let told: Value = serde_json::from_str(&program(&["notify", "--list", "--json"]).out).unwrap();
    assert_eq!(told["messages"][0]["state"], "delivered", "{told}");
    assert!(told["messages"][0]["tries"].as_u64().unwrap() >= 2, "{told}");
}
