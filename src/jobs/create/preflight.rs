//! The preflight of a region: all that AWS can be asked before anything is made there. A create
//! begins with it, and a dry run asks nothing else: what the one refuses the other refuses, in the
//! same words.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::candidates::{Checked, images, offers_zone_of};
use super::creation::Creation;
use super::quota_room::has_room;
use crate::aws::{Class, Ec2, ImageChoice, LaunchRequest, MachineFacts, Permission, Selector};
use crate::config::{MachineConfig, RegionConfig};
use crate::fleet::{
    Failure, FailureKind, Instance, JobResult, LaunchId, Level, MachineType, Region, Step, Zone,
};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;
use crate::jobs::context::tasks::together;
use crate::jobs::machine::keep_what_it_has;
use crate::jobs::market::offers::machines;

/// Says of each region why a create there would not begin, and makes nothing.
pub(in crate::jobs) async fn preflight(
    context: Arc<Context>,
    counts: BTreeMap<Region, u32>,
    reporter: Reporter,
) -> JobResult {
    let job = Arc::new(Creation::open(&context, &reporter).await?);
    let mut checks = JoinSet::new();
    for (region, count) in counts {
        let (job, context, reporter) = (Arc::clone(&job), Arc::clone(&context), reporter.clone());
        checks.spawn(async move {
            let ec2 = job.aws.region(&region);
            let checked = match may_look(&context, &ec2).await {
                Ok(()) => job.check(&context, &ec2, (None, count), &reporter).await.map(drop),
                Err(failure) => Err(failure),
            };
            let Err(failure) = checked else { return 0 };
            reporter.said_of(&region, Level::Error, failure.to_string()).await;
            1
        });
    }
    Ok(together(checks, || 1).await.into_iter().sum())
}

/// Says of each of these machines why it could not be launched anew, before its instance is ended.
/// Nothing is made; what the configuration came to keep only after the launch is kept from here on.
pub(in crate::jobs) async fn machines_anew(
    context: Arc<Context>,
    rows: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    context.journal()?;
    let job = Arc::new(Creation::open(&context, &reporter).await?);
    let mut checks = JoinSet::new();
    for row in rows {
        let (job, context, reporter) = (Arc::clone(&job), Arc::clone(&context), reporter.clone());
        checks.spawn(async move {
            let checked = Box::pin(job.check_anew(&context, &row, &reporter)).await;
            let Err(failure) = checked else { return 0 };
            reporter.said(&row.key, Level::Error, failure.to_string()).await;
            1
        });
    }
    Ok(together(checks, || 1).await.into_iter().sum())
}

impl Creation {
    /// Whether the machine that a row is could be launched anew on what it keeps.
    async fn check_anew(
        &self,
        context: &Arc<Context>,
        row: &Instance,
        reporter: &Reporter,
    ) -> Result<(), Failure> {
        let Some(wanted) = row.machine_name().and_then(|name| self.config.machine(name)) else {
            return Ok(());
        };
        let place = &wanted.place.region;
        let ec2 = self.aws.region(place);
        may_look(context, &ec2).await?;
        // It takes the room of the old one, where that is in the same region.
        let count = u32::from(*place != row.region);
        let checked = self.check(context, &ec2, (Some(&wanted.name), count), reporter).await?;
        let old = self.aws.region(&row.region);
        let kept = Box::pin(keep_what_it_has(context, &old, row, wanted, reporter)).await?;
        if *place == row.region { offers_zone_of(&checked, &kept, place) } else { Ok(()) }
    }

    /// Whether a launch of so many may begin in a region, of this machine or of the fleet.
    pub(super) async fn check(
        &self,
        context: &Context,
        ec2: &Ec2,
        (machine, count): (Option<&str>, u32),
        reporter: &Reporter,
    ) -> Result<Checked<'_>, Failure> {
        let wanted = self.wanted_in(ec2.region(), machine)?;
        let machines =
            machines(context, ec2, wanted).await.map_err(|error| error.failure(Step::Launch))?;
        if let Some(machine) = machine.and_then(|name| self.config.machine(name)) {
            has_its_disks(machine, &machines)?;
        }
        let images = images(context, ec2, wanted, &machines).await?;
        let types: Vec<MachineType> = images.keys().cloned().collect();
        let (offers, (), (), (), ()) = tokio::try_join!(
            Box::pin(offers(ec2, wanted, &types)),
            Box::pin(self.has_key_pair(ec2)),
            Box::pin(self.may_launch(ec2, wanted, &images)),
            Box::pin(may_terminate(context, ec2, reporter)),
            Box::pin(has_room(ec2, wanted.lifecycle, &machines, count, reporter)),
        )?;
        Ok(Checked { wanted, images, offers })
    }

    /// What the configuration says of the machine, or of the fleet's instances in a region, which has
    /// to be one of the account's.
    fn wanted_in(&self, region: &Region, machine: Option<&str>) -> Result<&RegionConfig, Failure> {
        if !self.account.regions.contains(region) {
            let hint = format!("enable it: aws account enable-region --region-name {region}");
            let reason =
                format!("the region {region} is not enabled for account {}", self.account.id);
            return Err(Failure::new(FailureKind::Permission, Step::Account, reason, hint));
        }
        let (found, reason, hint) = match machine {
            Some(name) => (
                self.config.machine(name).map(|machine| &machine.place),
                format!("the machine {name} is not in the configuration"),
                "add it under machines:",
            ),
            None => (
                self.config.region(region),
                format!("the region {region} is not in the configuration"),
                "add it under regions:",
            ),
        };
        found.ok_or_else(|| Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
    }

    /// The key pair that the configuration names has to be there; our own is imported later.
    async fn has_key_pair(&self, ec2: &Ec2) -> Result<(), Failure> {
        let Some(name) = &self.config.aws.ssh_key_name else { return Ok(()) };
        let known = ec2.has_key_pair(name).await.map_err(|error| error.failure(Step::KeyPair))?;
        if known {
            return Ok(());
        }
        let reason = format!("there is no key pair {name} in {}", ec2.region());
        let hint = "key pairs are kept by region: check aws.ssh_key_name, or leave it out";
        Err(Failure::new(FailureKind::Configuration, Step::KeyPair, reason, hint))
    }

    /// Whether this identity may launch what is wanted.
    async fn may_launch(
        &self,
        ec2: &Ec2,
        wanted: &RegionConfig,
        images: &BTreeMap<MachineType, ImageChoice>,
    ) -> Result<(), Failure> {
        // A permission that is bound to types is bound to all or none of those that are wanted.
        let Some((machine_type, image)) = images.iter().next() else { return Ok(()) };
        let token = LaunchId::new("preflight");
        let request = LaunchRequest {
            count: 1,
            machine_type: machine_type.clone(),
            image: image.id.clone(),
            root_device: image.root_device.clone(),
            tags: self.origin_of(wanted).launch_tags(ec2.region(), &token),
            ..self.template(wanted, Vec::new(), self.config.aws.ssh_key_name.clone())
        };
        match ec2.may_launch(&request).await {
            Permission::Denied(error) => Err(error.failure(Step::Launch)),
            Permission::Granted | Permission::Unclear(_) => Ok(()),
        }
    }
}

/// A machine whose type has no disks of its own would be set up on its root volume, and paid for.
fn has_its_disks(machine: &MachineConfig, types: &[MachineFacts]) -> Result<(), Failure> {
    let lacks = types.iter().find(|it| !it.has_instance_store);
    let (Some(_), Some(lacks)) = (&machine.instance_store, lacks) else { return Ok(()) };
    let reason =
        format!("{} has no instance store for {} to mount", lacks.machine_type, machine.name);
    let hint = "name a type with disks of its own, such as m5d.large, or leave out instance_store";
    Err(Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
}

/// In which zones that may be used these types are offered.
async fn offers(
    ec2: &Ec2,
    wanted: &RegionConfig,
    types: &[MachineType],
) -> Result<Vec<(MachineType, Zone)>, Failure> {
    let mut offers = ec2.offerings(types).await.map_err(|error| error.failure(Step::Launch))?;
    let zones = &wanted.availability_zones;
    offers.retain(|(_, zone)| zones.is_empty() || zones.contains(zone));
    if !offers.is_empty() {
        return Ok(offers);
    }
    let reason = format!("{} has no zone that offers what is asked for", ec2.region());
    let hint = "name another machine type or zone";
    Err(Failure::new(FailureKind::Configuration, Step::Launch, reason, hint))
}

/// Nothing is launched that this identity could not end: it would be paid for by who cannot stop it.
async fn may_terminate(context: &Context, ec2: &Ec2, reporter: &Reporter) -> Result<(), Failure> {
    let (known, region, deployment) = (context.known(), ec2.region(), context.deployment());
    let untagged = known.untagged(region);
    let ours = known.unlisted(region, &deployment, &[]).into_keys();
    let one = ours.into_iter().find(|id| !untagged.contains(id));
    match ec2.may_terminate(one.as_ref()).await {
        Permission::Granted => Ok(()),
        Permission::Unclear(error) => {
            let text = format!(
                "whether this identity may end instances is known once there is one with our tags: \
                 {error}"
            );
            reporter.said_of(region, Level::Info, text).await;
            Ok(())
        }
        Permission::Denied(error) => {
            let failure = error.failure(Step::Terminate);
            let reason = format!("what is launched could not be ended: {}", failure.reason);
            Err(Failure { reason, ..failure })
        }
    }
}

/// Refuses a launch of which nobody could see what it made: who may launch and not look would pay
/// for instances that are never set up, and that no destroy finds by its tags.
pub(super) async fn may_look(context: &Context, ec2: &Ec2) -> Result<(), Failure> {
    match ec2.instances(&Selector::deployment(&context.deployment())).await {
        Err(error)
            if matches!(error.class, Class::Denied | Class::FatalRegion | Class::FatalAccount) =>
        {
            Err(error.failure(Step::Account))
        }
        // What passes is no reason: whoever waits for the boot asks again.
        Ok(_) | Err(_) => Ok(()),
    }
}
