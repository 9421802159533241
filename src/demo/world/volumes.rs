//! What can be done to volumes and snapshots: what can be attached where, and what refuses.
//!
//! Codes and texts are those that clients of EC2 met (EC2 API reference, "Client error codes";
//! kubernetes#77389, aws-ebs-csi-driver#2183, terraform-provider-aws for the texts). Times are made
//! up, and of their order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::instance::Instance;
use super::refusal::Refusal;
use super::region::{Event, RegionWorld};
use super::resource::Tags;
use super::volume::{Attachment, NewVolume, Snapshot, Volume, no_volume};
use crate::fleet::Ec2State;

/// The largest gp3 volume, in GiB.
const LARGEST: u32 = 65536;

impl RegionWorld {
    /// CreateVolume. Answers its id.
    pub(crate) fn create_volume(&mut self, new: NewVolume) -> Result<String, Refusal> {
        let used = new.token.clone().map(|token| (token, "CreateVolume".to_owned()));
        if let Some(made) = used.as_ref().and_then(|key| self.made.get(key)) {
            return Ok(made.clone());
        }
        if !self.place.zones().any(|zone| zone == new.zone) {
            let message = format!("The zone '{}' does not exist.", new.zone);
            return Err(Refusal::new("InvalidZone.NotFound", message));
        }
        let source = match &new.snapshot {
            None => None,
            Some(id) => Some(self.snapshot(id)?.clone()),
        };
        if source.as_ref().is_some_and(|it| !it.is_complete(self.now)) {
            let message = "Snapshot is in invalid state - pending";
            return Err(Refusal::new("IncorrectState", message));
        }
        let least = source.as_ref().map_or(1, |it| it.gib);
        let Some(gib) = new.gib.or(source.as_ref().map(|it| it.gib)) else {
            let message = "The request must contain the parameter size/snapshotId";
            return Err(Refusal::new("MissingParameter", message));
        };
        if gib < least || gib > LARGEST {
            let message = format!("Volume of {gib}GiB is not valid here: {least} to {LARGEST}");
            return Err(Refusal::value(message));
        }
        let (id, takes) = (self.dice.id("vol"), self.dice.seconds(2.0, 8.0));
        let volume = Volume {
            id: id.clone(),
            zone: new.zone,
            gib,
            kind: new.kind,
            encrypted: new.encrypted || source.as_ref().is_some_and(|it| it.encrypted),
            snapshot: new.snapshot,
            attached: None,
            made: self.now + takes,
            root_of: source.and_then(|it| it.root_of),
            tags: new.tags,
            born: self.now,
        };
        self.volumes.insert(id.clone(), volume);
        self.made.extend(used.map(|key| (key, id.clone())));
        Ok(id)
    }

    /// AttachVolume: to a running or a stopped instance in the volume's zone.
    pub(crate) fn attach_volume(
        &mut self,
        id: &str,
        instance: &str,
        device: &str,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let volume = self.volume(id)?.clone();
        let Some(host) = self.instances.get(instance) else {
            return Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", instance));
        };
        if volume.attached.is_some() {
            let message = format!("{id} is already attached to an instance");
            return Err(Refusal::new("VolumeInUse", message));
        }
        if volume.word(now) != "available" {
            return Err(Refusal::new("IncorrectState", format!("{id} is not 'available'.")));
        }
        if volume.zone != host.zone {
            let message = format!(
                "The volume '{id}' is not in the same availability zone as instance '{instance}'"
            );
            return Err(Refusal::new("InvalidVolume.ZoneMismatch", message));
        }
        if !matches!(host.state, Ec2State::Running | Ec2State::Stopped) {
            let message = format!("Instance '{instance}' is not 'running'.");
            return Err(Refusal::new("IncorrectState", message));
        }
        if self.on_device(instance, device).is_some() {
            return Err(Refusal::value(format!(
                "Invalid value '{device}' for unixDevice. Attachment point {device} is already in \
                 use"
            )));
        }
        let done = now + self.dice.seconds(2.0, 6.0);
        let attachment = Attachment {
            done,
            // What is attached later stays when its instance ends.
            ..Attachment::at_launch(instance, device, false, now)
        };
        if let Some(host) = self.instances.get_mut(instance) {
            host.volumes.push(id.to_owned());
        }
        if let Some(volume) = self.volumes.get_mut(id) {
            volume.attached = Some(attachment);
        }
        Ok(())
    }

    /// DetachVolume. A root volume only comes off a stopped instance.
    pub(crate) fn detach_volume(
        &mut self,
        id: &str,
        instance: Option<&str>,
        device: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(attachment) = self.volume(id)?.attached.clone() else {
            let message = format!("Volume '{id}' is in the 'available' state.");
            return Err(Refusal::new("IncorrectState", message));
        };
        let is_other = instance.is_some_and(|it| it != attachment.instance)
            || device.is_some_and(|it| it != attachment.device);
        if is_other {
            let message = format!(
                "The volume '{id}' is not attached to instance '{}' as device '{}'",
                instance.unwrap_or(&attachment.instance),
                device.unwrap_or(&attachment.device)
            );
            return Err(Refusal::new("InvalidAttachment.NotFound", message));
        }
        let host = self.instances.get(&attachment.instance);
        let is_root = host.is_some_and(|it| it.root_device == attachment.device);
        if is_root && host.is_some_and(|it| it.state != Ec2State::Stopped) {
            let message = format!(
                "Unable to detach root volume '{id}' from instance '{}'",
                attachment.instance
            );
            return Err(Refusal::new("IncorrectState", message));
        }
        let takes = self.dice.seconds(2.0, 8.0);
        if let Some(attachment) = self.volume_mut(id).and_then(|it| it.attached.as_mut())
            && !std::mem::replace(&mut attachment.goes, true)
        {
            self.later(takes, Event::Detached(id.to_owned()));
        }
        Ok(())
    }

    /// A volume has come off its instance.
    pub(super) fn volume_detached(&mut self, id: &str) {
        let gone = self.volume_mut(id).and_then(|it| it.attached.take_if(|it| it.goes));
        let Some(attachment) = gone else { return };
        if let Some(host) = self.instances.get_mut(&attachment.instance) {
            host.volumes.retain(|it| it != id);
        }
    }

    /// The end of an instance: its volumes go, or stay without it.
    pub(super) fn part_from_volumes(&mut self, instance: &str) {
        let Some(host) = self.instances.get_mut(instance) else { return };
        for id in std::mem::take(&mut host.volumes) {
            let attached = self.volume_mut(&id).and_then(|it| it.attached.take());
            if attached.is_some_and(|it| it.delete_on_termination) {
                self.volumes.remove(&id);
            }
        }
    }

    /// DeleteVolume. It has to be detached.
    pub(crate) fn delete_volume(&mut self, id: &str) -> Result<(), Refusal> {
        let volume = self.volume(id)?;
        if let Some(attachment) = &volume.attached {
            let message = format!("Volume {id} is currently attached to {}", attachment.instance);
            return Err(Refusal::new("VolumeInUse", message));
        }
        self.volumes.remove(id);
        Ok(())
    }

    /// ModifyInstanceAttribute, of a mapping's DeleteOnTermination.
    pub(crate) fn keep_on_termination(
        &mut self,
        instance: &str,
        device: &str,
        deletes: bool,
    ) -> Result<(), Refusal> {
        let Some(id) = self.on_device(instance, device).map(|it| it.id.clone()) else {
            let message = format!("No device is currently mapped at {device}");
            return Err(Refusal::new("InvalidInstanceAttributeValue", message));
        };
        if let Some(attachment) = self.volume_mut(&id).and_then(|it| it.attached.as_mut()) {
            attachment.delete_on_termination = deletes;
        }
        Ok(())
    }

    /// CreateSnapshot. Answers its id.
    pub(crate) fn create_snapshot(
        &mut self,
        volume: &str,
        description: &str,
        tags: Tags,
    ) -> Result<String, Refusal> {
        let volume = self.volume(volume)?.clone();
        let pending = self.snapshots.values().filter(|it| it.volume == volume.id);
        if pending.filter(|it| !it.is_complete(self.now)).count() >= 5 {
            let message = "You have exceeded the number of concurrent snapshots for this volume.";
            return Err(Refusal::new("ConcurrentSnapshotLimitExceeded", message));
        }
        let (id, takes) = (self.dice.id("snap"), self.dice.seconds(20.0, 90.0));
        let snapshot = Snapshot {
            id: id.clone(),
            volume: volume.id,
            gib: volume.gib,
            encrypted: volume.encrypted,
            description: description.to_owned(),
            root_of: volume.root_of,
            completed: self.now + takes,
            tags,
            born: self.now,
        };
        self.snapshots.insert(id.clone(), snapshot);
        Ok(id)
    }

    /// DeleteSnapshot. Others made of the same volume are whole without it.
    pub(crate) fn delete_snapshot(&mut self, id: &str) -> Result<(), Refusal> {
        self.snapshot(id)?;
        self.snapshots.remove(id);
        Ok(())
    }

    /// Its volumes that were made of a snapshot.
    pub(crate) fn restored(&self, instance: &Instance) -> Vec<String> {
        let made_of_one =
            |id: &&String| self.volumes.get(*id).is_some_and(|volume| volume.snapshot.is_some());
        instance.volumes.iter().filter(made_of_one).cloned().collect()
    }

    /// The volume that an instance boots from, if it has one now.
    pub(crate) fn root_of(&self, instance: &str) -> Option<&Volume> {
        let host = self.instances.get(instance)?;
        self.on_device(instance, &host.root_device)
    }

    /// For which instance the host keys on an instance's disk were made. cloud-init makes new ones
    /// where it meets a new instance id, unless it is told to leave them (`ssh_deletekeys`, which is
    /// true by default; cloud-init's cc_ssh).
    pub(crate) fn keys_of(&self, instance: &Instance) -> String {
        let root = self.root_of(&instance.id).and_then(|it| it.root_of.clone());
        let text = STANDARD.decode(&instance.user_data).unwrap_or_default();
        let leaves = String::from_utf8_lossy(&text).contains("ssh_deletekeys: false");
        root.filter(|_| leaves).unwrap_or_else(|| instance.id.clone())
    }

    /// What is attached to an instance there.
    fn on_device(&self, instance: &str, device: &str) -> Option<&Volume> {
        let volumes = self.instances.get(instance)?.volumes.iter();
        let mut volumes = volumes.filter_map(|id| self.volumes.get(id));
        volumes.find(|it| it.attached.as_ref().is_some_and(|it| it.device == device))
    }

    fn volume(&self, id: &str) -> Result<&Volume, Refusal> {
        self.volumes.get(id).ok_or_else(|| no_volume(id))
    }

    fn volume_mut(&mut self, id: &str) -> Option<&mut Volume> {
        self.volumes.get_mut(id)
    }

    fn snapshot(&self, id: &str) -> Result<&Snapshot, Refusal> {
        let code = "InvalidSnapshot.NotFound";
        let missing = || Refusal::new(code, format!("The snapshot '{id}' does not exist."));
        self.snapshots.get(id).ok_or_else(missing)
    }
}
