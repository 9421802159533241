//! The user's commands at the turns of a node's life: when it is ready, before it is stopped or
//! destroyed, and when AWS takes it back. What they print is the node's output.
//!
//! None of them holds up its node for longer than its time, and none that fails keeps from being done
//! what has to be.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::exec::VISITS;
use super::ssh_access::SshAccess;
use crate::config::Hooks;
use crate::fleet::{InstanceKey, Level};
use crate::jobs::context::Context;
use crate::jobs::context::monitored::MonitoredNode;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::retry::{HOOK_TIMEOUT, INTERRUPTED_HOOK_TIMEOUT};
use crate::ssh::{HostKeyCheck, Pipe, RemoteCommand, Session};

/// A turn of a node's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jobs) enum Hook {
    /// AWS takes it back within two minutes.
    Interrupted,
    /// It is about to be terminated.
    Destroy,
    /// It is about to be stopped.
    Stop,
    /// It works.
    Ready,
}

impl Hook {
    fn word(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::Destroy => "destroy",
            Self::Stop => "stop",
            Self::Ready => "ready",
        }
    }

    /// What is run then, if anything is.
    fn command(self, hooks: &Hooks) -> Option<&str> {
        let command = match self {
            Self::Interrupted => &hooks.interrupted,
            Self::Destroy => &hooks.destroy,
            Self::Stop => &hooks.stop,
            Self::Ready => &hooks.ready,
        };
        command.as_deref()
    }

    fn timeout(self) -> Duration {
        match self {
            Self::Interrupted => INTERRUPTED_HOOK_TIMEOUT,
            Self::Destroy | Self::Stop | Self::Ready => HOOK_TIMEOUT,
        }
    }
}

/// Runs what is to be run at this turn on a session.
pub(in crate::jobs) async fn run(
    session: &Session,
    hook: Hook,
    hooks: &Hooks,
    key: &InstanceKey,
    reporter: &Reporter,
) {
    let Some(command) = hook.command(hooks) else { return };
    let word = hook.word();
    let command = RemoteCommand::for_login_shell(command).limit(hook.timeout());
    let tell = |_: Pipe, line: &str| reporter.output(key, format!("{word}: {line}"));
    match session.exec(&command, tell).await {
        Ok(exit) if exit.is_success() => {
            reporter.said(key, Level::Info, format!("hook {word}: done")).await;
        }
        Ok(exit) => reporter.said(key, Level::Warning, format!("hook {word}: {exit}")).await,
        Err(error) => reporter.said(key, Level::Warning, format!("hook {word}: {error}")).await,
    }
}

/// The same on a node that is logged in to for it.
pub(in crate::jobs) async fn visit(
    access: &SshAccess,
    hook: Hook,
    hooks: &Hooks,
    node: &MonitoredNode,
    reporter: &Reporter,
) {
    if hook.command(hooks).is_none() {
        return;
    }
    match access.session(&node.machine, HostKeyCheck::Known(node.host_key.clone())).await {
        Ok(session) => {
            run(&session, hook, hooks, &node.key, reporter).await;
            session.close().await;
        }
        Err(failure) => {
            let text = format!("hook {}: {failure}", hook.word());
            reporter.said(&node.key, Level::Warning, text).await;
        }
    }
}

/// The same on those of the deployed nodes that are meant, as many at once as an exec visits.
pub(in crate::jobs) async fn visit_all(
    context: &Arc<Context>,
    hook: Hook,
    is_meant: impl Fn(&MonitoredNode) -> bool,
    reporter: &Reporter,
) {
    let Some(config) = context.config.clone().filter(|it| hook.command(&it.hooks).is_some()) else {
        return;
    };
    let nodes = context.monitored().all().into_iter().map(|(_, node)| node);
    let nodes: Vec<MonitoredNode> = nodes.filter(is_meant).collect();
    if nodes.is_empty() {
        return;
    }
    let access = match SshAccess::open(context, &config).await {
        Ok(access) => Arc::new(access),
        Err(failure) => {
            let text = format!("hook {}: {failure}", hook.word());
            reporter.remarked(Level::Warning, text).await;
            return;
        }
    };
    let mut visits = JoinSet::new();
    let doors = Arc::new(Semaphore::new(VISITS));
    for node in nodes {
        let (access, config) = (Arc::clone(&access), Arc::clone(&config));
        let (reporter, doors) = (reporter.clone(), Arc::clone(&doors));
        visits.spawn(async move {
            // It is never closed.
            let _visit = doors.acquire().await;
            visit(&access, hook, &config.hooks, &node, &reporter).await;
        });
    }
    together(visits, || ()).await;
}
