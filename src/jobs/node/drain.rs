//! Drains nodes that EC2 takes back: Bacalhau is stopped in good order, so that the orchestrator
//! learns at once and moves the work elsewhere, not after a time without heartbeats.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::hooks::{self, Hook};
use super::node_access::{NodeTarget, host_key_check};
use super::ssh_access::SshAccess;
use crate::config::Hooks;
use crate::fleet::{
    Failure, FailureKind, HostKey, Instance, InstanceKey, JobResult, Level, Machine, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::retry::{BOOTING, DRAIN_TIMEOUT};
use crate::ssh::{ExitStatus, HostKeyCheck, LONGEST_ANSWER, RemoteCommand, Session};

/// What stops the node.
const STOP: &str = "sudo systemctl stop bacalhau";

/// Stops the nodes on these instances, each by itself.
pub(in crate::jobs) async fn drain(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    let config = Arc::clone(context.config()?);
    let access = Arc::new(SshAccess::open(&context, &config).await?);
    let mut drains = JoinSet::new();
    for instance in instances {
        // Whatever was at work on it works in vain. Where that has not logged in yet, nothing runs that
        // could be stopped.
        let was_at_work = instance.id().is_some_and(|id| context.pipelines().stop(id));
        if was_at_work && instance.host_key.is_none() {
            continue;
        }
        let (access, reporter) = (Arc::clone(&access), reporter.clone());
        let (context, config) = (Arc::clone(&context), Arc::clone(&config));
        drains.spawn(async move {
            let hooks = (&config.hooks, &reporter);
            let drained = stop_node(&context, &access, &instance, hooks).await;
            report_drained(&reporter, &instance.key, &drained).await;
            drained.is_err()
        });
    }
    Ok(together(drains, || true).await.into_iter().filter(|failed| *failed).count())
}

async fn report_drained(reporter: &Reporter, key: &InstanceKey, drained: &Result<(), Failure>) {
    match drained {
        Ok(()) => reporter.said(key, Level::Success, "drained: Bacalhau is stopped").await,
        Err(failure) => {
            reporter.said(key, Level::Warning, format!("not drained: {failure}")).await;
        }
    }
}

async fn stop_node(
    context: &Context,
    access: &SshAccess,
    instance: &Instance,
    (hooks, reporter): (&Hooks, &Reporter),
) -> Result<(), Failure> {
    let node = NodeTarget::of(instance)?;
    let session = log_in(access, &node.machine, host_key_check(context, &node).await?).await?;
    // First: what it saves may be what the node is working on.
    hooks::run(&session, Hook::Interrupted, hooks, &instance.key, reporter).await;
    stop(&session).await
}

/// Stops the node on an instance that is not taken back: nobody has to hurry, and what is to be run
/// before its end is run by who ends it.
pub(in crate::jobs) async fn stop_bacalhau(
    access: &SshAccess,
    machine: &Machine,
    host_key: HostKey,
) -> Result<(), Failure> {
    stop(&log_in(access, machine, HostKeyCheck::Known(host_key)).await?).await
}

async fn stop(session: &Session) -> Result<(), Failure> {
    let command = RemoteCommand::new(STOP).limit(DRAIN_TIMEOUT).most(LONGEST_ANSWER);
    let exit = session.exec(&command, |_, _| ()).await;
    match exit.map_err(|error| error.failure())? {
        ExitStatus::Code(0) => Ok(()),
        other => Err(Failure::new(
            FailureKind::Node,
            Step::Verify,
            format!("`{STOP}` ended with {other}"),
            "",
        )),
    }
}

/// Logs in as soon as the host lets us, for as long as it is there.
async fn log_in(
    access: &SshAccess,
    machine: &Machine,
    check: HostKeyCheck,
) -> Result<Session, Failure> {
    let deadline = Instant::now() + DRAIN_TIMEOUT;
    let mut backoff = BOOTING.backoff();
    loop {
        let pause = match access.session(machine, check.clone()).await {
            Err(failure) if failure.kind == FailureKind::Unreachable => {
                let pause = backoff.pause();
                if Instant::now() + pause >= deadline {
                    return Err(failure);
                }
                pause
            }
            reached => return reached,
        };
        // Others have their turn meanwhile.
        sleep(pause).await;
    }
}
