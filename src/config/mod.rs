//! What the user asked for: the schema, its parser, and the plan that follows from it.
//!
//! Pure: text comes in, a [`Config`] or a list of positioned complaints goes out. Files are read
//! by the runtime.

mod schema;

pub use schema::{
    AllowFrom, Aws, Config, Connect, HostKeyPolicy, Image, Network, RegionConfig, Ssh,
    UbuntuRelease,
};
