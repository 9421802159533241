//! Spot requests and prices on the wire.

use jiff::Timestamp;

use super::call::Call;
use super::parts::{moment, show_group};
use super::select::{Filters, Shown, cut, select};
use super::xml::Xml;
use crate::demo::dice::Dice;
use crate::demo::shapes::{SHAPES, Shape};
use crate::demo::world::Refusal;
use crate::demo::world::spot::{SpotRequest, status_message};

/// What prices are quoted for.
const PRODUCT: &str = "Linux/UNIX";

impl Shown for SpotRequest {
    const IDS: &'static str = "SpotInstanceRequestId";
    const MISSING: &'static str = "InvalidSpotInstanceRequestID.NotFound";
    const NOUN: &'static str = "spot instance request ID";
    const FILTERS: &'static [&'static str] = &[
        "instance-id",
        "launched-availability-zone",
        "spot-instance-request-id",
        "state",
        "status-code",
        "type",
    ];

    fn field(&self, filter: &str) -> Vec<String> {
        let value = match filter {
            "instance-id" => self.instance.clone(),
            "launched-availability-zone" => Some(self.zone.clone()),
            "spot-instance-request-id" => Some(self.id.clone()),
            "state" => Some(self.state.to_owned()),
            "status-code" => Some(self.status.to_owned()),
            "type" => Some(kind(self).to_owned()),
            _ => None,
        };
        value.into_iter().collect()
    }
}

fn kind(request: &SpotRequest) -> &'static str {
    if request.again.is_some() { "persistent" } else { "one-time" }
}

/// DescribeSpotInstanceRequests.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let region = &*call.region;
    let page = select(call.form, region, region.requests.values())?;
    let mut xml = Xml::default();
    xml.list("spotInstanceRequestSet", page.items, |item, request: &SpotRequest| {
        item.text("spotInstanceRequestId", &request.id);
        item.text("spotPrice", format_args!("{:.6}", request.max_price));
        item.text("type", kind(request)).text("state", request.state);
        item.group("status", |status| {
            status.text("code", request.status);
            status.text("updateTime", moment(request.updated));
            status.text("message", status_message(request.status));
        });
        item.group("launchSpecification", |launch| {
            launch.text("imageId", &request.image).text("instanceType", request.machine_type);
            launch.list("groupSet", &request.groups, |item, id| show_group(item, region, id));
            launch.group("placement", |it| {
                it.text("availabilityZone", &request.zone);
            });
            launch.text("subnetId", &request.subnet);
            launch.group("monitoring", |it| {
                it.text("enabled", false);
            });
        });
        item.maybe("instanceId", request.instance.as_ref());
        item.text("createTime", moment(request.born));
        item.text("productDescription", PRODUCT);
        item.text("launchedAvailabilityZone", &request.zone);
        item.text("validUntil", moment(request.valid_until));
        item.text("instanceInterruptionBehavior", request.behaviour.word());
        item.tags(&request.tags);
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// GetSpotPlacementScores. A score is drawn for each region and seed; it does not look at the room
/// that a scenario leaves.
pub(super) fn scores(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    if call.form.list("InstanceType").is_empty() {
        return Err(Refusal::missing("InstanceType"));
    }
    let regions = call.form.list("RegionName");
    if regions.len() > 10 {
        return Err(Refusal::value("At most 10 regions may be specified."));
    }
    let seed = call.region.laws.seed;
    let mut xml = Xml::default();
    xml.list("spotPlacementScoreSet", regions, |item, region| {
        let part = Dice::named(seed, &format!("{region} score")).part();
        item.text("region", region).text("score", (1.0 + 9.0 * part).round());
    });
    Ok(xml)
}

/// CancelSpotInstanceRequests.
pub(super) fn cancel(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let ids = call.form.list("SpotInstanceRequestId");
    if ids.is_empty() {
        return Err(Refusal::missing("SpotInstanceRequestId"));
    }
    call.region.cancel(&ids)?;
    let region = &*call.region;
    let mut xml = Xml::default();
    xml.list("spotInstanceRequestSet", &ids, |item, id| {
        item.text("spotInstanceRequestId", id);
        item.maybe("state", region.requests.get(id).map(|request| request.state));
    });
    Ok(xml)
}

/// DescribeSpotPriceHistory: the newest first, and for each pool one that was good at the start.
pub(super) fn prices(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    const FILTERS: [&str; 4] =
        ["availability-zone", "instance-type", "product-description", "spot-price"];
    let (form, region) = (call.form, &*call.region);
    let filters = Filters::read(form, &FILTERS)?;
    let wanted = form.list("InstanceType");
    let products = form.list("ProductDescription");
    let zone = form.get("AvailabilityZone");
    let to = form.value::<Timestamp>("EndTime")?.unwrap_or(region.now).min(region.now);
    let from = form.value::<Timestamp>("StartTime")?.unwrap_or(to).min(to);
    let mut found: Vec<(String, (&Shape, String, Timestamp))> = Vec::new();
    let sold = products.is_empty() || products.iter().any(|product| product == PRODUCT);
    let shapes = SHAPES.iter().filter(|shape| {
        sold && (wanted.is_empty() || wanted.iter().any(|name| name == shape.name))
    });
    for shape in shapes {
        let zones = region.place.zones().filter(|it| shape.is_offered_in(it));
        for zone in zones.filter(|it| zone.is_none_or(|wanted| wanted == it)) {
            let passes = filters.pass(|name| match name {
                "availability-zone" => vec![zone.clone()],
                "instance-type" => vec![shape.name.to_owned()],
                "product-description" => vec![PRODUCT.to_owned()],
                _ => Vec::new(),
            });
            if !passes {
                continue;
            }
            for at in region.changes(shape, &zone, from, to) {
                // The newest first, as text that sorts.
                let rank = format!("{:020} {} {zone}", i64::MAX - at.as_second(), shape.name);
                found.push((rank, (shape, zone.clone(), at)));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let (found, next) = cut(form, found, false)?;
    let mut xml = Xml::default();
    xml.list("spotPriceHistorySet", found, |item, (_, (shape, zone, at))| {
        item.text("instanceType", shape.name).text("productDescription", PRODUCT);
        item.text("spotPrice", format_args!("{:.6}", region.price(shape, &zone, at)));
        item.text("timestamp", moment(at)).text("availabilityZone", zone);
    });
    xml.text("nextToken", next.unwrap_or_default());
    Ok(xml)
}
