//! Runs a command of the user's on several instances at once. What it changes there goes with the
//! instance: nothing of it is kept.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::visit::{Place, Visitor};
use super::{Context, Reporter};
use crate::fleet::{Fact, Instance, Outcome, Ran};

/// Runs it on each by itself, and reports each line and each end.
pub(super) async fn exec(
    context: Arc<Context>,
    command: String,
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
        let command = command.clone();
        visits.spawn(async move {
            let ran = run_on(&visitor, &instance, &command, &reporter).await;
            let went_well = ran.went_well;
            reporter.learned(&instance.key, Fact::Ran(ran)).await;
            went_well
        });
    }
    let ended = super::together(visits, || false).await;
    match ended.into_iter().filter(|went_well| !went_well).count() {
        0 => Outcome::Done,
        failed => Outcome::Partly { failed },
    }
}

async fn run_on(visitor: &Visitor, instance: &Instance, command: &str, reporter: &Reporter) -> Ran {
    let work = async {
        let place = Place::of(instance)?;
        visitor
            .run(&place, command, |_, line| reporter.output(&instance.key, line.to_owned()))
            .await
    };
    match work.await {
        Ok(exit) => Ran { went_well: exit.is_success(), end: exit.to_string() },
        Err(failure) => Ran { went_well: false, end: failure.to_string() },
    }
}
