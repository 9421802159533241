//! Create intents: what a create was asked for in a region. They stay open in the journal until that
//! create has ended in all its regions.
//!
//! A create that is killed leaves its intents open. The next create takes them over: it looks what
//! was made for each so far and launches the rest. So the same command, given again after a
//! crash, completes what it began and never launches twice.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::actions::CREATE;
use super::destroys::unfinished_destroys;
use crate::aws::{Ec2, Selector};
use crate::fleet::{
    DeploymentId, Ec2State, Failure, InstanceId, Launch, LaunchId, Machine, PendingCreate, Region,
    Step,
};
use crate::jobs::context::Context;
use crate::store::{Intent, IntentId, Journal};

/// The payload of a create's intent, as the journal keeps it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct CreatePayload {
    /// How many instances.
    count: u32,
    /// How often it was begun: a part of its client tokens.
    run: u32,
    /// What EC2 told that it made. A listing may come to know of it only later.
    made: BTreeSet<InstanceId>,
    /// The region that they were asked for in, where that one had no room for them: there they
    /// count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Region>,
}

/// The creates that an earlier process did not bring to their end, and was not about to take back.
pub fn unfinished(journal: &Journal) -> Vec<PendingCreate> {
    let taken_back: BTreeSet<LaunchId> =
        unfinished_destroys(journal).into_iter().filter_map(|pending| pending.launch).collect();
    let intents = journal.inherited().into_iter().filter_map(|(.., intent)| {
        let CreatePayload { count, made, origin, .. } = payload(&intent)?;
        let Intent { region, deployment, launch, .. } = intent;
        Some(PendingCreate { deployment, region, launch: launch?, count, made, origin })
    });
    intents.filter(|it| !taken_back.contains(&it.launch)).collect()
}

fn payload(intent: &Intent) -> Option<CreatePayload> {
    (intent.action == CREATE).then(|| serde_json::from_value(intent.request.clone()).ok())?
}

/// The open journal entry of one region's create.
#[derive(Debug)]
pub(in crate::jobs) struct CreateIntent {
    id: IntentId,
    region: Region,
    deployment: DeploymentId,
    launch: LaunchId,
    /// Until when what the run before this one asked for may show.
    left: Option<Instant>,
    payload: Mutex<CreatePayload>,
}

impl CreateIntent {
    /// Writes the intent down, or takes over the one that is open for this launch. When this
    /// returns, it is on the disk.
    pub(in crate::jobs) async fn begin(
        context: &Context,
        launch: &Launch,
        origin: Option<&Region>,
    ) -> Result<Self, Failure> {
        let inherited = context.journal()?.inherited().into_iter().find_map(|(id, _, intent)| {
            let same = intent.launch.as_ref() == Some(&launch.id);
            Some((id, payload(&intent).filter(|_| same)?))
        });
        let count = u32::try_from(launch.keys.len() + launch.known.len()).unwrap_or(u32::MAX);
        let earlier = inherited.as_ref().map(|(_, payload)| payload.clone());
        let left = inherited.as_ref().map(|(id, _)| context.shows_until(*id));
        let made_new = || CreatePayload { origin: origin.cloned(), ..CreatePayload::default() };
        let earlier = earlier.unwrap_or_else(made_new);
        let payload = CreatePayload { count, run: earlier.run + 1, ..earlier };
        let (region, deployment) = (launch.region.clone(), context.deployment());
        let intent = written(&region, &deployment, &launch.id, &payload);
        let id = match inherited {
            Some((id, _)) => {
                super::amend(context, id, &intent).await?;
                id
            }
            None => super::record(context, &intent).await?,
        };
        let payload = Mutex::new(payload);
        Ok(Self { id, region, deployment, launch: launch.id.clone(), left, payload })
    }

    /// The region whose count it is a part of.
    pub(in crate::jobs) fn counts_for(&self) -> Region {
        let payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner);
        payload.origin.as_ref().unwrap_or(&self.region).clone()
    }

    /// Whether an earlier run began it.
    pub(in crate::jobs) fn is_resumed(&self) -> bool {
        self.left.is_some()
    }

    /// The id of a request of this run.
    pub(in crate::jobs) fn request(&self, number: u32) -> LaunchId {
        let run = self.payload.lock().unwrap_or_else(PoisonError::into_inner).run;
        self.launch.request(run, number)
    }

    /// Notes what EC2 has made for it, before the launch itself counts as answered.
    pub(in crate::jobs) async fn note(&self, context: &Context, machines: &[Machine]) {
        context.known().note(&self.region, &self.deployment, machines);
        let intent = {
            let mut payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner);
            payload.made.extend(machines.iter().map(|machine| machine.id.clone()));
            written(&self.region, &self.deployment, &self.launch, &payload)
        };
        if let Err(failure) = super::amend(context, self.id, &intent).await {
            // Its tags tell the same, only later.
            tracing::warn!(%failure, "the intent of a create does not know what was made for it");
        }
    }

    /// Wants this many fewer: they are given up, or are another intent's from now on.
    pub(in crate::jobs) async fn release(&self, context: &Context, fewer: usize) {
        let intent = {
            let mut payload = self.payload.lock().unwrap_or_else(PoisonError::into_inner);
            payload.count = payload.count.saturating_sub(u32::try_from(fewer).unwrap_or(u32::MAX));
            written(&self.region, &self.deployment, &self.launch, &payload)
        };
        if let Err(failure) = super::amend(context, self.id, &intent).await {
            tracing::warn!(%failure, "the intent of a create wants more than it should");
        }
    }

    /// What earlier runs made for it and nobody has a row for. What EC2 told that it made is
    /// waited for until it is listed, or the consistency window is over.
    pub(in crate::jobs) async fn find(
        &self,
        context: &Context,
        ec2: &Ec2,
        known: &BTreeSet<InstanceId>,
    ) -> Result<Vec<Machine>, Failure> {
        let Some(deadline) = self.left else { return Ok(Vec::new()) };
        let made = self.payload.lock().unwrap_or_else(PoisonError::into_inner).made.clone();
        let selector =
            Selector::deployment(&self.deployment).made_for(&self.launch).with_terminated();
        loop {
            let mut found =
                ec2.instances(&selector).await.map_err(|error| error.failure(Step::Launch))?;
            let listed: BTreeSet<&InstanceId> = found.iter().map(|machine| &machine.id).collect();
            if made.iter().all(|id| listed.contains(id)) || Instant::now() >= deadline {
                found.retain(|machine| {
                    machine.is_alive()
                        && machine.state != Ec2State::ShuttingDown
                        && !known.contains(&machine.id)
                });
                return Ok(found);
            }
            sleep(context.pace.busy).await;
        }
    }
}

/// The create has ended, well or not, in all its regions: at one stroke, so that no crash leaves
/// the half of it.
pub(in crate::jobs) async fn end(context: &Context, intents: Vec<CreateIntent>) {
    super::close_all(context, intents.into_iter().map(|it| it.id).collect(), "ended").await;
}

fn written(
    region: &Region,
    deployment: &DeploymentId,
    launch: &LaunchId,
    payload: &CreatePayload,
) -> Intent {
    Intent {
        action: CREATE.into(),
        region: region.clone(),
        deployment: deployment.clone(),
        launch: Some(launch.clone()),
        request: serde_json::to_value(payload).unwrap_or_default(),
    }
}
