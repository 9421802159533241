//! What a network is made of, and the default one that every region begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::Timestamp;

use super::groups::{Group, Rule};
use super::refusal::Refusal;
use super::resource::{Resource, Tags, resources};
use crate::demo::dice::Dice;
use crate::demo::scenario::GivenNetwork;
use crate::fleet::RegionLocation;

/// A VPC.
#[derive(Debug, Clone)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) cidr: Ipv4Net,
    pub(crate) is_default: bool,
    pub(crate) dns_hostnames: bool,
    pub(crate) dns_support: bool,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// A subnet.
#[derive(Debug, Clone)]
pub(crate) struct Subnet {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) cidr: Ipv4Net,
    pub(crate) maps_public_ip: bool,
    pub(crate) is_default: bool,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// An internet gateway.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub(crate) id: String,
    pub(crate) vpc: Option<String>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// A route besides the local one, which every table has.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) destination: Ipv4Net,
    pub(crate) gateway: String,
}

/// A use of a route table: by a subnet, or as the VPC's main one.
#[derive(Debug, Clone)]
pub(crate) struct Association {
    pub(crate) id: String,
    /// `None` for the main one.
    pub(crate) subnet: Option<String>,
}

/// A route table.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) routes: Vec<Route>,
    pub(crate) associations: Vec<Association>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

impl Table {
    /// Whether it is its VPC's main one.
    pub(crate) fn is_main(&self) -> bool {
        self.associations.iter().any(|used| used.subnet.is_none())
    }
}

/// A network interface.
#[derive(Debug, Clone)]
pub(crate) struct Interface {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) private_ip: Ipv4Addr,
    pub(crate) public_ip: Option<Ipv4Addr>,
    pub(crate) groups: Vec<String>,
    /// The instance that it belongs to, and the attachment's id.
    pub(crate) attached: Option<(String, String)>,
    /// The endpoint that it belongs to: then AWS manages it.
    pub(crate) endpoint: Option<String>,
    pub(crate) delete_on_termination: bool,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// An endpoint of a service in a VPC, as AWS puts it there by itself.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) vpc: String,
    pub(crate) service: String,
    pub(crate) subnet: String,
    pub(crate) group: String,
    pub(crate) interface: String,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// An address that was allocated.
#[derive(Debug, Clone)]
pub(crate) struct ElasticIp {
    /// Its allocation's id.
    pub(crate) id: String,
    pub(crate) address: Ipv4Addr,
    /// The association's id and the instance that has it.
    pub(crate) association: Option<(String, String)>,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

/// A public key that was imported.
#[derive(Debug, Clone)]
pub(crate) struct KeyPair {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `ssh-ed25519 AAAA... comment`.
    pub(crate) public: String,
    pub(crate) tags: Tags,
    pub(crate) born: Timestamp,
}

resources!(Endpoint, Vpc, Subnet, Gateway, Table, Group, Interface, KeyPair, ElasticIp);

/// A region's network: everything that costs nothing and hangs on each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    pub(crate) vpcs: BTreeMap<String, Vpc>,
    pub(crate) subnets: BTreeMap<String, Subnet>,
    pub(crate) gateways: BTreeMap<String, Gateway>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) interfaces: BTreeMap<String, Interface>,
    pub(crate) endpoints: BTreeMap<String, Endpoint>,
    /// By name.
    pub(crate) keys: BTreeMap<String, KeyPair>,
    /// The private addresses in use, by subnet.
    taken: BTreeMap<String, BTreeSet<Ipv4Addr>>,
}

impl Network {
    /// The default VPC, as every account has one in every region: 172.31.0.0/16, a /20 in each
    /// zone, a gateway and a way out.
    pub(super) fn with_default_vpc(
        place: &RegionLocation,
        dice: &mut Dice,
        born: Timestamp,
    ) -> Self {
        let mut network = Self::default();
        let cidr = Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16);
        let vpc = network.add_vpc(dice, cidr, Tags::new(), born);
        if let Some(vpc) = network.vpcs.get_mut(&vpc) {
            vpc.is_default = true;
            vpc.dns_hostnames = true;
        }
        for (zone, cidr) in place.zones().zip(cidr.subnets(20).into_iter().flatten()) {
            let id = dice.id("subnet");
            let subnet = Subnet {
                id: id.clone(),
                vpc: vpc.clone(),
                zone,
                cidr,
                maps_public_ip: true,
                is_default: true,
                tags: Tags::new(),
                born,
            };
            network.subnets.insert(id, subnet);
        }
        let id = dice.id("igw");
        let gateway = Gateway { id: id.clone(), vpc: Some(vpc.clone()), tags: Tags::new(), born };
        network.gateways.insert(id.clone(), gateway);
        let way_out = Route { destination: Ipv4Net::default(), gateway: id };
        if let Some(main) = network.tables.values_mut().find(|table| table.vpc == vpc) {
            main.routes.push(way_out);
        }
        network
    }

    /// A VPC with what AWS puts into each: its main route table and its default group.
    pub(super) fn add_vpc(
        &mut self,
        dice: &mut Dice,
        cidr: Ipv4Net,
        tags: Tags,
        born: Timestamp,
    ) -> String {
        let id = dice.id("vpc");
        self.put_vpc(dice, id, cidr, tags, born)
    }

    /// The same under an id that is given.
    fn put_vpc(
        &mut self,
        dice: &mut Dice,
        id: String,
        cidr: Ipv4Net,
        tags: Tags,
        born: Timestamp,
    ) -> String {
        let vpc = Vpc {
            id: id.clone(),
            cidr,
            is_default: false,
            dns_hostnames: false,
            dns_support: true,
            tags,
            born,
        };
        self.vpcs.insert(id.clone(), vpc);
        let table = Table {
            id: dice.id("rtb"),
            vpc: id.clone(),
            routes: Vec::new(),
            associations: vec![Association { id: dice.id("rtbassoc"), subnet: None }],
            tags: Tags::new(),
            born,
        };
        self.tables.insert(table.id.clone(), table);
        let group = dice.id("sg");
        let group = Group {
            id: group.clone(),
            vpc: id.clone(),
            name: "default".into(),
            description: "default VPC security group".into(),
            ingress: vec![Rule::from_within(dice, &group)],
            egress: vec![Rule::everything_out(dice)],
            tags: Tags::new(),
            born,
        };
        self.groups.insert(group.id.clone(), group);
        id
    }

    /// A network of the user's own, as the scenario describes it: a /24 in each zone.
    pub(super) fn put_given(&mut self, dice: &mut Dice, given: &GivenNetwork, born: Timestamp) {
        let cidr = Ipv4Net::new_assert(Ipv4Addr::new(10, 77, 0, 0), 16);
        let vpc = self.put_vpc(dice, given.vpc.clone(), cidr, Tags::new(), born);
        let id = dice.id("igw");
        let gateway = Gateway { id: id.clone(), vpc: Some(vpc.clone()), tags: Tags::new(), born };
        self.gateways.insert(id.clone(), gateway);
        let mut way_out = Table {
            id: dice.id("rtb"),
            vpc: vpc.clone(),
            routes: vec![Route { destination: Ipv4Net::default(), gateway: id }],
            associations: Vec::new(),
            tags: Tags::new(),
            born,
        };
        let zones = given.public.iter().map(|zone| (zone, true));
        let zones = zones.chain(given.private.iter().map(|zone| (zone, false)));
        for ((zone, is_public), cidr) in zones.zip(cidr.subnets(24).into_iter().flatten()) {
            let (zone, vpc) = (zone.clone(), vpc.clone());
            let id = dice.id("subnet");
            if is_public {
                let association = dice.id("rtbassoc");
                let association = Association { id: association, subnet: Some(id.clone()) };
                way_out.associations.push(association);
            }
            let subnet = Subnet {
                id: id.clone(),
                vpc,
                zone,
                cidr,
                maps_public_ip: is_public,
                is_default: false,
                tags: Tags::new(),
                born,
            };
            self.subnets.insert(id, subnet);
        }
        self.tables.insert(way_out.id.clone(), way_out);
    }

    /// The VPC with this id.
    pub(crate) fn vpc(&mut self, id: &str) -> Result<&mut Vpc, Refusal> {
        let none = || Refusal::no_such("InvalidVpcID.NotFound", "vpc ID", id);
        self.vpcs.get_mut(id).ok_or_else(none)
    }

    /// The subnet with this id.
    pub(crate) fn subnet(&mut self, id: &str) -> Result<&mut Subnet, Refusal> {
        let none = || Refusal::no_such("InvalidSubnetID.NotFound", "subnet ID", id);
        self.subnets.get_mut(id).ok_or_else(none)
    }

    /// The gateway with this id.
    pub(crate) fn gateway(&mut self, id: &str) -> Result<&mut Gateway, Refusal> {
        let none =
            || Refusal::no_such("InvalidInternetGatewayID.NotFound", "internetGateway ID", id);
        self.gateways.get_mut(id).ok_or_else(none)
    }

    /// The route table with this id.
    pub(crate) fn table(&mut self, id: &str) -> Result<&mut Table, Refusal> {
        let none = || Refusal::no_such("InvalidRouteTableID.NotFound", "routeTable ID", id);
        self.tables.get_mut(id).ok_or_else(none)
    }

    /// The group with this id.
    pub(crate) fn group(&mut self, id: &str) -> Result<&mut Group, Refusal> {
        let none = || Refusal::no_such("InvalidGroup.NotFound", "security group", id);
        self.groups.get_mut(id).ok_or_else(none)
    }

    /// Takes a private address in a subnet. AWS keeps the first four and the last for itself.
    pub(super) fn take_address(&mut self, subnet: &Subnet) -> Result<Ipv4Addr, Refusal> {
        let taken = self.taken.entry(subnet.id.clone()).or_default();
        let free = subnet.cidr.hosts().skip(3).find(|address| taken.insert(*address));
        free.ok_or_else(|| {
            Refusal::new(
                "InsufficientFreeAddressesInSubnet",
                format!(
                    "There are not enough free addresses in subnet '{}' to satisfy the requested \
                     number of instances.",
                    subnet.id
                ),
            )
        })
    }

    /// Takes an interface away, and gives its address back.
    pub(super) fn remove_interface(&mut self, id: &str) {
        if let Some(gone) = self.interfaces.remove(id)
            && let Some(taken) = self.taken.get_mut(&gone.subnet)
        {
            taken.remove(&gone.private_ip);
        }
    }
}
