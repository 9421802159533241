//! VPC endpoints on the wire: those that AWS puts into a VPC by itself.

use super::call::Call;
use super::parts::moment;
use super::select::{Shown, select};
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::network::Endpoint;

impl Shown for Endpoint {
    const IDS: &'static str = "VpcEndpointId";
    const MISSING: &'static str = "InvalidVpcEndpointId.NotFound";
    const NOUN: &'static str = "Vpc Endpoint Id";
    const FILTERS: &'static [&'static str] =
        &["service-name", "vpc-endpoint-id", "vpc-endpoint-state", "vpc-endpoint-type", "vpc-id"];

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "service-name" => self.service.clone(),
            "vpc-endpoint-state" => "available".to_owned(),
            "vpc-endpoint-type" => "Interface".to_owned(),
            "vpc-id" => self.vpc.clone(),
            _ => self.id.clone(),
        }]
    }
}

/// DescribeVpcEndpoints.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.network.endpoints.values())?;
    let mut xml = Xml::default();
    xml.list("vpcEndpointSet", page.items, |item, endpoint: &Endpoint| {
        item.text("vpcEndpointId", &endpoint.id).text("vpcEndpointType", "Interface");
        item.text("vpcId", &endpoint.vpc).text("serviceName", &endpoint.service);
        item.text("state", "available").text("ownerId", &region.laws.account);
        item.text("privateDnsEnabled", true).text("requesterManaged", false);
        item.list("subnetIdSet", [&endpoint.subnet], |item, id| item.bare(id));
        item.list("groupSet", [&endpoint.group], |item, id| {
            super::parts::show_group(item, region, id);
        });
        item.list("networkInterfaceIdSet", [&endpoint.interface], |item, id| item.bare(id));
        item.text("creationTimestamp", moment(endpoint.born)).tags(&endpoint.tags);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// DeleteVpcEndpoints: what is not there is told of in an answer that is a success otherwise.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let ids = call.form.list("VpcEndpointId");
    if ids.is_empty() {
        return Err(Refusal::missing("VpcEndpointId"));
    }
    let missing = call.region.delete_endpoints(&ids);
    let mut xml = Xml::default();
    xml.list("unsuccessful", missing, |item, id| {
        let refusal = Endpoint::missing(&id);
        item.text("resourceId", &id).group("error", |error| {
            error.text("code", &refusal.code).text("message", &refusal.message);
        });
    });
    Ok(xml)
}
