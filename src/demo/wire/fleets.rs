//! Launch templates and instant fleets on the wire.

use super::call::Call;
use super::form::Form;
use super::order;
use super::parts::moment;
use super::select::{Shown, select_where};
use super::tags;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::order::Order;
use crate::demo::world::pace::LAUNCHED;
use crate::demo::world::region::RegionWorld;
use crate::demo::world::template::{FleetOrder, Template, missing_template, no_such_name};

impl Shown for Template {
    const IDS: &'static str = "LaunchTemplateId";
    const MISSING: &'static str = "InvalidLaunchTemplateId.NotFound";
    const NOUN: &'static str = "launch template ID";
    const FILTERS: &'static [&'static str] = &["launch-template-name"];

    fn missing(id: &str) -> Refusal {
        Refusal::new(Self::MISSING, missing_template(id))
    }

    fn field(&self, _: &str) -> Vec<String> {
        vec![self.name.clone()]
    }
}

/// CreateLaunchTemplate.
pub(super) fn create_template(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let mut tags = tags::specified(call.form, &["launch-template"])?;
    let data = call.form.part("LaunchTemplateData");
    if data.roots().next().is_none() {
        return Err(Refusal::missing("LaunchTemplateData"));
    }
    let name = call.form.need("LaunchTemplateName")?;
    let token = order::token(call.form)?;
    let tags = tags.remove("launch-template").unwrap_or_default();
    let template = call.region.create_template(name, data.into_pairs(), token.as_deref(), tags)?;
    let template = template.clone();
    let mut xml = Xml::default();
    xml.group("launchTemplate", |it| show(it, call.region, &template));
    Ok(xml)
}

/// DescribeLaunchTemplates.
pub(super) fn describe_templates(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let names = call.form.list("LaunchTemplateName");
    let is_told =
        |name: &String| region.templates.values().any(|it| it.name == *name && region.knows(it));
    if !names.iter().all(is_told) {
        return Err(no_such_name());
    }
    let is_meant = |it: &Template| names.is_empty() || names.contains(&it.name);
    let page = select_where(call.form, region, region.templates.values(), is_meant)?;
    let mut xml = Xml::default();
    xml.list("launchTemplates", page.items, |item, template| show(item, region, template));
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// DeleteLaunchTemplate.
pub(super) fn delete_template(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let id = match call.form.get("LaunchTemplateName") {
        Some(name) => call.region.template_named(name)?,
        None => call.form.need("LaunchTemplateId")?.to_owned(),
    };
    let template = call.region.delete_template(&id)?;
    let mut xml = Xml::default();
    xml.group("launchTemplate", |it| show(it, call.region, &template));
    Ok(xml)
}

fn show(xml: &mut Xml, region: &RegionWorld, template: &Template) {
    xml.text("launchTemplateId", &template.id).text("launchTemplateName", &template.name);
    xml.text("createTime", moment(template.born));
    xml.text("createdBy", region.laws.user_arn());
    xml.text("defaultVersionNumber", 1).text("latestVersionNumber", 1);
    xml.tags_if_any(&template.tags);
}

/// CreateFleet of the type `instant`, with one template and its overrides.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    if call.form.get("Type") != Some("instant") {
        return Err(Refusal::value("Only fleets of the type instant are made here."));
    }
    let configs = call.form.items("LaunchTemplateConfigs");
    let config = configs.first().ok_or_else(|| Refusal::missing("LaunchTemplateConfigs"))?;
    let id = config.need("LaunchTemplateSpecification.LaunchTemplateId")?;
    let template = call.region.template(id)?.clone();
    let places = config.items("Overrides");
    let count = "TargetCapacitySpecification.TotalTargetCapacity";
    let order = FleetOrder {
        token: order::token(call.form)?,
        digest: order::digest(call.form),
        count: call.form.value(count)?.ok_or_else(|| Refusal::missing(count))?,
        pools: places
            .iter()
            .map(|place| pool(call.form, &template, place))
            .collect::<Result<_, _>>()?,
    };
    call.spend("RunInstances instances", LAUNCHED, order.count)?;
    let fleet = call.region.create_fleet(&order)?;
    let place = |xml: &mut Xml, index: usize| {
        xml.group("launchTemplateAndOverrides", |it| show_place(it, &template, &places[index]));
        xml.text("lifecycle", "spot");
    };
    let mut xml = Xml::default();
    xml.text("fleetId", &fleet.id);
    xml.list("errorSet", fleet.refused, |item, (index, refusal)| {
        place(item, index);
        item.text("errorCode", &refusal.code).text("errorMessage", &refusal.message);
    });
    xml.list("fleetInstanceSet", fleet.given, |item, (index, ids)| {
        place(item, index);
        item.list("instanceIds", ids, |id, text| id.bare(&text));
        item.maybe("instanceType", places[index].get("InstanceType"));
    });
    Ok(xml)
}

/// What one pool is asked for: the template, with what the fleet says about the pool.
fn pool(form: &Form, template: &Template, place: &Form) -> Result<Order, Refusal> {
    let capacity = form.get("TargetCapacitySpecification.DefaultTargetCapacityType");
    let mut run = Form::of(template.data.clone());
    run.set("MinCount", "1");
    run.set("MaxCount", "1");
    let overrides = [
        ("InstanceType", "InstanceType"),
        ("ImageId", "ImageId"),
        ("SubnetId", "NetworkInterface.1.SubnetId"),
    ];
    for (name, parameter) in overrides {
        if let Some(value) = place.get(name) {
            run.set(parameter, value);
        }
    }
    if capacity == Some("spot") {
        run.set("InstanceMarketOptions.MarketType", "spot");
        if let Some(price) = place.get("MaxPrice") {
            run.set("InstanceMarketOptions.SpotOptions.MaxPrice", price);
        }
    }
    let mut order = order::read(&run)?;
    let born = tags::specified(form, &["fleet", "instance"])?;
    order.tags.extend(born.into_iter().filter(|(kind, _)| kind == "instance"));
    Ok(order)
}

fn show_place(xml: &mut Xml, template: &Template, place: &Form) {
    xml.group("launchTemplateSpecification", |it| {
        it.text("launchTemplateId", &template.id).text("version", 1);
    });
    xml.group("overrides", |it| {
        it.maybe("instanceType", place.get("InstanceType"));
        it.maybe("subnetId", place.get("SubnetId"));
        it.maybe("imageId", place.get("ImageId"));
        it.maybe("maxPrice", place.get("MaxPrice"));
    });
}
