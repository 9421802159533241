//! Create intents: what a create was asked for in a region. They stay open in the journal until that
//! create has ended in all its regions.
//!
//! A create that is killed leaves its intents open. The next create takes them over: it looks what
//! was made for each so far and launches the rest. So the same command, given again after a
//! crash, completes what it began and never launches twice.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::actions::CREATE;
use super::destroy_target::DestroyTarget;
use super::destroys::unfinished_destroys;
use crate::aws::{Ec2, Selector};
use crate::fleet::{
    DeploymentId, Ec2State, Failure, InstanceId, Launch, LaunchId, Machine, PendingCreate, Region,
    Step, Termination,
};
use crate::jobs::context::Context;
use crate::jobs::context::known::Known;
use crate::store::{Intent, IntentId, Journal};

/// The payload of a create's intent, as the journal keeps it. Only the journal holds it: whatever changes it,
/// changes it there.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct CreatePayload {
    /// How many instances, those that were destroyed by name since among them.
    count: u32,
    /// How often it was begun: a part of its client tokens.
    run: u32,
    /// What EC2 told that it made. A listing may come to know of it only later.
    made: BTreeSet<InstanceId>,
    /// What of it was destroyed by name: nobody launches that again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    ended: BTreeSet<InstanceId>,
    /// The region that they were asked for in, where that one had no room for them: there they
    /// count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Region>,
    /// Whether the program asked for them by itself, in the place of what AWS took back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_replacement: bool,
    /// The machine of the configuration that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
}

impl CreatePayload {
    fn of(intent: &Intent) -> Option<Self> {
        (intent.action == CREATE).then(|| serde_json::from_value(intent.request.clone()).ok())?
    }

    /// The intent with this in it.
    fn put_into(&self, intent: &Intent) -> Intent {
        let request = serde_json::to_value(self).unwrap_or_default();
        Intent { request, ..intent.clone() }
    }

    /// Whether the order of this launch made an instance.
    fn made(&self, launch: &LaunchId, machine: &Machine) -> bool {
        self.made.contains(&machine.id) || machine.is_of(launch)
    }

    /// How many of it are still wanted.
    fn wanted(&self) -> u32 {
        self.count.saturating_sub(number(self.ended.len()))
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The creates that an earlier process did not bring to their end, and was not about to take back.
pub fn unfinished(journal: &Journal) -> Vec<PendingCreate> {
    intents(journal, journal.inherited())
}

/// The orders that stand now, this process's own among them.
pub fn open_creates(journal: &Journal) -> Vec<PendingCreate> {
    intents(journal, journal.unresolved())
}

fn intents(journal: &Journal, open: Vec<(IntentId, Timestamp, Intent)>) -> Vec<PendingCreate> {
    let taken_back: BTreeSet<LaunchId> =
        unfinished_destroys(journal).into_iter().filter_map(|pending| pending.launch).collect();
    let intents = open.into_iter().filter_map(|(.., intent)| {
        let payload = CreatePayload::of(&intent)?;
        let Intent { region, deployment, launch, .. } = intent;
        let count = payload.wanted();
        let CreatePayload { made, origin, is_replacement, machine, .. } = payload;
        Some(PendingCreate {
            deployment,
            region,
            launch: launch?,
            count,
            made,
            origin,
            is_replacement,
            machine,
        })
    });
    intents.filter(|it| !taken_back.contains(&it.launch)).collect()
}

/// The open journal entry of one region's create.
#[derive(Debug)]
pub(in crate::jobs) struct CreateIntent {
    id: IntentId,
    region: Region,
    deployment: DeploymentId,
    launch: LaunchId,
    /// The region whose count it is a part of.
    counts_for: Region,
    /// How often it was begun.
    run: u32,
    /// Until when what the run before this one asked for may show.
    left: Option<Instant>,
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
            Some((id, CreatePayload::of(&intent).filter(|_| same)?))
        });
        let left = inherited.as_ref().map(|(id, _)| context.shows_until(*id));
        let made_new = || {
            let is_replacement = launch.by_itself;
            let (origin, machine) = (origin.cloned(), launch.machine.clone());
            CreatePayload { origin, is_replacement, machine, ..CreatePayload::default() }
        };
        let earlier = inherited.as_ref().map_or_else(made_new, |(_, payload)| payload.clone());
        let wanted = launch.keys.len() + launch.known.len();
        let count = number(wanted + earlier.ended.len());
        let payload = CreatePayload { count, run: earlier.run + 1, ..earlier };
        let (region, deployment) = (launch.region.clone(), context.deployment());
        let intent = Intent {
            action: CREATE.into(),
            region: region.clone(),
            deployment: deployment.clone(),
            launch: Some(launch.id.clone()),
            request: serde_json::to_value(&payload).unwrap_or_default(),
        };
        let id = match inherited {
            Some((id, _)) => {
                super::amend(context, id, &intent).await?;
                id
            }
            // What it replaces is lowered at the same stroke, or a crash in between would have both
            // launch it, or neither.
            None => super::record_and_change(context, &intent, lowering(&launch.replaces)).await?,
        };
        let counts_for = payload.origin.unwrap_or_else(|| region.clone());
        let (launch, run) = (launch.id.clone(), payload.run);
        Ok(Self { id, region, deployment, launch, counts_for, run, left })
    }

    /// The region whose count it is a part of.
    pub(in crate::jobs) fn counts_for(&self) -> &Region {
        &self.counts_for
    }

    /// The launch that it is of.
    pub(in crate::jobs) fn launch(&self) -> &LaunchId {
        &self.launch
    }

    /// Whether an earlier run began it.
    pub(in crate::jobs) fn is_resumed(&self) -> bool {
        self.left.is_some()
    }

    /// The id of a request of this run.
    pub(in crate::jobs) fn request(&self, number: u32) -> LaunchId {
        self.launch.request(self.run, number)
    }

    /// Notes what EC2 has made for it, before the launch itself counts as answered.
    pub(in crate::jobs) async fn note(&self, context: &Context, machines: &[Machine]) {
        context.known().note(&self.region, &self.deployment, machines);
        let ids: Vec<InstanceId> = machines.iter().map(|machine| machine.id.clone()).collect();
        if let Err(failure) = change(context, self.id, |payload| payload.made.extend(ids)).await {
            // Its tags tell the same, only later.
            tracing::warn!(%failure, "the intent of a create does not know what was made for it");
        }
    }

    /// Wants this many fewer: they are given up, or are another intent's from now on.
    pub(in crate::jobs) async fn release(&self, context: &Context, fewer: usize) {
        let less = move |payload: &mut CreatePayload| {
            payload.count = payload.count.saturating_sub(number(fewer));
        };
        if let Err(failure) = change(context, self.id, less).await {
            tracing::warn!(%failure, "the intent of a create wants more than it should");
        }
    }

    /// What EC2 told that it made.
    fn made(&self, context: &Context) -> Result<BTreeSet<InstanceId>, Failure> {
        let open = context.journal()?.unresolved().into_iter().find(|(id, ..)| *id == self.id);
        Ok(open.and_then(|(.., intent)| CreatePayload::of(&intent)).unwrap_or_default().made)
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
        let made = self.made(context)?;
        let selector =
            Selector::deployment(&self.deployment).made_for(&self.launch).with_terminated();
        loop {
            let mut found =
                ec2.instances(&selector).await.map_err(|error| error.failure(Step::Launch))?;
            let listed: BTreeSet<&InstanceId> = found.iter().map(|machine| &machine.id).collect();
            if made.iter().all(|id| listed.contains(id)) || Instant::now() >= deadline {
                found.retain(|machine| {
                    machine.is_alive()
                        && machine.seen.state != Ec2State::ShuttingDown
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

/// Strikes these from the journal: nobody completes them any more.
pub(in crate::jobs) async fn forget(
    context: &Context,
    intents: &[PendingCreate],
) -> Result<(), Failure> {
    let is_meant = |intent: &Intent| {
        intent.action == CREATE
            && intents
                .iter()
                .any(|it| intent.launch.as_ref() == Some(&it.launch) && intent.region == it.region)
    };
    strike(context, is_meant, "dropped").await
}

/// Everything of the target in a region is about to be destroyed: nobody wishes it any more.
pub(in crate::jobs) async fn drop_all(context: &Context, region: &Region, target: &DestroyTarget) {
    let is_meant = |intent: &Intent| {
        intent.action == CREATE && intent.region == *region && target.covers(intent)
    };
    // The disk may be full. Then they are dropped at the end, with what else is over.
    let _ = strike(context, is_meant, "destroyed").await;
}

async fn strike(
    context: &Context,
    is_meant: impl Fn(&Intent) -> bool,
    outcome: &'static str,
) -> Result<(), Failure> {
    let open = context.journal()?.unresolved().into_iter();
    let meant = open.filter(|(.., intent)| is_meant(intent)).map(|(id, ..)| id).collect();
    super::close_all(context, meant, outcome).await;
    Ok(())
}

/// These are about to be destroyed by name: the orders that made them do not make them again.
pub(in crate::jobs) async fn lower(
    context: &Context,
    region: &Region,
    terminations: &[Termination],
) {
    let Ok(journal) = context.journal() else { return };
    let known = context.known().unlisted(region, &context.deployment(), &[]);
    let open = journal.unresolved().into_iter().filter(|(.., intent)| intent.region == *region);
    for (id, _, intent) in open {
        let (Some(payload), Some(launch)) = (CreatePayload::of(&intent), &intent.launch) else {
            continue;
        };
        let is_of_it = |termination: &&Termination| {
            let is_tagged = |it: &Known| payload.made(launch, &it.machine);
            payload.made.contains(&termination.id)
                || known.get(&termination.id).is_some_and(is_tagged)
        };
        let ended: Vec<InstanceId> = terminations
            .iter()
            .filter(is_of_it)
            .map(|termination| termination.id.clone())
            .collect();
        if ended.is_empty() {
            continue;
        }
        if let Err(failure) = change(context, id, |payload| payload.ended.extend(ended)).await {
            // Without a disk they can still be destroyed; then the next create may bring them back.
            tracing::warn!(%failure, "an order wants what was destroyed");
        }
    }
}

/// What becomes of an order some of whose instances are replaced by another one.
fn lowering(replaced: &[Machine]) -> impl Fn(&Intent) -> Option<Intent> + Send + use<> {
    let replaced = replaced.to_vec();
    move |intent| {
        let (mut payload, launch) = (CreatePayload::of(intent)?, intent.launch.as_ref()?);
        let lost = replaced.iter().filter(|machine| payload.made(launch, machine));
        let lost: Vec<InstanceId> = lost.map(|machine| machine.id.clone()).collect();
        if lost.is_empty() {
            return None;
        }
        payload.ended.extend(lost);
        Some(payload.put_into(intent))
    }
}

/// Changes what an order says, where it still stands.
async fn change(
    context: &Context,
    id: IntentId,
    change: impl FnOnce(&mut CreatePayload) + Send + 'static,
) -> Result<(), Failure> {
    let changed = move |intent: &Intent| {
        let mut payload = CreatePayload::of(intent)?;
        change(&mut payload);
        Some(payload.put_into(intent))
    };
    super::change(context, id, changed).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::tests::machine;

    #[test]
    fn an_order_is_lowered_by_what_is_replaced_and_by_nothing_else() {
        let made = ["i-1".into(), "i-2".into()].into();
        let payload = CreatePayload { count: 3, run: 1, made, ..CreatePayload::default() };
        let intent = payload.put_into(&Intent {
            action: CREATE.into(),
            region: "us-west-2".into(),
            deployment: "spot-1".into(),
            launch: Some("l-1".into()),
            request: serde_json::Value::Null,
        });
        let replaced = |ids: &[&str]| ids.iter().map(|id| machine(id, Ec2State::Running)).collect();
        let lowered = |machines: Vec<Machine>| lowering(&machines)(&intent);
        assert_eq!(lowered(replaced(&["i-7"])), None, "another order's");
        let once = lowered(replaced(&["i-2", "i-7"])).unwrap();
        assert_eq!(CreatePayload::of(&once).unwrap().wanted(), 2);
        let twice = lowering(&replaced(&["i-2"]))(&once).unwrap();
        assert_eq!(CreatePayload::of(&twice).unwrap().wanted(), 2, "at most once");
    }
}
