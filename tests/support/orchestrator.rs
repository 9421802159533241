//! An orchestrator's API on loopback, as Bacalhau 1.9 answers it: nodes are found by the beginning of
//! their id, deleted, rejected and approved by `PUT`, and there is no `DELETE`; jobs come in pages, and
//! there is no queue to be asked for.
//!
//! Shapes: `pkg/publicapi/apimodels/{node,job}.go`, `pkg/models/{job,execution,resource,node_info}.go`; how
//! it rejects: `pkg/orchestrator/nodes`; which executions are whose: `pkg/orchestrator/scheduler`.

mod jobs;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) use jobs::{Jobs, Submitted};

/// One request: `GET /api/v1/orchestrator/nodes`, and its body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Book {
    jobs: Jobs,
    nodes: BTreeMap<String, Value>,
    asked: Vec<Asked>,
    key: Option<String>,
    /// Whether a node gets work in the moment in which it is rejected.
    races: bool,
    /// A status with which everything is refused.
    refusing: Option<(u16, String)>,
}

/// A running orchestrator. It ends with the test process.
#[derive(Clone)]
pub(crate) struct Orchestrator {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl Orchestrator {
    /// Listens on a free port and knows no node.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let orchestrator =
            Self { address: listener.local_addr().expect("its address"), book: Arc::default() };
        let book = Arc::clone(&orchestrator.book);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let book = Arc::clone(&book);
                // A client that goes away ends its connection, nothing else.
                thread::spawn(move || drop(serve(&stream, &book)));
            }
        });
        orchestrator
    }

    /// The same in the runtime that asks: on a paused clock a thread of its own would answer after its
    /// time. While it is asked, time goes in small steps.
    pub(crate) async fn start_here() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let orchestrator =
            Self { address: listener.local_addr().expect("its address"), book: Arc::default() };
        let book = Arc::clone(&orchestrator.book);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_here(stream, Arc::clone(&book)));
            }
        });
        orchestrator
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on only this API key is let in.
    pub(crate) fn ask_for_key(&self, key: &str) {
        self.lock().key = Some(key.to_owned());
    }

    /// From now on a node gets work in the moment in which it is rejected.
    pub(crate) fn race(&self, races: bool) {
        self.lock().races = races;
    }

    /// From now on everything is answered again.
    pub(crate) fn relent(&self) {
        self.lock().refusing = None;
    }

    /// From now on everything is refused.
    pub(crate) fn refuse(&self, status: u16, body: &str) {
        self.lock().refusing = Some((status, body.to_owned()));
    }

    /// A compute node registers; `status` is `CONNECTED` or `DISCONNECTED`.
    pub(crate) fn register(&self, id: &str, status: &str) {
        let node = json!({
            "Info": {
                "NodeID": id, "NodeType": "Compute",
                "Labels": { "managed-by": "spot-tui", "instance-id": id },
                "SupportedProtocols": ["ncl/v1", "bprotocol/v2"],
                "ComputeNodeInfo": {
                    "ExecutionEngines": ["docker", "wasm"],
                    // 80 % of a t3.medium.
                    "MaxCapacity": { "CPU": 1.6, "Memory": 3_200_000_000_u64, "Disk": 40_000_000_000_u64 },
                    "QueueCapacity": {},
                    "AvailableCapacity": { "CPU": 1.6, "Memory": 3_200_000_000_u64 },
                    "RunningExecutions": 0, "EnqueuedExecutions": 0
                },
                "BacalhauVersion": { "GitVersion": "v1.9.3" }
            },
            "Membership": "APPROVED", "Connection": status,
            "ConnectionState": {
                "Status": status, "LastHeartbeat": "2026-11-20T12:00:00.123456789Z",
                "ConnectedSince": "2026-11-20T11:00:00Z", "DisconnectedSince": "0001-01-01T00:00:00Z"
            }
        });
        self.lock().nodes.insert(id.to_owned(), node);
    }

    /// A person decided about a node: `PENDING`, `APPROVED`, `REJECTED`.
    pub(crate) fn decide(&self, id: &str, membership: &str) {
        self.lock().nodes.get_mut(id).expect("the node")["Membership"] = json!(membership);
    }

    /// A node is not heard of any more, or says goodbye.
    pub(crate) fn disconnect(&self, id: &str) {
        if let Some(node) = self.lock().nodes.get_mut(id) {
            node["Connection"] = json!("DISCONNECTED");
            node["ConnectionState"]["Status"] = json!("DISCONNECTED");
        }
    }

    /// These nodes shake hands: whoever may work is connected from then on.
    pub(crate) fn shake_hands(&self, alive: &std::collections::BTreeSet<String>) {
        for (id, node) in &mut self.lock().nodes {
            if alive.contains(id) && node["Membership"] == "APPROVED" {
                node["Connection"] = json!("CONNECTED");
                node["ConnectionState"]["Status"] = json!("CONNECTED");
            }
        }
    }

    /// A node as it stands; `None` where it was forgotten.
    pub(crate) fn node(&self, id: &str) -> Option<Value> {
        self.lock().nodes.get(id).cloned()
    }

    /// What is done with its jobs.
    pub(crate) fn with_jobs<T>(
        &self,
        change: impl FnOnce(&mut Jobs, &mut BTreeMap<String, Value>) -> T,
    ) -> T {
        let book = &mut *self.lock();
        change(&mut book.jobs, &mut book.nodes)
    }

    /// The ids of its nodes.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.lock().nodes.keys().cloned().collect()
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(stream: &TcpStream, book: &Mutex<Book>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut authorization) = (String::new(), 0, String::new());
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or(0),
                "authorization" => value.clone_into(&mut authorization),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let line = line.rsplit_once(" HTTP").map_or("", |(line, _)| line).to_owned();
        let answer = {
            let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
            book.asked.push(Asked { line: line.clone(), body: body.clone() });
            answered(book.answer(&line, &body, &authorization))
        };
        let mut writer = stream;
        writer.write_all(answer.as_bytes())?;
    }
}

/// How long after a question the next one may follow at once.
const BUSY: std::time::Duration = std::time::Duration::from_millis(8);

/// One connection, and small steps of time for as long as anything comes of it: with a paused clock that
/// jumps to the next timer while bytes are on their way.
async fn serve_here(stream: tokio::net::TcpStream, book: Arc<Mutex<Book>>) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = tokio::io::BufReader::new(reader);
    loop {
        let Some((line, authorization, body)) = asked_here(&mut reader).await else { return };
        let answer = {
            let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
            book.asked.push(Asked { line: line.clone(), body: body.clone() });
            answered(book.answer(&line, &body, &authorization))
        };
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        let quiet = tokio::time::Instant::now() + BUSY;
        tokio::spawn(async move {
            while tokio::time::Instant::now() < quiet {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
    }
}

/// The next request's line, key and body.
async fn asked_here(
    reader: &mut (impl tokio::io::AsyncBufRead + Unpin),
) -> Option<(String, String, String)> {
    let (mut line, mut length, mut authorization) = (String::new(), 0, String::new());
    reader.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    let line = line.rsplit_once(" HTTP").map_or("", |(line, _)| line).to_owned();
    Some((line, authorization, String::from_utf8_lossy(&body).into_owned()))
}

fn answered((status, answer): (u16, String)) -> String {
    format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{answer}",
        answer.len()
    )
}

impl Book {
    fn answer(&mut self, line: &str, body: &str, authorization: &str) -> (u16, String) {
        if let Some(refusing) = &self.refusing {
            return refusing.clone();
        }
        if self.key.as_ref().is_some_and(|key| authorization != format!("Bearer {key}")) {
            return refusal(401, "Unauthorized", "Authentication required");
        }
        let (method, path) = line.split_once(' ').unwrap_or_default();
        if let Some(asked) = path.strip_prefix("/api/v1/orchestrator/jobs") {
            return match method {
                "GET" => self.jobs.answer(asked),
                _ => refusal(405, "MethodNotAllowed", "Method Not Allowed"),
            };
        }
        let Some(id) = path.strip_prefix("/api/v1/orchestrator/nodes") else {
            return refusal(404, "NotFound", "Not Found");
        };
        match (method, id.trim_start_matches('/')) {
            ("GET", "") => {
                let nodes: Vec<&Value> = self.nodes.values().collect();
                (200, json!({ "NextToken": "", "Nodes": nodes }).to_string())
            }
            ("PUT", id) if !id.is_empty() => self.act(id, body),
            _ => refusal(405, "MethodNotAllowed", "Method Not Allowed"),
        }
    }

    /// What a `PUT` does: the id is the beginning of an id.
    fn act(&mut self, id: &str, body: &str) -> (u16, String) {
        let asked: Value = serde_json::from_str(body).unwrap_or_default();
        let meant: Vec<String> =
            self.nodes.keys().filter(|known| known.starts_with(id)).cloned().collect();
        match meant.as_slice() {
            [] => refusal(404, "NotFound", &format!("node not found: {id}")),
            [one] if asked["Action"] == "delete" => {
                self.nodes.remove(one);
                (200, json!({ "Success": true, "Error": "" }).to_string())
            }
            // Out of the work, and not connected, at once; what runs on it counts as lost soon after.
            [one] if asked["Action"] == "reject" => {
                if self.races {
                    self.jobs.race(one);
                }
                let node = self.nodes.get_mut(one).expect("it is known");
                if node["Membership"] == "REJECTED" {
                    return refusal(409, "NodeAlreadyRejected", "node already rejected");
                }
                node["Membership"] = json!("REJECTED");
                node["ConnectionState"]["Status"] = json!("DISCONNECTED");
                (200, json!({ "Success": true, "Error": "" }).to_string())
            }
            [one] if asked["Action"] == "approve" => {
                let node = self.nodes.get_mut(one).expect("it is known");
                if node["Membership"] == "APPROVED" {
                    return refusal(409, "NodeAlreadyApproved", "node already approved");
                }
                // It is connected again when it has shaken hands anew.
                node["Membership"] = json!("APPROVED");
                (200, json!({ "Success": true, "Error": "" }).to_string())
            }
            [_] => refusal(400, "BadRequest", "unknown action"),
            _ => refusal(409, "MultipleNodesFound", &format!("multiple nodes found: {id}")),
        }
    }
}

pub(super) fn refusal(status: u16, code: &str, message: &str) -> (u16, String) {
    let body = json!({
        "Status": status, "Message": message, "RequestID": "r-1", "Code": code,
        "Component": "NodesManager"
    });
    (status, body.to_string())
}
