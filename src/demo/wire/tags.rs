//! Tags: those that a resource is born with, CreateTags, DeleteTags and DescribeTags.

use std::collections::BTreeMap;

use super::call::Call;
use super::form::Form;
use super::select::{Filters, Shown, cut};
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::region::RegionWorld;
use crate::demo::world::resource::{Resource, Tags};

/// AWS's limits: tags of a resource, letters of a key, letters of a value.
const LIMITS: (usize, usize, usize) = (50, 128, 256);

/// The tags that a create call gives to a kind of resource.
pub(super) fn born_with(form: &Form, kind: &str) -> Result<Tags, Refusal> {
    let mut all = specified(form, &[kind])?;
    Ok(all.remove(kind).unwrap_or_default())
}

/// The tags of a create call, by kind of resource. Only these kinds may be named.
pub(super) fn specified(form: &Form, kinds: &[&str]) -> Result<BTreeMap<String, Tags>, Refusal> {
    let mut all = BTreeMap::new();
    for item in form.items("TagSpecification") {
        let kind = item.need("ResourceType")?;
        if !kinds.contains(&kind) {
            return Err(Refusal::value(format!(
                "'{kind}' is not a valid taggable resource type for this operation."
            )));
        }
        let tags = read(&item)?;
        if all.insert(kind.to_owned(), tags).is_some() {
            let message = "The same resource type may not be specified more than once in tag \
                           specifications";
            return Err(Refusal::value(message));
        }
    }
    Ok(all)
}

fn read(form: &Form) -> Result<Tags, Refusal> {
    let (count, key_cap, value_cap) = LIMITS;
    let mut tags = Tags::new();
    for item in form.items("Tag") {
        let key = item.need("Key")?;
        let value = item.get("Value").unwrap_or_default();
        if key.starts_with("aws:") {
            let message = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(Refusal::new("InvalidTagKey.Malformed", message));
        }
        if key.chars().count() > key_cap || value.chars().count() > value_cap {
            return Err(Refusal::value(format!("Tag '{key}' is too long")));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            let message = format!("Duplicate tag key '{key}' specified.");
            return Err(Refusal::value(message));
        }
    }
    if tags.len() > count {
        return Err(Refusal::new("TagLimitExceeded", "The maximum number of Tags is 50."));
    }
    Ok(tags)
}

/// CreateTags.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let tags = read(call.form)?;
    for id in resources(call)? {
        let found = of(call.region, &id)?;
        found.extend(tags.clone());
        if found.len() > LIMITS.0 {
            return Err(Refusal::new("TagLimitExceeded", "The maximum number of Tags is 50."));
        }
    }
    Ok(Xml::done())
}

/// DeleteTags: by key, and by value where one is given; all of them where no tag is named.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let named: Vec<(String, Option<String>)> = call
        .form
        .items("Tag")
        .iter()
        .map(|item| Ok((item.need("Key")?.to_owned(), item.get("Value").map(str::to_owned))))
        .collect::<Result<_, Refusal>>()?;
    for id in resources(call)? {
        of(call.region, &id)?.retain(|key, value| {
            let meant = named
                .iter()
                .any(|(wanted, is)| wanted == key && is.as_ref().is_none_or(|is| is == value));
            !(meant || named.is_empty())
        });
    }
    Ok(Xml::done())
}

/// DescribeTags: a line for each tag of each resource.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let filters = Filters::read(call.form, &["key", "resource-id", "resource-type", "value"])?;
    let region = &*call.region;
    let mut found = Vec::new();
    for (kind, resource) in everything(region)
        .filter(|(_, resource)| region.knows(*resource) && region.lists_tags_of(*resource))
    {
        for (key, value) in resource.tags() {
            let passes = filters.pass(|name| match name.strip_prefix("tag:") {
                Some(wanted) => (wanted == key).then(|| value.clone()).into_iter().collect(),
                None => vec![match name {
                    "resource-id" => resource.id().to_owned(),
                    "resource-type" => kind.to_owned(),
                    "value" => value.clone(),
                    _ => key.clone(),
                }],
            });
            if passes {
                found.push((format!("{} {key}", resource.id()), (kind, resource.id(), key, value)));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let (found, next) = cut(call.form, found, false)?;
    let mut xml = Xml::default();
    xml.list("tagSet", found, |item, (_, (kind, id, key, value))| {
        item.text("resourceId", id).text("resourceType", kind);
        item.text("key", key).text("value", value);
    });
    xml.maybe("nextToken", next);
    Ok(xml)
}

/// All resources that have tags, with EC2's word for their kind.
fn everything(region: &RegionWorld) -> impl Iterator<Item = (&'static str, &dyn Resource)> {
    fn of<'a, T: Resource>(
        kind: &'static str,
        all: &'a BTreeMap<String, T>,
    ) -> impl Iterator<Item = (&'static str, &'a dyn Resource)> {
        all.values().map(move |resource| (kind, resource as &dyn Resource))
    }
    let network = &region.network;
    of("instance", &region.instances)
        .chain(of("spot-instances-request", &region.requests))
        .chain(of("volume", &region.volumes))
        .chain(of("snapshot", &region.snapshots))
        .chain(of("elastic-ip", &region.elastic_ips))
        .chain(of("launch-template", &region.templates))
        .chain(of("vpc", &network.vpcs))
        .chain(of("subnet", &network.subnets))
        .chain(of("internet-gateway", &network.gateways))
        .chain(of("route-table", &network.tables))
        .chain(of("security-group", &network.groups))
        .chain(of("network-interface", &network.interfaces))
        .chain(of("key-pair", &network.keys))
        .chain(of("vpc-endpoint", &network.endpoints))
}

/// The resources that are named; all of them have to be there.
fn resources(call: &mut Call<'_>) -> Result<Vec<String>, Refusal> {
    let ids = call.form.list("ResourceId");
    if ids.is_empty() {
        return Err(Refusal::missing("ResourceId"));
    }
    for id in &ids {
        of(call.region, id)?;
    }
    Ok(ids)
}

fn of<'a>(region: &'a mut RegionWorld, id: &str) -> Result<&'a mut Tags, Refusal> {
    fn tags<'a, T: Shown>(
        of: &'a mut BTreeMap<String, T>,
        id: &str,
    ) -> Result<&'a mut Tags, Refusal> {
        let found = of.values_mut().find(|resource| resource.id() == id).map(T::tags_mut);
        found.ok_or_else(|| T::missing(id))
    }
    let network = &mut region.network;
    match id.split('-').next().unwrap_or_default() {
        "i" => tags(&mut region.instances, id),
        "sir" => tags(&mut region.requests, id),
        "vol" => tags(&mut region.volumes, id),
        "snap" => tags(&mut region.snapshots, id),
        "eipalloc" => tags(&mut region.elastic_ips, id),
        "lt" => tags(&mut region.templates, id),
        "vpc" => tags(&mut network.vpcs, id),
        "subnet" => tags(&mut network.subnets, id),
        "igw" => tags(&mut network.gateways, id),
        "rtb" => tags(&mut network.tables, id),
        "sg" => tags(&mut network.groups, id),
        "eni" => tags(&mut network.interfaces, id),
        "key" => tags(&mut network.keys, id),
        _ => Err(Refusal::new("InvalidID", format!("The ID '{id}' is not valid"))),
    }
}
