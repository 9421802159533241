//! VPCs and subnets on the wire.

use jiff::SignedDuration;

use super::call::Call;
use super::parts::{kin, zone_id};
use super::select::{Shown, select};
use super::tags::born_with;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::network::{Subnet, Vpc};
use crate::demo::world::region::RegionWorld;

impl Shown for Vpc {
    const IDS: &'static str = "VpcId";
    const MISSING: &'static str = "InvalidVpcID.NotFound";
    const NOUN: &'static str = "vpc ID";
    const FILTERS: &'static [&'static str] =
        &["cidr", "cidr-block", "is-default", "isDefault", "state", "vpc-id"];

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "cidr" | "cidr-block" => self.cidr.to_string(),
            "is-default" | "isDefault" => self.is_default.to_string(),
            "state" => "available".to_owned(),
            _ => self.id.clone(),
        }]
    }
}

impl Shown for Subnet {
    const IDS: &'static str = "SubnetId";
    const MISSING: &'static str = "InvalidSubnetID.NotFound";
    const NOUN: &'static str = "subnet ID";
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "cidr-block",
        "default-for-az",
        "map-public-ip-on-launch",
        "state",
        "subnet-id",
        "vpc-id",
    ];

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "availability-zone" => self.zone.clone(),
            "cidr-block" => self.cidr.to_string(),
            "default-for-az" => self.is_default.to_string(),
            "map-public-ip-on-launch" => self.maps_public_ip.to_string(),
            "state" => "available".to_owned(),
            "vpc-id" => self.vpc.clone(),
            _ => self.id.clone(),
        }]
    }
}

/// How long a new VPC is `pending`.
const NEWBORN: SignedDuration = SignedDuration::from_secs(1);

fn show_vpc(xml: &mut Xml, region: &RegionWorld, vpc: &Vpc) {
    let is_newborn = region.now.duration_since(vpc.born) < NEWBORN;
    xml.text("vpcId", &vpc.id).text("ownerId", &region.laws.account);
    xml.text("state", if is_newborn { "pending" } else { "available" });
    xml.text("cidrBlock", vpc.cidr).text("dhcpOptionsId", kin(&vpc.id, "dopt"));
    xml.list("cidrBlockAssociationSet", [vpc.cidr], |item, cidr| {
        item.text("associationId", kin(&vpc.id, "vpc-cidr-assoc")).text("cidrBlock", cidr);
        item.group("cidrBlockState", |state| {
            state.text("state", "associated");
        });
    });
    xml.text("instanceTenancy", "default").text("isDefault", vpc.is_default).tags(&vpc.tags);
}

fn show_subnet(xml: &mut Xml, region: &RegionWorld, subnet: &Subnet) {
    let used = region.network.interfaces.values().filter(|it| it.subnet == subnet.id).count();
    let size = 1_usize << (32 - u32::from(subnet.cidr.prefix_len()));
    xml.text("subnetId", &subnet.id).text("state", "available").text("vpcId", &subnet.vpc);
    xml.text("cidrBlock", subnet.cidr);
    xml.text("availableIpAddressCount", size.saturating_sub(5 + used));
    xml.text("availabilityZone", &subnet.zone).text("defaultForAz", subnet.is_default);
    xml.text("mapPublicIpOnLaunch", subnet.maps_public_ip);
    let (place, account) = (region.place, &region.laws.account);
    xml.maybe("availabilityZoneId", zone_id(place, &subnet.zone)).text("ownerId", account);
    let arn = format_args!("arn:aws:ec2:{}:{account}:subnet/{}", place.code, subnet.id);
    xml.text("subnetArn", arn);
    xml.text("assignIpv6AddressOnCreation", false).text("ipv6Native", false);
    xml.text("mapCustomerOwnedIpOnLaunch", false).text("enableDns64", false);
    xml.list("ipv6CidrBlockAssociationSet", [(); 0], |_, ()| {});
    xml.group("privateDnsNameOptionsOnLaunch", |names| {
        names.text("hostnameType", "ip-name").text("enableResourceNameDnsARecord", false);
        names.text("enableResourceNameDnsAAAARecord", false);
    });
    xml.tags(&subnet.tags);
}

/// DescribeVpcs.
pub(super) fn describe_vpcs(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.network.vpcs.values())?;
    let mut xml = Xml::default();
    xml.list("vpcSet", page.items, |item, vpc| show_vpc(item, region, vpc));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// DescribeSubnets.
pub(super) fn describe_subnets(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.network.subnets.values())?;
    let mut xml = Xml::default();
    xml.list("subnetSet", page.items, |item, subnet| show_subnet(item, region, subnet));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// DescribeVpcAttribute.
pub(super) fn describe_attribute(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let (id, attribute) = (call.form.need("VpcId")?, call.form.need("Attribute")?);
    let vpc = call.region.network.vpcs.get(id).filter(|vpc| call.region.knows(*vpc));
    let vpc = vpc.ok_or_else(|| Refusal::no_such(Vpc::MISSING, Vpc::NOUN, id))?;
    let value = match attribute {
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableDnsSupport" => vpc.dns_support,
        other => {
            let message = format!("Value ({other}) for parameter attribute is invalid.");
            return Err(Refusal::value(message));
        }
    };
    let mut xml = Xml::default();
    xml.text("vpcId", id).group(attribute, |it| {
        it.text("value", value);
    });
    Ok(xml)
}

/// ModifyVpcAttribute: one attribute a call.
pub(super) fn modify_vpc(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let hostnames = call.form.flag("EnableDnsHostnames.Value")?;
    let support = call.form.flag("EnableDnsSupport.Value")?;
    let vpc = call.region.network.vpc(call.form.need("VpcId")?)?;
    match (hostnames, support) {
        (Some(value), None) => vpc.dns_hostnames = value,
        (None, Some(value)) => vpc.dns_support = value,
        (None, None) => return Err(Refusal::missing("enableDnsHostnames")),
        (Some(_), Some(_)) => {
            let message = "Fields for multiple attribute types specified";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
    }
    Ok(Xml::done())
}

/// ModifySubnetAttribute.
pub(super) fn modify_subnet(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let maps = call.form.flag("MapPublicIpOnLaunch.Value")?;
    let subnet = call.region.network.subnet(call.form.need("SubnetId")?)?;
    subnet.maps_public_ip = maps.ok_or_else(|| Refusal::missing("mapPublicIpOnLaunch"))?;
    Ok(Xml::done())
}

/// CreateVpc.
pub(super) fn create_vpc(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = born_with(call.form, "vpc")?;
    let id = call.region.create_vpc(call.form.need("CidrBlock")?, tags)?;
    let vpc = call.region.network.vpc(&id)?.clone();
    let mut xml = Xml::default();
    xml.group("vpc", |it| {
        show_vpc(it, call.region, &vpc);
        it.list("ipv6CidrBlockAssociationSet", [(); 0], |_, ()| {});
    });
    Ok(xml)
}

/// CreateSubnet.
pub(super) fn create_subnet(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = born_with(call.form, "subnet")?;
    let (vpc, block) = (call.form.need("VpcId")?, call.form.need("CidrBlock")?);
    let zone = call.form.get("AvailabilityZone");
    let id = call.region.create_subnet(vpc, zone, block, tags)?;
    let subnet = call.region.network.subnet(&id)?.clone();
    let mut xml = Xml::default();
    xml.group("subnet", |it| show_subnet(it, call.region, &subnet));
    Ok(xml)
}

/// DeleteVpc.
pub(super) fn delete_vpc(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_vpc(call.form.need("VpcId")?)?;
    Ok(Xml::done())
}

/// DeleteSubnet.
pub(super) fn delete_subnet(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_subnet(call.form.need("SubnetId")?)?;
    Ok(Xml::done())
}
