//! What is left of deployments: networks, volumes, addresses of ours in regions where nothing of
//! their deployment is alive. And a look at everything of ours, of whatever deployment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::Destruction;
use crate::aws::{AwsError, Ec2, Kind, Residue, Selector};
use crate::fleet::{
    DeploymentSeen, Failure, JobResult, Judgement, Level, LockHolder, Region, Step,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::jobs::intents::destroy_target::DestroyTarget;

/// How young the network of somebody else's deployment may be and have no instance because they
/// are just creating it.
const BEING_MADE: SignedDuration = SignedDuration::from_hours(1);

/// Says what of ours is in these regions, of whatever deployment; in every enabled region where
/// none is named.
pub(in crate::jobs) async fn inspect(
    context: Arc<Context>,
    regions: Vec<Region>,
    reporter: &Reporter,
) -> JobResult {
    let (mut looks, is_any) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for ec2 in chosen(&context, regions).await? {
        let (context, reporter) = (Arc::clone(&context), reporter.clone());
        let is_any = Arc::clone(&is_any);
        looks.spawn(async move {
            match report_leftovers(&ec2, &reporter).await {
                Ok(is_some) => {
                    is_any.fetch_or(is_some, Ordering::Relaxed);
                    0
                }
                Err(error) if context.closes(&error) => 0,
                Err(error) => trouble(&ec2, &error, &reporter).await,
            }
        });
    }
    let failed = together(looks, || 1).await.into_iter().sum();
    told_of_nothing(failed, &is_any, reporter).await;
    Ok(failed)
}

/// Who looks and finds nothing is told so, where all could be looked at.
async fn told_of_nothing(failed: usize, is_any: &AtomicBool, reporter: &Reporter) {
    if failed == 0 && !is_any.load(Ordering::Relaxed) {
        reporter.remarked(Level::Info, "nothing is left over in any of the regions").await;
    }
}

/// Answers whether there is anything.
async fn report_leftovers(ec2: &Ec2, reporter: &Reporter) -> Result<bool, AwsError> {
    let deployments = ec2.deployments().await?;
    let is_some = !deployments.is_empty();
    for seen in deployments {
        let residue = ec2.residue(&Selector::deployment(&seen.deployment).with_locks()).await?;
        // What is kept goes by its own name alone.
        let what =
            if residue.is_empty() { "only what is kept".to_owned() } else { named(&residue) };
        let text = format!("{seen}: {what}");
        reporter.said_of(ec2.region(), Level::Info, text).await;
    }
    Ok(is_some)
}

/// Removes what is left in these regions of deployments of which nothing is alive there; in every
/// enabled region where none is named. A dry run says it only.
pub(in crate::jobs) async fn clean_up(
    context: Arc<Context>,
    regions: Vec<Region>,
    dry_run: bool,
    reporter: Reporter,
) -> JobResult {
    if !dry_run {
        context.journal()?;
    }
    let (mut cleanings, is_any) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for ec2 in chosen(&context, regions).await? {
        let (context, is_any) = (Arc::clone(&context), Arc::clone(&is_any));
        let cleaning = Cleaning { context, reporter: reporter.clone(), ec2, dry_run, is_any };
        cleanings.spawn(async move {
            match cleaning.run().await {
                Ok(failed) => failed,
                Err(error) if cleaning.context.closes(&error) => 0,
                Err(error) => trouble(&cleaning.ec2, &error, &cleaning.reporter).await,
            }
        });
    }
    let failed = together(cleanings, || 1).await.into_iter().sum();
    told_of_nothing(failed, &is_any, &reporter).await;
    Ok(failed)
}

/// One region's part.
struct Cleaning {
    context: Arc<Context>,
    ec2: Ec2,
    reporter: Reporter,
    dry_run: bool,
    /// Whether anything was found, here or in another region.
    is_any: Arc<AtomicBool>,
}

impl Cleaning {
    /// Answers how many deployments have something that would not go.
    async fn run(&self) -> Result<usize, AwsError> {
        let mut failed = 0;
        let deployments = self.ec2.deployments().await?.into_iter();
        for seen in deployments.filter(|seen| seen.alive == 0) {
            let ours = Selector::deployment(&seen.deployment).with_locks();
            let residue = self.ec2.residue(&ours).await?;
            if residue.is_empty() {
                continue;
            }
            self.is_any.store(true, Ordering::Relaxed);
            if let Some(holder) = self.holder(&seen, &residue).await? {
                let text = format!("{seen}: left alone, kept by {holder}");
                self.report(Level::Info, text).await;
                continue;
            }
            if self.is_being_made(&seen) {
                let text = format!(
                    "{seen}: left alone, it is younger than an hour and may be in the making; \
                     `destroy --all --deployment {}` removes it",
                    seen.deployment
                );
                self.report(Level::Info, text).await;
                continue;
            }
            self.report(Level::Info, format!("left over of {seen}: {}", named(&residue))).await;
            if !self.dry_run {
                let target = DestroyTarget::Deployment(seen.deployment);
                let (context, reporter) = (Arc::clone(&self.context), self.reporter.clone());
                let destruction = Destruction {
                    takes_lock: true,
                    ..Destruction::new(context, self.ec2.clone(), reporter, target)
                };
                failed += usize::from(destruction.clear().await);
            }
        }
        Ok(failed)
    }

    /// Who launches for a deployment, as its lock here says, unless that has been over for long: the
    /// clocks of two machines may differ. What this state's processes left, and a process of this machine
    /// that has ended, is nobody's.
    async fn holder(
        &self,
        seen: &DeploymentSeen,
        residue: &[Residue],
    ) -> Result<Option<LockHolder>, AwsError> {
        if !residue.iter().any(|it| it.kind == Kind::Template) {
            return Ok(None);
        }
        let own = self.context.own_locks(&seen.deployment);
        let held = self.context.launch_lock().held().map(|held| held.holder.nonce);
        let now = self.context.now();
        let is_live = |holder: &LockHolder| {
            let is_left = Some(&holder.nonce) != held.as_ref()
                && own.values().any(|nonce| *nonce == holder.nonce);
            let has_ended = self.context.judge_lock(holder, Duration::ZERO) == Judgement::Dead;
            !is_left
                && !has_ended
                && holder.expires.is_some_and(|at| now.duration_since(at) < BEING_MADE)
        };
        let found = self.ec2.locks(&Selector::deployment(&seen.deployment)).await?;
        Ok(found.into_iter().map(|lock| lock.holder).find(is_live))
    }

    /// Ours is not: whoever would make it holds the lock of this state, and that is us.
    fn is_being_made(&self, seen: &DeploymentSeen) -> bool {
        seen.deployment != self.context.deployment()
            && seen
                .newest
                .is_some_and(|newest| self.context.now().duration_since(newest) < BEING_MADE)
    }

    async fn report(&self, level: Level, text: String) {
        self.reporter.said_of(self.ec2.region(), level, text).await;
    }
}

async fn chosen(context: &Context, regions: Vec<Region>) -> Result<Vec<Ec2>, Failure> {
    let failed = |error: AwsError| error.failure(Step::Account);
    let aws = context.aws().await.map_err(failed)?;
    let account = context.account().await.map_err(failed)?;
    let regions = if regions.is_empty() { context.open_regions(&account.regions) } else { regions };
    Ok(regions.iter().map(|region| aws.region(region)).collect())
}

async fn trouble(ec2: &Ec2, error: &AwsError, reporter: &Reporter) -> usize {
    let text = error.failure(Step::Teardown).to_string();
    reporter.said_of(ec2.region(), Level::Error, text).await;
    1
}

fn named(residue: &[Residue]) -> String {
    residue.iter().map(Residue::to_string).collect::<Vec<_>>().join(", ")
}
