//! What the user asked for: the schema, its parser, and the plan that follows from it.
//!
//! Pure: text comes in, a [`Config`] or a list of positioned complaints goes out. Files are read
//! by the runtime, and paths stay as they are written: it is the runtime that expands `~/`.
//!
//! The text becomes a tree with positions (`tree`), whose sections are read key by key (`aws`,
//! `regions`, `market`, `notify`, `ssh`, `services`, on top of `fields` and `values`); which keys there are,
//! says `keys` alone.

mod aws;
mod complaint;
mod credentials;
mod fields;
mod keys;
mod labels;
mod machines;
mod market;
mod merge;
mod migrate;
mod notify;
mod parse;
mod plan;
mod regions;
mod retired;
mod scale;
mod schema;
mod services;
mod shapes;
mod ssh;
mod syntax;
mod tree;
mod ui;
mod values;

pub use complaint::{Complaint, Complaints};
pub use credentials::{ENDPOINT_FILE, TOKEN_FILE, check_endpoint, check_token};
pub use keys::Section;
pub use merge::{Discovered, Merged, merge_defaults};
pub use migrate::{Migrated, migrate};
pub use parse::{parse, parse_bytes};
pub use schema::{
    AllowFrom, AtCap, AtLifetime, Aws, Bacalhau, Budget, CloudWatch, Colours, Config, Connect,
    CpuCredits, Fallback, Filesystem, HomeVolume, Hooks, HostKeyPolicy, IdleStop, Image,
    InstanceRequirements, InstanceStore, Lease, MachineConfig, MatchExec, Network, NodeExtras,
    NotifyTarget, NotifyVia, Placement, Rebound, RegionConfig, Replace, ReplaceIn, SPOT_ADVISOR,
    Scale, ScaleBy, SecretSource, Sensor, Ssh, Strategy, ThemeName, UbuntuRelease, Ui, UserCommand,
    WebhookForm,
};
pub use shapes::is_deployment;
