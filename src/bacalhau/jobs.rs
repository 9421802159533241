//! The jobs of an orchestrator, and where they run (`/api/v1/orchestrator/jobs`, 1.5 and newer). There is
//! no filter by state and no queue to be asked for: who wants to know what waits reckons it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::orchestrator::is_id;
use super::quantities::Needs;
use super::{BacalhauError, Operation, Orchestrator};
use crate::fleet::Resources;

const JOBS: &str = "api/v1/orchestrator/jobs";
/// How many jobs a page has.
const PAGE: &str = "50";

/// Jobs, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// These.
    pub jobs: Vec<JobSeen>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<String>,
}

/// A job, as far as it says how much work there is.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSeen {
    /// Its id.
    pub id: String,
    /// How it is spread over nodes.
    pub kind: JobType,
    /// How many executions it is to have.
    pub count: u32,
    /// What each of them needs.
    pub each: Resources,
    /// What a node's labels must be.
    pub constraints: Vec<Constraint>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it is over.
    pub is_over: bool,
}

/// How a job is spread over nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobType {
    /// So many executions, until they are over.
    Batch,
    /// So many, for ever.
    Service,
    /// One on every node that there is when it begins.
    Ops,
    /// One on every node, also on those that come later.
    Daemon,
    /// A word of a newer orchestrator.
    Unknown,
}

/// A requirement of a node's labels, in Kubernetes' words (`pkg/models/selector.go`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Constraint {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: String,
    /// With what.
    #[serde(default)]
    pub values: Vec<String>,
}

/// Where a job's executions are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// The parts that run, are about to, or are done.
    pub partitions: BTreeSet<u64>,
    /// How many executions of it each node is at.
    pub active: BTreeMap<String, u64>,
}

impl Constraint {
    /// Whether a node with these labels will do. What a newer orchestrator compares otherwise will not.
    pub fn allows(&self, labels: &BTreeMap<String, String>) -> bool {
        let (label, values) = (labels.get(&self.key), &self.values);
        let is_in = || label.is_some_and(|label| values.contains(label));
        let compared = |is_so: fn(i64, i64) -> bool| {
            let value = values.first().and_then(|value| value.parse().ok());
            let label = label.and_then(|label| label.parse().ok());
            label.zip(value).is_some_and(|(label, value)| is_so(label, value))
        };
        match self.operator.as_str() {
            "=" | "==" | "in" => is_in(),
            "!=" | "notin" => !is_in(),
            "exists" => label.is_some(),
            "!" => label.is_none(),
            "gt" => compared(|label, value| label > value),
            "lt" => compared(|label, value| label < value),
            _ => false,
        }
    }
}

impl Orchestrator {
    /// A page of all jobs of all namespaces.
    pub async fn jobs(&self, token: Option<&str>) -> Result<JobPage, BacalhauError> {
        let mut query = vec![
            ("namespace", "*"),
            ("order_by", "created_at"),
            ("reverse", "true"),
            ("limit", PAGE),
        ];
        query.extend(token.map(|token| ("next_token", token)));
        let listed: Listed = self.read(Operation::Jobs, JOBS, &query).await?;
        let jobs = listed.items.unwrap_or_default().into_iter().map(JobSeen::from).collect();
        Ok(JobPage { jobs, next: listed.next_token.filter(|token| !token.is_empty()) })
    }

    /// A job by its whole id, and where it runs; `None` where it is not known any more.
    pub async fn job(&self, id: &str) -> Result<Option<(JobSeen, Placed)>, BacalhauError> {
        let operation = Operation::Job(id.to_owned());
        if !is_id(id) {
            return Err(self.strange(operation, "that is not a job's id"));
        }
        let (path, query) = (format!("{JOBS}/{id}"), [("include", "executions")]);
        match self.read::<Asked>(operation, &path, &query).await {
            Ok(asked) => {
                let executions = asked.executions.and_then(|it| it.items).unwrap_or_default();
                Ok(Some((asked.job.into(), placed(&executions))))
            }
            Err(BacalhauError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn placed(executions: &[Execution]) -> Placed {
    let mut placed = Placed::default();
    for execution in executions {
        let state = execution.compute_state.state_type;
        if state.is_active() {
            *placed.active.entry(execution.node_id.clone()).or_default() += 1;
        }
        if state.is_active() || state == EXECUTION_COMPLETED {
            placed.partitions.insert(execution.partition_index);
        }
    }
    placed
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    next_token: Option<String>,
    items: Option<Vec<Job>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    job: Job,
    executions: Option<Executions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Executions {
    items: Option<Vec<Execution>>,
}

/// `pkg/models/job.go`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Job {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(default)]
    count: u32,
    constraints: Option<Vec<Constraint>>,
    tasks: Option<Vec<Task>>,
    state: JobState,
    /// Nanoseconds since 1970.
    #[serde(default)]
    create_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    resources: Option<Needs>,
}

/// In words, unlike an execution's.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JobState {
    state_type: String,
}

/// `pkg/models/execution.go`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    #[serde(rename = "NodeID", default)]
    node_id: String,
    #[serde(default)]
    partition_index: u64,
    compute_state: ExecutionState,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ExecutionState {
    state_type: StateNumber,
}

/// `ExecutionStateType`: 1 new, 2 ask for bid, 3 accepted, 4 rejected, 5 bid accepted, 6 running, 7
/// publishing, 8 bid rejected, 9 completed, 10 failed, 11 cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
struct StateNumber(u32);

const EXECUTION_COMPLETED: StateNumber = StateNumber(9);

impl StateNumber {
    fn is_active(self) -> bool {
        matches!(self.0, 1 | 2 | 3 | 5 | 6 | 7)
    }
}

impl From<Job> for JobSeen {
    fn from(job: Job) -> Self {
        // A job has one task; more would run beside each other.
        let tasks = job.tasks.unwrap_or_default();
        let needs = tasks.iter().filter_map(|task| task.resources.as_ref());
        let each = needs.map(Needs::resources).fold(Resources::default(), |all, it| Resources {
            cpu: all.cpu + it.cpu,
            memory: all.memory.saturating_add(it.memory),
            disk: all.disk.saturating_add(it.disk),
            gpu: all.gpu.saturating_add(it.gpu),
        });
        Self {
            id: job.id,
            kind: match job.kind.as_str() {
                "batch" => JobType::Batch,
                "service" => JobType::Service,
                "ops" => JobType::Ops,
                "daemon" => JobType::Daemon,
                _ => JobType::Unknown,
            },
            count: job.count,
            each,
            constraints: job.constraints.unwrap_or_default(),
            created: Timestamp::from_nanosecond(job.create_time.into()).unwrap_or_default(),
            is_over: matches!(job.state.state_type.as_str(), "Completed" | "Failed" | "Stopped"),
        }
    }
}
