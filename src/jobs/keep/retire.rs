//! Takes nodes out of the work that are not needed: fenced at the orchestrator first, looked at again,
//! and stopped in good order. Who asked for it ends their instances then; a node on which something is
//! after all works on.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::queue::{Queue, is_at_work};
use crate::bacalhau::{Membership, Orchestrator};
use crate::fleet::{Instance, InstanceNews, JobResult};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::jobs::node::drain::stop_bacalhau;
use crate::jobs::node::orchestrator::open_orchestrator;
use crate::jobs::node::ssh_access::SshAccess;

/// Takes these out, each by itself.
pub(in crate::jobs) async fn retire(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    let config = Arc::clone(context.config()?);
    let access = Arc::new(SshAccess::open(&context, &config).await?);
    let orchestrator = open_orchestrator(&context).await?;
    let mut nodes = JoinSet::new();
    for instance in instances {
        let (context, access) = (Arc::clone(&context), Arc::clone(&access));
        let (orchestrator, reporter) = (orchestrator.clone(), reporter.clone());
        nodes.spawn(async move {
            let retired = match &orchestrator {
                Some(orchestrator) => fenced(&context, &access, orchestrator, &instance).await,
                None => stop(&access, &instance).await,
            };
            let failed = retired.is_err();
            reporter.learned(&instance.key, InstanceNews::Retired(retired)).await;
            failed
        });
    }
    Ok(together(nodes, || true).await.into_iter().filter(|failed| *failed).count())
}

/// Fences a node, which gets no work any more, and stops it if nothing is on it.
async fn fenced(
    context: &Context,
    access: &SshAccess,
    orchestrator: &Orchestrator,
    instance: &Instance,
) -> Result<(), String> {
    let id = instance.id().map(ToString::to_string).unwrap_or_default();
    let nodes = orchestrator.nodes().await.map_err(|error| error.to_string())?;
    // The id is matched by its beginning there: it has to be a whole one.
    let Some(node) = nodes.iter().find(|node| node.id == id) else {
        return Err("the orchestrator does not know it".to_owned());
    };
    // A process that was killed may have fenced it already, which is refused a second time.
    if node.membership != Membership::Rejected {
        orchestrator.reject(&id).await.map_err(|error| error.to_string())?;
    }
    let stopped = match is_free(context, orchestrator, &id).await {
        Ok(()) => stop(access, instance).await,
        Err(why) => Err(why),
    };
    let Err(why) = stopped else { return Ok(()) };
    match orchestrator.approve(&id).await {
        Ok(()) => Err(why),
        Err(error) => Err(format!("{why}; and it gets no work: {error}")),
    }
}

/// Whether nothing is on it: by the jobs, for the node's own counts stand still behind the fence.
async fn is_free(context: &Context, orchestrator: &Orchestrator, id: &str) -> Result<(), String> {
    let jobs = Queue::new(orchestrator.clone()).live_jobs(context.now()).await;
    let jobs = jobs.map_err(|error| error.to_string())?;
    if is_at_work(&jobs, id) { Err("it has got work meanwhile".to_owned()) } else { Ok(()) }
}

async fn stop(access: &SshAccess, instance: &Instance) -> Result<(), String> {
    let (Some(machine), Some(host_key)) = (&instance.machine, &instance.host_key) else {
        return Err("nobody has logged in on it yet".to_owned());
    };
    stop_bacalhau(access, machine, host_key.clone()).await.map_err(|failure| failure.to_string())
}
