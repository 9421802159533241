//! What holding a count asks of the world: how much work there is, and taking a node out of the work.
//! How many there shall be by that is decided in `app`, for dashboard and keeper alike.

mod command;
mod queue;
pub(super) mod retire;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::context::Context;
use super::context::reporter::Reporter;
use super::node::orchestrator::open_orchestrator;
use crate::config::ScaleBy;
use crate::fleet::JobNews;

/// Between two questions: as often as autoscalers in the field ask (KEDA's 30 s).
const PACE: Duration = Duration::from_secs(30);

/// Asks how much work there is, until cancelled; each question at its own pace. Where the wanted count
/// follows no work, or another process holds it, nobody asks.
pub(super) async fn ask(context: Arc<Context>, reporter: Reporter) {
    let Some(scale) = context.config.as_ref().and_then(|config| config.scale.clone()) else {
        return;
    };
    if context.journal().is_err() {
        return;
    }
    let mut questions = JoinSet::new();
    if let ScaleBy::Command(words) = scale.by {
        let reporter = reporter.clone();
        questions.spawn(async move {
            loop {
                reporter.job_news(JobNews::Advice(command::wanted(&words).await)).await;
                sleep(PACE).await;
            }
        });
    }
    // Which nodes nothing is on it tells in any case.
    questions.spawn(ask_queue(context, reporter));
    while questions.join_next().await.is_some() {}
}

async fn ask_queue(context: Arc<Context>, reporter: Reporter) {
    let mut queue = None;
    loop {
        if queue.is_none() {
            queue = match open_orchestrator(&context).await {
                Ok(Some(orchestrator)) => Some(queue::Queue::new(orchestrator)),
                Ok(None) => return,
                Err(failure) => {
                    reporter.job_news(JobNews::Queue(Err(failure.to_string()))).await;
                    None
                }
            };
        }
        if let Some(queue) = &mut queue {
            let look = queue.look(&context).await.map_err(|error| error.to_string());
            reporter.job_news(JobNews::Queue(look)).await;
        }
        sleep(PACE).await;
    }
}
