//! The price list (AWSPriceListService), as far as anybody here asks it: GetProducts.

use serde_json::{Value, json};

use super::message::Answer;
use super::services::json_answer;
use crate::demo::shapes::SHAPES;
use crate::demo::world::{Refusal, State};
use crate::fleet::REGION_LOCATIONS;

/// The most products of one page.
const PAGE: usize = 100;

/// Answers a call.
pub(super) fn answer(state: &State, action: &str, body: &[u8], request_id: &str) -> Answer {
    let asked = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let answered = match action {
        "GetProducts" => products(state, &asked),
        _ => Err(Refusal::new("UnknownOperationException", "")),
    };
    json_answer(answered, request_id)
}

fn products(state: &State, asked: &Value) -> Result<Value, Refusal> {
    let service = asked["ServiceCode"].as_str().unwrap_or_default();
    let filters = asked["Filters"].as_array().map(Vec::as_slice).unwrap_or_default();
    // `Filter` of the Price List API: a field and a value have one character at the least.
    let is_empty = |filter: &Value| {
        ["Field", "Value"].iter().any(|part| filter[part].as_str().is_none_or(str::is_empty))
    };
    if filters.iter().any(is_empty) {
        let why = "Value '' at 'filters.1.member.value' failed to satisfy constraint: Member must have \
                   length greater than or equal to 1";
        return Err(Refusal::new("ValidationException", why));
    }
    let all = match service {
        "AmazonEC2" => {
            machines(state).chain(storage(state)).chain(snapshots(state)).collect::<Vec<_>>()
        }
        "AmazonVPC" => addresses(state).collect(),
        _ => return Err(Refusal::new("InvalidParameterException", "Unknown service code")),
    };
    let found = all.into_iter().filter(|product| {
        filters.iter().all(|filter| passes(filter, &product["product"]["attributes"]))
    });
    let from = asked["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
    let mut page: Vec<String> = found.skip(from).take(PAGE + 1).map(|it| it.to_string()).collect();
    let next = (page.len() > PAGE).then(|| (from + PAGE).to_string());
    page.truncate(PAGE);
    Ok(json!({ "FormatVersion": "aws_v1", "PriceList": page, "NextToken": next }))
}

fn passes(filter: &Value, attributes: &Value) -> bool {
    let field = filter["Field"].as_str().unwrap_or_default();
    let wanted = filter["Value"].as_str().unwrap_or_default();
    let Some(has) = attributes[field].as_str() else { return false };
    match filter["Type"].as_str() {
        Some("ANY_OF") => wanted.split(',').any(|wanted| wanted == has),
        _ => wanted == has,
    }
}

fn machines(state: &State) -> impl Iterator<Item = Value> {
    REGION_LOCATIONS
        .iter()
        .flat_map(|place| SHAPES.iter().map(move |shape| (place, shape)))
        .filter_map(|(place, shape)| {
            let usd = state.regions.get(place.code)?.on_demand(shape);
            let attributes = json!({
                "capacitystatus": "Used",
                "instanceType": shape.name,
                "operatingSystem": "Linux",
                "preInstalledSw": "NA",
                "regionCode": place.code,
                "tenancy": "Shared",
                "vcpu": shape.vcpus.to_string(),
            });
            Some(product(&attributes, "Compute Instance", usd))
        })
}

fn storage(state: &State) -> impl Iterator<Item = Value> {
    let usd = state.laws.scenario.list_prices.gp3_usd;
    REGION_LOCATIONS.iter().map(move |place| {
        let attributes = json!({
            "productFamily": "Storage",
            "regionCode": place.code,
            "volumeApiName": "gp3",
        });
        product(&attributes, "Storage", usd)
    })
}

/// What is archived, at another price, is of the same family.
fn snapshots(state: &State) -> impl Iterator<Item = Value> {
    let usd = state.laws.scenario.list_prices.snapshot_usd;
    REGION_LOCATIONS.iter().flat_map(move |place| {
        [("EBS:SnapshotArchiveStorage", usd / 4.0), ("EBS:SnapshotUsage", usd)].map(
            |(usage, usd)| {
                let attributes = json!({
                    "productFamily": "Storage Snapshot",
                    "regionCode": place.code,
                    "storageMedia": "Amazon S3",
                    "usagetype": usage,
                });
                product(&attributes, "Storage Snapshot", usd)
            },
        )
    })
}

fn addresses(state: &State) -> impl Iterator<Item = Value> {
    let in_use = state.laws.scenario.list_prices.ipv4_usd;
    REGION_LOCATIONS.iter().flat_map(move |place| {
        [("PublicIPv4:InUseAddress", in_use), ("PublicIPv4:IdleAddress", in_use)].map(
            |(usage, usd)| {
                let attributes = json!({
                    "group": "VPCPublicIPv4Address",
                    "regionCode": place.code,
                    "usagetype": usage,
                });
                product(&attributes, "VpcPublicIPv4Address", usd)
            },
        )
    })
}

/// A product as AWS writes it, with one price on demand.
fn product(attributes: &Value, family: &str, usd: f64) -> Value {
    json!({
        "product": { "attributes": attributes, "productFamily": family, "sku": "DEMO" },
        "terms": { "OnDemand": { "DEMO.T": { "priceDimensions": { "DEMO.T.D": {
            "pricePerUnit": { "USD": format!("{usd:.10}") },
        } } } } },
        "serviceCode": "AmazonEC2",
    })
}
