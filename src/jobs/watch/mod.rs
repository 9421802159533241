//! Looks at the deployment in all enabled regions, once or again and again.
//!
//! Watching is a set of questions, one a file: each is asked of each region in a task of its own, at
//! its own pace and with its own backoff. None waits for another.

mod cloudwatch;
pub(super) mod find_deployment;
mod kept;
mod lock;
mod logins;
mod machines;
mod notices;
mod price_list;
mod publish;
mod question;
mod requests;
pub(super) mod sign_in;
mod spot_prices;
mod status_checks;
mod storage;
pub(super) mod survey_region;

use std::sync::Arc;

use tokio::task::JoinSet;

use cloudwatch::CloudWatch;
use find_deployment::{DeploymentChoice, find_deployment, find_deployments};
use survey_region::survey_region;

use super::context::Context;
use super::context::kept::look_at_kept;
use super::context::reporter::Reporter;
use super::context::tasks::together;
use super::node::monitor;
use crate::aws::Ec2;
use crate::fleet::{Failure, JobNews, JobResult, Level, Step};
use kept::{KeptThings, has_machines};
use lock::tell_of_lock;
use logins::tell_of_logins;
use machines::Machines;
use notices::Notices;
use price_list::{PriceLists, ask_for_lists};
use publish::Publish;
use question::{WatchedRegion, ask_on};
use requests::Requests;
use spot_prices::SpotPrices;
use status_checks::StatusChecks;
use storage::Storage;

/// Tells who we are, which regions there are, and, where no file told, which deployment is ours.
pub(super) async fn identify(context: &Context, reporter: &Reporter) -> JobResult {
    let account = context.account().await.map_err(|error| error.failure(Step::Account))?.clone();
    if context.is_provisional() {
        match find_deployment(context).await.map_err(|error| error.failure(Step::Account))? {
            DeploymentChoice::One(deployment) => {
                context.choose_deployment(Some(deployment.clone()));
                reporter.job_news(JobNews::Deployment(deployment)).await;
            }
            DeploymentChoice::None => {
                context.choose_deployment(None);
                reporter.job_news(JobNews::Deployments(Vec::new())).await;
            }
            // It stays open, and `require_deployment` refuses to change anything.
            DeploymentChoice::Others(seen) | DeploymentChoice::Several(seen) => {
                let list: Vec<String> = seen.iter().map(ToString::to_string).collect();
                let text = format!(
                    "no state file tells which of these deployments is meant: {}; start with \
                     --deployment ID, be it one of them or a new one; :deployment looks at one",
                    list.join(", ")
                );
                reporter.remarked(Level::Warning, text).await;
                reporter.job_news(JobNews::Deployments(seen)).await;
            }
        }
    }
    reporter.job_news(JobNews::Account(account)).await;
    Ok(0)
}

/// Tells which deployments are in the account.
pub(super) async fn deployments(context: &Context, reporter: &Reporter) -> JobResult {
    let found = find_deployments(context).await.map_err(|error| error.failure(Step::Account))?;
    reporter.job_news(JobNews::Deployments(found)).await;
    Ok(0)
}

/// One look at every enabled region, and at the nodes where they are being tended.
pub(super) async fn survey(context: Arc<Context>, reporter: Reporter) -> JobResult {
    context.access.logins.look_again();
    context.monitored().ask();
    let mut looks = JoinSet::new();
    for ec2 in regions(&context).await? {
        let (context, reporter) = (Arc::clone(&context), reporter.clone());
        looks.spawn(async move {
            let machines = survey_region(&context, &ec2, &reporter)
                .await
                .map_err(|error| context.closes(&error))?;
            if has_machines(&context, ec2.region(), &machines) {
                // Who may not see it still sees the instances.
                let _ = look_at_kept(&context, &ec2, &reporter).await;
            }
            Ok(())
        });
    }
    let looked = together(looks, || Err(false)).await;
    context.say_closed(&reporter).await;
    reporter.job_news(JobNews::Lock(context.look_at_lock().await)).await;
    // Where every region is closed, there is nothing to work with.
    let is_closed = looked.iter().all(|it| *it == Err(true));
    Ok(looked.iter().filter(|it| is_closed || **it == Err(false)).count())
}

/// Looks at every enabled region until cancelled, or until the credentials are refused: that is
/// said once, and the next watch reads them anew.
pub(super) async fn watch(context: Arc<Context>, reporter: Reporter) -> JobResult {
    let regions = regions(&context).await?;
    // What ends with the watch, whichever way that goes.
    let mut beside = JoinSet::new();
    let (known, lists) = tokio::sync::watch::channel(PriceLists::new());
    beside.spawn(ask_for_lists(Arc::clone(&context), reporter.clone(), known));
    let mut watches = JoinSet::new();
    for ec2 in regions {
        let region = WatchedRegion::new(&context, ec2, &reporter);
        watches.spawn(ask_on(Machines::default(), Arc::clone(&region)));
        watches.spawn(ask_on(Notices, Arc::clone(&region)));
        watches.spawn(ask_on(StatusChecks::default(), Arc::clone(&region)));
        watches.spawn(ask_on(Storage::default(), Arc::clone(&region)));
        watches.spawn(ask_on(KeptThings::default(), Arc::clone(&region)));
        watches.spawn(ask_on(SpotPrices::new(&lists), Arc::clone(&region)));
        if let Some(config) = &context.config
            && !config.cloudwatch.metrics.is_empty()
        {
            let question = CloudWatch::new(&config.cloudwatch.metrics, config.aws.cpu_credits);
            watches.spawn(ask_on(question, Arc::clone(&region)));
        }
        // Whoever only looks on tells nobody: the process that holds the state does.
        if context.config.as_ref().is_some_and(|it| it.cloudwatch.publish)
            && context.journal().is_ok()
        {
            watches.spawn(ask_on(Publish::default(), Arc::clone(&region)));
        }
        if region.is_configured() {
            watches.spawn(ask_on(Requests, region));
        }
    }
    beside.spawn(tell_of_logins(Arc::clone(&context), reporter.clone()));
    beside.spawn(tell_of_lock(Arc::clone(&context), reporter.clone()));
    beside.spawn(monitor::monitor(Arc::clone(&context), reporter));
    let mut lost = 0;
    while let Some(ended) = watches.join_next().await {
        match ended {
            Ok(refused) => {
                context.forget_credentials().await;
                let Failure { kind, step, reason, hint } = refused.failure(Step::Account);
                let hint = format!("{hint}; then press r to go on");
                return Err(Failure::new(kind, step, reason, hint));
            }
            // Nobody ends a watch otherwise: it did so by a bug, which the hook has logged.
            Err(_) => lost += 1,
        }
    }
    Ok(lost)
}

async fn regions(context: &Context) -> Result<Vec<Ec2>, Failure> {
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?;
    let regions = context.regions().await.map_err(|error| error.failure(Step::Account))?;
    Ok(regions.iter().map(|region| aws.region(region)).collect())
}
