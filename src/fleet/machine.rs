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
    /// Its type.
    pub machine_type: MachineType,
    /// Where it runs.
    pub zone: Zone,
    /// The VPC that it is in.
    pub vpc: Option<VpcId>,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// What it was born with.
    pub birth: Birth,
    /// How it was at the last look.
    pub seen: Seen,
}

/// What a machine was born with. Told once; no later look overwrites it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// When EC2 launched it. A look tells of the last start instead.
    pub launched: Timestamp,
    /// How it is paid for. A look says `spot` of a persistent request too.
    pub lifecycle: Lifecycle,
    /// The spot request behind it.
    pub spot_request: Option<SpotRequestId>,
    /// The image that it was started from.
    pub image: Option<ImageId>,
    /// The launch request that made it, from the tag `LaunchId`.
    pub launch: Option<LaunchId>,
    /// Its `CreatedBy` tag.
    pub creator: Option<String>,
    /// The machine of the configuration that it is, from the tag `MachineName`.
    pub machine: Option<String>,
}

/// What changes while a machine lives: each look overwrites it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// EC2's own word for its state.
    pub state: Ec2State,
    /// Why it is in this state, EC2's code and words: `Server.SpotInstanceTermination: Spot instance
    /// termination`, for one.
    pub state_reason: Option<String>,
    /// Its address on the internet.
    pub public_ip: Option<IpAddr>,
    /// Its address in the VPC.
    pub private_ip: Option<IpAddr>,
    /// Where the spot request behind one that is stopped stands; asked for then alone.
    pub request: Option<RequestState>,
}

/// Where a spot request stands, in EC2's words (EC2 User Guide, "Spot request status").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestState {
    /// `open`, `active`, `closed`, `cancelled`, `failed`, `disabled`.
    pub state: String,
    /// The code of its status, `fulfilled` for one.
    pub status: String,
    /// When it ends by itself. EC2 sets that even where nobody asked for it.
    pub valid_until: Option<Timestamp>,
}

/// What begins the statuses of an instance that AWS stopped.
const STOPPED_BY_AWS: [&str; 4] = [
    "instance-stopped-no-capacity",
    "instance-stopped-by-price",
    "instance-stopped-capacity-oversubscribed",
    "instance-stopped-by-service",
];

impl RequestState {
    /// Whether the user may start its instance. Neither the instance's state nor the status alone
    /// says so: the status is there before the state is.
    pub fn may_start(&self) -> bool {
        self.state == "disabled" && !self.is_for_aws_to_start()
    }

    /// Whether AWS stopped the instance: only AWS starts it again.
    pub fn is_for_aws_to_start(&self) -> bool {
        STOPPED_BY_AWS.contains(&self.status.as_str())
    }

    /// Whether it starts nothing any more.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "cancelled" | "closed" | "failed")
    }
}

impl Birth {
    /// The first telling holds; a later one only fills in what the first left out. Tags can be
    /// taken away, and an old state file may know less than a look.
    fn told_again(&self, later: &Self) -> Self {
        let is_less_exact =
            self.lifecycle == Lifecycle::PersistentSpot && later.lifecycle == Lifecycle::Spot;
        Self {
            launched: self.launched.min(later.launched),
            lifecycle: if is_less_exact { self.lifecycle } else { later.lifecycle },
            spot_request: later.spot_request.clone().or_else(|| self.spot_request.clone()),
            image: later.image.clone().or_else(|| self.image.clone()),
            launch: later.launch.clone().or_else(|| self.launch.clone()),
            creator: later.creator.clone().or_else(|| self.creator.clone()),
            machine: later.machine.clone().or_else(|| self.machine.clone()),
        }
    }
}

impl Machine {
    /// Whether it still runs up costs or can come back.
    pub fn is_alive(&self) -> bool {
        self.seen.state != Ec2State::Terminated
    }

    /// Whether this launch made it, by one of its requests.
    pub fn is_of(&self, launch: &LaunchId) -> bool {
        self.birth.launch.as_ref().is_some_and(|request| request.is_of(launch))
    }

    /// What a later look tells of it, with the birth that is `known`.
    #[must_use]
    pub(super) fn seen_again(&self, known: &Self) -> Self {
        Self { birth: known.birth.told_again(&self.birth), ..self.clone() }
    }

    /// Whether it is stopped for good: its spot request, if there is one behind it, has followed.
    pub fn is_at_rest(&self) -> bool {
        let follows = self.seen.request.as_ref().is_some_and(|it| it.state == "active");
        self.seen.state == Ec2State::Stopped && !follows
    }

    /// Where its capacity is from.
    pub fn pool(&self) -> Pool {
        Pool { zone: self.zone.clone(), machine_type: self.machine_type.clone() }
    }

    /// Whether it shut itself down: its lease was over, or somebody on it did that.
    pub fn ended_itself(&self) -> bool {
        let reason = self.seen.state_reason.as_deref().unwrap_or_default();
        reason.starts_with("Client.InstanceInitiatedShutdown")
    }

    /// Whether it was stopped or ended by whoever may, from outside or on it, and not by EC2.
    pub fn was_stopped_by_somebody(&self) -> bool {
        self.seen.state_reason.as_deref().is_some_and(|reason| reason.starts_with("Client."))
    }

    /// Whether EC2 took it back, and nobody ended it. Not every reclaim says so in its reason.
    pub fn was_taken_back(&self) -> bool {
        const RECLAIMS: [&str; 3] =
            ["Server.SpotInstance", "Server.InsufficientInstanceCapacity", SERVICE_INITIATED];
        let reason = self.seen.state_reason.as_deref().unwrap_or_default();
        RECLAIMS.iter().any(|reclaim| reason.starts_with(reclaim))
    }
}

/// How a StateTransitionReason begins that was not the user's doing.
pub const SERVICE_INITIATED: &str = "Service initiated";
