//! What is created: one API call each, with its tags in the call, never tried again by itself.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{AttributeBooleanValue, IpPermission, IpRange, Ipv6Range, ResourceType};
use ipnet::{IpNet, Ipv4Net};

use super::parts::Ingress;
use crate::aws::access::Ec2;
use crate::aws::class::Class;
use crate::aws::error::AwsError;
use crate::aws::ids::{GatewayId, RouteTableId};
use crate::aws::select::born_with;
use crate::fleet::{SecurityGroupId, SubnetId, VpcId, Zone};

type Tags = BTreeMap<String, String>;

impl Ec2 {
    /// EC2 CreateVpc.
    pub(super) async fn create_vpc(&self, cidr: Ipv4Net, tags: &Tags) -> Result<VpcId, AwsError> {
        let answer = self
            .once
            .create_vpc()
            .cidr_block(cidr.to_string())
            .tag_specifications(born_with(ResourceType::Vpc, tags))
            .send()
            .await
            .map_err(self.failed("CreateVpc"))?;
        self.made("CreateVpc", answer.vpc().and_then(|vpc| vpc.vpc_id()))
    }

    /// EC2 ModifyVpcAttribute: instances get DNS names for their public addresses.
    pub(super) async fn enable_dns_hostnames(&self, vpc: &VpcId) -> Result<(), AwsError> {
        self.patient
            .modify_vpc_attribute()
            .vpc_id(vpc.as_str())
            .enable_dns_hostnames(AttributeBooleanValue::builder().value(true).build())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("ModifyVpcAttribute"))
    }

    /// EC2 CreateInternetGateway.
    pub(super) async fn create_gateway(&self, tags: &Tags) -> Result<GatewayId, AwsError> {
        let answer = self
            .once
            .create_internet_gateway()
            .tag_specifications(born_with(ResourceType::InternetGateway, tags))
            .send()
            .await
            .map_err(self.failed("CreateInternetGateway"))?;
        let gateway = answer.internet_gateway().and_then(|made| made.internet_gateway_id());
        self.made("CreateInternetGateway", gateway)
    }

    /// EC2 AttachInternetGateway.
    pub(super) async fn attach_gateway(
        &self,
        gateway: &GatewayId,
        vpc: &VpcId,
    ) -> Result<(), AwsError> {
        self.patient
            .attach_internet_gateway()
            .internet_gateway_id(gateway.as_str())
            .vpc_id(vpc.as_str())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("AttachInternetGateway"))
    }

    /// EC2 CreateRoute: 0.0.0.0/0 leads to the gateway.
    pub(super) async fn create_way_out(
        &self,
        table: &RouteTableId,
        gateway: &GatewayId,
    ) -> Result<(), AwsError> {
        self.patient
            .create_route()
            .route_table_id(table.as_str())
            .destination_cidr_block("0.0.0.0/0")
            .gateway_id(gateway.as_str())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("CreateRoute"))
    }

    /// EC2 ReplaceRoute: 0.0.0.0/0, which is there and leads elsewhere, leads to the gateway.
    pub(super) async fn replace_way_out(
        &self,
        table: &RouteTableId,
        gateway: &GatewayId,
    ) -> Result<(), AwsError> {
        self.patient
            .replace_route()
            .route_table_id(table.as_str())
            .destination_cidr_block("0.0.0.0/0")
            .gateway_id(gateway.as_str())
            .send()
            .await
            .map(drop)
            .map_err(self.failed("ReplaceRoute"))
    }

    /// EC2 CreateSubnet.
    pub(super) async fn create_subnet(
        &self,
        vpc: &VpcId,
        zone: &Zone,
        cidr: Ipv4Net,
        tags: &Tags,
    ) -> Result<SubnetId, AwsError> {
        let answer = self
            .once
            .create_subnet()
            .vpc_id(vpc.as_str())
            .availability_zone(zone.as_str())
            .cidr_block(cidr.to_string())
            .tag_specifications(born_with(ResourceType::Subnet, tags))
            .send()
            .await
            .map_err(self.failed("CreateSubnet"))
            .map_err(|error| error.on(format!("{cidr} in {zone}")))?;
        self.made("CreateSubnet", answer.subnet().and_then(|made| made.subnet_id()))
    }

    /// EC2 CreateSecurityGroup. AWS lets everything out of a new one and nothing in.
    pub(super) async fn create_security_group(
        &self,
        vpc: &VpcId,
        name: &str,
        tags: &Tags,
    ) -> Result<SecurityGroupId, AwsError> {
        let answer = self
            .once
            .create_security_group()
            .vpc_id(vpc.as_str())
            .group_name(name)
            .description("SSH from the operator of spot-tui")
            .tag_specifications(born_with(ResourceType::SecurityGroup, tags))
            .send()
            .await
            .map_err(self.failed("CreateSecurityGroup"))
            .map_err(|error| error.on(format!("{name} in {vpc}")))?;
        self.made("CreateSecurityGroup", answer.group_id())
    }

    /// EC2 AuthorizeSecurityGroupIngress, the rules tagged as well.
    pub(super) async fn authorize(
        &self,
        group: &SecurityGroupId,
        rules: &[Ingress],
        tags: &Tags,
    ) -> Result<(), AwsError> {
        self.once
            .authorize_security_group_ingress()
            .group_id(group.as_str())
            .set_ip_permissions(Some(rules.iter().map(permission).collect()))
            .tag_specifications(born_with(ResourceType::SecurityGroupRule, tags))
            .send()
            .await
            .map(drop)
            .map_err(self.failed("AuthorizeSecurityGroupIngress"))
    }

    /// What a create call made. An answer without an id is an unknown outcome.
    pub(in crate::aws) fn made<T: for<'a> From<&'a str>>(
        &self,
        operation: &'static str,
        id: Option<&str>,
    ) -> Result<T, AwsError> {
        id.filter(|id| !id.is_empty()).map(T::from).ok_or_else(|| {
            let hint = "the next run finds by its tags what was made";
            self.found(operation, Class::Unknown, "AWS answered without an id", hint)
        })
    }
}

/// A rule as the API takes it.
pub(super) fn permission(rule: &Ingress) -> IpPermission {
    let permission = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(i32::from(rule.port))
        .to_port(i32::from(rule.port));
    match rule.from {
        IpNet::V4(net) => permission.ip_ranges(
            IpRange::builder().cidr_ip(net.to_string()).description(&rule.description).build(),
        ),
        IpNet::V6(net) => permission.ipv6_ranges(
            Ipv6Range::builder().cidr_ipv6(net.to_string()).description(&rule.description).build(),
        ),
    }
    .build()
}
