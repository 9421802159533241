//! Does something of the user's on several instances at once: runs a command, or looks closely.
//! What a command changes there goes with the instance: nothing of it is kept.

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::visit::{Place, Visitor};
use crate::fleet::{Failure, Instance, InstanceNews, Outcome, Ran};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;

/// How many nodes are visited at once: each visit is a connection of its own, and an open file.
const VISITS: usize = 64;

/// What is done on each.
#[derive(Debug, Clone)]
pub(in crate::jobs) enum Errand {
    /// Run this command.
    Run(String),
    /// Look closely, and tell what is there.
    Diagnose,
}

/// Does it on each by itself, and reports each line and each end.
pub(in crate::jobs) async fn exec(
    context: Arc<Context>,
    errand: Errand,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> Outcome {
    let visitor = match Visitor::open(&context).await {
        Ok(visitor) => Arc::new(visitor),
        Err(failure) => return Outcome::Failed(failure),
    };
    let mut visits = JoinSet::new();
    let doors = Arc::new(Semaphore::new(VISITS));
    for instance in instances {
        let (visitor, reporter) = (Arc::clone(&visitor), reporter.clone());
        let (errand, doors) = (errand.clone(), Arc::clone(&doors));
        visits.spawn(async move {
            // It is never closed.
            let _visit = doors.acquire().await;
            let done = match errand {
                Errand::Run(command) => run(&visitor, &instance, &command, &reporter).await,
                Errand::Diagnose => diagnose(&visitor, &instance, &reporter).await,
            };
            let ran =
                done.unwrap_or_else(|failure| Ran { went_well: false, end: failure.to_string() });
            let went_well = ran.went_well;
            reporter.learned(&instance.key, InstanceNews::Ran(ran)).await;
            went_well
        });
    }
    let ended = together(visits, || false).await;
    match ended.into_iter().filter(|went_well| !went_well).count() {
        0 => Outcome::Done,
        failed => Outcome::Partly { failed },
    }
}

async fn run(
    visitor: &Visitor,
    instance: &Instance,
    command: &str,
    reporter: &Reporter,
) -> Result<Ran, Failure> {
    let place = Place::of(instance)?;
    let (tell, mut told) = mpsc::unbounded_channel();
    // The receiver lives as long as the command.
    let on_line = |_, line: &str| drop(tell.send(line.to_owned()));
    let mut running = pin!(visitor.run(&place, command, on_line));
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
    Ok(Ran { went_well: exit.is_success(), end: exit.to_string() })
}

/// The verdict comes last: there it is seen first.
async fn diagnose(
    visitor: &Visitor,
    instance: &Instance,
    reporter: &Reporter,
) -> Result<Ran, Failure> {
    let found = visitor.diagnose(&Place::of(instance)?).await?;
    for line in found.details().into_iter().chain([String::new()]).chain(found.verdict()) {
        reporter.printed(&instance.key, line).await;
    }
    let went_well = found.vitals.trouble().is_none();
    reporter.learned(&instance.key, InstanceNews::Diagnosed(Box::new(found))).await;
    let end = if went_well { "all is well" } else { "not all is well" };
    Ok(Ran { went_well, end: end.into() })
}
