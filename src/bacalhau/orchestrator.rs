//! The client. One call lists all nodes; a node is forgotten by its full id.
//!
//! The API is Bacalhau's `/api/v1/orchestrator/nodes` (1.5 and newer), which has no DELETE: a node
//! goes by `PUT` with the action `delete`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{BacalhauError, Operation};
use crate::fleet::text::clean_line;
use crate::fleet::{Resources, Secret};

/// How long one call may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer that is read: some 10,000 nodes.
const ANSWER_CAP: usize = 64 << 20;
/// The longest message of the orchestrator that is passed on, in characters.
const MESSAGE_CAP: usize = 300;
const NODES: &str = "api/v1/orchestrator/nodes";

/// The way to an orchestrator's API.
#[derive(Debug, Clone)]
pub struct Orchestrator {
    client: Client,
    base: Url,
    key: Option<Secret>,
}

/// A node as its orchestrator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its name; ours are called like their instances.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it may work.
    pub membership: Membership,
    /// Whether it is there.
    pub connection: Connection,
    /// When it was last heard of.
    pub last_heartbeat: Option<Timestamp>,
    /// Why it is not there, where the orchestrator knows.
    pub last_error: Option<String>,
    /// What it has for jobs.
    pub capacity: Resources,
    /// What of its work has to wait on it.
    pub enqueued: Resources,
    /// How many executions it runs, and how many wait on it: as of a minute ago.
    pub executions: u64,
}

/// Whether a node may work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// A person has to approve it.
    Pending,
    /// It may.
    Approved,
    /// A person refused it.
    Rejected,
    /// A word of a newer orchestrator.
    Unknown,
}

/// Whether a node is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Its heartbeat is heard.
    Connected,
    /// It is not, for a minute by default, or it said goodbye.
    Disconnected,
    /// A word of a newer orchestrator.
    Unknown,
}

impl Node {
    /// Whether it is there and may work.
    pub fn is_working(&self) -> bool {
        self.membership == Membership::Approved && self.connection == Connection::Connected
    }
}

impl Orchestrator {
    /// The API at `api`, an `http` or `https` address, with an API key where it asks for one.
    pub fn new(api: &str, key: Option<Secret>) -> Result<Self, BacalhauError> {
        let wrong = |reason: &str| BacalhauError::Address {
            // What stands before an at sign may be a password.
            api: clean_line(api.rsplit('@').next().unwrap_or_default()),
            reason: reason.to_owned(),
        };
        let mut base = Url::parse(api).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong("it does not begin with http:// or https://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("a password belongs into bacalhau.api_key_file"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // A redirect could carry the key elsewhere.
        let client = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Self { client, base, key })
    }

    /// The address of the API, for messages.
    pub fn api(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// All nodes, those of others as well.
    pub async fn nodes(&self) -> Result<Vec<Node>, BacalhauError> {
        let listed: Listed = self.read(Operation::List, NODES, &[]).await?;
        Ok(listed.nodes.unwrap_or_default().into_iter().map(Node::from).collect())
    }

    /// Makes the orchestrator forget a node. It answers well for a node that it does not know.
    ///
    /// The orchestrator takes the beginning of an id for the id: `id` has to be a whole one, from
    /// [`Orchestrator::nodes`]. A node that still lives registers again.
    pub async fn delete(&self, id: &str) -> Result<(), BacalhauError> {
        let operation = Operation::Delete(id.to_owned());
        match self.act(id, "delete", "its instance was destroyed", operation).await {
            Err(BacalhauError::Refused { status: 404, .. }) => Ok(()),
            other => other,
        }
    }

    /// From now on a node gets no work: the orchestrator has no gentler word for it. What runs on it
    /// counts as lost at once and is begun elsewhere. `id` as for [`Orchestrator::delete`].
    pub async fn reject(&self, id: &str) -> Result<(), BacalhauError> {
        self.act(id, "reject", "it is not needed", Operation::Reject(id.to_owned())).await
    }

    /// Takes that back.
    pub async fn approve(&self, id: &str) -> Result<(), BacalhauError> {
        self.act(id, "approve", "it stays", Operation::Approve(id.to_owned())).await
    }

    async fn act(
        &self,
        id: &str,
        action: &str,
        message: &str,
        operation: Operation,
    ) -> Result<(), BacalhauError> {
        if !is_id(id) {
            return Err(self.strange(operation, "that is not a node's id"));
        }
        let body = serde_json::json!({ "Action": action, "Message": message, "NodeID": id });
        let request = self
            .request(Method::PUT, &format!("{NODES}/{id}"), &[])
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        self.send(operation, request).await.map(drop)
    }

    /// That an answer is none of an orchestrator's.
    pub(super) fn strange(&self, operation: Operation, reason: &str) -> BacalhauError {
        let (api, reason) = (self.api().to_owned(), reason.to_owned());
        BacalhauError::Answer { operation, api, reason }
    }

    /// What a question is answered with.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        operation: Operation,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, BacalhauError> {
        let request = self.request(Method::GET, path, query);
        let bytes = self.send(operation.clone(), request).await?;
        serde_json::from_slice(&bytes).map_err(|error| self.strange(operation, &error.to_string()))
    }

    fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        // The base ends with a slash, and no path of ours begins with one.
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.request(method, url);
        let Some(key) = &self.key else { return request };
        match HeaderValue::try_from(format!("Bearer {}", key.reveal().trim())) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
            // A key with control characters cannot be sent: the answer will be a 401.
            Err(_) => request,
        }
    }

    async fn send(
        &self,
        operation: Operation,
        request: RequestBuilder,
    ) -> Result<Vec<u8>, BacalhauError> {
        let asked = async {
            let mut answer = request.send().await?;
            let status = answer.status();
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > ANSWER_CAP {
                    break;
                }
            }
            Ok::<_, reqwest::Error>((status, bytes))
        };
        let api = self.api().to_owned();
        match asked.await {
            Ok((status, bytes)) if status.is_success() => Ok(bytes),
            Ok((status, bytes)) => Err(BacalhauError::Refused {
                operation,
                api,
                status: status.as_u16(),
                message: message(&bytes),
            }),
            Err(error) => {
                Err(BacalhauError::Unreachable { operation, api, reason: innermost(&error) })
            }
        }
    }
}

/// Whether that may stand in a path.
pub(super) fn is_id(id: &str) -> bool {
    let unusual = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    !id.is_empty() && !id.starts_with('.') && !id.contains(unusual)
}

/// The orchestrator's own words in an error's body, or whatever stands there.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Refusal {
        message: String,
    }
    let text = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let line = clean_line(text.lines().next().unwrap_or_default());
    line.chars().take(MESSAGE_CAP).collect()
}

/// What is at the bottom of an error of reqwest, whose outer text only repeats the address.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", REQUEST_TIMEOUT.as_secs());
    }
    let error: &dyn std::error::Error = error;
    let bottom = std::iter::successors(Some(error), |error| error.source()).last();
    bottom.map(ToString::to_string).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    nodes: Option<Vec<NodeState>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeState {
    info: NodeInfo,
    #[serde(default)]
    membership: String,
    /// What orchestrators before 1.6 have in place of `ConnectionState`.
    #[serde(default)]
    connection: String,
    #[serde(default)]
    connection_state: ConnectionState,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeInfo {
    #[serde(rename = "NodeID")]
    node_id: String,
    labels: Option<BTreeMap<String, String>>,
    #[serde(rename = "ComputeNodeInfo")]
    compute: Option<ComputeNodeInfo>,
}

/// `QueueCapacity` is what is enqueued, and not room for it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ComputeNodeInfo {
    max_capacity: Capacity,
    queue_capacity: Capacity,
    running_executions: u64,
    enqueued_executions: u64,
}

/// Here, unlike in a job, numbers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Capacity {
    #[serde(rename = "CPU")]
    cpu: f64,
    #[serde(rename = "Memory")]
    memory: u64,
    #[serde(rename = "Disk")]
    disk: u64,
    #[serde(rename = "GPU")]
    gpu: u64,
}

impl From<Capacity> for Resources {
    fn from(Capacity { cpu, memory, disk, gpu }: Capacity) -> Self {
        Self { cpu, memory, disk, gpu }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ConnectionState {
    status: String,
    last_heartbeat: Option<String>,
    last_error: Option<String>,
}

impl From<NodeState> for Node {
    fn from(state: NodeState) -> Self {
        let NodeState { info, membership, connection, connection_state: now } = state;
        let status = if now.status.is_empty() { connection } else { now.status };
        let compute = info.compute.unwrap_or_default();
        Self {
            id: info.node_id,
            labels: info.labels.unwrap_or_default(),
            membership: match membership.as_str() {
                "PENDING" => Membership::Pending,
                "APPROVED" => Membership::Approved,
                "REJECTED" => Membership::Rejected,
                _ => Membership::Unknown,
            },
            connection: match status.as_str() {
                "CONNECTED" => Connection::Connected,
                "DISCONNECTED" => Connection::Disconnected,
                _ => Connection::Unknown,
            },
            last_heartbeat: now.last_heartbeat.and_then(|at| at.parse().ok()),
            last_error: now
                .last_error
                .filter(|text| !text.is_empty())
                .map(|text| clean_line(&text).chars().take(MESSAGE_CAP).collect()),
            capacity: compute.max_capacity.into(),
            enqueued: compute.queue_capacity.into(),
            executions: compute.running_executions.saturating_add(compute.enqueued_executions),
        }
    }
}
