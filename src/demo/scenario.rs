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
    /// Nodes of which their own metadata say that AWS recommends to rebalance them.
    pub rebalances: Vec<Rebalance>,
    /// Hosts that misbehave on SSH. This world only says which; the hosts do it.
    pub hosts: Vec<HostTrouble>,
    /// The most virtual processors of spot instances that a region gives this account, of each group
    /// of families: of the standard ones (quota L-34B43A08), of G and VT (L-3819A6DF).
    pub spot_vcpus: Option<u32>,
    /// What AWS does with a launch that asks for more than the quota.
    pub beyond_quota: BeyondQuota,
    /// What AWS thinks of the account, and who governs it.
    pub account: AccountTrouble,
    /// How long AWS does not know everywhere what was just made.
    pub lags: Lags,
    /// Instances that fail EC2's own checks.
    pub impaired: Vec<Impairment>,
    /// What consoles print, where it is not what Ubuntu prints.
    pub consoles: Vec<ConsoleTrouble>,
    /// Zones that are there and in which nobody may make a subnet.
    pub zones_without_subnets: Vec<String>,
    /// Burstable machines in standard mode have no credits, as a T3 has none when it is launched:
    /// cloud-init runs at their baseline, a T3's at a fifth.
    pub no_launch_credits: bool,
    /// The work of processors in percent, over some hours; 12 where it is left out.
    pub cpu_percent: Option<u8>,
    /// What the instances of a region have to do together, as behind a balancer, by their own word.
    pub work: Vec<Work>,
    /// Networks that are there from the beginning, and are nobody's of ours.
    pub networks: Vec<GivenNetwork>,
    /// Types of which the Spot Advisor tells another band than it did on 2025-06-28.
    pub bands: Vec<TypeBand>,
    /// AWS takes spot instances back by chance, so many times as often as those bands say; never by
    /// chance where it is left out.
    pub reclaims: Option<f64>,
    /// EC2 Capacity Manager, where the account has it on.
    pub capacity_manager: Option<CapacityManager>,
}

/// Work that is shared.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// From then on, and until the next.
    #[serde(default)]
    pub from_s: u32,
    /// How much, in percent of one instance's processors.
    pub percent: u32,
}

/// What EC2 Capacity Manager tells.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityManager {
    /// The region in which it is on.
    pub region: String,
    /// Of the whole account.
    pub told: Vec<AccountFigures>,
}

/// What the account's spot instances of a type met in a region within a month.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountFigures {
    /// Where.
    pub region: String,
    /// The type.
    pub machine_type: String,
    /// How long they ran, all together.
    pub hours: f64,
    /// How many were taken back.
    pub interruptions: u32,
}

/// What the Spot Advisor tells of a type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeBand {
    /// Where.
    pub region: String,
    /// The type.
    pub machine_type: String,
    /// 0 for under 5 % a month, to 4 for over 20 %; any other number for nothing.
    pub band: u8,
}

/// What AWS does with a launch whose most is beyond the quota while its least is not. Its
/// documentation ("between 1 and the quota") speaks for the refusal; nobody has recorded it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeyondQuota {
    /// It gives what is left.
    #[default]
    Part,
    /// It refuses the whole.
    Nothing,
}

/// What AWS thinks of the account, and who governs it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in a file")]
pub struct AccountTrouble {
    /// It is on the free plan: launches of other types than those of the free tier are refused,
    /// and dry runs are not.
    pub free_plan: bool,
    /// Until when a new account is looked at: nothing is launched before.
    pub pending_verification_until_s: Option<u32>,
    /// It is blocked: nothing is launched.
    pub blocked: bool,
    /// The only regions that a service control policy allows; every other one denies every call.
    /// Empty: there is no such policy.
    pub allowed_regions: Vec<String>,
    /// The key by which volumes are encrypted is the customer's own, and spot may not use it:
    /// instances end before they run.
    pub kms_refuses_spot: bool,
    /// GuardDuty watches what runs: it puts an endpoint and a security group of its own into each
    /// VPC in which something is launched.
    pub guard_duty: bool,
}

/// How long AWS does not know everywhere what was just made.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lags {
    /// An instance is "not found" by its id, by those that change it as well.
    pub newborn_s: u32,
    /// Filters by tag and DescribeTags do not find anything yet.
    pub tags_s: u32,
}

/// Some instances that fail one of EC2's checks for a while.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impairment {
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// Which check fails.
    pub check: ImpairedCheck,
    /// From when.
    pub from_s: u32,
    /// Until when; for good where it is left out.
    #[serde(default)]
    pub until_s: Option<u32>,
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImpairedCheck {
    /// The machine under it.
    System,
    /// Its own system.
    Instance,
    /// Its volumes.
    AttachedEbs,
}

/// What some consoles print.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsoleTrouble {
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
    /// What they print.
    pub tells: ConsoleTells,
}

/// What a console tells of the host's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleTells {
    /// Only at the end of cloud-init, not when they are made.
    AtTheEnd,
    /// Those of another machine.
    AnothersKeys,
    /// None, though the boot ends.
    NoKeys,
    /// Nothing at all.
    Nothing,
}

/// A network that is there from the beginning.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenNetwork {
    /// Where.
    pub region: String,
    /// Its id, `vpc-` and 17 hexadecimal digits.
    pub vpc: String,
    /// The zones of its subnets, each with a way to the internet.
    #[serde(default)]
    pub public: Vec<String>,
    /// The zones of its subnets without one.
    #[serde(default)]
    pub private: Vec<String>,
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
    /// Snapshots: USD a GiB and month.
    pub snapshot_usd: f64,
}

impl Default for ListPrices {
    fn default() -> Self {
        Self { ipv4_usd: 0.005, gp3_usd: 0.08, snapshot_usd: 0.05 }
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
    /// Whether only spot instances find less room; else those on demand too.
    #[serde(default)]
    pub spot_only: bool,
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
    /// The API action, `RunInstances`; `RunInstances (dry run)` where it is only rehearsed.
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interruption {
    /// When the notice is given. The instance goes two minutes later; at once where it
    /// hibernates.
    pub at_s: u32,
    /// How many, the oldest first.
    #[serde(default = "one")]
    pub count: u32,
    /// Only in this region; else region after region in the order of their codes.
    #[serde(default)]
    pub region: Option<String>,
    /// What their requests show.
    #[serde(default)]
    pub status: Reclaim,
    /// What an instance says of it when it ends.
    #[serde(default)]
    pub reason: ReclaimReason,
    /// After how long EC2 starts one again that it stopped; never where it is left out.
    #[serde(default)]
    pub back_after_s: Option<u32>,
}

/// Some instances that are recommended to be rebalanced: their risk of interruption is elevated.
///
/// Only IMDS tells, at `events/recommendations/rebalance`, `{"noticeTime": "2020-10-27T08:22:00Z"}`
/// (EC2 User Guide, "EC2 instance rebalance recommendations"), and goes on to tell it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rebalance {
    /// When.
    pub at_s: u32,
    /// Only this region's instances are counted and hit.
    pub region: String,
    /// The first one that is hit, in the order of their launch.
    #[serde(default = "one")]
    pub nth: u32,
    /// How many in a row are hit.
    #[serde(default = "one")]
    pub count: u32,
}

/// What a spot request shows when its instance is taken back. All of these are in AWS's table of
/// request statuses; `tests/oracle/spot-interruption.json` has what was seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reclaim {
    /// `instance-terminated-no-capacity` at once, or `-stopped-` where it stops.
    #[default]
    NoCapacity,
    /// `instance-terminated-by-price` at once.
    ByPrice,
    /// `instance-terminated-capacity-oversubscribed` at once.
    CapacityOversubscribed,
    /// `marked-for-termination`, and `instance-terminated-no-capacity` at the end.
    Marked,
}

/// The StateReason of an instance that was taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReclaimReason {
    /// `Server.SpotInstanceTermination`.
    #[default]
    SpotInstanceTermination,
    /// `Server.InsufficientInstanceCapacity`.
    InsufficientInstanceCapacity,
    /// None: only the StateTransitionReason says "Service initiated".
    None,
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

impl HostTrouble {
    /// Whether it is about the region's n-th instance.
    pub(super) fn is_about(&self, region: &str, ordinal: u32) -> bool {
        self.region == region && self.nth <= ordinal && ordinal - self.nth < self.count
    }
}

fn one() -> u32 {
    1
}

fn storage() -> u32 {
    30
}
