//! Building a network: what may be made, and what may be joined to what.

use ipnet::Ipv4Net;

use super::groups::{Group, Rule};
use super::network::{Association, Gateway, KeyPair, Route, Subnet, Table};
use super::refusal::Refusal;
use super::region::RegionWorld;
use super::resource::Tags;

/// VPCs in a region (quota L-F678F1CE).
const VPC_LIMIT: usize = 5;

/// Reads a network; EC2 takes the address with its host part cut off.
pub(crate) fn cidr(text: &str) -> Result<Ipv4Net, Refusal> {
    text.parse::<Ipv4Net>().map(|net| net.trunc()).map_err(|_| {
        Refusal::value(format!(
            "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })
}

impl RegionWorld {
    /// CreateVpc.
    pub(crate) fn create_vpc(&mut self, block: &str, tags: Tags) -> Result<String, Refusal> {
        let cidr = cidr(block)?;
        if !(16..=28).contains(&cidr.prefix_len()) {
            return Err(Refusal::new("InvalidVpc.Range", format!("The CIDR '{cidr}' is invalid.")));
        }
        if self.network.vpcs.len() >= VPC_LIMIT {
            let message = "The maximum number of VPCs has been reached.";
            return Err(Refusal::new("VpcLimitExceeded", message));
        }
        Ok(self.network.add_vpc(&mut self.dice, cidr, tags, self.now))
    }

    /// CreateSubnet. Without a zone, the region's first.
    pub(crate) fn create_subnet(
        &mut self,
        vpc: &str,
        zone: Option<&str>,
        block: &str,
        tags: Tags,
    ) -> Result<String, Refusal> {
        let (whole, cidr) = (self.network.vpc(vpc)?.cidr, cidr(block)?);
        let zones: Vec<String> = self.place.zones().collect();
        let zone = match zone {
            None => zones[0].clone(),
            Some(zone) if zones.iter().any(|known| known == zone) => zone.to_owned(),
            Some(zone) => return Err(no_subnets_in(zone, &zones)),
        };
        self.check_zone(&zone)?;
        if !whole.contains(&cidr) || !(16..=28).contains(&cidr.prefix_len()) {
            let message = format!("The CIDR '{cidr}' is invalid.");
            return Err(Refusal::new("InvalidSubnet.Range", message));
        }
        let conflicts = |subnet: &Subnet| {
            subnet.vpc == vpc && (subnet.cidr.contains(&cidr) || cidr.contains(&subnet.cidr))
        };
        if self.network.subnets.values().any(conflicts) {
            let message = format!("The CIDR '{cidr}' conflicts with another subnet");
            return Err(Refusal::new("InvalidSubnet.Conflict", message));
        }
        let id = self.dice.id("subnet");
        let subnet = Subnet {
            id: id.clone(),
            vpc: vpc.to_owned(),
            zone,
            cidr,
            maps_public_ip: false,
            is_default: false,
            tags,
            born: self.now,
        };
        self.network.subnets.insert(id.clone(), subnet);
        Ok(id)
    }

    /// Old accounts have zones in which nobody may make subnets any more.
    fn check_zone(&mut self, zone: &str) -> Result<(), Refusal> {
        let laws = std::sync::Arc::clone(&self.laws);
        let closed = &laws.scenario.zones_without_subnets;
        let Some(index) = closed.iter().position(|closed| closed == zone) else { return Ok(()) };
        self.hits.insert(format!("zones_without_subnets[{index}]"));
        let mut open: Vec<String> = self.place.zones().collect();
        open.retain(|zone| !closed.contains(zone));
        Err(no_subnets_in(zone, &open))
    }

    /// CreateInternetGateway.
    pub(crate) fn create_gateway(&mut self, tags: Tags) -> String {
        let id = self.dice.id("igw");
        let gateway = Gateway { id: id.clone(), vpc: None, tags, born: self.now };
        self.network.gateways.insert(id.clone(), gateway);
        id
    }

    /// AttachInternetGateway: one gateway to a VPC, one VPC to a gateway.
    pub(crate) fn attach_gateway(&mut self, id: &str, vpc: &str) -> Result<(), Refusal> {
        self.network.vpc(vpc)?;
        if let Some(attached) = &self.network.gateway(id)?.vpc {
            let message = format!("resource {id} is already attached to network {attached}");
            return Err(Refusal::new("Resource.AlreadyAssociated", message));
        }
        if self.network.gateways.values().any(|gateway| gateway.vpc.as_deref() == Some(vpc)) {
            let message = format!("Network {vpc} already has an internet gateway attached");
            return Err(Refusal::value(message));
        }
        self.network.gateway(id)?.vpc = Some(vpc.to_owned());
        Ok(())
    }

    /// CreateRouteTable.
    pub(crate) fn create_table(&mut self, vpc: &str, tags: Tags) -> Result<String, Refusal> {
        self.network.vpc(vpc)?;
        let id = self.dice.id("rtb");
        let table = Table {
            id: id.clone(),
            vpc: vpc.to_owned(),
            routes: Vec::new(),
            associations: Vec::new(),
            tags,
            born: self.now,
        };
        self.network.tables.insert(id.clone(), table);
        Ok(id)
    }

    /// CreateRoute to an internet gateway.
    pub(crate) fn create_route(
        &mut self,
        table: &str,
        destination: &str,
        gateway: &str,
    ) -> Result<(), Refusal> {
        let destination = cidr(destination)?;
        self.check_gateway(table, gateway)?;
        let routes = &mut self.network.table(table)?.routes;
        match routes.iter().find(|route| route.destination == destination) {
            // The same route again is no error.
            Some(known) if known.gateway == gateway => Ok(()),
            Some(_) => Err(Refusal::new(
                "RouteAlreadyExists",
                format!("The route identified by {destination} already exists."),
            )),
            None => {
                routes.push(Route { destination, gateway: gateway.to_owned() });
                Ok(())
            }
        }
    }

    /// ReplaceRoute by one to an internet gateway.
    pub(crate) fn replace_route(
        &mut self,
        table: &str,
        destination: &str,
        gateway: &str,
    ) -> Result<(), Refusal> {
        let destination = cidr(destination)?;
        self.check_gateway(table, gateway)?;
        let routes = &mut self.network.table(table)?.routes;
        let Some(known) = routes.iter_mut().find(|route| route.destination == destination) else {
            let message = format!(
                "no route with destination-cidr-block {destination} in route table {table}"
            );
            return Err(Refusal::new("InvalidRoute.NotFound", message));
        };
        gateway.clone_into(&mut known.gateway);
        Ok(())
    }

    /// A route table leads to the gateway of its own VPC alone.
    fn check_gateway(&mut self, table: &str, gateway: &str) -> Result<(), Refusal> {
        let vpc = self.network.table(table)?.vpc.clone();
        if self.network.gateway(gateway)?.vpc.as_ref() == Some(&vpc) {
            return Ok(());
        }
        Err(Refusal::value(format!(
            "route table {table} and network gateway {gateway} belong to different networks"
        )))
    }

    /// AssociateRouteTable with a subnet.
    pub(crate) fn associate(&mut self, table: &str, subnet: &str) -> Result<String, Refusal> {
        let vpc = self.network.subnet(subnet)?.vpc.clone();
        if self.network.table(table)?.vpc != vpc {
            let message =
                format!("Route table {table} and subnet {subnet} belong to different networks");
            return Err(Refusal::new("InvalidParameter", message));
        }
        let used = |used: &&Association| used.subnet.as_deref() == Some(subnet);
        let known = self.network.tables.values().find_map(|other| {
            other.associations.iter().find(used).map(|used| (other.id.clone(), used.id.clone()))
        });
        match known {
            Some((other, id)) if other == table => Ok(id),
            Some(_) => Err(Refusal::new(
                "Resource.AlreadyAssociated",
                format!(
                    "the specified association for route table {table} conflicts with an \
                         existing association"
                ),
            )),
            None => {
                let id = self.dice.id("rtbassoc");
                let association = Association { id: id.clone(), subnet: Some(subnet.to_owned()) };
                self.network.table(table)?.associations.push(association);
                Ok(id)
            }
        }
    }

    /// CreateSecurityGroup, in the default VPC where none is named.
    pub(crate) fn create_group(
        &mut self,
        vpc: Option<&str>,
        name: &str,
        description: &str,
        tags: Tags,
    ) -> Result<String, Refusal> {
        let vpc = match vpc {
            Some(vpc) => self.network.vpc(vpc)?.id.clone(),
            None => self.default_vpc()?,
        };
        if self.network.groups.values().any(|group| group.vpc == vpc && group.name == name) {
            let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return Err(Refusal::new("InvalidGroup.Duplicate", message));
        }
        let id = self.dice.id("sg");
        let group = Group {
            id: id.clone(),
            vpc,
            name: name.to_owned(),
            description: description.to_owned(),
            ingress: Vec::new(),
            egress: vec![Rule::everything_out(&mut self.dice)],
            tags,
            born: self.now,
        };
        self.network.groups.insert(id.clone(), group);
        Ok(id)
    }

    /// ImportKeyPair: ed25519 or RSA, in OpenSSH's one line.
    pub(crate) fn import_key(
        &mut self,
        name: &str,
        public: &str,
        tags: Tags,
    ) -> Result<&KeyPair, Refusal> {
        let mut words = public.split_whitespace();
        let kind = words.next().filter(|kind| ["ssh-ed25519", "ssh-rsa"].contains(kind));
        if kind.is_none() || words.next().is_none_or(|key| !key.starts_with("AAAA")) {
            let message = "Key is not in valid OpenSSH public key format";
            return Err(Refusal::new("InvalidKey.Format", message));
        }
        if self.network.keys.contains_key(name) {
            let message = format!("The keypair '{name}' already exists.");
            return Err(Refusal::new("InvalidKeyPair.Duplicate", message));
        }
        let pair = KeyPair {
            id: self.dice.id("key"),
            name: name.to_owned(),
            public: public.trim().to_owned(),
            tags,
            born: self.now,
        };
        Ok(self.network.keys.entry(name.to_owned()).or_insert(pair))
    }

    /// The default VPC's id.
    pub(crate) fn default_vpc(&self) -> Result<String, Refusal> {
        let found = self.network.vpcs.values().find(|vpc| vpc.is_default);
        found.map(|vpc| vpc.id.clone()).ok_or_else(|| {
            let message = "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.";
            Refusal::new("VPCIdNotSpecified", message)
        })
    }
}

fn no_subnets_in(zone: &str, open: &[String]) -> Refusal {
    Refusal::value(format!(
        "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be \
         created in the following availability zones: {}.",
        open.join(", ")
    ))
}
