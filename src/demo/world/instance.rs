//! Instances.

use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::resource::{Resource, Tags, resources};
use crate::demo::shapes::Shape;
use crate::fleet::Ec2State;

/// Why an instance is in its state: EC2's code and words.
pub(crate) type Reason = (&'static str, &'static str);

/// The user ended it.
pub(crate) const BY_USER: Reason =
    ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");
/// EC2 took it back.
pub(crate) const INTERRUPTED: Reason =
    ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination");
/// It never started.
pub(super) const BROKEN: Reason =
    ("Server.InternalError", "Server.InternalError: Internal error on launch");

/// What a scenario has in store for an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fate {
    /// Nothing.
    #[default]
    Good,
    /// It never gets to `running`.
    Stillborn,
    /// It is called running, and its system never starts.
    Dead,
}

/// An instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    /// Whether it was set up before the world began.
    pub(crate) preloaded: bool,
    /// The launch call that made it.
    pub(crate) reservation: String,
    /// Its place in the launch call's answer.
    pub(crate) index: u32,
    /// Its place among all launches of the region, from 1.
    pub(crate) ordinal: u32,
    pub(crate) token: Option<String>,
    pub(crate) state: Ec2State,
    pub(crate) reason: Option<Reason>,
    pub(crate) shape: &'static Shape,
    pub(crate) zone: String,
    pub(crate) image: String,
    pub(crate) key_name: Option<String>,
    /// As it was given: base64.
    pub(crate) user_data: String,
    pub(crate) launched: Timestamp,
    /// Since when its state is `running`.
    pub(crate) running_since: Option<Timestamp>,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) public_ip: Option<Ipv4Addr>,
    pub(crate) groups: Vec<String>,
    pub(crate) spot_request: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) root_device: String,
    /// Its one volume and its one interface.
    pub(crate) volume: String,
    pub(crate) interface: String,
    pub(crate) http_tokens: String,
    pub(crate) hop_limit: u32,
    pub(crate) fate: Fate,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

resources!(Instance);

impl Instance {
    /// Whether it takes up room in its zone.
    pub(crate) fn takes_room(&self) -> bool {
        !matches!(self.state, Ec2State::Terminated | Ec2State::Stopped)
    }

    /// Whether it can still be ended.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, Ec2State::Terminated | Ec2State::ShuttingDown)
    }
}
