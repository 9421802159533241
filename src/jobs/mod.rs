//! The work: straight async functions that read like a runbook. They report on one stream and
//! change nothing but the world.
//!
//! A job never waits for the screen, and one region or instance never waits for another.

mod cleanup;
mod context;
mod create;
mod credentials;
mod crew;
mod deploy;
mod deployment;
mod destroy;
mod drain;
mod exec;
pub mod exit_codes;
mod health;
mod kit;
pub mod network;
mod node_files;
mod node_status;
mod orchestrator;
mod orders;
mod place;
mod prices;
mod questions;
mod reach;
mod report;
mod scores;
mod settle;
pub mod user_data;
mod visit;
mod watch;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use context::{Charge, Context, Pace};
pub use credentials::Credentials;
pub use deployment::{Found, find_deployment};
pub use destroy::{unfinished_destroys, unfinished_nukes};
pub use node_files::{NodeFile, node_files};
pub use orchestrator::open_orchestrator;
pub use orders::unfinished;
pub use questions::{Asked, Asker, Questions, questions};
pub use report::{Desk, Lanes, Reporter, lanes};
pub use visit::{Place, Visitor};

use exec::Errand;
use tokio::task::JoinSet;

use crate::fleet::{Failure, Job, Outcome};
use crate::store::{Intent, IntentId};

/// Does a job to its end.
pub async fn run(context: Arc<Context>, job: Job, reporter: Reporter) -> Outcome {
    match job {
        Job::Identify => watch::identify(&context, &reporter).await,
        Job::Survey => watch::survey(context, reporter).await,
        Job::Watch => watch::watch(context, reporter).await,
        Job::Create(launches) => create::create(context, launches, reporter).await,
        Job::Resume(instances) => create::resume(context, instances, reporter).await,
        Job::Prices(wanted) => prices::prices(context, wanted, reporter).await,
        Job::Drain(instances) => drain::drain(context, instances, reporter).await,
        Job::Exec(command, instances) => {
            exec::exec(context, Errand::Run(command), instances, reporter).await
        }
        Job::Diagnose(instances) => {
            exec::exec(context, Errand::Diagnose, instances, reporter).await
        }
        Job::Destroy(doomed) => destroy::destroy(context, doomed, reporter).await,
        Job::Inspect(regions) => cleanup::inspect(&context, regions, &reporter).await,
        Job::CleanUp { regions, dry_run } => {
            cleanup::clean_up(context, regions, dry_run, reporter).await
        }
    }
}

/// Waits for all of these and gives back what each came to. One that panics is `lost` and stops no
/// other, as [`JoinSet::join_all`] would.
async fn together<T: 'static>(mut tasks: JoinSet<T>, lost: impl Fn() -> T) -> Vec<T> {
    let mut all = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        // The panic's text was logged by the hook.
        all.push(ended.unwrap_or_else(|_| lost()));
    }
    all
}

/// Writes down what is about to be asked of AWS; when this returns, it is on the disk.
async fn record(context: &Context, intent: &Intent) -> Result<IntentId, Failure> {
    let journal = Arc::clone(context.journal()?);
    let (intent, now) = (intent.clone(), context.now());
    tokio::task::spawn_blocking(move || journal.record(&intent, now))
        .await
        .map_err(|panic| Failure::new(crate::fleet::Step::Internal, panic.to_string(), ""))?
        .map_err(|error| error.failure())
}

/// Puts another intent in the place of one that is open; when this returns, it is on the disk.
async fn amend(context: &Context, id: IntentId, intent: &Intent) -> Result<(), Failure> {
    let journal = Arc::clone(context.journal()?);
    let (intent, now) = (intent.clone(), context.now());
    tokio::task::spawn_blocking(move || journal.amend(id, &intent, now))
        .await
        .map_err(|panic| Failure::new(crate::fleet::Step::Internal, panic.to_string(), ""))?
        .map_err(|error| error.failure())
}

impl network::RecordIntent for Context {
    type Entry = IntentId;

    async fn open(&self, intent: network::Intent) -> Result<IntentId, String> {
        let intent = Intent {
            action: intent.action.into(),
            region: intent.region,
            deployment: self.deployment(),
            launch: intent.launch,
            request: serde_json::json!({ "name": intent.name, "tags": intent.tags }),
        };
        record(self, &intent).await.map_err(|failure| failure.to_string())
    }

    async fn close(&self, entry: IntentId) -> Result<(), String> {
        close(self, entry, "done").await;
        Ok(())
    }
}

/// Notes that AWS answered.
async fn close(context: &Context, id: IntentId, outcome: &'static str) {
    close_all(context, vec![id], outcome).await;
}

/// Notes that these are over, at one stroke. A note that cannot be written costs a question at the
/// next start.
async fn close_all(context: &Context, ids: Vec<IntentId>, outcome: &'static str) {
    let Ok(journal) = context.journal().map(Arc::clone) else { return };
    let now = context.now();
    let closed = tokio::task::spawn_blocking(move || journal.close(&ids, outcome, now)).await;
    if let Ok(Err(error)) = closed {
        tracing::warn!(%error, "what is over stays open in the journal");
    }
}

/// A pause of half to one and a half times this length, so that what was refused together does
/// not come back together.
fn jitter(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    pause / 2 + pause.mul_f64(f64::from(nanos.subsec_nanos() % 1000) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_panics_stops_no_other() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("a bug") });
        tasks.spawn(async {
            tokio::task::yield_now().await;
            2
        });
        let mut all = together(tasks, || 1).await;
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    }
}
