//! Identifiers that nobody but EC2 and this room needs, each its own type, and new ones of ours.

use uuid::Uuid;

use crate::fleet::{LaunchId, Region, names};

names! {
    /// An internet gateway's id, `igw-...`.
    pub(super) GatewayId: |text| text.starts_with("igw-");
    /// A route table's id, `rtb-...`.
    pub(super) RouteTableId: |text| text.starts_with("rtb-");
    /// A launch template's id, `lt-...`.
    pub TemplateId: |text| text.starts_with("lt-");
}

/// An id for one request that makes something: its client token, and a tag of what it made.
pub fn random_launch(region: &Region) -> LaunchId {
    let random = Uuid::new_v4().simple().to_string();
    LaunchId::new(format!("{region}-{}", &random[..12]))
}
