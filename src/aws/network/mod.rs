//! Networks and what hangs on them: the types, as far as anybody here cares.
//!
//! `find` asks, `make` creates, `remove` deletes. The order in which that is done is the jobs'
//! business.

mod find;
mod make;
mod remove;

use std::fmt;

use aws_sdk_ec2::types::IpPermission;
use ipnet::IpNet;

use super::keys::KeyPair;
use crate::fleet::{GatewayId, RouteTableId, SecurityGroupId, SubnetId, TemplateId, VpcId, Zone};

/// A kind of resource that this program makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An instance.
    Instance,
    /// A spot instance request.
    SpotRequest,
    /// An elastic IP address.
    Address,
    /// A network interface.
    Interface,
    /// An EBS volume.
    Volume,
    /// A security group.
    SecurityGroup,
    /// A subnet.
    Subnet,
    /// A route table.
    RouteTable,
    /// An internet gateway.
    Gateway,
    /// A VPC.
    Vpc,
    /// A key pair.
    KeyPair,
    /// A launch template.
    Template,
}

impl Kind {
    /// AWS's words for it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::SpotRequest => "spot request",
            Self::Address => "elastic IP",
            Self::Interface => "network interface",
            Self::Volume => "volume",
            Self::SecurityGroup => "security group",
            Self::Subnet => "subnet",
            Self::RouteTable => "route table",
            Self::Gateway => "internet gateway",
            Self::Vpc => "VPC",
            Self::KeyPair => "key pair",
            Self::Template => "launch template",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.words())
    }
}

/// Something of ours that is still there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Residue {
    /// What it is.
    pub kind: Kind,
    /// Its id; a key pair's name.
    pub id: String,
    /// EC2's word for its state; empty for kinds without one.
    pub state: String,
}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)?;
        if self.state.is_empty() { Ok(()) } else { write!(f, " ({})", self.state) }
    }
}

/// What carries our tags in a region, besides instances and spot requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkFound {
    /// VPCs, never a default one.
    pub vpcs: Vec<Vpc>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Internet gateways.
    pub gateways: Vec<Gateway>,
    /// Route tables, never a VPC's main one.
    pub route_tables: Vec<RouteTable>,
    /// Security groups, never a VPC's default one.
    pub security_groups: Vec<Group>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Key pairs.
    pub key_pairs: Vec<KeyPair>,
    /// Elastic IP addresses.
    pub addresses: Vec<AddressFound>,
    /// Launch templates: a fleet's, whose create was cut short.
    pub templates: Vec<TemplateId>,
}

impl NetworkFound {
    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: VpcId,
    /// Its IPv4 network.
    pub cidr: String,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// The VPC that it is in.
    pub vpc: VpcId,
    /// The zone that it is in.
    pub zone: Zone,
    /// Its IPv4 network.
    pub cidr: String,
    /// Whether what is launched in it gets a public address by itself.
    pub maps_public_ip: bool,
    /// Whether it is its zone's default subnet.
    pub is_default: bool,
}

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its id.
    pub id: GatewayId,
    /// The VPC that it is attached to.
    pub vpc: Option<VpcId>,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: RouteTableId,
    /// The VPC that it is in.
    pub vpc: VpcId,
    /// The subnets that use it.
    pub associations: Vec<Association>,
    /// Where 0.0.0.0/0 leads.
    pub way_out: Option<GatewayId>,
}

/// A subnet's use of a route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// Its id, `rtbassoc-...`.
    pub id: String,
    /// The subnet.
    pub subnet: SubnetId,
}

/// A security group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: SecurityGroupId,
    /// The VPC that it is in.
    pub vpc: VpcId,
    /// Its name.
    pub name: String,
    /// Who may come in, by network. Rules that name groups are not among them.
    pub ingress: Vec<Ingress>,
    entangled_in: Vec<IpPermission>,
    entangled_out: Vec<IpPermission>,
}

impl Group {
    /// A group that was just made: it lets nobody in.
    pub fn empty(id: SecurityGroupId, vpc: VpcId, name: String) -> Self {
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
pub struct Ingress {
    /// Who.
    pub from: IpNet,
    /// The TCP port; a rule for a range or another protocol is not read.
    pub port: u16,
    /// The rule's description, by which ours are known.
    pub description: String,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// EC2's word: `available`, `in-use`, ..
    pub state: String,
    /// Its attachment to an instance or a service.
    pub attachment: Option<String>,
    /// What AWS or the owner wrote on it.
    pub description: String,
}

/// An EBS volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// EC2's word: `available`, `in-use`, `deleting`, ..
    pub state: String,
}

/// An elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressFound {
    /// Its allocation's id, `eipalloc-...`.
    pub id: String,
    /// Whether it is associated with something.
    pub in_use: bool,
}
