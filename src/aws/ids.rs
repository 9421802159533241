//! Identifiers that nobody but EC2 and this room needs, each its own type.

use crate::fleet::names;

names! {
    /// An internet gateway's id, `igw-...`.
    pub(super) GatewayId;
    /// A route table's id, `rtb-...`.
    pub(super) RouteTableId;
    /// A launch template's id, `lt-...`.
    pub TemplateId;
}
