//! What machines keep: their volumes and their addresses, found by their tags, made, and moved from
//! one instance to the next.
//!
//! Not here: the order in which that is done; see `jobs/machine`.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Address, DomainType, Filter, Reservation, ResourceType, Snapshot, SnapshotState, Tag, Volume,
    VolumeType,
};

use super::access::Ec2;
use super::clock::moment;
use super::error::AwsError;
use super::select::{Selector, born_with, filter, read_tags};
use crate::fleet::{FailureKind, InstanceId, Kept, KeptKind, LaunchId, SnapshotOf, Zone, tags};

/// A volume that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NewVolume {
    /// The client token, and the value of its tag `LaunchId`: the same makes one volume.
    pub token: LaunchId,
    /// Where.
    pub zone: Zone,
    /// How large, in GiB.
    pub gib: u32,
    /// The snapshot of which it is made; a blank one without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
}

/// A volume, as far as moving it cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSeen {
    /// Its id.
    pub id: String,
    /// EC2's word: `creating`, `available`, `in-use`, ..
    pub state: String,
    /// The instance that has it, at which device, and EC2's word for how far that is: `attaching`,
    /// `attached`, `detaching`, `busy`.
    pub attached: Option<(InstanceId, String, String)>,
}

impl Ec2 {
    /// What machines of ours keep here (EC2 DescribeVolumes and DescribeSnapshots, all pages, and
    /// DescribeAddresses, filtered by tags). Who may not see snapshots is told of none.
    pub async fn kept(&self, ours: &Selector) -> Result<Vec<Kept>, AwsError> {
        let (volumes, addresses, snapshots) = tokio::try_join!(
            self.kept_volumes(ours),
            self.kept_addresses(ours),
            self.kept_snapshots(ours)
        )?;
        let volumes = volumes.iter().filter_map(volume_kept);
        Ok(volumes.chain(addresses).chain(snapshots).collect())
    }

    /// EC2 lists everybody's public ones where no owner is named.
    async fn kept_snapshots(&self, ours: &Selector) -> Result<Vec<Kept>, AwsError> {
        let mut filters = ours.filters();
        filters.push(filter("tag-key", [tags::KEPT]));
        let call = self.patient.describe_snapshots().owner_ids("self").set_filters(Some(filters));
        let told = call.into_paginator().items().send().try_collect().await;
        match told.map_err(self.failed("DescribeSnapshots")) {
            Ok(found) => {
                let found: Vec<Snapshot> = found;
                let is_ours = |it: &&Snapshot| ours.matches(&read_tags(it.tags()));
                Ok(found.iter().filter(is_ours).filter_map(snapshot_kept).collect())
            }
            Err(error) if error.kind == FailureKind::Permission => {
                tracing::debug!(%error, "snapshots are not seen");
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn kept_volumes(&self, ours: &Selector) -> Result<Vec<Volume>, AwsError> {
        let mut filters = ours.filters();
        filters.push(filter("tag-key", [tags::KEPT]));
        let mut found = self.volumes_where(filters).await?;
        found.retain(|volume| ours.matches(&read_tags(volume.tags())));
        Ok(found)
    }

    async fn kept_addresses(&self, ours: &Selector) -> Result<Vec<Kept>, AwsError> {
        let mut filters = ours.filters();
        filters.push(filter("tag-key", [tags::KEPT]));
        let call = self.patient.describe_addresses().set_filters(Some(filters));
        let answer = call.send().await.map_err(self.failed("DescribeAddresses"))?;
        let is_ours = |address: &&Address| ours.matches(&read_tags(address.tags()));
        Ok(answer.addresses().iter().filter(is_ours).filter_map(address_kept).collect())
    }

    /// Volumes that pass these (EC2 DescribeVolumes, all pages).
    pub(super) async fn volumes_where(
        &self,
        filters: Vec<Filter>,
    ) -> Result<Vec<Volume>, AwsError> {
        self.patient
            .describe_volumes()
            .set_filters(Some(filters))
            .max_results(500)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeVolumes"))
    }

    /// These volumes, whatever their tags (EC2 DescribeVolumes, filtered by ids: one that is not
    /// there is left out).
    pub async fn volumes_by_id(&self, ids: &[&str]) -> Result<Vec<VolumeSeen>, AwsError> {
        self.volumes_seen(filter("volume-id", ids.iter().copied())).await
    }

    /// What is attached to an instance, whatever its tags (EC2 DescribeVolumes).
    pub async fn volumes_of(&self, instance: &InstanceId) -> Result<Vec<VolumeSeen>, AwsError> {
        self.volumes_seen(filter("attachment.instance-id", [instance.as_str()])).await
    }

    async fn volumes_seen(&self, which: Filter) -> Result<Vec<VolumeSeen>, AwsError> {
        let call = self.patient.describe_volumes().filters(which);
        let answer = call.send().await.map_err(self.failed("DescribeVolumes"))?;
        Ok(answer.volumes().iter().filter_map(seen).collect())
    }

    /// Where an instance looks for the volume that it boots from: `/dev/sda1` on Ubuntu (EC2
    /// DescribeInstances). It says so also while none is there.
    pub async fn root_device(&self, instance: &InstanceId) -> Result<Option<String>, AwsError> {
        let call = self.patient.describe_instances().instance_ids(instance.as_str());
        let answer = call.send().await.map_err(self.failed("DescribeInstances"))?;
        let mut instances = answer.reservations().iter().flat_map(Reservation::instances);
        Ok(instances.find_map(|it| it.root_device_name()).map(str::to_owned))
    }

    /// Volumes of a machine that nobody has and that are not kept: what a launch brought along and a
    /// kept root took the place of (EC2 DescribeVolumes, by tags).
    pub async fn spare_volumes(
        &self,
        ours: &Selector,
        machine: &str,
    ) -> Result<Vec<String>, AwsError> {
        let mut filters = ours.filters();
        filters.push(filter(format!("tag:{}", tags::MACHINE), [machine]));
        let found = self.volumes_where(filters).await?;
        let is_spare = |volume: &&Volume| {
            let tags = read_tags(volume.tags());
            ours.takes(&tags)
                && tags.get(tags::MACHINE).is_some_and(|of| of == machine)
                && seen(volume).is_some_and(|it| it.state == "available" && it.attached.is_none())
        };
        Ok(found.iter().filter(is_spare).filter_map(|it| it.volume_id()).map(Into::into).collect())
    }

    /// EC2 CreateVolume: gp3, encrypted. Answers its id.
    pub async fn create_volume(&self, new: &NewVolume) -> Result<String, AwsError> {
        let answer = self
            .once
            .create_volume()
            .client_token(new.token.as_str())
            .availability_zone(new.zone.as_str())
            .size(i32::try_from(new.gib).unwrap_or(i32::MAX))
            .set_snapshot_id(new.snapshot.clone())
            .volume_type(VolumeType::Gp3)
            .encrypted(true)
            .tag_specifications(born_with(ResourceType::Volume, &new.tags))
            .send()
            .await
            .map_err(self.failed("CreateVolume"))?;
        self.made("CreateVolume", answer.volume_id())
    }

    /// EC2 CreateSnapshot: what is on the volume at this moment. It has no client token. Answers its
    /// id.
    pub async fn create_snapshot(
        &self,
        volume: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, AwsError> {
        let answer = self
            .once
            .create_snapshot()
            .volume_id(volume)
            .tag_specifications(born_with(ResourceType::Snapshot, tags))
            .send()
            .await
            .map_err(self.failed("CreateSnapshot"))?;
        self.made("CreateSnapshot", answer.snapshot_id())
    }

    /// EC2 AttachVolume: the volume is in the instance's zone, and the instance runs or is stopped.
    pub async fn attach_volume(
        &self,
        volume: &str,
        instance: &InstanceId,
        device: &str,
    ) -> Result<(), AwsError> {
        self.once
            .attach_volume()
            .volume_id(volume)
            .instance_id(instance.as_str())
            .device(device)
            .send()
            .await
            .map(drop)
            .map_err(self.failed("AttachVolume"))
            .map_err(|error| error.on(format!("{volume} to {instance}")))
    }

    /// EC2 DetachVolume from this instance and from no other.
    pub async fn detach_volume(&self, volume: &str, instance: &InstanceId) -> Result<(), AwsError> {
        self.once
            .detach_volume()
            .volume_id(volume)
            .instance_id(instance.as_str())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("DetachVolume"))
            .map_err(|error| error.on(format!("{volume} from {instance}")))
    }

    /// EC2 AllocateAddress. It has no client token: who gets no answer looks by the tags. Answers
    /// the allocation's id.
    pub async fn allocate_address(
        &self,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, AwsError> {
        let answer = self
            .once
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(born_with(ResourceType::ElasticIp, tags))
            .send()
            .await
            .map_err(self.failed("AllocateAddress"))?;
        self.made("AllocateAddress", answer.allocation_id())
    }

    /// EC2 AssociateAddress, from whatever instance has it: again is no error.
    pub async fn associate_address(
        &self,
        allocation: &str,
        instance: &InstanceId,
    ) -> Result<(), AwsError> {
        self.patient
            .associate_address()
            .allocation_id(allocation)
            .instance_id(instance.as_str())
            .allow_reassociation(true)
            .send()
            .await
            .map(drop)
            .map_err(self.failed("AssociateAddress"))
            .map_err(|error| error.on(format!("{allocation} with {instance}")))
    }

    /// EC2 CreateTags, of one tag on one thing.
    pub async fn tag(&self, id: &str, key: &str, value: &str) -> Result<(), AwsError> {
        self.patient
            .create_tags()
            .resources(id)
            .tags(Tag::builder().key(key).value(value).build())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("CreateTags"))
    }
}

fn seen(volume: &Volume) -> Option<VolumeSeen> {
    let attached = volume.attachments().iter().find_map(|it| {
        let state = it.state().map_or("attached", |state| state.as_str());
        (state != "detached").then_some(())?;
        Some((it.instance_id()?.into(), it.device()?.to_owned(), state.to_owned()))
    });
    let state = volume.state()?.as_str().to_owned();
    Some(VolumeSeen { id: volume.volume_id()?.to_owned(), state, attached })
}

/// `None` where its tags do not say whose and what it is.
fn volume_kept(volume: &Volume) -> Option<Kept> {
    let mut tags = read_tags(volume.tags());
    let seen = seen(volume)?;
    Some(Kept {
        kind: KeptKind::parse(tags.get(tags::KEPT)?)?,
        machine: tags.remove(tags::MACHINE)?,
        host_key: tags.remove(tags::HOST_KEY),
        id: seen.id,
        zone: volume.availability_zone().map(Into::into),
        gib: volume.size().and_then(|gib| u32::try_from(gib).ok()),
        address: None,
        instance: seen.attached.map(|(instance, ..)| instance),
        since: volume.create_time().and_then(moment),
        snapshot: None,
        aside_of: tags.get(tags::ASIDE_OF).and_then(|word| KeptKind::parse(word)),
    })
}

fn address_kept(address: &Address) -> Option<Kept> {
    let mut tags = read_tags(address.tags());
    Some(Kept {
        kind: KeptKind::parse(tags.get(tags::KEPT)?)?,
        machine: tags.remove(tags::MACHINE)?,
        host_key: None,
        id: address.allocation_id()?.to_owned(),
        zone: None,
        gib: None,
        address: address.public_ip().and_then(|text| text.parse().ok()),
        instance: address.instance_id().filter(|id| !id.is_empty()).map(Into::into),
        // EC2 does not tell when it was allocated.
        since: tags.get(tags::CREATED_AT).and_then(|at| at.parse().ok()),
        snapshot: None,
        aside_of: None,
    })
}

/// Whole GiB of so many bytes; nothing is what EC2 tells where it does not know.
fn gib(bytes: i64) -> Option<u32> {
    let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)?;
    u32::try_from(bytes.div_ceil(1 << 30)).ok()
}

fn snapshot_kept(snapshot: &Snapshot) -> Option<Kept> {
    let mut tags = read_tags(snapshot.tags());
    let of = SnapshotOf {
        kind: KeptKind::parse(tags.get(tags::SNAPSHOT_OF)?)?,
        is_complete: snapshot.state() == Some(&SnapshotState::Completed),
        is_scheduled: tags.get(tags::SNAPSHOT_BY).is_some_and(|by| by == tags::BY_SCHEDULE),
        full_gib: snapshot.full_snapshot_size_in_bytes().and_then(gib),
    };
    Some(Kept {
        kind: KeptKind::parse(tags.get(tags::KEPT)?).filter(|kind| *kind == KeptKind::Snapshot)?,
        machine: tags.remove(tags::MACHINE)?,
        host_key: None,
        id: snapshot.snapshot_id()?.to_owned(),
        zone: None,
        gib: snapshot.volume_size().and_then(|gib| u32::try_from(gib).ok()),
        address: None,
        instance: None,
        since: snapshot.start_time().and_then(moment),
        snapshot: Some(of),
        aside_of: None,
    })
}
