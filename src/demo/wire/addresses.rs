//! Elastic IP addresses on the wire.

use super::call::Call;
use super::select::{Shown, select};
use super::tags::born_with;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::network::ElasticIp;
use crate::demo::world::region::RegionWorld;

impl Shown for ElasticIp {
    const IDS: &'static str = "AllocationId";
    const MISSING: &'static str = "InvalidAllocationID.NotFound";
    const NOUN: &'static str = "allocation ID";
    const FILTERS: &'static [&'static str] =
        &["allocation-id", "association-id", "domain", "instance-id", "public-ip"];

    fn field(&self, filter: &str) -> Vec<String> {
        let association = self.association.iter();
        match filter {
            "association-id" => association.map(|(id, _)| id.clone()).collect(),
            "domain" => vec!["vpc".to_owned()],
            "instance-id" => association.map(|(_, instance)| instance.clone()).collect(),
            "public-ip" => vec![self.address.to_string()],
            _ => vec![self.id.clone()],
        }
    }
}

/// DescribeAddresses. It has no pages.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let named = call.form.list("PublicIp");
    let page = select(call.form, region, region.elastic_ips.values())?;
    let meant = page.items.into_iter().filter(|it| {
        named.is_empty() || named.iter().any(|address| *address == it.address.to_string())
    });
    let mut xml = Xml::default();
    xml.list("addressesSet", meant, |item, known: &ElasticIp| show(item, region, known));
    Ok(xml)
}

fn show(xml: &mut Xml, region: &RegionWorld, known: &ElasticIp) {
    xml.text("publicIp", known.address).text("allocationId", &known.id);
    xml.text("domain", "vpc").text("publicIpv4Pool", "amazon");
    xml.text("networkBorderGroup", region.place.code);
    if let Some((association, instance)) = &known.association {
        xml.text("associationId", association).text("instanceId", instance);
        if let Some(instance) = region.instances.get(instance) {
            xml.text("networkInterfaceId", &instance.interface);
            xml.text("networkInterfaceOwnerId", &region.laws.account);
            xml.text("privateIpAddress", instance.private_ip);
        }
    }
    xml.tags(&known.tags);
}

/// AllocateAddress.
pub(super) fn allocate(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = born_with(call.form, "elastic-ip")?;
    let id = call.region.allocate_address(tags)?;
    let mut xml = Xml::default();
    if let Some(known) = call.region.elastic_ips.get(&id) {
        xml.text("publicIp", known.address).text("allocationId", &known.id);
        xml.text("domain", "vpc").text("publicIpv4Pool", "amazon");
        xml.text("networkBorderGroup", call.region.place.code);
    }
    Ok(xml)
}

/// AssociateAddress: in a VPC it moves from another instance unless that is forbidden.
pub(super) fn associate(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let may_move = call.form.flag("AllowReassociation")?.unwrap_or(true);
    let (id, instance) = (call.form.need("AllocationId")?, call.form.need("InstanceId")?);
    let association = call.region.associate_address(id, instance, may_move)?;
    let mut xml = Xml::done();
    xml.text("associationId", association);
    Ok(xml)
}

/// DisassociateAddress.
pub(super) fn disassociate(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.disassociate_address(call.form.need("AssociationId")?)?;
    Ok(Xml::done())
}

/// ReleaseAddress.
pub(super) fn release(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.release_address(call.form.need("AllocationId")?)?;
    Ok(Xml::done())
}
