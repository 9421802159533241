//! Internet gateways and route tables on the wire.

use super::call::Call;
use super::select::{Shown, select};
use super::tags::born_with;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::network::{Gateway, Table};
use crate::demo::world::region::RegionWorld;

impl Shown for Gateway {
    const IDS: &'static str = "InternetGatewayId";
    const MISSING: &'static str = "InvalidInternetGatewayID.NotFound";
    const NOUN: &'static str = "internetGateway ID";
    const FILTERS: &'static [&'static str] =
        &["attachment.state", "attachment.vpc-id", "internet-gateway-id"];

    fn field(&self, filter: &str) -> Vec<String> {
        let value = match filter {
            "attachment.state" => self.vpc.as_ref().map(|_| "available".to_owned()),
            "attachment.vpc-id" => self.vpc.clone(),
            _ => Some(self.id.clone()),
        };
        value.into_iter().collect()
    }
}

impl Shown for Table {
    const IDS: &'static str = "RouteTableId";
    const MISSING: &'static str = "InvalidRouteTableID.NotFound";
    const NOUN: &'static str = "routeTable ID";
    const FILTERS: &'static [&'static str] =
        &["association.main", "association.subnet-id", "route-table-id", "vpc-id"];

    fn field(&self, filter: &str) -> Vec<String> {
        match filter {
            "association.main" => vec![self.is_main().to_string()],
            "association.subnet-id" => {
                self.associations.iter().filter_map(|used| used.subnet.clone()).collect()
            }
            "vpc-id" => vec![self.vpc.clone()],
            _ => vec![self.id.clone()],
        }
    }
}

fn show_gateway(xml: &mut Xml, region: &RegionWorld, gateway: &Gateway) {
    xml.text("internetGatewayId", &gateway.id).text("ownerId", &region.laws.account);
    xml.list("attachmentSet", &gateway.vpc, |item, vpc| {
        item.text("vpcId", vpc).text("state", "available");
    });
    xml.tags(&gateway.tags);
}

fn show_table(xml: &mut Xml, region: &RegionWorld, table: &Table) {
    xml.text("routeTableId", &table.id).text("vpcId", &table.vpc);
    xml.text("ownerId", &region.laws.account);
    xml.group("routeSet", |set| {
        if let Some(vpc) = region.network.vpcs.get(&table.vpc) {
            set.group("item", |item| {
                item.text("destinationCidrBlock", vpc.cidr).text("gatewayId", "local");
                item.text("state", "active").text("origin", "CreateRouteTable");
            });
        }
        for route in &table.routes {
            let leads = region.network.gateways.get(&route.gateway);
            let leads = leads.is_some_and(|gateway| gateway.vpc.as_ref() == Some(&table.vpc));
            set.group("item", |item| {
                item.text("destinationCidrBlock", route.destination);
                item.text("gatewayId", &route.gateway);
                item.text("state", if leads { "active" } else { "blackhole" });
                item.text("origin", "CreateRoute");
            });
        }
    });
    xml.list("associationSet", &table.associations, |item, used| {
        item.text("routeTableAssociationId", &used.id).text("routeTableId", &table.id);
        item.maybe("subnetId", used.subnet.as_ref()).text("main", used.subnet.is_none());
        item.group("associationState", |state| {
            state.text("state", "associated");
        });
    });
    xml.list("propagatingVgwSet", [(); 0], |_, ()| {});
    xml.tags(&table.tags);
}

/// DescribeInternetGateways.
pub(super) fn describe_gateways(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.network.gateways.values())?;
    let mut xml = Xml::default();
    xml.list("internetGatewaySet", page.items, |item, gateway| {
        show_gateway(item, region, gateway);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// DescribeRouteTables.
pub(super) fn describe_tables(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.network.tables.values())?;
    let mut xml = Xml::default();
    xml.list("routeTableSet", page.items, |item, table| show_table(item, region, table));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// CreateInternetGateway.
pub(super) fn create_gateway(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = call.region.create_gateway(born_with(call.form, "internet-gateway")?);
    let gateway = call.region.network.gateway(&id)?.clone();
    let mut xml = Xml::default();
    xml.group("internetGateway", |it| show_gateway(it, call.region, &gateway));
    Ok(xml)
}

/// AttachInternetGateway.
pub(super) fn attach_gateway(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let (id, vpc) = (call.form.need("InternetGatewayId")?, call.form.need("VpcId")?);
    call.region.attach_gateway(id, vpc)?;
    Ok(Xml::done())
}

/// DetachInternetGateway.
pub(super) fn detach_gateway(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let (id, vpc) = (call.form.need("InternetGatewayId")?, call.form.need("VpcId")?);
    call.region.detach_gateway(id, vpc)?;
    Ok(Xml::done())
}

/// DeleteInternetGateway.
pub(super) fn delete_gateway(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_gateway(call.form.need("InternetGatewayId")?)?;
    Ok(Xml::done())
}

/// CreateRouteTable.
pub(super) fn create_table(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = born_with(call.form, "route-table")?;
    let id = call.region.create_table(call.form.need("VpcId")?, tags)?;
    let table = call.region.network.table(&id)?.clone();
    let mut xml = Xml::default();
    xml.group("routeTable", |it| show_table(it, call.region, &table));
    Ok(xml)
}

/// CreateRoute.
pub(super) fn create_route(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let table = call.form.need("RouteTableId")?;
    let (to, by) = (call.form.need("DestinationCidrBlock")?, call.form.need("GatewayId")?);
    call.region.create_route(table, to, by)?;
    Ok(Xml::done())
}

/// ReplaceRoute.
pub(super) fn replace_route(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let table = call.form.need("RouteTableId")?;
    let (to, by) = (call.form.need("DestinationCidrBlock")?, call.form.need("GatewayId")?);
    call.region.replace_route(table, to, by)?;
    Ok(Xml::done())
}

/// AssociateRouteTable.
pub(super) fn associate(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let (table, subnet) = (call.form.need("RouteTableId")?, call.form.need("SubnetId")?);
    let id = call.region.associate(table, subnet)?;
    let mut xml = Xml::default();
    xml.text("associationId", id);
    xml.group("associationState", |state| {
        state.text("state", "associated");
    });
    Ok(xml)
}

/// DisassociateRouteTable.
pub(super) fn disassociate(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.disassociate(call.form.need("AssociationId")?)?;
    Ok(Xml::done())
}

/// DeleteRouteTable.
pub(super) fn delete_table(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    call.region.delete_table(call.form.need("RouteTableId")?)?;
    Ok(Xml::done())
}
