//! Replacing the root volume of an instance that runs (EC2 API reference, CreateReplaceRootVolumeTask and
//! ReplaceRootVolumeTask; EC2 User Guide, "Replace a root volume"). Times are made up, and of their order.
//! What AWS leaves open is taken as it would be worst: the volume at the root's place is deleted with the
//! instance exactly if the one before it would have been.

use super::refusal::Refusal;
use super::region::{Event, RegionWorld};
use super::volume::{Attachment, RootTask, no_volume};
use crate::fleet::Ec2State;

impl RegionWorld {
    /// CreateReplaceRootVolumeTask, with a volume. Answers its id.
    pub(crate) fn replace_root(
        &mut self,
        instance: &str,
        volume: &str,
        token: Option<String>,
        deletes_old: bool,
    ) -> Result<String, Refusal> {
        let used = token.map(|token| (token, "CreateReplaceRootVolumeTask".to_owned()));
        if let Some(made) = used.as_ref().and_then(|key| self.made.get(key)) {
            return Ok(made.clone());
        }
        self.may_replace(instance, volume)?;
        let (id, takes) = (self.dice.id("replacevol"), self.dice.seconds(3.0, 10.0));
        let task = RootTask {
            id: id.clone(),
            instance: instance.to_owned(),
            volume: volume.to_owned(),
            state: "pending",
            started: self.now,
            completed: None,
            deletes_old,
        };
        self.root_tasks.insert(id.clone(), task);
        self.made.extend(used.map(|key| (key, id.clone())));
        self.later(takes, Event::RootTask(id.clone()));
        Ok(id)
    }

    fn may_replace(&self, instance: &str, volume: &str) -> Result<(), Refusal> {
        let Some(host) = self.instances.get(instance) else {
            return Err(Refusal::no_such("InvalidInstanceID.NotFound", "instance ID", instance));
        };
        if host.state != Ec2State::Running {
            let message = format!("The instance '{instance}' is not in the 'running' state.");
            return Err(Refusal::new("IncorrectInstanceState", message));
        }
        let new = self.volumes.get(volume).ok_or_else(|| no_volume(volume))?;
        if new.word(self.now) != "available" {
            return Err(Refusal::new("IncorrectState", format!("{volume} is not 'available'.")));
        }
        if new.zone != host.zone {
            let message = format!(
                "The volume '{volume}' is not in the same availability zone as instance '{instance}'"
            );
            return Err(Refusal::new("InvalidVolume.ZoneMismatch", message));
        }
        if !new.encrypted && self.root_of(instance).is_some_and(|old| old.encrypted) {
            let message = format!("The volume '{volume}' must be encrypted.");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        Ok(())
    }

    /// A task takes its next step: pending, in-progress, and its end.
    pub(super) fn root_task_goes_on(&mut self, id: &str) {
        let Some(task) = self.root_tasks.get(id).cloned() else { return };
        let runs =
            self.instances.get(&task.instance).is_some_and(|it| it.state == Ec2State::Running);
        let is_free = self.volumes.get(&task.volume).is_some_and(|it| it.attached.is_none());
        let state = match task.state {
            _ if !runs || !is_free => "failed",
            "pending" => "in-progress",
            _ => {
                self.swap_root(&task);
                "succeeded"
            }
        };
        if state == "in-progress" {
            let takes = self.dice.seconds(10.0, 40.0);
            self.later(takes, Event::RootTask(id.to_owned()));
        }
        let now = self.now;
        if let Some(task) = self.root_tasks.get_mut(id) {
            task.state = state;
            task.completed = (state != "in-progress").then_some(now);
        }
    }

    /// The one comes off and the other takes its place, and the system boots from that.
    fn swap_root(&mut self, task: &RootTask) {
        let now = self.now;
        let Some(old) = self.root_of(&task.instance).map(|it| it.id.clone()) else { return };
        let taken = self.volumes.get_mut(&old).and_then(|it| it.attached.take());
        let Some(place) = taken else { return };
        if task.deletes_old {
            self.volumes.remove(&old);
        }
        if let Some(new) = self.volumes.get_mut(&task.volume) {
            let deletes = place.delete_on_termination;
            new.attached = Some(Attachment::at_launch(&task.instance, &place.device, deletes, now));
        }
        if let Some(host) = self.instances.get_mut(&task.instance) {
            host.volumes.retain(|it| *it != old);
            host.volumes.push(task.volume.clone());
        }
        self.reboot(std::slice::from_ref(&task.instance));
    }
}
