//! What AWS asks: the history of spot prices, and the price list.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::InstanceType;
use aws_sdk_pricing::types::{Filter, FilterType};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use serde_json::Value;

use super::access::{Aws, Ec2};
use super::clock::moment;
use super::error::AwsError;
use crate::fleet::market::{History, Quote};
use crate::fleet::{MachineType, Pool, PriceList, Region};

/// What we run: Ubuntu is sold as Linux.
const PRODUCT: &str = "Linux/UNIX";

/// How many types one question names: a filter's value has 1024 characters at the most (`Filter` of the
/// Price List API), and no type's name has more than 20.
const TYPES: usize = 48;

impl Ec2 {
    /// The spot prices of these types in all zones since then (EC2 DescribeSpotPriceHistory, all
    /// pages), with what held at the beginning. A pool that is not in it does not exist.
    pub async fn spot_prices(
        &self,
        types: &[MachineType],
        since: Timestamp,
    ) -> Result<BTreeMap<Pool, History>, AwsError> {
        let names = types.iter().map(|name| InstanceType::from(name.as_str())).collect();
        let told = self
            .patient
            .describe_spot_price_history()
            .set_instance_types(Some(names))
            .product_descriptions(PRODUCT)
            .start_time(DateTime::from_secs(since.as_second()))
            .max_results(1000)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeSpotPriceHistory"))?;
        let mut pools: BTreeMap<Pool, Vec<Quote>> = BTreeMap::new();
        for price in &told {
            let read = || {
                let pool = Pool {
                    zone: price.availability_zone()?.into(),
                    machine_type: price.instance_type()?.as_str().into(),
                };
                let since = moment(price.timestamp()?)?;
                Some((pool, Quote { since, usd: usd(price.spot_price()?)? }))
            };
            if let Some((pool, quote)) = read() {
                pools.entry(pool).or_default().push(quote);
            }
        }
        Ok(pools.into_iter().map(|(pool, quotes)| (pool, History::new(quotes))).collect())
    }
}

impl Aws {
    /// What the price list says of these types in these regions, and of addresses, storage and snapshots
    /// there (Pricing GetProducts: four questions, however many regions; three where there are no types,
    /// for AWS refuses a filter without a value). What it does not tell is not in the answer.
    pub async fn price_lists(
        &self,
        regions: &[Region],
        types: &[MachineType],
    ) -> Result<BTreeMap<Region, PriceList>, AwsError> {
        let mut lists: BTreeMap<Region, PriceList> = BTreeMap::new();
        let storage = vec![is("productFamily", "Storage"), is("volumeApiName", "gp3")];
        let addresses = vec![is("group", "VPCPublicIPv4Address")];
        let snapshots = vec![is("productFamily", "Storage Snapshot")];
        for types in types.chunks(TYPES) {
            for product in self.products("AmazonEC2", regions, machines(types)).await? {
                if let Some(name) = product.attribute("instanceType") {
                    let list = lists.entry(product.region()).or_default();
                    list.on_demand.insert(name.into(), product.usd);
                }
            }
        }
        for product in self.products("AmazonEC2", regions, storage).await? {
            lists.entry(product.region()).or_default().gp3 = Some(product.usd);
        }
        for product in self.products("AmazonEC2", regions, snapshots).await? {
            // Archives, and restores from them, are of the same family.
            if product.attribute("usagetype").is_some_and(|it| it.ends_with("EBS:SnapshotUsage")) {
                lists.entry(product.region()).or_default().snapshot = Some(product.usd);
            }
        }
        for product in self.products("AmazonVPC", regions, addresses).await? {
            if product.attribute("usagetype").is_some_and(|it| it.ends_with("InUseAddress")) {
                lists.entry(product.region()).or_default().ipv4 = Some(product.usd);
            }
        }
        Ok(lists)
    }

    /// All products of a service in these regions with an hourly or monthly price.
    async fn products(
        &self,
        service: &str,
        regions: &[Region],
        mut filters: Vec<Filter>,
    ) -> Result<Vec<Product>, AwsError> {
        let codes: Vec<&str> = regions.iter().map(Region::as_str).collect();
        filters.push(any_of("regionCode", &codes));
        let told = self
            .pricing()
            .get_products()
            .service_code(service)
            .format_version("aws_v1")
            .set_filters(Some(filters))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("GetProducts"))?;
        Ok(told.iter().filter_map(|text| Product::read(text)).collect())
    }
}

/// A product of the price list.
struct Product {
    attributes: Value,
    /// For one unit: an hour, or a GiB and month.
    usd: f64,
}

impl Product {
    /// Reads what AWS tells as JSON in a text. The first price that is not zero: free tiers are
    /// listed beside it.
    fn read(text: &str) -> Option<Self> {
        let mut told: Value = serde_json::from_str(text).ok()?;
        let usd = told["terms"]["OnDemand"]
            .as_object()?
            .values()
            .filter_map(|term| term["priceDimensions"].as_object())
            .flat_map(|dimensions| dimensions.values())
            .filter_map(|dimension| usd(dimension["pricePerUnit"]["USD"].as_str()?))
            .find(|price| *price > 0.0)?;
        Some(Self { attributes: told["product"]["attributes"].take(), usd })
    }

    /// Where it is sold; all filters name a region.
    fn region(&self) -> Region {
        self.attribute("regionCode").unwrap_or_default().into()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes[name].as_str()
    }
}

fn usd(text: &str) -> Option<f64> {
    text.parse().ok().filter(|price: &f64| price.is_finite() && *price >= 0.0)
}

/// What is asked of machines of these types.
fn machines(types: &[MachineType]) -> Vec<Filter> {
    let names: Vec<&str> = types.iter().map(MachineType::as_str).collect();
    vec![
        any_of("instanceType", &names),
        is("operatingSystem", "Linux"),
        is("preInstalledSw", "NA"),
        is("tenancy", "Shared"),
        is("capacitystatus", "Used"),
    ]
}

fn is(field: &str, value: &str) -> Filter {
    filter(FilterType::TermMatch, field, value)
}

/// `field` is one of these: at least one, for AWS refuses an empty value. AWS takes them as one text
/// with commas.
fn any_of(field: &str, values: &[&str]) -> Filter {
    match values {
        [only] => is(field, only),
        values => filter(FilterType::AnyOf, field, &values.join(",")),
    }
}

fn filter(kind: FilterType, field: &str, value: &str) -> Filter {
    #[expect(clippy::expect_used, reason = "all three required fields are set right here")]
    Filter::builder().r#type(kind).field(field).value(value).build().expect("a whole filter")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted;

    fn item(zone: &str, price: &str, at: &str) -> String {
        format!(
            "<item><instanceType>t3.medium</instanceType><productDescription>Linux/UNIX\
             </productDescription><spotPrice>{price}</spotPrice><timestamp>{at}</timestamp>\
             <availabilityZone>{zone}</availabilityZone></item>"
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_history_is_read_by_pool_and_oldest_first() {
        let (ec2, calls) = scripted::ec2(|_| {
            let items = [
                item("us-west-2a", "0.0130", "2026-11-20T08:00:00Z"),
                item("us-west-2a", "0.0125", "2026-11-19T08:00:00Z"),
                item("us-west-2b", "nonsense", "2026-11-19T08:00:00Z"),
            ];
            let name = "DescribeSpotPriceHistoryResponse";
            let set = items.concat();
            (200, format!("<{name}><spotPriceHistorySet>{set}</spotPriceHistorySet></{name}>"))
        })
        .await;
        let since = "2026-11-19T09:00:00Z".parse().unwrap();
        let told = ec2.spot_prices(&["t3.medium".into()], since).await.unwrap();
        assert_eq!(told.len(), 1, "what cannot be read is not there: {told:?}");
        let prices: Vec<f64> =
            told.values().next().unwrap().quotes().iter().map(|quote| quote.usd).collect();
        assert_eq!(prices, [0.0125, 0.0130]);
        assert_eq!(calls.lock().unwrap().len(), 1);
    }

    /// AWS refuses a filter without a value, and one that is too long.
    #[tokio::test(start_paused = true)]
    async fn no_question_has_an_empty_value_or_one_that_is_too_long() {
        let (aws, calls) = scripted::aws(|_| (200, r#"{"PriceList":[]}"#.to_owned())).await;
        let regions: [Region; 2] = ["us-west-2".into(), "eu-west-1".into()];
        let many = (0..100).map(|number| format!("u7i-{number:03}tb.224xlarge").as_str().into());
        let many: Vec<MachineType> = many.collect();
        for (types, machine_questions) in [(Vec::new(), 0), (many, 3)] {
            aws.price_lists(&regions, &types).await.unwrap();
            let asked = std::mem::take(&mut *calls.lock().unwrap());
            let about = |call: &&String| call.contains("instanceType");
            assert_eq!(asked.iter().filter(about).count(), machine_questions, "{asked:?}");
            assert_eq!(asked.len(), machine_questions + 3, "storage, snapshots and addresses");
            for call in asked {
                let told: Value = serde_json::from_str(&call).unwrap();
                for filter in told["Filters"].as_array().unwrap() {
                    let length = filter["Value"].as_str().unwrap().len();
                    assert!((1..=1024).contains(&length), "{filter}");
                }
            }
        }
    }

    #[test]
    fn a_product_has_its_price_and_not_that_of_a_free_tier() {
        let text = r#"{"product":{"attributes":{"regionCode":"us-west-2"}},"terms":{"OnDemand":
            {"A.B":{"priceDimensions":{"A.B.1":{"pricePerUnit":{"USD":"0.0000000000"}},
            "A.B.2":{"pricePerUnit":{"USD":"0.0416000000"}}}}}}}"#;
        let product = Product::read(text).unwrap();
        assert_eq!((product.attribute("regionCode"), product.usd), (Some("us-west-2"), 0.0416));
        assert!(Product::read("{}").is_none());
        assert!(Product::read("nonsense").is_none());
    }
}
