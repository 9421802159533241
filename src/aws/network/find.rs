//! What is there: by our tags, in the default VPC, or in the user's.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;

use aws_sdk_ec2::types as ec2;
use futures_util::future::BoxFuture;

use super::parts::{
    AddressFound, Association, Gateway, Group, Ingress, Interface, NetworkFound, RouteTable,
    Subnet, Volume, Vpc,
};
use super::plan::NetworkReady;
use super::residue::{Kind, Residue};
use crate::aws::access::Ec2;
use crate::aws::class::Class;
use crate::aws::error::AwsError;
use crate::aws::select::{Selector, filter, read_tags};
use crate::aws::spot::SpotRequest;
use crate::fleet::{Machine, SubnetId, VpcId};

/// Collects every page of a Describe call, as the SDK's items.
macro_rules! all_pages {
    ($ec2:expr, $operation:literal, $call:expr) => {
        $call.into_paginator().items().send().try_collect().await.map_err($ec2.failed($operation))
    };
}

pub(super) use all_pages;

/// The tags of everything of ours that a Describe call tells of, all pages.
macro_rules! all_tags {
    ($ec2:expr, $ours:expr, $operation:literal, $call:expr, $tags:ident) => {
        async {
            let call = $call.set_filters(Some($ours.filters()));
            let found: Vec<_> = all_pages!($ec2, $operation, call)?;
            Ok(found.iter().map(|it| read_tags(it.$tags())).collect::<Vec<_>>())
        }
    };
}

impl Ec2 {
    /// Everything that carries our tags, besides instances and spot requests. Each kind is asked
    /// for at the same time.
    pub(super) async fn network(&self, ours: &Selector) -> Result<NetworkFound, AwsError> {
        self.network_of(ours, &|_| true).await
    }

    /// The same of those kinds that are `wanted`, in EC2's words; nobody is asked for the others.
    async fn network_of(
        &self,
        ours: &Selector,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<NetworkFound, AwsError> {
        let (vpcs, subnets, gateways, route_tables, security_groups) = tokio::try_join!(
            asked(wanted("vpc"), self.vpcs(ours)),
            asked(wanted("subnet"), self.subnets(ours)),
            asked(wanted("internet-gateway"), self.gateways(ours)),
            asked(wanted("route-table"), self.route_tables(ours)),
            asked(wanted("security-group"), self.groups(ours)),
        )?;
        let (interfaces, volumes, key_pairs, addresses, templates) = tokio::try_join!(
            asked(wanted("network-interface"), self.interfaces(ours)),
            asked(wanted("volume"), self.volumes(ours)),
            asked(wanted("key-pair"), self.key_pairs(ours)),
            asked(wanted("elastic-ip"), self.addresses(ours)),
            asked(wanted("launch-template"), self.templates(ours)),
        )?;
        Ok(NetworkFound {
            vpcs,
            subnets,
            gateways,
            route_tables,
            security_groups,
            interfaces,
            volumes,
            key_pairs,
            addresses,
            templates,
        })
    }

    /// The parts of it that a network is built from; the rest is left out. Where we have no VPC
    /// there is no subnet of ours to be used again, and where it is to be our own no group either.
    pub(super) async fn network_parts(
        &self,
        ours: &Selector,
        is_dedicated: bool,
    ) -> Result<NetworkFound, AwsError> {
        let vpcs = self.vpcs(ours).await?;
        let mut parts = vec!["internet-gateway"];
        if !vpcs.is_empty() {
            parts.push("subnet");
        }
        if !vpcs.is_empty() || !is_dedicated {
            parts.push("security-group");
        }
        let found = self.network_of(ours, &|kind| parts.contains(&kind)).await?;
        Ok(NetworkFound { vpcs, ..found })
    }

    /// The tags of what a network begins with when it is built and ends with when it is taken away,
    /// and of what may be left alone: while anything but an instance stands, one of these does.
    pub(in crate::aws) async fn network_tags(
        &self,
        ours: &Selector,
    ) -> Result<Vec<BTreeMap<String, String>>, AwsError> {
        let ec2 = &self.patient;
        let (
            vpcs,
            groups,
            gateways,
            volumes,
            interfaces,
            templates,
            key_pairs,
            addresses,
            requests,
        ) = tokio::try_join!(
            all_tags!(self, ours, "DescribeVpcs", ec2.describe_vpcs(), tags),
            all_tags!(self, ours, "DescribeSecurityGroups", ec2.describe_security_groups(), tags),
            all_tags!(
                self,
                ours,
                "DescribeInternetGateways",
                ec2.describe_internet_gateways(),
                tags
            ),
            all_tags!(self, ours, "DescribeVolumes", ec2.describe_volumes(), tags),
            all_tags!(
                self,
                ours,
                "DescribeNetworkInterfaces",
                ec2.describe_network_interfaces(),
                tag_set
            ),
            all_tags!(self, ours, "DescribeLaunchTemplates", ec2.describe_launch_templates(), tags),
            self.key_pairs(ours),
            self.describe_addresses(ours),
            self.living_requests(ours),
        )?;
        let key_pairs = key_pairs.into_iter().map(|pair| pair.tags);
        let addresses = addresses.iter().map(|address| read_tags(address.tags()));
        let all =
            [vpcs, groups, gateways, volumes, interfaces, templates, requests].concat().into_iter();
        Ok(all.chain(key_pairs).chain(addresses).filter(|tags| ours.matches(tags)).collect())
    }

    /// Everything of ours that is still there: what a destroyed deployment must not have.
    pub async fn residue(&self, ours: &Selector) -> Result<Vec<Residue>, AwsError> {
        self.residue_of(ours, &|_| true).await
    }

    /// The same for who saw everything go: instances and their requests, and of the network those
    /// kinds of which DescribeTags still tells; all kinds where that may not be asked.
    pub(super) async fn residue_by_tags(&self, ours: &Selector) -> Result<Vec<Residue>, AwsError> {
        match self.tagged_kinds(ours).await? {
            Some(kinds) => self.residue_of(ours, &|kind| kinds.contains(kind)).await,
            None => self.residue(ours).await,
        }
    }

    async fn residue_of(
        &self,
        ours: &Selector,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Residue>, AwsError> {
        let (machines, requests, found) = tokio::try_join!(
            self.instances(ours),
            self.spot_requests(ours),
            self.network_of(ours, wanted)
        )?;
        let mut residue: Vec<Residue> = machines_left(machines, requests).collect();
        residue.extend(found.residue());
        residue.sort();
        Ok(residue)
    }

    /// Whether EC2 tells, by our tags, of all that was laid out for us a moment ago: what it does
    /// not tell of yet would stay when the rest goes. In a network of the user's only the group is
    /// ours.
    pub async fn tells_of(
        &self,
        ours: &Selector,
        made: &NetworkReady,
        key_name: Option<&str>,
        is_dedicated: bool,
    ) -> Result<bool, AwsError> {
        let kinds = ["vpc", "subnet", "internet-gateway", "security-group", "key-pair"];
        let found = self.network_of(ours, &|kind| kinds.contains(&kind)).await?;
        let has_subnet = |id: &SubnetId| found.subnets.iter().any(|subnet| subnet.id == *id);
        let is_network = !is_dedicated
            || found.vpcs.iter().any(|vpc| vpc.id == made.vpc)
                && found.gateways.iter().any(|gateway| gateway.vpc.as_ref() == Some(&made.vpc))
                && made.subnets.iter().all(|(subnet, _)| has_subnet(subnet));
        let group = made.security_groups.first();
        let is_group = group.is_none_or(|id| found.security_groups.iter().any(|it| it.id == *id));
        let is_key = key_name.is_none_or(|name| found.key_pairs.iter().any(|it| it.name == name));
        Ok(is_network && is_group && is_key)
    }

    /// The region's default VPC.
    pub(super) async fn default_vpc(&self) -> Result<Option<Vpc>, AwsError> {
        let found: Vec<ec2::Vpc> = all_pages!(
            self,
            "DescribeVpcs",
            self.patient.describe_vpcs().filters(filter("is-default", ["true"]))
        )?;
        Ok(found.iter().filter(|vpc| vpc.is_default() == Some(true)).find_map(read_vpc))
    }

    /// All subnets of a VPC, whoever made them, in the order of their zones.
    pub(super) async fn subnets_of(&self, vpc: &VpcId) -> Result<Vec<Subnet>, AwsError> {
        let call = self.patient.describe_subnets().filters(filter("vpc-id", [vpc.as_str()]));
        let found: Vec<ec2::Subnet> = all_pages!(self, "DescribeSubnets", call)?;
        let mut subnets: Vec<Subnet> = found.iter().filter_map(read_subnet).collect();
        // Of two in one zone the one with more room goes first.
        subnets.sort_by(|a, b| (&a.zone, b.free, &a.id).cmp(&(&b.zone, a.free, &b.id)));
        Ok(subnets)
    }

    /// Which of these subnets of a VPC have a route to an internet gateway: by the route table of
    /// their own, else by the VPC's main one.
    pub(super) async fn reachable_subnets(
        &self,
        vpc: &VpcId,
        subnets: &[Subnet],
    ) -> Result<BTreeSet<SubnetId>, AwsError> {
        let tables = self.route_tables_of(vpc).await?;
        let is_reachable = |subnet: &&Subnet| {
            let own = tables.iter().find(|table| table.is_used_by(&subnet.id));
            let table = own.or_else(|| tables.iter().find(|table| table.is_main));
            let gateway = table.and_then(|table| table.way_out.as_ref());
            gateway.is_some_and(|gateway| gateway.as_str().starts_with("igw-"))
        };
        Ok(subnets.iter().filter(is_reachable).map(|subnet| subnet.id.clone()).collect())
    }

    /// The route tables in a VPC of ours by which these subnets, and those that are still to come,
    /// are led: its main one, and any that one of them uses. [`Class::NotYet`] before EC2 tells of
    /// the main one, which is made with the VPC.
    pub(super) async fn route_tables_for(
        &self,
        vpc: &VpcId,
        subnets: &[&SubnetId],
    ) -> Result<Vec<RouteTable>, AwsError> {
        let mut tables = self.route_tables_of(vpc).await?;
        if !tables.iter().any(|table| table.is_main) {
            let (text, hint) = (format!("{vpc} has no main route table"), "run create again");
            return Err(self.found("DescribeRouteTables", Class::NotYet, text, hint));
        }
        tables.retain(|it| it.is_main || subnets.iter().any(|subnet| it.is_used_by(subnet)));
        Ok(tables)
    }

    /// All route tables of a VPC, whoever made them.
    async fn route_tables_of(&self, vpc: &VpcId) -> Result<Vec<RouteTable>, AwsError> {
        let call = self.patient.describe_route_tables().filters(filter("vpc-id", [vpc.as_str()]));
        let found: Vec<ec2::RouteTable> = all_pages!(self, "DescribeRouteTables", call)?;
        Ok(found.iter().filter_map(read_route_table).collect())
    }

    /// Whether instances in the VPC get DNS names for their public addresses.
    pub(super) async fn has_dns_hostnames(&self, vpc: &VpcId) -> Result<bool, AwsError> {
        let answer = self
            .patient
            .describe_vpc_attribute()
            .vpc_id(vpc.as_str())
            .attribute(ec2::VpcAttributeName::EnableDnsHostnames)
            .send()
            .await
            .map_err(self.failed("DescribeVpcAttribute"))?;
        Ok(answer
            .enable_dns_hostnames()
            .and_then(ec2::AttributeBooleanValue::value)
            .unwrap_or(false))
    }

    /// The network interfaces in a VPC, whoever made them: what blocks its deletion.
    pub(super) async fn interfaces_in(&self, vpc: &VpcId) -> Result<Vec<Interface>, AwsError> {
        let call =
            self.patient.describe_network_interfaces().filters(filter("vpc-id", [vpc.as_str()]));
        let found: Vec<ec2::NetworkInterface> =
            all_pages!(self, "DescribeNetworkInterfaces", call)?;
        Ok(found.iter().filter_map(read_interface).collect())
    }

    /// The security groups in a VPC, whoever made them, but the default one, which goes with it.
    pub(super) async fn groups_in(&self, vpc: &VpcId) -> Result<Vec<Group>, AwsError> {
        let call =
            self.patient.describe_security_groups().filters(filter("vpc-id", [vpc.as_str()]));
        let found: Vec<ec2::SecurityGroup> = all_pages!(self, "DescribeSecurityGroups", call)?;
        let groups = found.iter().filter(|group| group.group_name() != Some("default"));
        Ok(groups.filter_map(read_group).collect())
    }

    async fn vpcs(&self, ours: &Selector) -> Result<Vec<Vpc>, AwsError> {
        let call = self.patient.describe_vpcs().set_filters(Some(ours.filters()));
        let found: Vec<ec2::Vpc> = all_pages!(self, "DescribeVpcs", call)?;
        let mut vpcs: Vec<Vpc> = found
            .iter()
            .filter(|vpc| ours.matches(&read_tags(vpc.tags())) && vpc.is_default() != Some(true))
            .filter_map(read_vpc)
            .collect();
        // Two of them can only come from two runs at once; both then choose the same one.
        vpcs.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(vpcs)
    }

    async fn subnets(&self, ours: &Selector) -> Result<Vec<Subnet>, AwsError> {
        let call = self.patient.describe_subnets().set_filters(Some(ours.filters()));
        let found: Vec<ec2::Subnet> = all_pages!(self, "DescribeSubnets", call)?;
        Ok(found
            .iter()
            .filter(|subnet| ours.matches(&read_tags(subnet.tags())))
            .filter_map(read_subnet)
            .collect())
    }

    async fn gateways(&self, ours: &Selector) -> Result<Vec<Gateway>, AwsError> {
        let call = self.patient.describe_internet_gateways().set_filters(Some(ours.filters()));
        let found: Vec<ec2::InternetGateway> = all_pages!(self, "DescribeInternetGateways", call)?;
        Ok(found
            .iter()
            .filter(|gateway| ours.matches(&read_tags(gateway.tags())))
            .filter_map(|gateway| {
                let attached = gateway.attachments().iter().find_map(|to| to.vpc_id());
                Some(Gateway {
                    id: gateway.internet_gateway_id()?.into(),
                    vpc: attached.map(Into::into),
                })
            })
            .collect())
    }

    async fn route_tables(&self, ours: &Selector) -> Result<Vec<RouteTable>, AwsError> {
        let call = self.patient.describe_route_tables().set_filters(Some(ours.filters()));
        let found: Vec<ec2::RouteTable> = all_pages!(self, "DescribeRouteTables", call)?;
        Ok(found
            .iter()
            .filter(|table| ours.matches(&read_tags(table.tags())))
            .filter_map(read_route_table)
            .filter(|table| !table.is_main)
            .collect())
    }

    async fn groups(&self, ours: &Selector) -> Result<Vec<Group>, AwsError> {
        let call = self.patient.describe_security_groups().set_filters(Some(ours.filters()));
        let found: Vec<ec2::SecurityGroup> = all_pages!(self, "DescribeSecurityGroups", call)?;
        Ok(found
            .iter()
            .filter(|group| ours.matches(&read_tags(group.tags())))
            .filter(|group| group.group_name() != Some("default"))
            .filter_map(read_group)
            .collect())
    }

    async fn interfaces(&self, ours: &Selector) -> Result<Vec<Interface>, AwsError> {
        let call = self.patient.describe_network_interfaces().set_filters(Some(ours.filters()));
        let found: Vec<ec2::NetworkInterface> =
            all_pages!(self, "DescribeNetworkInterfaces", call)?;
        Ok(found
            .iter()
            .filter(|interface| ours.matches(&read_tags(interface.tag_set())))
            .filter_map(read_interface)
            .collect())
    }

    async fn volumes(&self, ours: &Selector) -> Result<Vec<Volume>, AwsError> {
        let call = self.patient.describe_volumes().set_filters(Some(ours.filters()));
        let found: Vec<ec2::Volume> = all_pages!(self, "DescribeVolumes", call)?;
        Ok(found
            .iter()
            .filter(|volume| ours.takes(&read_tags(volume.tags())))
            .filter_map(|volume| {
                let id = volume.volume_id()?.to_owned();
                Some(Volume { id, state: volume.state()?.as_str().to_owned() })
            })
            .collect())
    }

    /// EC2 tells all addresses at once.
    async fn describe_addresses(&self, ours: &Selector) -> Result<Vec<ec2::Address>, AwsError> {
        let call = self.patient.describe_addresses().set_filters(Some(ours.filters()));
        let answer = call.send().await.map_err(self.failed("DescribeAddresses"))?;
        Ok(answer.addresses.unwrap_or_default())
    }

    async fn addresses(&self, ours: &Selector) -> Result<Vec<AddressFound>, AwsError> {
        let found = self.describe_addresses(ours).await?;
        Ok(found
            .iter()
            .filter(|address| ours.takes(&read_tags(address.tags())))
            .filter_map(|address| {
                let id = address.allocation_id()?.to_owned();
                Some(AddressFound { id, in_use: address.association_id().is_some() })
            })
            .collect())
    }
}

impl NetworkFound {
    pub(super) fn residue(self) -> Vec<Residue> {
        let state = |in_use: bool| if in_use { "in-use" } else { "available" };
        let mut residue = Vec::new();
        residue.extend(self.vpcs.into_iter().map(|it| left(Kind::Vpc, &it.id, "")));
        residue.extend(self.subnets.into_iter().map(|it| left(Kind::Subnet, &it.id, "")));
        residue.extend(self.gateways.into_iter().map(|it| left(Kind::Gateway, &it.id, "")));
        residue.extend(self.route_tables.into_iter().map(|it| left(Kind::RouteTable, &it.id, "")));
        residue.extend(
            self.security_groups.into_iter().map(|it| left(Kind::SecurityGroup, &it.id, "")),
        );
        residue
            .extend(self.interfaces.into_iter().map(|it| left(Kind::Interface, &it.id, &it.state)));
        residue.extend(self.volumes.into_iter().map(|it| left(Kind::Volume, &it.id, &it.state)));
        residue.extend(self.key_pairs.into_iter().map(|it| left(Kind::KeyPair, &it.name, "")));
        residue.extend(
            self.addresses.into_iter().map(|it| left(Kind::Address, &it.id, state(it.in_use))),
        );
        residue.extend(self.templates.into_iter().map(|id| left(Kind::Template, &id, "")));
        residue
    }
}

/// What is asked for where it is wanted; else nothing, and nobody is asked. On the heap: ten of
/// them wait at the same time.
fn asked<'a, T: Default + Send + 'a>(
    is_wanted: bool,
    question: impl Future<Output = Result<T, AwsError>> + Send + 'a,
) -> BoxFuture<'a, Result<T, AwsError>> {
    if is_wanted { Box::pin(question) } else { Box::pin(ready(Ok(T::default()))) }
}

/// Those that are alive.
fn machines_left(
    machines: Vec<Machine>,
    requests: Vec<SpotRequest>,
) -> impl Iterator<Item = Residue> {
    let machines = machines.into_iter().filter(Machine::is_alive);
    let machines = machines.map(|it| left(Kind::Instance, &it.id, it.seen.state.as_str()));
    let requests = requests.into_iter().filter(SpotRequest::is_alive);
    machines.chain(requests.map(|it| left(Kind::SpotRequest, &it.id, &it.state)))
}

fn left(kind: Kind, id: &impl ToString, state: &str) -> Residue {
    Residue { kind, id: id.to_string(), state: state.to_owned() }
}

fn read_vpc(vpc: &ec2::Vpc) -> Option<Vpc> {
    Some(Vpc { id: vpc.vpc_id()?.into() })
}

fn read_subnet(subnet: &ec2::Subnet) -> Option<Subnet> {
    Some(Subnet {
        id: subnet.subnet_id()?.into(),
        vpc: subnet.vpc_id()?.into(),
        zone: subnet.availability_zone()?.into(),
        is_default: subnet.default_for_az().unwrap_or(false),
        free: subnet.available_ip_address_count().unwrap_or_default(),
    })
}

fn read_route_table(table: &ec2::RouteTable) -> Option<RouteTable> {
    let associations = table.associations().iter().filter_map(|used| {
        Some(Association {
            id: used.route_table_association_id()?.to_owned(),
            subnet: used.subnet_id()?.into(),
        })
    });
    Some(RouteTable {
        id: table.route_table_id()?.into(),
        vpc: table.vpc_id()?.into(),
        is_main: table.associations().iter().any(|used| used.main() == Some(true)),
        associations: associations.collect(),
        way_out: way_out(table).map(Into::into),
    })
}

/// Where 0.0.0.0/0 leads, if it is a gateway.
fn way_out(table: &ec2::RouteTable) -> Option<&str> {
    let everything = |route: &&ec2::Route| route.destination_cidr_block() == Some("0.0.0.0/0");
    table.routes().iter().filter(everything).find_map(|route| route.gateway_id())
}

fn read_group(group: &ec2::SecurityGroup) -> Option<Group> {
    Some(Group {
        id: group.group_id()?.into(),
        vpc: group.vpc_id()?.into(),
        name: group.group_name().unwrap_or_default().to_owned(),
        ingress: group.ip_permissions().iter().flat_map(read_ingress).collect(),
        entangled_in: entangled(group.ip_permissions()),
        entangled_out: entangled(group.ip_permissions_egress()),
    })
}

fn read_ingress(rule: &ec2::IpPermission) -> Vec<Ingress> {
    let port = match (rule.ip_protocol(), rule.from_port(), rule.to_port()) {
        (Some("tcp"), Some(from), Some(to)) if from == to => u16::try_from(from).ok(),
        _ => None,
    };
    let Some(port) = port else { return Vec::new() };
    let v4 = rule.ip_ranges().iter().map(|range| (range.cidr_ip(), range.description()));
    let v6 = rule.ipv6_ranges().iter().map(|range| (range.cidr_ipv6(), range.description()));
    v4.chain(v6)
        .filter_map(|(cidr, description)| {
            Some(Ingress {
                from: cidr?.parse().ok()?,
                port,
                description: description.unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

/// The rules that name groups, cut down to that: such a rule keeps the other group alive.
fn entangled(rules: &[ec2::IpPermission]) -> Vec<ec2::IpPermission> {
    rules
        .iter()
        .filter(|rule| !rule.user_id_group_pairs().is_empty())
        .map(|rule| {
            ec2::IpPermission::builder()
                .set_ip_protocol(rule.ip_protocol.clone())
                .set_from_port(rule.from_port)
                .set_to_port(rule.to_port)
                .set_user_id_group_pairs(rule.user_id_group_pairs.clone())
                .build()
        })
        .collect()
}

fn read_interface(interface: &ec2::NetworkInterface) -> Option<Interface> {
    // One that goes with its instance cannot be detached: it is waited for.
    let stays = |to: &&ec2::NetworkInterfaceAttachment| to.delete_on_termination() != Some(true);
    let attachment = interface.attachment().filter(stays).and_then(|to| to.attachment_id());
    Some(Interface {
        id: interface.network_interface_id()?.to_owned(),
        state: interface.status().map(|state| state.as_str().to_owned()).unwrap_or_default(),
        attachment: attachment.map(str::to_owned),
        description: interface.description().unwrap_or_default().to_owned(),
    })
}
