//! Looks at nodes over SSH, and asks the orchestrator for them: at the end of a deployment, and at a
//! gentle rate for as long as somebody watches.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use super::orchestrator::open_orchestrator;
use super::ssh_access::SshAccess;
use super::status;
use super::user_data::RENEW_LEASE;
use crate::bacalhau::{Connection, Membership, Node, Orchestrator};
use crate::config::Config;
use crate::fleet::vitals::{NodeMembership, Vitals};
use crate::fleet::{Failure, Level, Machine, Phase};
use crate::jobs::context::Context;
use crate::jobs::context::monitored::{MonitoredNode, Turn};
use crate::jobs::context::reporter::Reporter;
use crate::retry::{OPENED, STATUS_TIMEOUT};
use crate::ssh::{HostKeyCheck, LONGEST_ANSWER, RemoteCommand, Route, Session, SshError};

/// How long the orchestrator's answer is good for everybody.
const FRESH: Duration = Duration::from_secs(10);
/// Visits that fail one after the other before the node is called degraded: a network hiccup is
/// not the node's fault.
const MISSED: u32 = 2;
/// A connection is held until the next visit where that stays near; a login costs less than what is
/// held.
const NEAR: Duration = Duration::from_mins(2);
/// So much longer is each pause than the one before while a node is well.
const CALMER: u32 = 4;
/// So often at least a lease is renewed in its term.
const RENEWALS: u32 = 6;
/// Where a deployment put the program.
pub(in crate::jobs) const NODE_STATUS: &str = "sudo /opt/uploaded_files/scripts/node-status";

/// What `node-status` says over this session, or why it says nothing.
pub(in crate::jobs) async fn node_status(session: &Session) -> Result<Vitals, String> {
    ask(session, NODE_STATUS).await
}

/// What a command that ends with `node-status` says.
async fn ask(session: &Session, command: &str) -> Result<Vitals, String> {
    let mut printed = String::new();
    let command = RemoteCommand::new(command).limit(STATUS_TIMEOUT).most(LONGEST_ANSWER);
    let ran = session.exec(&command, |_, line| status::push(&mut printed, line)).await;
    if let Err(error) = ran {
        tracing::debug!(%error, "node-status");
        if matches!(error, SshError::Flooded { .. }) {
            return Err(error.to_string());
        }
    }
    status::parse(&printed).ok_or_else(|| "node-status does not answer".to_owned())
}

/// Adds what one look alone does not show: the sensor's rate and the orchestrator's word.
pub(in crate::jobs) async fn complete(
    mut vitals: Vitals,
    earlier: Option<&Vitals>,
    machine: &Machine,
    directory: Option<&NodeDirectory>,
) -> Vitals {
    vitals.measure(earlier);
    if let Some(directory) = directory
        && vitals.orchestrator.address.is_some()
    {
        vitals.membership = Some(directory.membership(machine).await);
    }
    vitals
}

/// The nodes that an orchestrator knows, asked for in one call for everybody.
#[derive(Debug)]
pub(in crate::jobs) struct NodeDirectory {
    orchestrator: Orchestrator,
    last: Mutex<Option<(Instant, Arc<Listed>)>>,
}

/// The orchestrator's last answer: its nodes by id, or why it gave none.
type Listed = Result<BTreeMap<String, Node>, String>;

impl NodeDirectory {
    /// `None` where no orchestrator's API is configured.
    pub(in crate::jobs) async fn open(context: &Context) -> Result<Option<Self>, Failure> {
        let orchestrator = open_orchestrator(context).await?;
        Ok(orchestrator.map(|orchestrator| Self { orchestrator, last: Mutex::default() }))
    }

    /// What the orchestrator says of the node on this machine, which is called like it.
    pub(in crate::jobs) async fn membership(&self, machine: &Machine) -> NodeMembership {
        match self.listed().await.as_ref() {
            Ok(nodes) => nodes.get(machine.id.as_str()).map_or(NodeMembership::Absent, membership),
            Err(why) => NodeMembership::Unanswered(why.clone()),
        }
    }

    /// Who asks while another one does, waits for that answer.
    async fn listed(&self) -> Arc<Listed> {
        let mut last = self.last.lock().await;
        if let Some((at, listed)) = &*last
            && at.elapsed() < FRESH
        {
            return Arc::clone(listed);
        }
        let nodes = self.orchestrator.nodes().await;
        let listed = Arc::new(match nodes {
            Ok(nodes) => Ok(nodes.into_iter().map(|node| (node.id.clone(), node)).collect()),
            Err(error) => Err(error.to_string()),
        });
        *last = Some((Instant::now(), Arc::clone(&listed)));
        listed
    }
}

fn membership(node: &Node) -> NodeMembership {
    match (node.membership, node.connection) {
        (Membership::Pending, _) => NodeMembership::Pending,
        (Membership::Rejected, _) => NodeMembership::Rejected,
        (Membership::Approved, Connection::Connected) => NodeMembership::Connected,
        (Membership::Approved | Membership::Unknown, _) => NodeMembership::Disconnected,
    }
}

/// Looks after all nodes that were deployed, those of earlier runs as well, until cancelled.
pub(in crate::jobs) async fn monitor(context: Arc<Context>, reporter: Reporter) {
    let mut known = BTreeMap::new();
    let mut node_monitor: Option<Arc<NodeMonitor>> = None;
    let mut visits = JoinSet::new();
    loop {
        let changed = context.monitored().changed();
        for (turn, node) in context.monitored().all() {
            if known.insert(node.key.clone(), turn) == Some(turn) {
                continue;
            }
            let node_monitor = if let Some(node_monitor) = &node_monitor {
                Arc::clone(node_monitor)
            } else {
                let opened = open_in_time(&context, &reporter).await;
                Arc::clone(node_monitor.insert(Arc::new(opened)))
            };
            visits.spawn(async move { node_monitor.monitor_node(node, turn).await });
        }
        changed.await;
        while visits.try_join_next().is_some() {}
        known.retain(|key, turn| context.monitored().has(key, *turn));
    }
}

/// What nodes are looked at with. A key that nobody opens may be opened later: that is said, and tried
/// again when somebody asks how the nodes are, and where nobody watches, after a while.
async fn open_in_time(context: &Arc<Context>, reporter: &Reporter) -> NodeMonitor {
    let is_watched = context.pace.rest <= context.pace.health;
    let mut pauses = OPENED.backoff();
    let mut said = None;
    loop {
        let failure = match NodeMonitor::open(context, reporter).await {
            Ok(opened) => return opened,
            Err(failure) => failure.to_string(),
        };
        if said.as_ref() != Some(&failure) {
            let has_lease = context.config.as_ref().is_some_and(|config| config.lease.is_some());
            let what = if has_lease { ", and their leases not renewed" } else { "" };
            let text = format!("nodes are not looked at{what}: {failure}");
            reporter.remarked(Level::Warning, text).await;
            said = Some(failure);
        }
        tokio::select! {
            () = context.monitored().asked() => {}
            () = sleep(pauses.pause()), if !is_watched => {}
        }
    }
}

/// The longest between two visits to a node that is well. Who asks for what nodes alone know, how much
/// their processors do or that a rebalance is recommended, visits them as often as a watcher does.
fn rest(context: &Context, config: &Config) -> Duration {
    let pace = context.pace;
    if config.scale.is_some() || config.replace.on_rebalance {
        return pace.health;
    }
    let term = config.lease.and_then(|lease| Duration::try_from(lease.term).ok());
    term.map_or(pace.rest, |term| pace.rest.min(term / RENEWALS)).max(pace.health)
}

/// Monitors nodes: what all checks share.
struct NodeMonitor {
    context: Arc<Context>,
    reporter: Reporter,
    access: SshAccess,
    directory: Option<NodeDirectory>,
    /// Whether each visit renews the lease: where there is one, and this process is no mere
    /// onlooker.
    renews: bool,
    /// The longest between two visits to a node that is well.
    rest: Duration,
    /// Connections that may be held until the next visit: each is an open file.
    holds: Arc<Semaphore>,
}

/// What was found at one visit, to be compared with the next.
#[derive(Default)]
struct Memory {
    /// The way there. `ssh_config` is read once.
    route: OnceCell<Route>,
    /// The connection, if it may be held until the next visit.
    session: Option<(Session, OwnedSemaphorePermit)>,
    vitals: Option<Vitals>,
    /// The phase that was reported last.
    told: Option<Phase>,
    missed: u32,
    /// How long it was waited before this visit; `None` before the first, and after trouble.
    waited: Option<Duration>,
}

impl NodeMonitor {
    async fn open(context: &Arc<Context>, reporter: &Reporter) -> Result<Self, Failure> {
        let config = Arc::clone(context.config()?);
        Ok(Self {
            rest: rest(context, &config),
            access: SshAccess::open(context, &config).await?,
            directory: NodeDirectory::open(context).await?,
            renews: config.lease.is_some() && context.journal().is_ok(),
            context: Arc::clone(context),
            reporter: reporter.clone(),
            holds: Arc::new(Semaphore::new(context.held_connections.min(Semaphore::MAX_PERMITS))),
        })
    }

    /// Visits one node again and again, over one session, for as long as it is monitored.
    async fn monitor_node(&self, node: MonitoredNode, turn: Turn) {
        let stop = self.context.pipelines().begin(&node.machine.id);
        let mut memory = Memory::default();
        while self.context.monitored().has(&node.key, turn) {
            let visit = async {
                // A visit is large; what waits for the next one, which hundreds do, is not.
                let pause = Box::pin(self.visit(&node, &mut memory)).await;
                tokio::select! {
                    () = sleep(pause) => {}
                    () = self.context.monitored().asked() => memory.waited = None,
                }
            };
            tokio::select! {
                () = visit => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One visit. Answers how long to wait for the next: the longer it is well, the longer.
    async fn visit(&self, node: &MonitoredNode, memory: &mut Memory) -> Duration {
        if self.find(node, memory).await {
            memory.waited = None;
            return self.context.pace.steady;
        }
        let shortest = self.context.pace.health;
        let longest = if self.context.monitored().is_told() { self.rest } else { shortest };
        let pause = memory.waited.map_or(shortest, |waited| waited * CALMER).min(longest);
        memory.waited = Some(pause);
        if longest > NEAR
            && let Some((session, _)) = memory.session.take()
        {
            session.close().await;
        }
        pause
    }

    /// Looks and tells what was found. Answers whether there is trouble.
    async fn find(&self, node: &MonitoredNode, memory: &mut Memory) -> bool {
        let trouble = match self.see(node, memory).await {
            Ok(vitals) => {
                memory.missed = 0;
                self.reporter.vitals(&node.key, &vitals).await;
                let trouble = vitals.trouble();
                memory.vitals = Some(vitals);
                trouble
            }
            Err(why) => {
                memory.session = None;
                memory.missed += 1;
                if memory.missed < MISSED {
                    return true;
                }
                Some(why)
            }
        };
        let is_bad = trouble.is_some();
        let phase = trouble.map_or(Phase::Ready, |reason| Phase::Degraded { reason });
        if memory.told.as_ref() != Some(&phase) {
            self.reporter.entered(&node.key, phase.clone()).await;
            memory.told = Some(phase);
        }
        is_bad
    }

    async fn see(&self, node: &MonitoredNode, memory: &mut Memory) -> Result<Vitals, String> {
        memory.session.take_if(|(session, _)| session.is_closed());
        let vitals = if let Some((session, _)) = &memory.session {
            self.look(session).await
        } else {
            let session = self.log_in(node, &memory.route).await?;
            let vitals = self.look(&session).await;
            match Arc::clone(&self.holds).try_acquire_owned() {
                Ok(hold) => memory.session = Some((session, hold)),
                // More nodes than files: the next visit knocks again.
                Err(_) => session.close().await,
            }
            vitals
        };
        let earlier = memory.vitals.as_ref();
        Ok(complete(vitals?, earlier, &node.machine, self.directory.as_ref()).await)
    }

    /// Renews the lease, and asks how the node is. An instance of before has no lease; what is left of
    /// one is told with its state.
    async fn look(&self, session: &Session) -> Result<Vitals, String> {
        if self.renews {
            ask(session, &format!("{RENEW_LEASE}; {NODE_STATUS}")).await
        } else {
            node_status(session).await
        }
    }

    async fn log_in(
        &self,
        node: &MonitoredNode,
        route: &OnceCell<Route>,
    ) -> Result<Session, String> {
        let reached = async {
            let route = route.get_or_try_init(async || self.access.route(&node.machine)).await?;
            self.access.session_by(route, HostKeyCheck::Known(node.host_key.clone())).await
        };
        reached.await.map_err(|failure: Failure| format!("SSH: {}", failure.reason))
    }
}
