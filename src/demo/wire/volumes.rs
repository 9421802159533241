//! Volumes and snapshots on the wire.

use super::call::Call;
use super::order::token;
use super::parts::{moment, zone_id};
use super::select::{Shown, select, select_where};
use super::tags::born_with;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::region::RegionWorld;
use crate::demo::world::volume::{Attachment, NewVolume, Snapshot, Volume, no_volume};

impl Shown for Volume {
    const IDS: &'static str = "VolumeId";
    const MISSING: &'static str = "InvalidVolume.NotFound";
    const NOUN: &'static str = "volume";
    const MALFORMED: Option<(&'static str, &'static str)> =
        Some(("vol", "InvalidVolumeID.Malformed"));
    const FILTERS: &'static [&'static str] = &[
        "attachment.device",
        "attachment.instance-id",
        "availability-zone",
        "encrypted",
        "size",
        "snapshot-id",
        "status",
        "volume-id",
        "volume-type",
    ];

    fn field(&self, filter: &str) -> Vec<String> {
        let attached = |of: fn(&Attachment) -> &String| {
            self.attached.iter().map(|it| of(it).clone()).collect()
        };
        match filter {
            "attachment.device" => attached(|it| &it.device),
            "attachment.instance-id" => attached(|it| &it.instance),
            "availability-zone" => vec![self.zone.clone()],
            "encrypted" => vec![self.encrypted.to_string()],
            "size" => vec![self.gib.to_string()],
            "snapshot-id" => self.snapshot.clone().into_iter().collect(),
            // One that is being made passes for one that can be used: a filter knows no clock.
            "status" => vec![super::parts::use_of(self.attached.is_some()).to_owned()],
            "volume-type" => vec![self.kind.clone()],
            _ => vec![self.id.clone()],
        }
    }

    fn missing(id: &str) -> Refusal {
        no_volume(id)
    }
}

impl Shown for Snapshot {
    const IDS: &'static str = "SnapshotId";
    const MISSING: &'static str = "InvalidSnapshot.NotFound";
    const NOUN: &'static str = "snapshot";
    const MALFORMED: Option<(&'static str, &'static str)> =
        Some(("snap", "InvalidSnapshotID.Malformed"));
    const FILTERS: &'static [&'static str] =
        &["description", "encrypted", "owner-id", "snapshot-id", "volume-id", "volume-size"];

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "description" => self.description.clone(),
            "encrypted" => self.encrypted.to_string(),
            "volume-id" => self.volume.clone(),
            "volume-size" => self.gib.to_string(),
            _ => self.id.clone(),
        }]
    }
}

/// DescribeVolumes.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.volumes.values())?;
    let mut xml = Xml::default();
    xml.list("volumeSet", page.items, |item, volume: &Volume| show(item, region, volume));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

fn show(item: &mut Xml, region: &RegionWorld, volume: &Volume) {
    item.text("volumeId", &volume.id).text("size", volume.gib);
    item.text("availabilityZone", &volume.zone).text("volumeType", &volume.kind);
    item.text("encrypted", volume.encrypted);
    item.maybe("kmsKeyId", volume.encrypted.then(|| aws_key(region)));
    item.text("snapshotId", volume.snapshot.as_deref().unwrap_or_default());
    item.text("multiAttachEnabled", false);
    item.maybe("throughput", (volume.kind == "gp3").then_some(125));
    item.maybe("availabilityZoneId", zone_id(region.place, &volume.zone));
    item.group("operator", |it| {
        it.text("managed", false);
    });
    item.text("iops", 3000).text("status", volume.word(region.now));
    item.text("createTime", moment(volume.born));
    item.list("attachmentSet", &volume.attached, |item, attachment| {
        show_attachment(item, region, &volume.id, attachment);
    });
    item.tags(&volume.tags);
}

fn show_attachment(xml: &mut Xml, region: &RegionWorld, volume: &str, attachment: &Attachment) {
    xml.text("volumeId", volume).text("instanceId", &attachment.instance);
    xml.text("device", &attachment.device).text("status", attachment.word(region.now));
    xml.text("attachTime", moment(attachment.at));
    xml.text("deleteOnTermination", attachment.delete_on_termination);
}

/// The key with which AWS encrypts an account's volumes where none is named.
fn aws_key(region: &RegionWorld) -> String {
    let (code, account) = (region.place.code, &region.laws.account);
    format!("arn:aws:kms:{code}:{account}:key/3b1c62a5-0c5f-4a43-9d3e-6f1f6a0de0a5")
}

/// CreateVolume.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let form = call.form;
    let id = call.region.create_volume(NewVolume {
        zone: form.need("AvailabilityZone")?.to_owned(),
        gib: form.value("Size")?,
        snapshot: form.get("SnapshotId").map(str::to_owned),
        kind: form.get("VolumeType").unwrap_or("gp2").to_owned(),
        encrypted: form.flag("Encrypted")?.unwrap_or(false),
        token: token(form)?,
        tags: born_with(form, "volume")?,
    })?;
    let region = &*call.region;
    let mut xml = Xml::default();
    if let Some(volume) = region.volumes.get(&id) {
        show(&mut xml, region, volume);
    }
    Ok(xml)
}

/// AttachVolume.
pub(super) fn attach(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let (id, instance) = (call.form.need("VolumeId")?, call.form.need("InstanceId")?);
    call.region.attach_volume(id, instance, call.form.need("Device")?)?;
    Ok(attachment(call.region, id))
}

/// DetachVolume. Here `Force` does what its absence does.
pub(super) fn detach(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = call.form.need("VolumeId")?;
    call.region.detach_volume(id, call.form.get("InstanceId"), call.form.get("Device"))?;
    Ok(attachment(call.region, id))
}

/// What is told of an attachment that has just changed.
fn attachment(region: &RegionWorld, id: &str) -> Xml {
    let mut xml = Xml::default();
    if let Some(attachment) = region.volumes.get(id).and_then(|it| it.attached.as_ref()) {
        show_attachment(&mut xml, region, id, attachment);
    }
    xml
}

/// DeleteVolume.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_volume(call.form.need("VolumeId")?)?;
    Ok(Xml::done())
}

/// CreateSnapshot.
pub(super) fn create_snapshot(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let form = call.form;
    let description = form.get("Description").unwrap_or_default();
    let tags = born_with(form, "snapshot")?;
    let id = call.region.create_snapshot(form.need("VolumeId")?, description, tags)?;
    let region = &*call.region;
    let mut xml = Xml::default();
    if let Some(snapshot) = region.snapshots.get(&id) {
        show_snapshot(&mut xml, region, snapshot);
    }
    Ok(xml)
}

/// DescribeSnapshots: those of the account. Others' public ones, which EC2 lists where `Owner` is
/// not named, are not there.
pub(super) fn describe_snapshots(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let owners = call.form.list("Owner");
    let ours = ["self", region.laws.account.as_str()];
    let is_ours = owners.is_empty() || owners.iter().any(|owner| ours.contains(&owner.as_str()));
    let page = select_where(call.form, region, region.snapshots.values(), |_| is_ours)?;
    let mut xml = Xml::default();
    xml.list("snapshotSet", page.items, |item, snapshot: &Snapshot| {
        show_snapshot(item, region, snapshot);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

fn show_snapshot(xml: &mut Xml, region: &RegionWorld, snapshot: &Snapshot) {
    let is_complete = snapshot.is_complete(region.now);
    xml.text("snapshotId", &snapshot.id).text("volumeId", &snapshot.volume);
    xml.text("status", if is_complete { "completed" } else { "pending" });
    xml.text("startTime", moment(snapshot.born));
    xml.text("progress", if is_complete { "100%" } else { "0%" });
    xml.text("ownerId", &region.laws.account).text("volumeSize", snapshot.gib);
    xml.text("description", &snapshot.description).text("encrypted", snapshot.encrypted);
    // What was ever written to its volume: here two fifths.
    xml.text("fullSnapshotSizeInBytes", (u64::from(snapshot.gib) << 30) * 2 / 5);
    xml.text("storageTier", "standard");
    xml.tags(&snapshot.tags);
}

/// DeleteSnapshot.
pub(super) fn delete_snapshot(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_snapshot(call.form.need("SnapshotId")?)?;
    Ok(Xml::done())
}
