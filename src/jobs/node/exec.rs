//! Does something of the user's on several instances at once: runs a command, or looks closely.
//! What a command changes there goes with the instance: nothing of it is kept.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::visit::{Place, Visitor};
use crate::fleet::{Failure, Instance, InstanceNews, Outcome, Ran};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;

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
    for instance in instances {
        let (visitor, reporter) = (Arc::clone(&visitor), reporter.clone());
        let errand = errand.clone();
        visits.spawn(async move {
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
    let tell = |_, line: &str| reporter.output(&instance.key, line.to_owned());
    let exit = visitor.run(&place, command, tell).await?;
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
        reporter.output(&instance.key, line);
    }
    let went_well = found.vitals.trouble().is_none();
    let end = if went_well { "all is well" } else { "not all is well" };
    Ok(Ran { went_well, end: end.into() })
}
