//! Whether the account's quota has room for what is about to be launched.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use crate::aws::{AwsError, Ec2, MachineFacts, Quota, quota_group};
use crate::fleet::{Failure, FailureKind, Level, Lifecycle, Region, Step};
use crate::jobs::context::reporter::Reporter;

/// How long AWS may take to tell. Service Quotas has an endpoint of its own, which a private network
/// may not reach.
const PATIENCE: Duration = Duration::from_secs(10);

/// The quota of one group of families, and what a launch could make of it.
struct Room {
    quota: Quota,
    in_use: u32,
    /// Of the smallest type of the group that is wanted.
    machine: MachineFacts,
}

impl Room {
    fn count(&self) -> u32 {
        self.quota.vcpus.saturating_sub(self.in_use) / self.machine.vcpus.max(1)
    }
}

/// Refuses a launch that has no room for one instance, and says of one that has no room for all. What
/// AWS does not tell refuses nothing: the launch is told.
pub(super) async fn has_room(
    ec2: &Ec2,
    lifecycle: Lifecycle,
    machines: &[MachineFacts],
    count: u32,
    reporter: &Reporter,
) -> Result<(), Failure> {
    let rooms = match timeout(PATIENCE, rooms(ec2, lifecycle, machines)).await {
        Ok(Ok(rooms)) => rooms,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the quota is not known");
            return Ok(());
        }
        Err(_) => {
            tracing::debug!("the quota is not known: no answer in {PATIENCE:?}");
            return Ok(());
        }
    };
    let room = rooms.iter().map(Room::count).fold(0, u32::saturating_add);
    let Some(one) = rooms.first().filter(|_| room < count) else { return Ok(()) };
    let text = told(ec2.region(), lifecycle, one, (room, count));
    let hint =
        format!("raise the quota at {}, or name machine types of other families", one.quota.link);
    if room == 0 {
        return Err(Failure::new(FailureKind::Quota, Step::Launch, text, hint));
    }
    reporter.said_of(ec2.region(), Level::Warning, format!("{text}; {hint}")).await;
    Ok(())
}

fn told(region: &Region, lifecycle: Lifecycle, one: &Room, (room, count): (u32, u32)) -> String {
    let kind = if lifecycle == Lifecycle::OnDemand { "on demand" } else { "spot" };
    let (vcpus, in_use, name) = (one.quota.vcpus, one.in_use, &one.machine.machine_type);
    format!(
        "the account's quota has room for {room} of {count} in {region}: {vcpus} vCPUs of {kind} for \
         {name} and its kin, {in_use} in use"
    )
}

/// The quotas that these types count against; none where one of them is not known.
async fn rooms(
    ec2: &Ec2,
    lifecycle: Lifecycle,
    machines: &[MachineFacts],
) -> Result<Vec<Room>, AwsError> {
    let is_spot = lifecycle != Lifecycle::OnDemand;
    let mut smallest: BTreeMap<Option<&str>, &MachineFacts> = BTreeMap::new();
    for facts in machines {
        let known = smallest.entry(quota_group(&facts.machine_type)).or_insert(facts);
        if facts.vcpus < known.vcpus {
            *known = facts;
        }
    }
    let mut rooms: Vec<Room> = Vec::new();
    for machine in smallest.values() {
        let Some(quota) = ec2.quota(&machine.machine_type, is_spot).await? else {
            return Ok(Vec::new());
        };
        // Two groups may share one, as P4 and P5 on demand: its room is not there twice.
        match rooms.iter_mut().find(|it| it.quota.link == quota.link) {
            Some(room) if room.machine.vcpus <= machine.vcpus => {}
            Some(room) => room.machine = (*machine).clone(),
            None => rooms.push(Room { quota, in_use: 0, machine: (*machine).clone() }),
        }
    }
    // What runs on demand has no filter of its own; there the quota alone judges.
    if is_spot {
        let in_use = ec2.spot_vcpus().await?;
        for room in &mut rooms {
            let group = quota_group(&room.machine.machine_type);
            room.in_use = in_use.get(&group).copied().unwrap_or(0);
        }
    }
    Ok(rooms)
}
