//! Destroys: spot requests first, then the instances, then, when the last one is seen terminated,
//! the network; and looks afterwards whether anything is left.
//!
//! Everything goes by tags, so a destroy may be stopped at any point and begun again, here or on
//! another machine. What was asked of EC2 and not answered is waited for: what it makes may show
//! only now.

mod await_end;
pub(super) mod cleanup;
mod nodes;
mod teardown;
mod unused;

pub(super) use unused::remove_unused;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, OwnedRwLockWriteGuard};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::context::Context;
use super::context::known::Known;
use super::context::monitored::MonitoredNode;
use super::context::reporter::Reporter;
use super::context::tasks::together;
use super::intents::actions::is_lock;
use super::intents::destroy_target::DestroyTarget;
use super::intents::destroys::DestroyIntent;
use super::intents::unknown_outcome::UnknownOutcome;
use super::intents::{close, creates, locks};
use super::node::hooks::{self, Hook};
use super::watch::survey_region::survey_region;
use crate::aws::{AwsError, Class, Ec2, Selector, retry_until};
use crate::config::Config;
use crate::fleet::{
    DestroyScope, Failure, FailureKind, InstanceId, JobResult, Level, Lifecycle, LockStanding,
    Machine, Phase, Region, SpotRequestId, Step, Termination,
};
use crate::retry::{SHUTDOWN_TIMEOUT, TEARDOWN_TIMEOUT};

/// What is to be destroyed in one region.
enum RegionScope {
    /// These.
    Instances(Vec<Termination>),
    /// Everything of the target.
    Everything(DestroyTarget),
    /// The same, and its lock between machines: it is to be everywhere.
    Whole(DestroyTarget),
}

impl RegionScope {
    /// Whether a node of ours is among it.
    fn ends(&self, ec2: &Ec2, node: &MonitoredNode) -> bool {
        let machine = &node.machine;
        match self {
            Self::Instances(terminations) => terminations.iter().any(|it| it.id == machine.id),
            Self::Everything(DestroyTarget::Launch(_, launch)) => machine.is_of(launch),
            Self::Everything(_) | Self::Whole(_) => {
                machine.zone.as_str().starts_with(ec2.region().as_str())
            }
        }
    }
}

/// Destroys, each region by itself.
pub(super) async fn destroy(
    context: Arc<Context>,
    scope: DestroyScope,
    reporter: Reporter,
) -> JobResult {
    context.journal()?;
    // For the account it does not matter which deployment is ours.
    if !matches!(scope, DestroyScope::Account(_)) {
        context.require_deployment()?;
    }
    let scopes = scopes(&context, scope).await.map_err(|error| error.failure(Step::Account))?;
    if scopes.iter().any(|(_, scope)| !matches!(scope, RegionScope::Instances(_))) {
        say_unsure(&context, &reporter).await;
    }
    say_keeper(&context, &reporter).await;
    let whole = scopes.iter().find_map(|(_, scope)| match scope {
        RegionScope::Whole(target) => Some(target.clone()),
        _ => None,
    });
    if whole.is_some() {
        // Nothing is launched any more, and it goes with the rest.
        context.launch_lock().let_go();
    }
    let is_meant = |node: &MonitoredNode| scopes.iter().any(|(ec2, scope)| scope.ends(ec2, node));
    hooks::visit_all(&context, Hook::Destroy, is_meant, &reporter).await;
    let mut regions = JoinSet::new();
    let mut asked = Vec::new();
    for (ec2, scope) in scopes {
        asked.push(ec2.region().clone());
        regions.spawn(destroy_in(Arc::clone(&context), ec2, scope, reporter.clone()));
    }
    let ended = together(regions, || (1, BTreeSet::new())).await;
    context.say_closed(&reporter).await;
    let gone = ended.iter().flat_map(|(_, gone)| gone).cloned().collect();
    nodes::forget(&context, &gone, &reporter).await;
    // Where every region is closed to us, nothing was looked at.
    let is_closed = context.open_regions(&asked).is_empty();
    let closed = if is_closed { asked.len().max(1) } else { 0 };
    let failed = ended.iter().map(|(failed, _)| failed).sum::<usize>() + closed;
    if let Some(target) = whole.filter(|_| failed == 0) {
        locks::drop_all(&context, &target).await;
    }
    Ok(failed)
}

/// Another machine may launch again what it misses. Nothing that ends waits for a lock.
async fn say_keeper(context: &Context, reporter: &Reporter) {
    if let LockStanding::Other(holder) = context.look_at_lock().await {
        let text = format!("kept by {holder}: what it launches meanwhile is not ended by this");
        reporter.remarked(Level::Warning, text).await;
    }
}

/// Destroys in one region. Answers how much of it failed, and which instances were seen terminated.
async fn destroy_in(
    context: Arc<Context>,
    ec2: Ec2,
    scope: RegionScope,
    reporter: Reporter,
) -> (usize, BTreeSet<InstanceId>) {
    let takes_lock = matches!(scope, RegionScope::Whole(_));
    let (target, terminations) = match scope {
        RegionScope::Instances(terminations) => {
            (DestroyTarget::Deployment(context.deployment()), Some(terminations))
        }
        RegionScope::Everything(target) | RegionScope::Whole(target) => (target, None),
    };
    let destruction =
        Destruction { takes_lock, ..Destruction::new(context, ec2, reporter, target) };
    let failed = match terminations {
        Some(terminations) => destruction.end_some(terminations).await,
        None => destruction.empty().await,
    };
    destruction.tell_kept().await;
    (failed, destruction.gone.into_inner())
}

async fn scopes(
    context: &Context,
    scope: DestroyScope,
) -> Result<Vec<(Ec2, RegionScope)>, AwsError> {
    let aws = context.aws().await?;
    let everywhere = &context.regions().await?;
    let ours = DestroyTarget::Deployment(context.deployment());
    let all = |regions: &[Region], target: &DestroyTarget| {
        let scope = |region| (aws.region(region), RegionScope::Whole(target.clone()));
        regions.iter().map(scope).collect()
    };
    Ok(match scope {
        DestroyScope::Instances(by_region) => by_region
            .into_iter()
            .map(|(region, terminations)| {
                (aws.region(&region), RegionScope::Instances(terminations))
            })
            .collect(),
        DestroyScope::Region(region) => {
            vec![(aws.region(&region), RegionScope::Everything(ours))]
        }
        DestroyScope::Everything => all(everywhere, &ours),
        DestroyScope::Launches(launches) => launches
            .into_iter()
            .map(|(region, launch)| {
                let target = DestroyTarget::Launch(context.deployment(), launch);
                (aws.region(&region), RegionScope::Everything(target))
            })
            .collect(),
        DestroyScope::Account(regions) if regions.is_empty() => {
            all(everywhere, &DestroyTarget::Account)
        }
        DestroyScope::Account(regions) => all(&regions, &DestroyTarget::Account),
    })
}

/// What a look at the network's resources came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remains {
    /// Nothing is left.
    Nothing,
    /// Instances that use it; so it was left alone.
    Instances,
    /// Something would not go, and that was said.
    Something,
}

/// One region's part.
pub(super) struct Destruction {
    context: Arc<Context>,
    ec2: Ec2,
    reporter: Reporter,
    target: DestroyTarget,
    /// This destroy in the journal.
    intent: DestroyIntent,
    /// Instances that were seen terminated.
    gone: Mutex<BTreeSet<InstanceId>>,
    /// Whether machines may keep something here.
    may_keep: AtomicBool,
    /// Whether the lock between machines goes as well.
    takes_lock: bool,
}

impl Destruction {
    pub(super) fn new(
        context: Arc<Context>,
        ec2: Ec2,
        reporter: Reporter,
        target: DestroyTarget,
    ) -> Self {
        let (intent, gone) = (DestroyIntent::default(), Mutex::default());
        let config = context.config.as_ref();
        let is_machines = |config: &Arc<Config>| {
            config.machines.iter().any(|machine| machine.place.region == *ec2.region())
        };
        let may_keep = AtomicBool::new(config.is_some_and(is_machines));
        Self { context, ec2, reporter, target, intent, gone, may_keep, takes_lock: false }
    }

    /// Ends these instances; with the last one of the deployment goes the network. Answers how
    /// much of it failed.
    async fn end_some(&self, terminations: Vec<Termination>) -> usize {
        // A launch that is on its way is waited for.
        let fence = self.context.fences().tear_down(self.region()).await;
        creates::lower(&self.context, self.region(), &terminations).await;
        let failed = match self.end(terminations, fence).await {
            Ok(failed) => {
                let remains = self.tear_down().await;
                failed + usize::from(remains == Remains::Something)
            }
            Err(failure) => self.report_failure(&failure).await,
        };
        self.ended(failed).await;
        failed
    }

    /// Destroys everything of the target, and looks again until nothing is left and no call can
    /// show an effect any more. Answers how much of it failed.
    pub(super) async fn empty(&self) -> usize {
        if self.target.launch().is_some() {
            // From now on the launch is not gone on with, but taken back.
            self.begin(&[]).await;
        }
        creates::drop_all(&self.context, self.region(), &self.target).await;
        let failed = match self.pass_by_pass().await {
            Ok(failed) => failed,
            Err(failure) => self.report_failure(&failure).await,
        };
        if failed == 0 {
            // Nothing is here: whatever these calls made, it is gone.
            for call in self.unanswered() {
                close(&self.context, call.id, "gone").await;
            }
        }
        self.ended(failed).await;
        failed
    }

    /// Looks, ends what is there, takes the network away, and looks again: one listing proves
    /// nothing, because EC2 lists late and a call of unknown outcome may still make something.
    async fn pass_by_pass(&self) -> Result<usize, Failure> {
        if self.is_elsewhere().await {
            return Ok(0);
        }
        let deadline = Instant::now() + SHUTDOWN_TIMEOUT;
        let mut waits = false;
        loop {
            // A launch that is on its way is waited for, so that the question by tags sees what
            // it made.
            let fence = self.context.fences().tear_down(self.region()).await;
            // Asked before the look: one that begins after that moment sees all there ever will be.
            let quiet = self.quiet_at();
            let is_last = Instant::now() >= quiet;
            let mut machines = match self.survey().await {
                Ok(machines) => machines,
                Err(error) => return self.without_a_look(&error, fence).await,
            };
            machines.extend(self.newborn(&machines));
            let (alive, dead): (Vec<&Machine>, Vec<&Machine>) =
                machines.iter().partition(|machine| machine.is_alive());
            // An earlier destroy may have been cut short before it came to its nodes.
            self.gone.lock().await.extend(dead.into_iter().map(|machine| machine.id.clone()));
            let alive = alive.into_iter().map(termination).collect();
            let failed = self.end(alive, fence).await?;
            // Before the network: what runs without its tags still uses it, and must not lose it.
            if let Some(failure) = self.untagged() {
                return Err(failure);
            }
            let remains = self.tear_down().await;
            // Those of other launches are none of a launch's business.
            let is_alive =
                remains == Remains::Instances && !matches!(self.target, DestroyTarget::Launch(..));
            // It was said what would not go. Another pass would ask AWS the same again.
            if failed > 0 || remains == Remains::Something {
                return Ok(failed.max(1));
            }
            if is_alive && Instant::now() >= deadline {
                let reason = "instances come up faster than they can be ended";
                return Err(Failure::new(
                    FailureKind::Aws,
                    Step::Terminate,
                    reason,
                    "run destroy again",
                ));
            }
            // Somebody launched between the look and now: they are ours and go too.
            if is_alive {
                continue;
            }
            // Nothing is here, and nothing can come: this is the only way to call it empty.
            if is_last || Instant::now() >= deadline {
                return Ok(0);
            }
            if !waits && let Some(answer) = self.answered_at() {
                let text = format!(
                    "a call was not answered: looking {} s more for what it may have made",
                    seconds_until(answer)
                );
                self.reporter.said_of(self.region(), Level::Info, text).await;
                waits = true;
            }
            let left = quiet.saturating_duration_since(Instant::now());
            sleep(left.min(self.context.pace.busy)).await;
        }
    }

    /// From when on nothing can show any more that was asked for before.
    fn quiet_at(&self) -> Instant {
        self.answered_at().max(self.context.unsure_until()).unwrap_or_else(Instant::now)
    }

    /// From when on no call of this region can show an effect that nobody answered; `None` where
    /// there is no such call.
    fn answered_at(&self) -> Option<Instant> {
        let calls = self.unanswered().into_iter();
        calls.filter(|call| call.makes().is_some()).map(|call| call.until).max()
    }

    /// The calls for the target in this region whose outcome nobody wrote down, and its creates.
    fn unanswered(&self) -> Vec<UnknownOutcome> {
        let Ok(journal) = self.context.journal() else { return Vec::new() };
        let open = journal.unresolved().into_iter();
        // A lock that is held is no call.
        let ours = open.filter(|(.., intent)| {
            intent.region == *self.region() && self.target.covers(intent) && !is_lock(intent)
        });
        ours.map(|(id, _, intent)| {
            let until = self.context.shows_until(id);
            UnknownOutcome { id, intent, until }
        })
        .collect()
    }

    /// Writes down what is about to be ended.
    async fn begin(&self, terminations: &[Termination]) {
        self.intent.begin(&self.context, self.region(), &self.target, terminations).await;
    }

    async fn ended(&self, failed: usize) {
        // After a failure the intent stays open: the next run goes on with it.
        if failed == 0 {
            let gone = self.gone.lock().await;
            self.intent.end(&self.context, self.region(), &self.target, &gone).await;
        }
        self.context.wake_watch();
    }

    /// What is done where nobody tells what there is. A region that is closed to us, and in which
    /// nothing of ours can be, fails nothing. Where we were and may not look, what we know of ends
    /// by its ids: what costs money ends all the same; that fails in any case, for what else there
    /// may be is not seen.
    async fn without_a_look(
        &self,
        error: &AwsError,
        fence: OwnedRwLockWriteGuard<()>,
    ) -> Result<usize, Failure> {
        if !self.knows_of_something().await && self.context.closes(error) {
            return Ok(0);
        }
        if error.class == Class::Denied {
            let known = self.remembered(&[]);
            self.end(known.iter().map(|it| termination(&it.machine)).collect(), fence).await?;
        }
        Err(error.failure(Step::Terminate))
    }

    /// Ends these instances and sees them terminated. The fence is let go as soon as all were
    /// told to end.
    async fn end(
        &self,
        terminations: Vec<Termination>,
        fence: OwnedRwLockWriteGuard<()>,
    ) -> Result<usize, Failure> {
        if !terminations.is_empty() {
            self.begin(&terminations).await;
        }
        // A pipeline that still deploys would bring a dying node back to life in the table.
        for termination in &terminations {
            self.context.pipelines().stop(&termination.id);
        }
        let (ending, failed) = self.terminate(&terminations).await;
        // They end by themselves from here on; others may launch while the minutes pass.
        drop(fence);
        self.await_end(ending).await?;
        Ok(failed)
    }

    fn region(&self) -> &Region {
        self.ec2.region()
    }

    /// What goes when nothing in it is alive.
    fn network(&self) -> Selector {
        let network = self.target.network();
        if self.takes_lock { network.with_locks() } else { network }
    }

    /// Why a region of this process's deployment cannot be emptied: what runs there without its
    /// tags is not ours to end unasked, and not to be passed over in silence.
    fn untagged(&self) -> Option<Failure> {
        let is_ours = self.target == DestroyTarget::Deployment(self.context.deployment());
        let untagged = self.context.known().untagged(self.region());
        if !is_ours || untagged.is_empty() {
            return None;
        }
        let ids: Vec<&str> = untagged.iter().map(InstanceId::as_str).collect();
        let ids = ids.join(" ");
        let reason = format!("still runs, but its tags were taken away: {ids}");
        let hint = format!("`spot-tui destroy {ids}` ends it; or give it its tags again");
        Some(Failure::new(FailureKind::Aws, Step::Terminate, reason, hint))
    }

    /// The target's instances, the terminated ones too, as far as they have its tags. What is of
    /// this process's deployment is reported.
    async fn survey(&self) -> Result<Vec<Machine>, AwsError> {
        let deployment = self.context.deployment();
        let mut shown = survey_region(&self.context, &self.ec2, &self.reporter).await?;
        if shown.iter().any(|machine| machine.birth.machine.is_some()) {
            self.may_keep.store(true, Ordering::Relaxed);
        }
        let untagged = self.context.known().untagged(self.region());
        shown.retain(|machine| !untagged.contains(&machine.id));
        Ok(match &self.target {
            DestroyTarget::Deployment(target) if *target == deployment => shown,
            DestroyTarget::Launch(target, launch) if *target == deployment => {
                let is_of = |machine: &Machine| machine.is_of(launch);
                shown.into_iter().filter(is_of).collect()
            }
            target => self.ec2.instances(&target.selector().with_terminated()).await?,
        })
    }

    /// What EC2 made for the target a moment ago and does not list yet: it is told to end by its id,
    /// else it would run on when all that is listed is gone.
    fn newborn(&self, listed: &[Machine]) -> Vec<Machine> {
        let unlisted = self.remembered(listed).into_iter();
        unlisted.filter(|it| self.context.is_young(it)).map(|it| *it.machine).collect()
    }

    /// What is of the target by our own memory, and not among these. What lost its tags is not ours
    /// to end unasked.
    fn remembered(&self, listed: &[Machine]) -> Vec<Known> {
        let known = self.context.known();
        let untagged = known.untagged(self.region());
        let Some(deployment) = self.target.deployment() else { return Vec::new() };
        let unlisted = known.unlisted(self.region(), &deployment, listed).into_values();
        unlisted
            .filter(|it| !untagged.contains(&it.machine.id))
            .filter(|it| self.target.launch().is_none_or(|launch| it.machine.is_of(launch)))
            .collect()
    }

    async fn report_failure(&self, failure: &Failure) -> usize {
        self.reporter.said_of(self.region(), Level::Error, failure.to_string()).await;
        1
    }

    /// Cancels the spot requests, then ends the instances: the other way round a persistent
    /// request would launch again. Answers which are ending, and how much failed.
    async fn terminate(&self, terminations: &[Termination]) -> (BTreeSet<InstanceId>, usize) {
        let (held, mut failed) = self.cancel_requests(terminations).await;
        let mut ending = BTreeSet::new();
        let ids = terminations.iter().map(|termination| &termination.id);
        let ids: Vec<InstanceId> = ids.filter(|id| !held.contains(*id)).cloned().collect();
        for (id, ended) in self.ec2.terminate(&ids).await {
            let Some(termination) = terminations.iter().find(|termination| termination.id == id)
            else {
                continue;
            };
            match ended {
                Ok(()) => {
                    self.reporter.entered(&termination.key, Phase::Terminating).await;
                    ending.insert(id);
                }
                Err(error) => {
                    let failure = error.failure(Step::Terminate);
                    self.reporter.entered(&termination.key, Phase::Failed(failure)).await;
                    failed += 1;
                }
            }
        }
        (ending, failed)
    }

    /// Cancels the spot requests of these. Answers which have to run on, for in their place EC2
    /// would launch others, and how much failed.
    async fn cancel_requests(&self, terminations: &[Termination]) -> (BTreeSet<InstanceId>, usize) {
        let requests = terminations.iter().filter_map(|it| it.spot_request.clone());
        let requests: Vec<SpotRequestId> = requests.collect();
        let mut held = BTreeSet::new();
        if requests.is_empty() {
            return (held, 0);
        }
        let deadline = Instant::now() + TEARDOWN_TIMEOUT;
        let cancel = || self.ec2.cancel_spot_requests(&requests);
        let Err(error) = retry_until(deadline, passing, cancel).await else { return (held, 0) };
        let failure = error.failure(Step::Terminate);
        let failed = self.report_failure(&failure).await;
        let why = "not ended: its persistent spot request stands, and would launch another";
        let failure = Failure { reason: format!("{why}: {}", failure.reason), ..failure };
        let persistent = self.persistent_requests().await;
        let mut standing = terminations.to_vec();
        standing.retain(|it| it.spot_request.as_ref().is_some_and(|it| persistent.contains(it)));
        for termination in standing {
            self.reporter.entered(&termination.key, Phase::Failed(failure.clone())).await;
            held.insert(termination.id);
        }
        let failed = failed.max(held.len());
        (held, failed)
    }

    /// The requests that launch again. Where EC2 does not tell of one, our memory does.
    async fn persistent_requests(&self) -> BTreeSet<SpotRequestId> {
        let is_persistent = |lifecycle: Lifecycle| lifecycle == Lifecycle::PersistentSpot;
        let known = self.remembered(&[]).into_iter().map(|it| it.machine.birth.clone());
        let known = known.filter(|birth| is_persistent(birth.lifecycle));
        let mut standing: BTreeSet<_> = known.filter_map(|birth| birth.spot_request).collect();
        let told = self.ec2.spot_requests(&Selector::everything()).await;
        for request in told.unwrap_or_default() {
            if is_persistent(request.lifecycle) && request.is_alive() {
                standing.insert(request.id);
            } else {
                // Of many some may have been cancelled.
                standing.remove(&request.id);
            }
        }
        standing
    }
}

/// What time mends: a request may be cancelled twice.
fn passing(error: &AwsError) -> bool {
    matches!(error.class, Class::NotYet | Class::Retry | Class::Unknown)
}

/// Says once, for all regions, how long what no journal tells of is looked for.
async fn say_unsure(context: &Context, reporter: &Reporter) {
    let Some(until) = context.unsure_until().filter(|until| *until > Instant::now()) else {
        return;
    };
    let text = format!(
        "the journal is lost or cannot be read: what was in flight is looked for {} s more",
        seconds_until(until)
    );
    reporter.remarked(Level::Info, text).await;
}

fn seconds_until(time: Instant) -> u64 {
    time.saturating_duration_since(Instant::now()).as_secs() + 1
}

fn termination(machine: &Machine) -> Termination {
    Termination {
        key: crate::fleet::InstanceKey::adopted(&machine.id),
        id: machine.id.clone(),
        spot_request: machine.birth.spot_request.clone(),
    }
}

#[cfg(test)]
mod tests;
