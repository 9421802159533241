//! The parts of a network, as far as the runbooks care.

use aws_sdk_ec2::types::IpPermission;
use ipnet::IpNet;

use crate::aws::ids::{GatewayId, RouteTableId, TemplateId};
use crate::aws::keys::KeyPair;
use crate::fleet::{SecurityGroupId, SubnetId, VpcId, Zone};

/// What carries our tags in a region, besides instances and spot requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct NetworkFound {
    /// VPCs, never a default one.
    pub(super) vpcs: Vec<Vpc>,
    /// Subnets.
    pub(super) subnets: Vec<Subnet>,
    /// Internet gateways.
    pub(super) gateways: Vec<Gateway>,
    /// Route tables, never a VPC's main one.
    pub(super) route_tables: Vec<RouteTable>,
    /// Security groups, never a VPC's default one.
    pub(super) security_groups: Vec<Group>,
    /// Network interfaces.
    pub(super) interfaces: Vec<Interface>,
    /// Volumes.
    pub(super) volumes: Vec<Volume>,
    /// Key pairs.
    pub(super) key_pairs: Vec<KeyPair>,
    /// Elastic IP addresses.
    pub(super) addresses: Vec<AddressFound>,
    /// Launch templates: a fleet's, whose create was cut short.
    pub(super) templates: Vec<TemplateId>,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vpc {
    /// Its id.
    pub(super) id: VpcId,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subnet {
    /// Its id.
    pub(super) id: SubnetId,
    /// The VPC that it is in.
    pub(super) vpc: VpcId,
    /// The zone that it is in.
    pub(super) zone: Zone,
    /// How many addresses are free in it.
    pub(super) free: i32,
    /// Whether it is its zone's default subnet.
    pub(super) is_default: bool,
}

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gateway {
    /// Its id.
    pub(super) id: GatewayId,
    /// The VPC that it is attached to.
    pub(super) vpc: Option<VpcId>,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteTable {
    /// Its id.
    pub(super) id: RouteTableId,
    /// The VPC that it is in.
    pub(super) vpc: VpcId,
    /// Whether it is the VPC's main one: the subnets that name no other use it, and it goes with the
    /// VPC.
    pub(super) is_main: bool,
    /// The subnets that use it by name.
    pub(super) associations: Vec<Association>,
    /// Where 0.0.0.0/0 leads.
    pub(super) way_out: Option<GatewayId>,
}

/// A subnet's use of a route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Association {
    /// Its id, `rtbassoc-...`.
    pub(super) id: String,
    /// The subnet.
    pub(super) subnet: SubnetId,
}

/// A security group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// Its id.
    pub(super) id: SecurityGroupId,
    /// The VPC that it is in.
    pub(super) vpc: VpcId,
    /// Its name.
    pub(super) name: String,
    /// Who may come in, by network. Rules that name groups are not among them.
    pub(super) ingress: Vec<Ingress>,
    // Rules that name groups: two groups that name each other keep each other alive.
    pub(super) entangled_in: Vec<IpPermission>,
    pub(super) entangled_out: Vec<IpPermission>,
}

impl RouteTable {
    /// Whether a subnet uses it by name.
    pub(super) fn is_used_by(&self, subnet: &SubnetId) -> bool {
        self.associations.iter().any(|used| used.subnet == *subnet)
    }
}

impl Group {
    /// A group that was just made: it lets nobody in.
    pub(super) fn empty(id: SecurityGroupId, vpc: VpcId, name: String) -> Self {
        Self {
            id,
            vpc,
            name,
            ingress: Vec::new(),
            entangled_in: Vec::new(),
            entangled_out: Vec::new(),
        }
    }
}

/// A rule that lets a network in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ingress {
    /// Who.
    pub(super) from: IpNet,
    /// The TCP port; a rule for a range or another protocol is not read.
    pub(super) port: u16,
    /// The rule's description, by which ours are known.
    pub(super) description: String,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its id.
    pub(super) id: String,
    /// EC2's word: `available`, `in-use`, ..
    pub(super) state: String,
    /// Its attachment to an instance or a service.
    pub(super) attachment: Option<String>,
    /// What AWS or the owner wrote on it.
    pub(super) description: String,
}

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    /// Its id.
    pub(super) id: String,
    /// EC2's word: `available`, `in-use`, `deleting`, ..
    pub(super) state: String,
}

/// An elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddressFound {
    /// Its allocation's id, `eipalloc-...`.
    pub(super) id: String,
    /// Whether it is associated with something.
    pub(super) in_use: bool,
}
