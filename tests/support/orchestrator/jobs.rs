//! Its jobs: what they need, where they run, and a scheduler that puts each part where it first fits.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal;

/// How an execution stands (`ExecutionStateType`): a number here, and words in a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running = 6,
    Completed = 9,
    Failed = 10,
}

/// A job to be done.
#[derive(Debug, Clone)]
pub(crate) struct Submitted {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) count: u32,
    /// In thousandths of a processor.
    pub(crate) cpu: u32,
    pub(crate) at: Timestamp,
    /// How long each part takes, in seconds; for ever where it is nothing.
    pub(crate) takes_s: Option<i64>,
    pub(crate) constraints: Value,
}

/// One try to run a part of a job on a node.
#[derive(Debug, Clone)]
struct Execution {
    node: String,
    partition: u32,
    since: Timestamp,
    state: State,
}

#[derive(Default)]
pub(crate) struct Jobs {
    all: Vec<(Submitted, Vec<Execution>)>,
    /// How many of the first ones are over: a day's jobs are not to be gone through at each step.
    over: usize,
    /// How long each part waited that has begun, in seconds.
    pub(crate) waited: Vec<i64>,
    /// How many parts were lost with their node.
    pub(crate) lost: usize,
    /// The most jobs of a page.
    pub(crate) page: usize,
}

impl Jobs {
    pub(crate) fn submit(&mut self, job: Submitted) {
        self.all.push((job, Vec::new()));
    }

    /// A node gets work at once.
    pub(super) fn race(&mut self, node: &str) {
        let at = self.all.iter().map(|(job, _)| job.at).max().unwrap_or_default();
        let id = format!("j-race-{}", self.all.len());
        let constraints = json!([]);
        let (kind, takes_s) = ("batch", Some(600));
        let job = Submitted { id, kind, count: 1, cpu: 800, at, takes_s, constraints };
        let (node, state) = (node.to_owned(), State::Running);
        self.all.push((job, vec![Execution { node, partition: 0, since: at, state }]));
    }

    /// A node is gone, or none of the cluster any more: what ran on it is to be begun elsewhere.
    pub(crate) fn lose(&mut self, node: &str) {
        let live = self.all[self.over..].iter_mut();
        let executions = live.flat_map(|(_, executions)| executions);
        for it in executions.filter(|it| it.node == node && it.state == State::Running) {
            it.state = State::Failed;
            self.lost += 1;
        }
    }

    /// What is done by now is over, and what waits is begun where there is room.
    pub(crate) fn step(&mut self, now: Timestamp, nodes: &mut BTreeMap<String, Value>) {
        let live = self.all[self.over..].iter();
        let is_over = |(job, all): &&(Submitted, Vec<Execution>)| {
            job.kind == "batch" && done(all) == job.count as usize
        };
        self.over += live.take_while(is_over).count();
        for (job, executions) in &mut self.all[self.over..] {
            let Some(takes) = job.takes_s else { continue };
            for it in executions.iter_mut().filter(|it| it.state == State::Running) {
                if now.duration_since(it.since).as_secs() >= takes {
                    it.state = State::Completed;
                }
            }
        }
        let works = |node: &Value| {
            node["Membership"] == "APPROVED" && node["ConnectionState"]["Status"] == "CONNECTED"
        };
        let gone: Vec<&String> =
            nodes.iter().filter(|(_, node)| !works(node)).map(|(id, _)| id).collect();
        for node in gone {
            self.lose(node);
        }
        let mut rooms: BTreeMap<String, u32> = nodes
            .iter()
            .filter(|(_, node)| works(node))
            .map(|(id, _)| (id.clone(), 1600_u32.saturating_sub(self.used(id))))
            .collect();
        for (job, executions) in &mut self.all[self.over..] {
            for partition in open(job, executions) {
                let Some((node, room)) = rooms.iter_mut().find(|(_, room)| **room >= job.cpu)
                else {
                    break;
                };
                *room -= job.cpu;
                let is_first = executions.iter().all(|it| it.partition != partition);
                if is_first {
                    self.waited.push(now.duration_since(job.at).as_secs());
                }
                let (node, state) = (node.clone(), State::Running);
                executions.push(Execution { node, partition, since: now, state });
            }
        }
        // A node counts its executions each minute.
        if now.as_second() % 60 < 15 {
            for (id, node) in nodes.iter_mut() {
                node["Info"]["ComputeNodeInfo"]["RunningExecutions"] = json!(self.on(id));
            }
        }
    }

    fn running<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Submitted> {
        let on = move |it: &&Execution| it.node == node && it.state == State::Running;
        let live = self.all[self.over..].iter();
        live.flat_map(move |(job, all)| all.iter().filter(on).map(move |_| job))
    }

    /// How many parts a node runs.
    pub(crate) fn on(&self, node: &str) -> usize {
        self.running(node).count()
    }

    fn used(&self, node: &str) -> u32 {
        self.running(node).map(|job| job.cpu).sum()
    }

    /// How many nodes ever ran anything.
    pub(crate) fn used_nodes(&self) -> usize {
        let all = self.all.iter().flat_map(|(_, executions)| executions);
        all.map(|it| &it.node).collect::<BTreeSet<_>>().len()
    }

    /// How many parts wait.
    pub(crate) fn waiting(&self) -> usize {
        self.all[self.over..].iter().map(|(job, executions)| open(job, executions).len()).sum()
    }

    pub(super) fn answer(&self, asked: &str) -> (u16, String) {
        let (path, query) = asked.split_once('?').unwrap_or((asked, ""));
        let query: BTreeMap<&str, &str> =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        match path.trim_start_matches('/') {
            "" => self.page(&query),
            id => match self.all.iter().find(|(job, _)| job.id == id) {
                Some((job, executions)) => one(job, executions, &query),
                None => refusal(404, "NotFound", &format!("job not found: {id}")),
            },
        }
    }

    /// Limit 0 is every job ever; there is no filter by state.
    fn page(&self, query: &BTreeMap<&str, &str>) -> (u16, String) {
        let number = |key: &str| query.get(key).and_then(|it| it.parse::<usize>().ok());
        let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let limit = if self.page == 0 { limit } else { limit.min(self.page) };
        let from = number("next_token").unwrap_or_default();
        let mut jobs: Vec<&(Submitted, Vec<Execution>)> = self.all.iter().collect();
        if query.get("reverse") == Some(&"true") {
            jobs.reverse();
        }
        let items: Vec<Value> =
            jobs.iter().skip(from).take(limit).map(|(job, all)| described(job, all)).collect();
        let next = from.saturating_add(limit);
        let token = if next < jobs.len() { next.to_string() } else { String::new() };
        (200, json!({ "NextToken": token, "Items": items }).to_string())
    }
}

/// The parts that run nowhere and are not done. Jobs that run on every node have none.
fn open(job: &Submitted, executions: &[Execution]) -> Vec<u32> {
    if !matches!(job.kind, "batch" | "service") {
        return Vec::new();
    }
    let is_taken = |partition: &u32| {
        let mut of = executions.iter().filter(|it| it.partition == *partition);
        of.any(|it| it.state != State::Failed)
    };
    (0..job.count).filter(|partition| !is_taken(partition)).collect()
}

/// How many parts are done.
fn done(executions: &[Execution]) -> usize {
    executions.iter().filter(|it| it.state == State::Completed).count()
}

fn described(job: &Submitted, executions: &[Execution]) -> Value {
    let is_done = done(executions) == job.count as usize;
    let runs = executions.iter().any(|it| it.state == State::Running);
    // `Queued` says only that the last look matched no node at all.
    let state = match (is_done && job.kind == "batch", runs) {
        (true, _) => "Completed",
        (_, true) => "Running",
        _ => "Queued",
    };
    json!({
        "ID": job.id, "Name": job.id, "Namespace": "default", "Type": job.kind, "Priority": 0,
        "Count": job.count, "Constraints": job.constraints, "Meta": {}, "Labels": {},
        "Tasks": [{
            "Name": "main", "Engine": { "Type": "docker", "Params": { "Image": "ubuntu" } },
            "Resources": { "CPU": format!("{}m", job.cpu), "Memory": "512Mb" },
            "Timeouts": { "QueueTimeout": 3600 }
        }],
        "State": { "StateType": state, "Message": "" }, "Version": 0, "Revision": 2,
        "CreateTime": i64::try_from(job.at.as_nanosecond()).unwrap(),
        "ModifyTime": i64::try_from(job.at.as_nanosecond()).unwrap()
    })
}

fn one(job: &Submitted, executions: &[Execution], query: &BTreeMap<&str, &str>) -> (u16, String) {
    let mut answer = json!({ "Job": described(job, executions) });
    if query.get("include") == Some(&"executions") {
        let items: Vec<Value> = executions
            .iter()
            .enumerate()
            .map(|(number, it)| {
                json!({
                    "ID": format!("e-{}-{number}", job.id), "Namespace": "default",
                    "JobID": job.id, "NodeID": it.node, "PartitionIndex": it.partition,
                    "DesiredState": { "StateType": 2, "Message": "" },
                    "ComputeState": { "StateType": it.state as u32, "Message": "" }
                })
            })
            .collect();
        answer["Executions"] = json!({ "NextToken": "", "Items": items });
    }
    (200, answer.to_string())
}
