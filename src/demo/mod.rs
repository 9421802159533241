//! An AWS that lives in the process: EC2, STS, SSM and the price list on the wire, with capacity, prices,
//! interruptions, throttling, and faults that a file describes.
//!
//! ```text
//!  the program ──HTTP request──> wire      decodes, looks the action up, writes XML    wire/
//!                                 │
//!                                 v
//!                               World      one state machine, seeded, on tokio's clock  world/
//!                                 ^
//!                              Scenario    what goes wrong, when: data        scenario, scenario_file
//! ```
//!
//! Two fronts on one world: [`connector`] is an HTTP client for the SDK inside the process (no
//! socket, and with tokio's paused clock no time), [`serve`] listens on loopback for others.
//! The world stands in for AWS behind the wire: nothing outside this room knows it, but
//! `runtime`'s `demo` and `demo_cloud`, and the tests.
//!
//! Its answers have the shape of AWS's: where `tests/oracle` holds a recording, a test compares
//! the two and lists what differs, with the reason.
//!
//! What it does not do: signatures are read for their region and not verified; a launch template
//! has one version, a fleet is `instant`; an instance has one interface, and is launched with one
//! volume; a volume that is made of a snapshot is blank; a root volume cannot be replaced by a
//! task. Speed scales the world alone; whoever wants the timers of a client in the same process to
//! follow hurries tokio's clock instead. Prices, capacity and times are made up, plausible, and the same
//! for the same seed.

mod boot;
mod clock;
mod cloud;
mod dice;
pub mod hosts;
mod scenario;
mod scenario_file;
mod shapes;
mod wire;
mod world;

pub use crate::fleet::{REGION_LOCATIONS, RegionLocation};
pub use clock::Clock;
pub use cloud::Cloud;
pub use hosts::private_key;
pub use scenario::{
    AccountTrouble, BeyondQuota, CallFault, CapacityFault, ConsoleTells, ConsoleTrouble,
    GivenNetwork, HostTrouble, ImpairedCheck, Impairment, InstanceFault, Interruption, Lags,
    ListPrices, PoolPrice, Rebalance, Reclaim, ReclaimReason, Running, Scenario, Trouble, TypeBand,
};
pub use scenario_file::ScenarioError;
pub use shapes::{SHAPES, Shape};
pub use wire::{Server, by_hand, connector, serve};
pub(crate) use world::advisor::PATH as ADVISOR_PATH;
pub use world::{CallSeen, Guest, HostKeys, Settings, World};
