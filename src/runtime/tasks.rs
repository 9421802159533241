//! The one task runner: starts jobs, stops them, and turns a panic into a job's failure.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::fleet::{Failure, FailureKind, Job, JobId, JobNews, Outcome, Step};
use crate::jobs::{self, Context, ReportSender};

/// The jobs under way.
#[derive(Debug)]
pub(super) struct Tasks {
    context: Arc<Context>,
    report_sender: ReportSender,
    running: JoinSet<()>,
    jobs: HashMap<task::Id, JobId>,
    stops: HashMap<JobId, CancellationToken>,
}

impl Tasks {
    /// A runner whose jobs work in this context and report to this sender.
    pub(super) fn new(context: Arc<Context>, report_sender: ReportSender) -> Self {
        Self {
            context,
            report_sender,
            running: JoinSet::new(),
            jobs: HashMap::new(),
            stops: HashMap::new(),
        }
    }

    /// Starts a job, when `saved` is over where there is something to wait for. Its last report is
    /// how it ended.
    pub(super) fn start(&mut self, id: JobId, job: Job, saved: Option<oneshot::Receiver<()>>) {
        let stop = CancellationToken::new();
        self.stops.insert(id, stop.clone());
        let context = Arc::clone(&self.context);
        let reporter = self.report_sender.reporter(id);
        let handle = self.running.spawn(async move {
            reporter.job_news(JobNews::Started).await;
            let outcome = tokio::select! {
                outcome = async {
                    if let Some(saved) = saved {
                        // It is dropped, never sent.
                        let _ = saved.await;
                    }
                    jobs::run(context, job, reporter.clone()).await
                } => outcome,
                () = stop.cancelled() => Outcome::Cancelled,
            };
            reporter.job_news(JobNews::Ended(outcome)).await;
        });
        self.jobs.insert(handle.id(), id);
    }

    /// Stops a job at its next await.
    pub(super) fn cancel(&mut self, id: JobId) {
        if let Some(stop) = self.stops.get(&id) {
            stop.cancel();
        }
    }

    /// Waits for a job to be over and answers with its failure if it panicked. Cancel-safe.
    /// Pends while nothing runs.
    pub(super) async fn next_panic(&mut self) -> (JobId, Failure) {
        loop {
            let Some(ended) = self.running.join_next_with_id().await else {
                return std::future::pending().await;
            };
            let (task, panic) = match ended {
                Ok((task, ())) => (task, None),
                Err(error) => (error.id(), error.is_panic().then(|| panic_text(error))),
            };
            let Some(id) = self.jobs.remove(&task) else { continue };
            self.stops.remove(&id);
            if let Some(text) = panic {
                let hint = "this is a bug in spot-tui: please report it with the log file";
                return (id, Failure::new(FailureKind::Internal, Step::Internal, text, hint));
            }
        }
    }
}

fn panic_text(error: task::JoinError) -> String {
    let payload = error.into_panic();
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    format!("a job panicked: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}
