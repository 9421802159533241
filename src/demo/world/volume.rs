//! EBS volumes, their snapshots, and the tasks that put them where another one was.

use jiff::Timestamp;

use super::refusal::Refusal;
use super::resource::{Resource, Tags, resources};

/// An EBS volume.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) gib: u32,
    pub(crate) kind: String,
    pub(crate) encrypted: bool,
    /// What it was made of; `None` for a blank one.
    pub(crate) snapshot: Option<String>,
    /// The instance that it is attached to.
    pub(crate) attached: Option<Attachment>,
    /// Until then it is being made.
    pub(crate) made: Timestamp,
    /// The instance that booted from it first: what was written there is known by that name, on
    /// whatever instance it is later. `None` for one that nobody ever booted from.
    pub(crate) root_of: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// A volume on an instance.
#[derive(Debug, Clone)]
pub(crate) struct Attachment {
    pub(crate) instance: String,
    pub(crate) device: String,
    pub(crate) delete_on_termination: bool,
    pub(crate) at: Timestamp,
    /// Until then it is being attached.
    pub(crate) done: Timestamp,
    /// Whether it is being detached.
    pub(crate) goes: bool,
}

/// A snapshot of a volume.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) id: String,
    pub(crate) volume: String,
    pub(crate) gib: u32,
    pub(crate) encrypted: bool,
    pub(crate) description: String,
    /// That of its volume.
    pub(crate) root_of: Option<String>,
    /// Until then it is pending.
    pub(crate) completed: Timestamp,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// A task that replaces the root volume of an instance.
#[derive(Debug, Clone)]
pub(crate) struct RootTask {
    pub(crate) id: String,
    pub(crate) instance: String,
    pub(crate) volume: String,
    /// EC2's word.
    pub(crate) state: &'static str,
    pub(crate) started: Timestamp,
    pub(crate) completed: Option<Timestamp>,
    pub(crate) deletes_old: bool,
}

resources!(Volume, Snapshot);

impl Attachment {
    /// As a launch makes it.
    pub(super) fn at_launch(
        instance: &str,
        device: &str,
        delete_on_termination: bool,
        at: Timestamp,
    ) -> Self {
        Self {
            instance: instance.to_owned(),
            device: device.to_owned(),
            delete_on_termination,
            at,
            done: at,
            goes: false,
        }
    }

    /// EC2's word for how far it is.
    pub(crate) fn word(&self, now: Timestamp) -> &'static str {
        match () {
            () if self.goes => "detaching",
            () if now < self.done => "attaching",
            () => "attached",
        }
    }
}

impl Volume {
    /// EC2's word for its state.
    pub(crate) fn word(&self, now: Timestamp) -> &'static str {
        match self.attached {
            Some(_) => "in-use",
            None if now < self.made => "creating",
            None => "available",
        }
    }
}

impl Snapshot {
    /// Whether all of it is copied.
    pub(crate) fn is_complete(&self, now: Timestamp) -> bool {
        now >= self.completed
    }
}

/// What CreateVolume is asked for.
#[derive(Debug)]
pub(crate) struct NewVolume {
    pub(crate) zone: String,
    pub(crate) gib: Option<u32>,
    pub(crate) snapshot: Option<String>,
    pub(crate) kind: String,
    pub(crate) encrypted: bool,
    /// The same token makes one volume.
    pub(crate) token: Option<String>,
    pub(crate) tags: Tags,
}

/// What is said of a volume that is not there.
pub(crate) fn no_volume(id: &str) -> Refusal {
    Refusal::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}
