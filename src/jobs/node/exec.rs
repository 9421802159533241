//! Does something of the user's on several instances at once: runs a command, looks closely, or brings
//! files.
//! What a command changes there goes with the instance: nothing of it is kept.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::node_access::{NodeAccess, NodeTarget};
use super::pull::pull_from;
use crate::fleet::{CommandResult, Failure, Instance, InstanceNews, JobResult, Level, Pull};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;

/// How many nodes are visited at once: each visit is a connection of its own, and an open file.
pub(super) const VISITS: usize = 64;

/// What is done on each node.
#[derive(Debug, Clone)]
pub(in crate::jobs) enum NodeTask {
    /// Run this command.
    Run(String),
    /// Look closely, and tell what is there.
    Diagnose,
    /// Bring these files.
    Pull(Pull),
}

/// Does it on each by itself, and reports each line and each end.
pub(in crate::jobs) async fn exec(
    context: Arc<Context>,
    task: NodeTask,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    let nodes = Arc::new(NodeAccess::open(&context).await?);
    for note in nodes.notes().unwrap_or_default() {
        reporter.remarked(Level::Warning, note).await;
    }
    let mut visits = JoinSet::new();
    let doors = Arc::new(Semaphore::new(VISITS));
    for instance in instances {
        let (nodes, reporter) = (Arc::clone(&nodes), reporter.clone());
        let (task, doors) = (task.clone(), Arc::clone(&doors));
        visits.spawn(async move {
            // It is never closed.
            let _visit = doors.acquire().await;
            let done = match task {
                NodeTask::Run(command) => run(&nodes, &instance, &command, &reporter).await,
                NodeTask::Diagnose => diagnose(&nodes, &instance, &reporter).await,
                NodeTask::Pull(pull) => pull_from(&nodes, &pull, &instance, &reporter).await,
            };
            let ran = done.unwrap_or_else(|failure| CommandResult {
                went_well: false,
                end: failure.to_string(),
            });
            let went_well = ran.went_well;
            reporter.learned(&instance.key, InstanceNews::CommandResult(ran)).await;
            went_well
        });
    }
    let ended = together(visits, || false).await;
    Ok(ended.into_iter().filter(|went_well| !went_well).count())
}

async fn run(
    nodes: &NodeAccess,
    instance: &Instance,
    command: &str,
    reporter: &Reporter,
) -> Result<CommandResult, Failure> {
    let target = NodeTarget::of(instance)?;
    let (tell, mut told) = mpsc::unbounded_channel();
    // The receiver lives as long as the command.
    let on_line = |_, line: &str| drop(tell.send(line.to_owned()));
    let mut running = pin!(nodes.run(&target, command, on_line));
    // Whoever asked for these lines reads every one, so they do not go where chatter may be
    // dropped. While the loop cannot keep up the command is not listened to either: at most what
    // SSH lets it send ahead waits here.
    let exit = loop {
        tokio::select! {
            biased;
            Some(line) = told.recv() => reporter.printed(&instance.key, line).await,
            exit = &mut running => break exit?,
        }
    };
    while let Ok(line) = told.try_recv() {
        reporter.printed(&instance.key, line).await;
    }
    Ok(CommandResult { went_well: exit.is_success(), end: exit.to_string() })
}

/// The verdict comes last: there it is seen first.
async fn diagnose(
    nodes: &NodeAccess,
    instance: &Instance,
    reporter: &Reporter,
) -> Result<CommandResult, Failure> {
    let found = nodes.diagnose(&NodeTarget::of(instance)?).await?;
    for line in found.details().into_iter().chain([String::new()]).chain(found.verdict()) {
        reporter.printed(&instance.key, line).await;
    }
    let went_well = found.vitals.trouble().is_none();
    reporter.learned(&instance.key, InstanceNews::Diagnosed(Box::new(found))).await;
    let end = if went_well { "all is well" } else { "not all is well" };
    Ok(CommandResult { went_well, end: end.into() })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::BoxFuture;
    use jiff::Timestamp;

    use super::*;
    use crate::aws::{Access, SharedTimeSource};
    use crate::fleet::JobId;
    use crate::jobs::context::ContextSettings;
    use crate::jobs::context::questions::questions;
    use crate::jobs::context::reporter::report_channel;
    use crate::jobs::node::drain::drain;
    use crate::ssh::{ByteStream, Dial};
    use crate::store::{Cache, StoredInstance};

    /// Hosts that nobody answers for; how many were dialled.
    #[derive(Debug, Default)]
    struct Silent(AtomicUsize);

    impl Dial for Silent {
        fn dial<'a>(
            &'a self,
            _host: &'a str,
            _port: u16,
        ) -> BoxFuture<'a, io::Result<Box<dyn ByteStream>>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::pending())
        }
    }

    fn node(number: u32) -> Instance {
        let entry = serde_json::json!({
            "id": format!("i-{number:017x}"), "region": "us-west-2", "state": "running",
            "deployment_id": "spot-1", "public_ip": format!("192.0.2.{number}"),
            "created": "2026-11-20T09:00:00Z", "zone": "us-west-2a", "type": "t3.medium",
            "host_key": {
                "openssh": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5vYm9keSdzIGtleSwgb2YgMzIgYnl0ZXMu",
                "fingerprint": "SHA256:5YPBOl4k8aXmqUedlQcNeJbm8L4/QZIyYS3Py3wWFnU",
                "trust": "console",
            },
        });
        let entry: StoredInstance = serde_json::from_value(entry).unwrap();
        entry.instance(Timestamp::UNIX_EPOCH)
    }

    #[tokio::test(start_paused = true)]
    async fn exec_and_drain_and_looks_log_in_by_turns() {
        let folder = tempfile::tempdir().unwrap();
        let text = "regions: [us-west-2: { machine_type: t3.medium }]";
        let config = Arc::new(crate::config::parse("config.yaml", text).unwrap());
        let dial = Arc::new(Silent::default());
        let (access, cache) = (Access::default(), Cache::new(folder.path()));
        let context = Arc::new(Context::new(ContextSettings {
            config: Some(config),
            home: Some(folder.path().to_owned()),
            dial: Arc::<Silent>::clone(&dial),
            ..ContextSettings::new("spot-1".into(), access, cache, questions().0)
        }));
        let nodes: Vec<Instance> = (1..=40).map(node).collect();
        assert!(nodes.iter().all(|node| node.host_key.is_some()));
        let (report_sender, _receiver) = report_channel(SharedTimeSource::default());
        let task = NodeTask::Run("uptime".into());
        let both = async {
            tokio::join!(
                exec(Arc::clone(&context), task, nodes.clone(), report_sender.reporter(JobId(1))),
                drain(Arc::clone(&context), nodes.clone(), report_sender.reporter(JobId(2))),
            )
        };
        let _ = tokio::time::timeout(Duration::from_secs(5), both).await;
        assert_eq!(dial.0.load(Ordering::SeqCst), 16, "of 80 logins so many at once");
    }
}
