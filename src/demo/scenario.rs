//! Faults as data: what goes wrong in a world, and when. A file a story.
//!
//! Times are seconds of the world's time since its begin. Ordinals count from 1.

use serde::Deserialize;

use super::hosts::HostFault;

/// What goes wrong in a world. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// What it tells, for people.
    pub name: String,
    /// The seed of everything that chance decides; the world's own where it is left out.
    pub seed: Option<u64>,
    /// Instances of a deployment that run from the beginning.
    pub running: Vec<Running>,
    /// What pools cost, instead of what chance says.
    pub prices: Vec<PoolPrice>,
    /// What has a list price, and is the same in all regions.
    pub list_prices: ListPrices,
    /// Pools that have less than is asked for.
    pub capacity: Vec<CapacityFault>,
    /// Calls that do not go as they should.
    pub calls: Vec<CallFault>,
    /// Instances that do not come up.
    pub instances: Vec<InstanceFault>,
    /// Spot interruptions.
    pub interruptions: Vec<Interruption>,
    /// Hosts that misbehave on SSH. This world only says which; the hosts do it.
    pub hosts: Vec<HostTrouble>,
    /// The most virtual processors of spot instances that a region gives this account (quota
    /// L-34B43A08).
    pub spot_vcpus: Option<u32>,
}

/// Some instances that run from the beginning, launched at that moment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Running {
    /// The zone.
    pub zone: String,
    /// The machine type.
    pub machine_type: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u32,
    /// The root volume in GiB.
    #[serde(default = "storage")]
    pub storage_gb: u32,
    /// The deployment that they belong to.
    pub deployment: String,
}

/// What has a list price, and is the same in all regions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListPrices {
    /// A public IPv4 address: USD an hour.
    pub ipv4_usd: f64,
    /// gp3 storage: USD a GiB and month.
    pub gp3_usd: f64,
}

impl Default for ListPrices {
    fn default() -> Self {
        Self { ipv4_usd: 0.005, gp3_usd: 0.08 }
    }
}

/// What a pool costs from a moment on. Before the first one of a pool, that one holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolPrice {
    /// The zone.
    pub zone: String,
    /// The machine type.
    pub machine_type: String,
    /// From when.
    #[serde(default)]
    pub from_s: u32,
    /// USD an hour.
    pub usd: f64,
}

/// How much a zone has to give.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityFault {
    /// The zone.
    pub zone: String,
    /// The machine type; all where it is left out.
    #[serde(default)]
    pub machine_type: Option<String>,
    /// How many instances run there at most.
    pub limit: u32,
    /// From when.
    #[serde(default)]
    pub from_s: u32,
    /// Until when; for ever where it is left out.
    #[serde(default)]
    pub until_s: Option<u32>,
}

/// Some calls of an action that go wrong.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFault {
    /// The API action, `RunInstances`.
    pub action: String,
    /// Only calls to this region are counted and hit; else to any.
    #[serde(default)]
    pub region: Option<String>,
    /// The first call that is hit.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many calls in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// What happens to them.
    pub trouble: Trouble,
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// RequestLimitExceeded, HTTP 503, without an effect.
    Throttle,
    /// An error with this code, without an effect.
    Error {
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
        /// AWS's words.
        #[serde(default)]
        message: String,
    },
    /// No answer, and nothing happened.
    SilenceBefore,
    /// No answer, and what was asked for is done.
    SilenceAfter,
    /// The connection ends, and nothing happened.
    CutBefore,
    /// The connection ends, and what was asked for is done.
    CutAfter,
    /// A page of a gateway: HTTP 502 with HTML, without an effect.
    Gateway,
    /// HTTP 200 with a body that nobody can read, and what was asked for is done.
    GarbledAfter,
}

impl Trouble {
    /// Whether what was asked for is done all the same.
    pub(super) fn has_effect(&self) -> bool {
        matches!(self, Self::SilenceAfter | Self::CutAfter | Self::GarbledAfter)
    }
}

/// Some instances that do not come up.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceFault {
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// Whether EC2 calls it running although its system never starts (its console ends in a
    /// panic). Else it goes from pending to terminated (`Server.InternalError`).
    #[serde(default)]
    pub runs: bool,
}

/// EC2 takes spot instances back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// When the notice is given. The instance goes two minutes later.
    pub at_s: u32,
    /// How many, the oldest first.
    #[serde(default = "one")]
    pub count: u32,
    /// Only in this region; else region after region in the order of their codes.
    #[serde(default)]
    pub region: Option<String>,
}

/// Some hosts that misbehave on SSH.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostTrouble {
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// What they do.
    pub fault: HostFault,
}

fn one() -> u32 {
    1
}

fn storage() -> u32 {
    30
}
