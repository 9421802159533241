//! The work: straight async functions that read like a runbook. They report on one stream and
//! change nothing but the world.
//!
//! A job never waits for the screen, and one region or instance never waits for another.

mod context;
mod create;
mod destroy;
mod intents;
mod keep;
mod lock;
mod machine;
mod market;
mod node;
mod watch;

use std::sync::Arc;

use tokio::task::JoinSet;

pub use context::monitored::MonitoredNode;
pub use context::questions::{Asker, PendingQuestion, Questions, questions};
pub use context::reporter::{ReportReceiver, ReportSender, Reporter, report_channel};
pub use context::{Context, ContextSettings, Pace};
pub use intents::creates::{open_creates, unfinished};
pub use intents::destroys::{unfinished_destroys, unfinished_nukes};
pub use lock::release_lock;
pub use node::credentials::Credentials;
pub use node::files::{NodeFile, emptied_of_node, missing_of_node, node_files};
pub use node::node_access::{NodeAccess, NodeTarget};
pub use node::orchestrator::open_orchestrator;
pub use node::sources::{DEPLOYMENT_FILES, FilesChecked, INSTANCE_SCRIPTS, check_files};
pub use node::ssh_access::SshSettings;
pub use node::{exit_codes, user_data};
pub use watch::find_deployment::{DeploymentChoice, find_deployment};

use crate::fleet::{Job, JobResult, Launch, Outcome};
use destroy::cleanup;
use intents::creates;
use market::prices;
use node::logs::logs_command;
use node::{drain, exec};

/// Does a job to its end.
pub async fn run(context: Arc<Context>, job: Job, reporter: Reporter) -> Outcome {
    Box::pin(run_book(context, job, reporter)).await
}

async fn run_book(context: Arc<Context>, job: Job, reporter: Reporter) -> Outcome {
    let result = match job {
        Job::Identify => watch::identify(&context, &reporter).await,
        Job::Survey => watch::survey(context, reporter).await,
        Job::Watch => {
            // It ends with the watch, whichever way that goes.
            let mut beside = JoinSet::new();
            beside.spawn(keep::ask(Arc::clone(&context), reporter.clone()));
            watch::watch(context, reporter).await
        }
        // It may be given up, which is no failure.
        Job::SignIn => return Box::pin(watch::sign_in::sign_in(&context, &reporter)).await,
        Job::FindDeployments => watch::deployments(&context, &reporter).await,
        Job::Retire(instances) => keep::retire::retire(context, instances, reporter).await,
        Job::Preflight(counts) => create::preflight::preflight(context, counts, reporter).await,
        Job::CheckMachines(rows) => create::preflight::machines_anew(context, rows, reporter).await,
        Job::Create(launches) => created(&context, launches, &reporter).await,
        Job::Resume(instances) => Box::pin(create::resume(context, instances, reporter)).await,
        Job::Lock(purpose) => lock::take(context, purpose, reporter).await,
        Job::Prices(wanted) => prices::prices(context, wanted, reporter).await,
        Job::Drain(instances) => drain::drain(context, instances, reporter).await,
        Job::Stop(instances) => machine::stop(context, instances, reporter).await,
        Job::Start(instances) => machine::start(context, instances, reporter).await,
        Job::Reboot(instances) => machine::reboot(context, instances, reporter).await,
        Job::Exec(command, instances) => {
            exec::exec(context, exec::NodeTask::Run(command), instances, reporter).await
        }
        Job::Pull(files, instances) => {
            exec::exec(context, exec::NodeTask::Pull(files), instances, reporter).await
        }
        Job::Logs(logs, instances) => {
            exec::exec(context, exec::NodeTask::Run(logs_command(&logs)), instances, reporter).await
        }
        Job::Diagnose(instances) => {
            exec::exec(context, exec::NodeTask::Diagnose, instances, reporter).await
        }
        Job::Destroy(scope) => destroy::destroy(context, scope, reporter).await,
        Job::Inspect(regions) => cleanup::inspect(context, regions, &reporter).await,
        Job::CleanUp { regions, dry_run } => {
            cleanup::clean_up(context, regions, dry_run, reporter).await
        }
        Job::Snapshot(wishes) => machine::snapshot(context, wishes, reporter).await,
        Job::Restore(wish) => machine::restore(context, wish, reporter).await,
        Job::Discard(named) => machine::discard(context, named, reporter).await,
        Job::Forget(orders) => creates::forget(&context, &orders).await.map(|()| 0),
    };
    result.into()
}

/// A create, and the networks that nothing came into are taken away again.
async fn created(context: &Arc<Context>, launches: Vec<Launch>, reporter: &Reporter) -> JobResult {
    let created = Box::pin(create::create(context, launches, reporter)).await?;
    Ok(created.failed + destroy::remove_unused(context, created.unused, reporter).await)
}
