//! What EC2 tells about an instance.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{
    Ec2State, ImageId, InstanceId, LaunchId, Lifecycle, MachineType, Pool, SpotRequestId, VpcId,
    Zone,
};

/// What EC2 tells about an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Its id.
    pub id: InstanceId,
    /// EC2's own word for its state.
    pub state: Ec2State,
    /// Why it is in this state, EC2's code and words: `Server.SpotInstanceTermination: Spot instance
    /// termination`, for one.
    pub state_reason: Option<String>,
    /// Its type.
    pub machine_type: MachineType,
    /// Where it runs.
    pub zone: Zone,
    /// How it is paid for.
    pub lifecycle: Lifecycle,
    /// The image that it was started from.
    pub image: Option<ImageId>,
    /// The spot request behind it.
    pub spot_request: Option<SpotRequestId>,
    /// Its address on the internet.
    pub public_ip: Option<IpAddr>,
    /// Its address in the VPC.
    pub private_ip: Option<IpAddr>,
    /// The VPC that it is in.
    pub vpc: Option<VpcId>,
    /// When EC2 launched it.
    pub launched: Timestamp,
    /// The launch request that made it, from the tag `LaunchId`.
    pub launch: Option<LaunchId>,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Its `CreatedBy` tag.
    pub creator: Option<String>,
}

impl Machine {
    /// Whether it still runs up costs or can come back.
    pub fn is_alive(&self) -> bool {
        self.state != Ec2State::Terminated
    }

    /// Whether this launch made it, by one of its requests.
    pub fn is_of(&self, launch: &LaunchId) -> bool {
        self.launch.as_ref().is_some_and(|request| request.is_of(launch))
    }

    /// The same as a later look tells of it: what it was born with is told once, and a look that
    /// does not tell it takes nothing away. EC2's `instanceLifecycle` is `spot` for a persistent
    /// request too, its launch time is that of the last start, and tags can be taken away.
    #[must_use]
    pub(super) fn born_as(&self, known: &Self) -> Self {
        let is_persistent =
            known.lifecycle == Lifecycle::PersistentSpot && self.lifecycle == Lifecycle::Spot;
        let lifecycle = if is_persistent { known.lifecycle } else { self.lifecycle };
        Self {
            lifecycle,
            launched: self.launched.min(known.launched),
            spot_request: self.spot_request.clone().or_else(|| known.spot_request.clone()),
            image: self.image.clone().or_else(|| known.image.clone()),
            launch: self.launch.clone().or_else(|| known.launch.clone()),
            creator: self.creator.clone().or_else(|| known.creator.clone()),
            ..self.clone()
        }
    }

    /// Where its capacity is from.
    pub fn pool(&self) -> Pool {
        Pool { zone: self.zone.clone(), machine_type: self.machine_type.clone() }
    }

    /// Whether EC2 took it back, and nobody ended it. Not every reclaim says so in its reason.
    pub fn was_taken_back(&self) -> bool {
        const RECLAIMS: [&str; 3] =
            ["Server.SpotInstance", "Server.InsufficientInstanceCapacity", SERVICE_INITIATED];
        let reason = self.state_reason.as_deref().unwrap_or_default();
        RECLAIMS.iter().any(|reclaim| reason.starts_with(reclaim))
    }
}

/// How a StateTransitionReason begins that was not the user's doing.
pub const SERVICE_INITIATED: &str = "Service initiated";
