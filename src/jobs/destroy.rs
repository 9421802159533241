//! Destroys: spot requests first, then the instances, then, when the last one is seen terminated,
//! the network; and looks afterwards whether anything is left.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OwnedRwLockWriteGuard;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use super::{Context, Reporter, network, watch};
use crate::aws::{AwsError, Ec2, Selector};
use crate::fleet::{
    Doomed, Fact, Failure, InstanceId, Level, Machine, NetworkState, Outcome, Phase, Region,
    SpotRequestId, Step, Victim,
};
use crate::store::{Intent, IntentId};

/// The API action that launches.
const RUN_INSTANCES: &str = "RunInstances";
/// How long an instance may take from shutting-down to terminated.
const SHUTDOWN: Duration = Duration::from_mins(15);
/// How long the network's parts may depend on each other after the last instance is gone.
const TEARDOWN: Duration = Duration::from_mins(5);

/// What is to be destroyed in one region.
enum Aim {
    /// These.
    Victims(Vec<Victim>),
    /// Everything of the deployment.
    Everything,
}

/// Destroys, each region by itself.
pub(super) async fn destroy(context: Arc<Context>, doomed: Doomed, reporter: Reporter) -> Outcome {
    if let Err(failure) = context.journal().map(drop).and_then(|()| context.settled()) {
        return Outcome::Failed(failure);
    }
    let aims = match aims(&context, doomed).await {
        Ok(aims) => aims,
        Err(error) => return Outcome::Failed(error.failure(Step::Account)),
    };
    let mut regions = JoinSet::new();
    for (ec2, aim) in aims {
        let (context, reporter) = (Arc::clone(&context), reporter.clone());
        regions.spawn(async move {
            let destruction = Destruction { context, ec2, reporter };
            destruction.run(aim).await
        });
    }
    let failed = super::together(regions, || 1).await.into_iter().sum();
    if failed == 0 { Outcome::Done } else { Outcome::Partly { failed } }
}

async fn aims(context: &Context, doomed: Doomed) -> Result<Vec<(Ec2, Aim)>, AwsError> {
    let aws = context.aws().await?;
    Ok(match doomed {
        Doomed::Instances(by_region) => by_region
            .into_iter()
            .map(|(region, victims)| (aws.region(&region), Aim::Victims(victims)))
            .collect(),
        Doomed::Region(region) => vec![(aws.region(&region), Aim::Everything)],
        Doomed::Everything => {
            let regions = &context.account().await?.regions;
            regions.iter().map(|region| (aws.region(region), Aim::Everything)).collect()
        }
    })
}

/// One region's part.
struct Destruction {
    context: Arc<Context>,
    ec2: Ec2,
    reporter: Reporter,
}

impl Destruction {
    /// Answers how much of it failed.
    async fn run(&self, aim: Aim) -> usize {
        let everything = matches!(aim, Aim::Everything);
        let ended = match aim {
            Aim::Victims(victims) => {
                // A launch that is on its way is waited for.
                let fence = self.context.tear_down(self.region()).await;
                self.end(victims, fence).await
            }
            Aim::Everything => self.end_everything().await,
        };
        let failed = match ended {
            Ok(failed) => failed + self.tear_down(everything).await,
            Err(failure) => {
                self.reporter.said_of(self.region(), Level::Error, failure.to_string()).await;
                1
            }
        };
        if everything && failed == 0 {
            // Nothing is here: whatever these calls made, it is gone.
            for (id, ..) in self.unanswered() {
                super::close(&self.context, id, "gone").await;
            }
        }
        self.context.stir();
        failed
    }

    /// Ends what is there and looks again, until nothing is alive and no launch is left whose
    /// answer nobody got: what it made may show only now.
    async fn end_everything(&self) -> Result<usize, Failure> {
        let deadline = Instant::now() + SHUTDOWN;
        let mut waits = false;
        loop {
            // A launch that is on its way is waited for, so that the question by tags sees what
            // it made.
            let fence = self.context.tear_down(self.region()).await;
            let machines = watch::look(&self.context, &self.ec2, &self.reporter)
                .await
                .map_err(|error| error.failure(Step::Terminate))?;
            let alive: Vec<Victim> =
                machines.iter().filter(|machine| machine.is_alive()).map(victim).collect();
            if alive.is_empty() {
                drop(fence);
                if !self.may_have_launched() {
                    return Ok(0);
                }
                if !waits {
                    let text = "a launch was not answered: looking for what it made";
                    self.reporter.said_of(self.region(), Level::Info, text).await;
                    waits = true;
                }
                sleep(self.context.pace.busy).await;
                continue;
            }
            let failed = self.end(alive, fence).await?;
            if failed > 0 || Instant::now() >= deadline {
                return Ok(failed);
            }
        }
    }

    /// Whether a launch was sent here so lately, and not answered, that what it made may be
    /// unknown to DescribeInstances.
    fn may_have_launched(&self) -> bool {
        let now = self.context.now();
        let fresh =
            |at: &Timestamp| now.duration_since(*at).unsigned_abs() < self.context.pace.consistency;
        self.unanswered().iter().any(|(_, at, action)| action == RUN_INSTANCES && fresh(at))
    }

    /// The calls of this deployment in this region whose outcome nobody wrote down.
    fn unanswered(&self) -> Vec<(IntentId, Timestamp, String)> {
        let Ok(journal) = self.context.journal() else { return Vec::new() };
        let deployment = self.context.deployment();
        let ours =
            |intent: &Intent| intent.region == *self.region() && intent.deployment == deployment;
        let open = journal.unresolved().into_iter().filter(|(_, _, intent)| ours(intent));
        open.map(|(id, at, intent)| (id, at, intent.action)).collect()
    }

    /// Ends these instances and sees them terminated. The fence is let go as soon as all were
    /// told to end.
    async fn end(
        &self,
        victims: Vec<Victim>,
        fence: OwnedRwLockWriteGuard<()>,
    ) -> Result<usize, Failure> {
        for victim in &victims {
            self.context.stop_work_on(&victim.id);
        }
        let (ending, failed) = self.terminate(&victims).await;
        drop(fence);
        self.await_end(&ending).await?;
        Ok(failed)
    }

    fn region(&self) -> &Region {
        self.ec2.region()
    }

    fn ours(&self) -> Selector {
        Selector::deployment(&self.context.deployment())
    }

    async fn failed(&self, step: Step, error: &AwsError) -> usize {
        let text = error.failure(step).to_string();
        self.reporter.said_of(self.region(), Level::Error, text).await;
        1
    }

    /// Cancels the spot requests, then ends the instances: the other way round a persistent
    /// request would launch again. Answers which are ending, and how much failed.
    async fn terminate(&self, victims: &[Victim]) -> (BTreeSet<InstanceId>, usize) {
        let requests: Vec<SpotRequestId> =
            victims.iter().filter_map(|victim| victim.spot_request.clone()).collect();
        let (mut ending, mut failed) = (BTreeSet::new(), 0);
        if !requests.is_empty()
            && let Err(error) = self.ec2.cancel_spot_requests(&requests).await
        {
            failed += self.failed(Step::Terminate, &error).await;
        }
        if victims.is_empty() {
            return (ending, failed);
        }
        let ids: Vec<InstanceId> = victims.iter().map(|victim| victim.id.clone()).collect();
        for (id, ended) in self.ec2.terminate(&ids).await {
            let Some(victim) = victims.iter().find(|victim| victim.id == id) else { continue };
            match ended {
                Ok(()) => {
                    self.reporter.entered(&victim.key, Phase::Terminating).await;
                    ending.insert(id);
                }
                Err(error) => {
                    let failure = error.failure(Step::Terminate);
                    self.reporter.entered(&victim.key, Phase::Failed(failure)).await;
                    failed += 1;
                }
            }
        }
        (ending, failed)
    }

    /// Looks until all of these are terminated.
    async fn await_end(&self, ids: &BTreeSet<InstanceId>) -> Result<(), Failure> {
        if ids.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + SHUTDOWN;
        loop {
            let left = match watch::look(&self.context, &self.ec2, &self.reporter).await {
                Ok(machines) => machines
                    .into_iter()
                    .filter(|machine| machine.is_alive() && ids.contains(&machine.id))
                    .map(|machine| machine.id.to_string())
                    .collect::<Vec<_>>(),
                Err(error) if Instant::now() >= deadline => {
                    return Err(error.failure(Step::Terminate));
                }
                Err(_) => vec!["unknown".into()],
            };
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let reason =
                    format!("not terminated after {} s: {}", SHUTDOWN.as_secs(), left.join(", "));
                let hint = "run destroy again: it goes on where this one stopped";
                return Err(Failure::new(Step::Terminate, reason, hint));
            }
            sleep(self.context.pace.busy).await;
        }
    }

    /// Removes the network of a region where nothing of the deployment is alive any more. What
    /// still is, is a failure only where `everything` was to go.
    async fn tear_down(&self, everything: bool) -> usize {
        // Nobody launches into what is being removed.
        let _fence = self.context.tear_down(self.region()).await;
        match self.ec2.instances(&self.ours()).await {
            Ok(alive) if alive.is_empty() => {}
            Ok(_) if !everything => return 0,
            Ok(alive) => {
                let ids: Vec<String> = alive.iter().map(|machine| machine.id.to_string()).collect();
                let text = format!("still alive: {}; run destroy again", ids.join(", "));
                self.reporter.said_of(self.region(), Level::Error, text).await;
                return 1;
            }
            Err(error) => return self.failed(Step::Teardown, &error).await,
        }
        // In most regions there is nothing, and nothing is worth a word.
        match self.ec2.residue(&self.ours()).await {
            Ok(residue) if residue.is_empty() => return 0,
            Ok(_) => {}
            Err(error) => return self.failed(Step::Teardown, &error).await,
        }
        self.reporter.learned_of(self.region(), Fact::Network(NetworkState::Removing)).await;
        let (say, telling) = self.reporter.telling(self.region());
        let deployment = self.context.deployment();
        let teardown = network::teardown(&self.ec2, &deployment, TEARDOWN, &say);
        match telling.during(Box::pin(teardown)).await {
            Ok(left) if left.is_empty() => {
                self.reporter.learned_of(self.region(), Fact::Network(NetworkState::Gone)).await;
                0
            }
            Ok(left) => {
                let left: Vec<String> = left.iter().map(ToString::to_string).collect();
                let text =
                    format!("left over: {}; run destroy again in a few minutes", left.join(", "));
                self.reporter.said_of(self.region(), Level::Error, text).await;
                let residue = NetworkState::Residue(left);
                self.reporter.learned_of(self.region(), Fact::Network(residue)).await;
                1
            }
            Err(error) => self.failed(Step::Teardown, &error).await,
        }
    }
}

fn victim(machine: &Machine) -> Victim {
    Victim {
        key: crate::fleet::InstanceKey::adopted(&machine.id),
        id: machine.id.clone(),
        spot_request: machine.spot_request.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::aws::{Access, scripted};
    use crate::fleet::JobId;
    use crate::store::{Cache, Journal, Paths};

    fn described(state: &str) -> String {
        let tag = |key, value| format!("<item><key>{key}</key><value>{value}</value></item>");
        let tags = tag("ManagedBy", "spot-tui") + &tag("DeploymentId", "spot-1");
        format!(
            "<reservationSet><item><instancesSet><item><instanceId>i-late</instanceId>\
             <instanceState><name>{state}</name></instanceState><instanceType>t3.medium\
             </instanceType><launchTime>2026-11-20T09:00:00Z</launchTime><placement>\
             <availabilityZone>us-west-2a</availabilityZone></placement><tagSet>{tags}</tagSet>\
             </item></instancesSet></item></reservationSet>"
        )
    }

    /// An EC2 that tells of an instance only at the fourth look, until it is terminated.
    async fn late_instance() -> (Ec2, scripted::Calls) {
        let (looks, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        scripted::ec2(move |call| {
            let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
            let is_over = ended.load(Ordering::SeqCst) > 0;
            let inside = match action {
                "DescribeInstances" if looks.fetch_add(1, Ordering::SeqCst) < 3 => String::new(),
                "DescribeInstances" if !is_over => described("running"),
                "DescribeInstances" if !call.contains("instance-state-name") => {
                    described("terminated")
                }
                "TerminateInstances" => {
                    ended.fetch_add(1, Ordering::SeqCst);
                    String::new()
                }
                _ => String::new(),
            };
            (200, format!("<{action}Response>{inside}</{action}Response>"))
        })
        .await
    }

    fn context(journal: Journal) -> Arc<Context> {
        let (asker, _questions) = super::super::questions();
        let mut context = Context::new(
            "spot-1".into(),
            false,
            Access::default(),
            None,
            Some(Arc::new(journal)),
            Cache::new("unused"),
            asker,
        );
        context.pace.busy = Duration::from_millis(1);
        context.pace.consistency = Duration::from_millis(500);
        Arc::new(context)
    }

    #[tokio::test]
    async fn what_an_unanswered_launch_made_is_waited_for_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&Paths::new(folder.path().join("instances.json"))).unwrap();
        let intent = |region: &str| Intent {
            action: RUN_INSTANCES.into(),
            region: region.into(),
            deployment: "spot-1".into(),
            launch: Some("l-1".into()),
            request: serde_json::Value::Null,
        };
        journal.record(&intent("us-west-2")).unwrap();
        journal.record(&intent("eu-west-1")).unwrap();
        let context = context(journal);
        let (ec2, calls) = late_instance().await;
        let (desk, _lanes) = super::super::lanes(crate::aws::SharedTimeSource::default());
        let reporter = desk.reporter(JobId(1));
        let destruction = Destruction { context: Arc::clone(&context), ec2, reporter };
        assert_eq!(destruction.run(Aim::Everything).await, 0);
        let calls = calls.lock().unwrap();
        assert!(
            calls.iter().any(|call| call.contains("TerminateInstances") && call.contains("i-late")),
            "{calls:?}"
        );
        let open = context.journal().unwrap().unresolved();
        let regions: Vec<&str> = open.iter().map(|(.., it)| it.region.as_str()).collect();
        assert_eq!(regions, ["eu-west-1"], "each region closes its own");
    }
}
