//! Looks at the deployment in all enabled regions, once or again and again.
//!
//! Each region is looked at by itself: one that does not answer never holds up another.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{Context, Reporter};
use crate::aws::{AwsError, Class, Ec2, Selector};
use crate::fleet::{About, Ec2State, Fact, Level, Machine, Outcome, Progress, Region, Step};

/// Tells who we are and which regions there are.
pub(super) async fn identify(context: &Context, reporter: &Reporter) -> Outcome {
    match context.account().await {
        Ok(account) => {
            let fact = Fact::Account(account.clone());
            reporter.send(About::Job, Progress::Learned(Box::new(fact))).await;
            Outcome::Done
        }
        Err(error) => Outcome::Failed(error.failure(Step::Account)),
    }
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
    let failed = looks.join_all().await.into_iter().filter(|failed| *failed).count();
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
    watches.join_all().await;
    Outcome::Done
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

/// The deployments that tags tell of, in all enabled regions: id, creator, instances alive.
pub async fn deployments(
    context: &Context,
) -> Result<Vec<crate::aws::DeploymentSeen>, (Region, AwsError)> {
    let home = |error| (Region::from("sts"), error);
    let account = context.account().await.map_err(home)?;
    let aws = context.aws().await.map_err(home)?;
    let mut looks = JoinSet::new();
    for region in &account.regions {
        let ec2 = aws.region(region);
        looks.spawn(async move {
            ec2.deployments().await.map_err(|error| (ec2.region().clone(), error))
        });
    }
    let mut all: Vec<crate::aws::DeploymentSeen> = Vec::new();
    for found in looks.join_all().await {
        for seen in found? {
            match all.iter_mut().find(|known| known.deployment == seen.deployment) {
                Some(known) => known.alive += seen.alive,
                None => all.push(seen),
            }
        }
    }
    Ok(all)
}
