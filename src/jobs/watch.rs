//! Looks at the deployment in all enabled regions, once or again and again.
//!
//! Each region is looked at by itself: one that does not answer never holds up another.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::deployment::{Found, find_deployment};
use super::{Context, Reporter, health};
use crate::aws::{AwsError, Class, Ec2, Selector};
use crate::fleet::{About, Ec2State, Fact, Level, Machine, Outcome, Progress, Step};

/// Tells who we are, which regions there are, and, where no file told, which deployment is ours.
pub(super) async fn identify(context: &Context, reporter: &Reporter) -> Outcome {
    let failed = |error: AwsError| Outcome::Failed(error.failure(Step::Account));
    let account = match context.account().await {
        Ok(account) => account.clone(),
        Err(error) => return failed(error),
    };
    let learned = |fact| reporter.send(About::Job, Progress::Learned(Box::new(fact)));
    if context.is_provisional() {
        match find_deployment(context).await {
            Ok(Found::One(deployment)) => {
                context.settle(Some(deployment.clone()));
                learned(Fact::Deployment(deployment)).await;
            }
            Ok(Found::None | Found::Others(_)) => context.settle(None),
            Ok(Found::Several(seen)) => {
                let list: Vec<String> = seen.iter().map(ToString::to_string).collect();
                let text = format!(
                    "no state file tells which of these deployments is meant: {}; start with \
                     --deployment ID",
                    list.join(", ")
                );
                reporter.remarked(Level::Warning, text).await;
            }
            Err(error) => return failed(error),
        }
    }
    learned(Fact::Account(account)).await;
    Outcome::Done
}

/// One look at every enabled region.
pub(super) async fn survey(context: Arc<Context>, reporter: Reporter) -> Outcome {
    let regions = match regions(&context).await {
        Ok(regions) => regions,
        Err(outcome) => return outcome,
    };
    let mut looks = JoinSet::new();
    for ec2 in regions {
        let (context, reporter) = (Arc::clone(&context), reporter.clone());
        looks.spawn(async move { look(&context, &ec2, &reporter).await.is_err() });
    }
    let failed = super::together(looks, || true).await.into_iter().filter(|failed| *failed).count();
    if failed == 0 { Outcome::Done } else { Outcome::Partly { failed } }
}

/// Looks at every enabled region until cancelled.
pub(super) async fn watch(context: Arc<Context>, reporter: Reporter) -> Outcome {
    let regions = match regions(&context).await {
        Ok(regions) => regions,
        Err(outcome) => return outcome,
    };
    let mut watches = JoinSet::new();
    for ec2 in regions {
        watches.spawn(watch_region(Arc::clone(&context), ec2, reporter.clone()));
    }
    watches.spawn(health::tend(context, reporter));
    let ended = super::together(watches, || ()).await.len();
    // Nobody ends a watch but by cancelling the job: what ended did so by a bug.
    Outcome::Partly { failed: ended }
}

async fn regions(context: &Context) -> Result<Vec<Ec2>, Outcome> {
    let failed = |error: AwsError| Outcome::Failed(error.failure(Step::Account));
    let account = context.account().await.map_err(failed)?;
    let aws = context.aws().await.map_err(failed)?;
    Ok(account.regions.iter().map(|region| aws.region(region)).collect())
}

async fn watch_region(context: Arc<Context>, ec2: Ec2, reporter: Reporter) {
    /// How often the pace is halved for a region that refuses to answer.
    const PATIENCE: u32 = 5;
    let mut refused = 0;
    loop {
        let pause = match look(&context, &ec2, &reporter).await {
            Ok(machines) => {
                refused = 0;
                context.discharge(&machines);
                pace(&context, &machines)
            }
            Err(error) => {
                if let Class::Credentials(_) = error.class
                    && refused == 0
                {
                    let failure = error.failure(Step::Account).to_string();
                    reporter.said_of(ec2.region(), Level::Error, failure).await;
                }
                refused = (refused + 1).min(PATIENCE);
                context.pace.busy * 2_u32.pow(refused)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = context.stirred() => {}
        }
    }
}

fn pace(context: &Context, machines: &[Machine]) -> std::time::Duration {
    let changing = |machine: &Machine| {
        matches!(machine.state, Ec2State::Pending | Ec2State::ShuttingDown | Ec2State::Stopping)
    };
    if machines.iter().any(changing) {
        context.pace.busy
    } else if machines.iter().any(Machine::is_alive) {
        context.pace.settled
    } else {
        context.pace.empty
    }
}

/// One look at one region, reported.
pub(super) async fn look(
    context: &Context,
    ec2: &Ec2,
    reporter: &Reporter,
) -> Result<Vec<Machine>, AwsError> {
    let selector = Selector::deployment(&context.deployment()).with_terminated();
    match ec2.instances(&selector).await {
        Ok(machines) => {
            reporter.learned_of(ec2.region(), Fact::Surveyed(machines.clone())).await;
            Ok(machines)
        }
        Err(error) => {
            reporter.learned_of(ec2.region(), Fact::Unanswered(error.to_string())).await;
            Err(error)
        }
    }
}
