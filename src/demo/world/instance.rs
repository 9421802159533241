//! Instances.

use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp};

use super::resource::{Resource, Tags, resources};
use crate::demo::scenario::{Reclaim, ReclaimReason};
use crate::demo::shapes::Shape;
use crate::fleet::Ec2State;

/// How long a launch shows neither volumes nor a public address.
const NEWBORN: SignedDuration = SignedDuration::from_secs(1);

/// Why an instance is in its state: EC2's code and words.
pub(crate) type Reason = (&'static str, &'static str);

/// Why and by whom an instance ends or stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The user ended it, or stopped it.
    ByUser,
    /// Its own system powered off.
    FromWithin,
    /// EC2 took it back, and says so or does not.
    TakenBack(ReclaimReason),
    /// EC2 stopped it, to start it again when it can.
    StoppedByEc2,
    /// EC2 ended what was stopped, for its request was cancelled.
    Cancelled,
    /// It never started.
    Broken,
    /// It never started: its volume's key may not be used.
    Keyless,
}

impl Ending {
    /// EC2's StateReason. The texts are those of recordings (`tests/oracle`).
    pub(super) fn reason(self) -> Option<Reason> {
        Some(match self {
            Self::ByUser | Self::Cancelled => (
                "Client.UserInitiatedShutdown",
                "Client.UserInitiatedShutdown: User initiated shutdown",
            ),
            // The code is the API reference's (StateReason), the text is made like that above.
            Self::FromWithin => (
                "Client.InstanceInitiatedShutdown",
                "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
            ),
            Self::TakenBack(ReclaimReason::SpotInstanceTermination) => (
                "Server.SpotInstanceTermination",
                "Server.SpotInstanceTermination: Spot instance termination",
            ),
            Self::TakenBack(ReclaimReason::InsufficientInstanceCapacity) => (
                "Server.InsufficientInstanceCapacity",
                "Server.InsufficientInstanceCapacity: Insufficient capacity to satisfy instance \
                 request",
            ),
            Self::TakenBack(ReclaimReason::None) => return None,
            Self::StoppedByEc2 => (
                "Server.SpotInstanceShutdown",
                "Server.SpotInstanceShutdown: Spot instance shutdown",
            ),
            Self::Broken => {
                ("Server.InternalError", "Server.InternalError: Internal error on launch")
            }
            Self::Keyless => {
                ("Client.InternalError", "Client.InternalError: Client error on launch")
            }
        })
    }

    /// EC2's StateTransitionReason, `User initiated (2026-03-04 00:21:54 GMT)`.
    pub(super) fn transition(self, at: Timestamp) -> String {
        let by = match self {
            Self::ByUser => "User initiated",
            Self::TakenBack(_) | Self::StoppedByEc2 | Self::Cancelled => "Service initiated",
            // Nobody asked EC2 for it.
            Self::FromWithin => return String::new(),
            Self::Broken => return "Server.InternalError".into(),
            Self::Keyless => return "Client.InternalError".into(),
        };
        format!("{by} ({})", at.strftime("%Y-%m-%d %H:%M:%S GMT"))
    }
}

/// How EC2 takes an instance back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reclaimed {
    pub(super) status: Reclaim,
    pub(super) reason: ReclaimReason,
    /// After how many seconds EC2 starts one again that it stopped.
    pub(super) back_after_s: Option<u32>,
}

/// When an instance ends itself: a timer of its monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) struct Lease {
    /// How long it lasts.
    pub(in crate::demo) term: SignedDuration,
    /// When it was last set.
    pub(in crate::demo) since: Timestamp,
}

/// When an instance stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::demo) struct IdleStop {
    /// So long nothing may go on.
    pub(in crate::demo) after: SignedDuration,
    /// Since when.
    pub(in crate::demo) set_at: Timestamp,
    /// Until when it is kept awake.
    pub(in crate::demo) held_until: Option<Timestamp>,
}

/// What a scenario has in store for an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fate {
    /// Nothing.
    #[default]
    Good,
    /// It never gets to `running`.
    Stillborn,
    /// The same, because its volume's key may not be used.
    Keyless,
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
    /// EC2's StateTransitionReason.
    pub(crate) transition: String,
    /// Whether EC2 takes it back, and how.
    pub(crate) reclaimed: Option<Reclaimed>,
    /// When its system stops it by itself, if it does.
    pub(in crate::demo) idle_stop: Option<IdleStop>,
    /// When it ends itself, if it does.
    pub(in crate::demo) lease: Option<Lease>,
    /// Whether it is terminated, and not stopped, where its own system powers off.
    pub(crate) shutdown_terminates: bool,
    pub(crate) shape: &'static Shape,
    pub(crate) zone: String,
    pub(crate) image: String,
    pub(crate) key_name: Option<String>,
    /// As it was given: base64.
    pub(crate) user_data: String,
    pub(crate) launched: Timestamp,
    /// Since when its state is `running`.
    pub(crate) running_since: Option<Timestamp>,
    /// When it ran for the first time: cloud-init does its work then and no more.
    pub(crate) first_ran: Option<Timestamp>,
    /// How often its system was started, and when it last was.
    pub(crate) boots: u64,
    pub(crate) booted_at: Option<Timestamp>,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) public_ip: Option<Ipv4Addr>,
    pub(crate) groups: Vec<String>,
    pub(crate) spot_request: Option<String>,
    pub(crate) profile: Option<String>,
    pub(crate) root_device: String,
    /// What is attached to it.
    pub(crate) volumes: Vec<String>,
    /// Its one interface.
    pub(crate) interface: String,
    pub(crate) http_tokens: String,
    pub(crate) hop_limit: u32,
    /// EC2's word for how it spends CPU credits; only burstable types have one.
    pub(crate) credits: Option<String>,
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

    /// Whether the launch has only just answered: EC2 has not attached anything yet.
    pub(crate) fn is_newborn(&self, now: Timestamp) -> bool {
        self.state == Ec2State::Pending && now.duration_since(self.launched) < NEWBORN
    }

    /// Whether it can still be ended.
    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.state, Ec2State::Terminated | Ec2State::ShuttingDown)
    }
}
