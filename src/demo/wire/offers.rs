//! What there is to choose from, on the wire: regions, zones, machine types, images.

use super::call::Call;
use super::parts::numbered;
use super::select::{Filters, cut};
use super::xml::Xml;
use crate::demo::dice::Dice;
use crate::demo::shapes::{SHAPES, Shape};
use crate::demo::world::Refusal;
use crate::demo::world::images::{CANONICAL, Image, images};
use crate::fleet::{REGION_LOCATIONS, RegionLocation};

/// DescribeRegions: those that the account may use; all of them with AllRegions.
pub(super) fn regions(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let filters = Filters::read(call.form, &["endpoint", "opt-in-status", "region-name"])?;
    let names = call.form.list("RegionName");
    if let Some(name) =
        names.iter().find(|name| !REGION_LOCATIONS.iter().any(|it| it.code == **name))
    {
        return Err(Refusal::value(format!("Invalid region provided: '{name}'")));
    }
    let all = call.form.flag("AllRegions")? == Some(true);
    let opted_in = &call.region.laws.opted_in;
    let status = |place: &RegionLocation| match place.opt_in {
        false => "opt-in-not-required",
        true if opted_in.contains(place.code) => "opted-in",
        true => "not-opted-in",
    };
    let endpoint = |place: &RegionLocation| format!("ec2.{}.amazonaws.com", place.code);
    let shown = REGION_LOCATIONS.iter().filter(|place| {
        let meant = names.is_empty() || names.iter().any(|name| name == place.code);
        let open = all || status(place) != "not-opted-in";
        meant
            && open
            && filters.pass(|name| {
                vec![match name {
                    "endpoint" => endpoint(place),
                    "opt-in-status" => status(place).to_owned(),
                    _ => place.code.to_owned(),
                }]
            })
    });
    // AWS's answer is in no order.
    let mut shown: Vec<&RegionLocation> = shown.collect();
    shown.sort_by_key(|place| Dice::named(0, place.code).throw());
    let mut xml = Xml::default();
    xml.list("regionInfo", shown, |item, place| {
        item.text("regionName", place.code).text("regionEndpoint", endpoint(place));
        item.text("optInStatus", status(place));
    });
    Ok(xml)
}

/// DescribeAvailabilityZones.
pub(super) fn zones(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let known = ["opt-in-status", "region-name", "state", "zone-id", "zone-name", "zone-type"];
    let filters = Filters::read(call.form, &known)?;
    let place = call.region.place;
    let names = call.form.list("ZoneName");
    if let Some(name) = names.iter().find(|name| !place.zones().any(|zone| zone == **name)) {
        return Err(Refusal::value(format!("Invalid availability zone: [{name}]")));
    }
    let zones = place.zones().enumerate().filter(|(index, zone)| {
        (names.is_empty() || names.contains(zone))
            && filters.pass(|name| {
                vec![match name {
                    "opt-in-status" => "opt-in-not-required".to_owned(),
                    "region-name" => place.code.to_owned(),
                    "state" => "available".to_owned(),
                    "zone-type" => "availability-zone".to_owned(),
                    "zone-id" => numbered(place, *index),
                    _ => zone.clone(),
                }]
            })
    });
    let mut xml = Xml::default();
    xml.list("availabilityZoneInfo", zones, |item, (index, zone)| {
        item.text("zoneName", zone).text("zoneState", "available");
        item.text("regionName", place.code).text("zoneId", numbered(place, index));
        item.text("zoneType", "availability-zone").text("networkBorderGroup", place.code);
        item.text("groupName", format_args!("{}-zg-1", place.code));
        item.text("groupLongName", format_args!("{} 1", place.name));
        item.text("optInStatus", "opt-in-not-required");
        item.list("messageSet", [(); 0], |_, ()| {});
    });
    Ok(xml)
}

/// DescribeInstanceTypes.
pub(super) fn types(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let filters = Filters::read(
        call.form,
        &[
            "bare-metal",
            "current-generation",
            "free-tier-eligible",
            "instance-type",
            "processor-info.supported-architecture",
            "supported-usage-class",
        ],
    )?;
    let names = call.form.list("InstanceType");
    let unknown: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| Shape::named(name).is_none()).collect();
    if !unknown.is_empty() {
        return Err(Refusal::new(
            "InvalidInstanceType",
            format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")),
        ));
    }
    let shapes = SHAPES.iter().filter(|shape| {
        (names.is_empty() || names.iter().any(|name| name == shape.name))
            && filters.pass(|name| match name {
                "bare-metal" => vec!["false".to_owned()],
                "current-generation" => vec![shape.is_nitro().to_string()],
                "free-tier-eligible" => vec![shape.is_free_tier().to_string()],
                "instance-type" => vec![shape.name.to_owned()],
                "supported-usage-class" => vec!["on-demand".to_owned(), "spot".to_owned()],
                _ => vec![shape.architecture.to_owned()],
            })
    });
    let shapes = shapes.map(|shape| (shape.name.to_owned(), shape)).collect();
    let (shapes, next) = cut(call.form, shapes, !names.is_empty())?;
    let mut xml = Xml::default();
    xml.list("instanceTypeSet", shapes, |item, (_, shape)| show_type(item, shape));
    xml.maybe("nextToken", next);
    Ok(xml)
}

fn show_type(xml: &mut Xml, shape: &Shape) {
    xml.text("instanceType", shape.name).text("currentGeneration", shape.is_nitro());
    xml.text("freeTierEligible", shape.is_free_tier());
    xml.list("supportedUsageClasses", ["on-demand", "spot"], item_text);
    xml.list("supportedRootDeviceTypes", ["ebs"], item_text);
    xml.list("supportedVirtualizationTypes", ["hvm"], item_text);
    xml.text("bareMetal", false).text("instanceStorageSupported", shape.disk_gb > 0);
    if shape.disk_gb > 0 {
        xml.group("instanceStorageInfo", |it| {
            it.text("totalSizeInGB", shape.disk_gb);
            it.list("disks", [shape.disk_gb], |disk, size| {
                disk.text("sizeInGB", size).text("count", 1).text("type", "ssd");
            });
            it.text("nvmeSupport", "required").text("encryptionSupport", "required");
        });
    }
    xml.text("burstablePerformanceSupported", shape.is_burstable());
    xml.text("hypervisor", if shape.is_nitro() { "nitro" } else { "xen" });
    xml.group("processorInfo", |it| {
        it.list("supportedArchitectures", [shape.architecture], item_text);
    });
    xml.group("vCpuInfo", |it| {
        it.text("defaultVCpus", shape.vcpus).text("defaultCores", shape.cores());
        it.text("defaultThreadsPerCore", shape.vcpus / shape.cores());
    });
    xml.group("memoryInfo", |it| {
        it.text("sizeInMiB", shape.memory_mib);
    });
}

/// `<item>text</item>`: the item is opened by the list already.
fn item_text(item: &mut Xml, text: &str) {
    item.bare(text);
}

/// DescribeInstanceTypeOfferings.
pub(super) fn offerings(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let filters = Filters::read(call.form, &["instance-type", "location"])?;
    let place = call.region.place;
    let kind = call.form.get("LocationType").unwrap_or("region");
    let locations: Vec<String> = match kind {
        "region" => vec![place.code.to_owned()],
        "availability-zone" => place.zones().collect(),
        other => {
            return Err(Refusal::value(format!("Invalid value '{other}' for LocationType.")));
        }
    };
    let mut offers = Vec::new();
    for shape in SHAPES {
        for location in locations.iter().filter(|location| shape.is_offered_in(location)) {
            let passes = filters.pass(|name| {
                vec![if name == "location" { location.clone() } else { shape.name.to_owned() }]
            });
            if passes {
                offers.push((format!("{} {location}", shape.name), (shape, location)));
            }
        }
    }
    offers.sort_by(|a, b| a.0.cmp(&b.0));
    let (offers, next) = cut(call.form, offers, false)?;
    let mut xml = Xml::default();
    xml.list("instanceTypeOfferingSet", offers, |item, (_, (shape, location))| {
        item.text("instanceType", shape.name).text("locationType", kind);
        item.text("location", location);
    });
    xml.maybe("nextToken", next);
    Ok(xml)
}

/// DescribeImages.
pub(super) fn describe_images(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let known = ["architecture", "image-id", "name", "owner-id", "root-device-type", "state"];
    let filters = Filters::read(call.form, &known)?;
    let (ids, owners) = (call.form.list("ImageId"), call.form.list("Owner"));
    let all = images(call.region.place.code);
    if let Some(id) = ids.iter().find(|id| !id.starts_with("ami-")) {
        let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
        return Err(Refusal::new("InvalidAMIID.Malformed", message));
    }
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|image| image.id == **id)) {
        let message = format!("The image id '[{id}]' does not exist");
        return Err(Refusal::new("InvalidAMIID.NotFound", message));
    }
    let shown = all.iter().filter(|image| {
        let named = ids.is_empty() || ids.contains(&image.id);
        let owned = owners.is_empty() || owners.iter().any(|owner| owner == image.owner);
        named
            && owned
            && filters.pass(|name| {
                vec![match name {
                    "architecture" => image.architecture.to_owned(),
                    "image-id" => image.id.clone(),
                    "name" => image.name.clone(),
                    "owner-id" => image.owner.to_owned(),
                    "root-device-type" => "ebs".to_owned(),
                    _ => "available".to_owned(),
                }]
            })
    });
    let mut xml = Xml::default();
    xml.list("imagesSet", shown, |item, image| {
        item.text("imageId", &image.id).text("name", &image.name);
        item.text("imageState", "available").text("imageOwnerId", image.owner);
        item.text("isPublic", true).text("architecture", image.architecture);
        item.text("imageType", "machine").text("creationDate", &image.created);
        item.text("rootDeviceType", "ebs").text("rootDeviceName", "/dev/sda1");
        item.text("virtualizationType", "hvm").text("hypervisor", "xen");
        item.text("imageLocation", format_args!("{}/{}", image.owner, image.name));
        item.text("bootMode", image.boot_mode()).text("enaSupport", true);
        item.text("sriovNetSupport", "simple");
        item.text("platformDetails", "Linux/UNIX").text("usageOperation", "RunInstances");
        item.maybe("imageOwnerAlias", (image.owner == CANONICAL).then_some("amazon"));
        item.text("deprecationTime", image.deprecated());
        item.list("blockDeviceMapping", [image], |item, image| {
            item.text("deviceName", "/dev/sda1");
            item.group("ebs", |ebs| {
                ebs.text("snapshotId", image.snapshot()).text("volumeSize", Image::GIB);
                ebs.text("deleteOnTermination", true).text("volumeType", image.volume_type());
                ebs.text("encrypted", false);
            });
        });
        let canonical = image.owner == CANONICAL;
        item.text("description", if canonical { "Canonical, Ubuntu, LTS" } else { "ubuntu" });
    });
    Ok(xml)
}
