//! The list `regions`.

use std::collections::{BTreeMap, HashMap};

use super::aws::{Inherited, storage};
use super::complaint::{ComplaintSink, Position, SHORTEST, quoted};
use super::fields::{Fields, Reading};
use super::keys::Section;
use super::schema::{Image, InstanceRequirements, RegionConfig, UbuntuRelease};
use super::tree::{Entry, Node, Value};
use super::values::{ValueResult, Wrong, choice, price, text, whole};
use super::{labels, shapes};
use crate::fleet::{ImageId, Lifecycle, MachineType, Region, Zone};

/// How a region is written, for hints.
const FORM: &str = "write '- us-west-2: {machine_type: t3.medium}'";

const LIFECYCLE: [(&str, Lifecycle); 3] = [
    ("spot", Lifecycle::Spot),
    ("persistent-spot", Lifecycle::PersistentSpot),
    ("on-demand", Lifecycle::OnDemand),
];

/// EC2's words, and Debian's for those who know them better.
const ARCH: [(&str, &str); 3] = [("x86_64", "x86_64"), ("arm64", "arm64"), ("amd64", "x86_64")];

/// `auto` is the newest release that `instance/` is made for.
const RELEASES: [(&str, UbuntuRelease); 3] = [
    ("auto", UbuntuRelease::Noble),
    ("ubuntu-22.04", UbuntuRelease::Jammy),
    ("ubuntu-24.04", UbuntuRelease::Noble),
];

/// The regions, and what is known about their counts.
#[derive(Default)]
pub(super) struct Regions {
    pub(super) list: Vec<RegionConfig>,
    /// Where the list stands.
    pub(super) at: Option<Position>,
    /// Whether a region, or its count, was complained about, so that sums mean nothing.
    pub(super) doubtful: bool,
}

/// Reads the list.
pub(super) fn read(
    entry: Option<&Entry>,
    inherited: &Inherited,
    sink: &mut ComplaintSink,
) -> Regions {
    let mut regions = Regions::default();
    let Some(entry) = entry.filter(|entry| !entry.node.is_null()) else {
        let at = entry.map_or(Position::START, |entry| entry.at);
        sink.add_with(at, "no 'regions': nothing says where to launch", SHORTEST);
        regions.doubtful = true;
        return regions;
    };
    regions.at = Some(entry.node.at);
    match &entry.node.value {
        Value::List(items) if !items.is_empty() => {
            let mut seen = HashMap::new();
            for item in items {
                regions.add(item, inherited, &mut seen, sink);
            }
        }
        Value::List(_) => sink.add_with(entry.node.at, "'regions' is an empty list", SHORTEST),
        _ => {
            let Wrong { found, .. } = Wrong::new(&entry.node, "");
            sink.add_with(entry.node.at, format!("'regions' must be a list, found {found}"), FORM);
        }
    }
    regions.doubtful |= regions.list.is_empty();
    regions
}

impl Regions {
    fn add<'a>(
        &mut self,
        item: &'a Node,
        inherited: &Inherited,
        seen: &mut HashMap<&'a str, Position>,
        sink: &mut ComplaintSink,
    ) {
        let Some(entry) = only_entry(item, sink) else {
            self.doubtful = true;
            return;
        };
        if let Some(first) = seen.insert(&entry.key, entry.at) {
            sink.add_with(
                entry.at,
                format!("duplicate region {}", quoted(&entry.key)),
                format!("it is already at {first}"),
            );
            self.doubtful = true;
        }
        if !shapes::is_region(&entry.key) {
            refuse_code(entry, sink);
            self.doubtful = true;
        }
        let (region, doubtful) = read_region(entry, inherited, sink);
        self.doubtful |= doubtful;
        self.list.push(region);
    }
}

/// The code and the settings of one item.
fn only_entry<'a>(item: &'a Node, sink: &mut ComplaintSink) -> Option<&'a Entry> {
    match &item.value {
        Value::Mapping(entries) => match entries.as_slice() {
            [entry] => return Some(entry),
            [first, second, ..] if first.node.is_null() => sink.add_with(
                second.at,
                format!("the settings of region {} are not indented under it", quoted(&first.key)),
                format!("begin {} further to the right than the region", quoted(&second.key)),
            ),
            _ => sink.add_with(item.at, "each of 'regions' must be one region", FORM),
        },
        Value::Scalar { text, .. } if shapes::is_region(text) => sink.add_with(
            item.at,
            format!("region '{text}' has no machine type"),
            format!("write '- {text}: {{machine_type: t3.medium}}'"),
        ),
        _ => {
            let Wrong { found, .. } = Wrong::new(item, "");
            sink.add_with(
                item.at,
                format!("each of 'regions' must be a region, found {found}"),
                FORM,
            );
        }
    }
    None
}

fn refuse_code(entry: &Entry, sink: &mut ComplaintSink) {
    let code = entry.key.as_str();
    let lower = code.to_lowercase().replace('_', "-");
    let without_letter = code.strip_suffix(|c: char| c.is_ascii_lowercase());
    let hint = if shapes::is_region(&lower) {
        Some(format!("did you mean '{lower}'?"))
    } else if let Some(region) = without_letter.filter(|region| shapes::is_region(region)) {
        let letter = &code[region.len()..];
        Some(format!("write the zone as '{region}: {{availability_zones: [{letter}]}}'"))
    } else {
        Some("a region's code looks like 'us-west-2'".into())
    };
    sink.push(entry.at, format!("{} is not a region", quoted(code)), hint);
}

/// A region by its code.
pub(super) fn region_code(node: &Node) -> ValueResult<Region> {
    text(node, "a region's code such as us-west-2", shapes::is_region).map(Region::from)
}

/// One region, and whether its count is in doubt.
fn read_region(
    entry: &Entry,
    inherited: &Inherited,
    sink: &mut ComplaintSink,
) -> (RegionConfig, bool) {
    let place = format!("in region {}", quoted(&entry.key));
    let mut fields = Fields::of(Some(&entry.node), Section::Region, &place, sink);
    let (machine_types, requirements) = read_machine_types(&mut fields, &place, sink);
    let zones = fields.read_list("availability_zones", sink, |node| zone(node, &entry.key));
    let (lifecycle, spot_price_limit) = read_payment(&mut fields, inherited, &place, sink);
    let count = fields.read("instances_per_region", sink, count);
    let doubtful = count.is_wrong();
    let image = fields.read("image", sink, image).or(Image::Ubuntu(UbuntuRelease::Noble));
    let instance_storage_gb =
        fields.read("instance_storage_gb", sink, storage).or(inherited.instance_storage_gb);
    let tags = merge_tags(&mut fields, inherited, &place, sink);
    let meant = fields.finish(sink);
    let has_body = entry.node.is_null() || matches!(entry.node.value, Value::Mapping(_));
    let is_misspelt = meant.iter().any(|key| key.starts_with("machine_type"));
    if machine_types == Reading::Absent && has_body && !is_misspelt {
        sink.add_with(
            entry.at,
            format!("region {} has no machine type", quoted(&entry.key)),
            "add 'machine_type: t3.medium'",
        );
    }
    let config = RegionConfig {
        region: Region::new(&entry.key),
        machine_types: machine_types.or(Vec::new()),
        requirements,
        availability_zones: zones.or(Vec::new()),
        image,
        lifecycle,
        instances_per_region: count.given(),
        spot_price_limit,
        instance_storage_gb,
        tags,
    };
    (config, doubtful)
}

/// How the instances are paid for, and the most to pay.
fn read_payment(
    fields: &mut Fields<'_>,
    inherited: &Inherited,
    place: &str,
    sink: &mut ComplaintSink,
) -> (Lifecycle, Option<f64>) {
    let lifecycle = fields.read("lifecycle", sink, |node| choice(node, &LIFECYCLE));
    let limit = fields.read("spot_price_limit", sink, price);
    match (lifecycle.or(Lifecycle::Spot), limit.at()) {
        (Lifecycle::OnDemand, own) => {
            if let Some(at) = own {
                sink.add_with(
                    at,
                    format!("'spot_price_limit' {place} has no meaning for on-demand instances"),
                    "leave it out",
                );
            }
            (Lifecycle::OnDemand, None)
        }
        (lifecycle, _) => (lifecycle, limit.given().or(inherited.spot_price_limit)),
    }
}

fn count(node: &Node) -> ValueResult<u32> {
    whole(node, 1..=1000, "").map_err(|wrong| {
        let is_none = wrong.found == "the number 0";
        wrong.with(is_none.then(|| "leave the region out".into()))
    })
}

/// The types by name, or what they must be.
fn read_machine_types(
    fields: &mut Fields<'_>,
    place: &str,
    sink: &mut ComplaintSink,
) -> (Reading<Vec<MachineType>>, Option<InstanceRequirements>) {
    let one = fields.read("machine_type", sink, machine_type);
    let by_need = fields.get("machine_types").filter(|it| matches!(it.value, Value::Mapping(_)));
    let (several, requirements) = match by_need {
        Some(node) => {
            let requirements = read_need(node, place, sink);
            (Reading::Given(Vec::new(), node.at), Some(requirements))
        }
        None => (fields.read_list("machine_types", sink, machine_type), None),
    };
    if let Reading::Given(list, at) = &several
        && list.is_empty()
        && requirements.is_none()
    {
        sink.add_with(
            *at,
            format!("'machine_types' {place} is an empty list"),
            "write '[t3.medium]'",
        );
        return (Reading::Wrong, None);
    }
    let types = match (one, several) {
        (Reading::Given(_, first), Reading::Given(_, second)) => {
            sink.add_with(
                first.max(second),
                format!("'machine_type' and 'machine_types' {place} exclude each other"),
                "keep the list alone",
            );
            Reading::Wrong
        }
        (Reading::Given(one, at), _) => Reading::Given(vec![one], at),
        (Reading::Wrong, _) => Reading::Wrong,
        (Reading::Absent, several) => several,
    };
    (types, requirements)
}

fn read_need(node: &Node, place: &str, sink: &mut ComplaintSink) -> InstanceRequirements {
    let place = format!("in 'machine_types' {place}");
    let mut fields = Fields::of(Some(node), Section::InstanceRequirements, &place, sink);
    let arch = fields.read_list("arch", sink, |node| choice(node, &ARCH));
    let requirements = InstanceRequirements {
        vcpus: fields.read("vcpus", sink, |node| whole(node, 1..=1024, "")).or(1),
        memory_gib: fields.read("memory_gib", sink, |node| whole(node, 1..=32768, "")).or(1),
        arch: arch.given().filter(|list| !list.is_empty()).unwrap_or_else(|| vec!["x86_64"]),
    };
    fields.finish(sink);
    requirements
}

pub(super) fn machine_type(node: &Node) -> ValueResult<MachineType> {
    text(node, "an instance type such as t3.medium", shapes::is_machine_type).map(MachineType::new)
}

pub(super) fn zone(node: &Node, region: &str) -> ValueResult<Zone> {
    let right = format!("a zone of {region}, by its letter or its full name");
    let word = text(node, &right, |text| shapes::zone_name(text, region).is_some())?;
    Ok(Zone::new(shapes::zone_name(word, region).unwrap_or_default()))
}

pub(super) fn image(node: &Node) -> ValueResult<Image> {
    if let Value::Scalar { text, .. } = &node.value
        && shapes::is_id(text, "ami")
    {
        return Ok(Image::Id(ImageId::new(text)));
    }
    choice(node, &RELEASES).map(Image::Ubuntu).map_err(|mut wrong| {
        wrong.right =
            "auto, ubuntu-22.04, ubuntu-24.04 or an id such as ami-0a1b2c3d4e5f67890".into();
        wrong
    })
}

/// The tags of `aws` and the region's own, the region's winning.
pub(super) fn merge_tags(
    fields: &mut Fields<'_>,
    inherited: &Inherited,
    place: &str,
    sink: &mut ComplaintSink,
) -> BTreeMap<String, String> {
    let own = labels::read(fields, place, sink);
    let at = own.at();
    let mut tags = inherited.tags.clone();
    tags.extend(own.or(BTreeMap::new()));
    if let Some(at) = at {
        labels::check_count(&tags, at, &format!("{place}, with those of 'aws',"), sink);
    }
    tags
}
