//! Identifiers that nobody but EC2 and this room needs, each its own type.

use crate::fleet::names;

names! {
    /// An internet gateway's id, `igw-...`.
    pub(super) GatewayId: |text| text.starts_with("igw-");
    /// A route table's id, `rtb-...`.
    pub(super) RouteTableId: |text| text.starts_with("rtb-");
    /// A launch template's id, `lt-...`.
    pub TemplateId: |text| text.starts_with("lt-");
}
