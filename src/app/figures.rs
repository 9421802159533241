//! What of the fleet is published to CloudWatch, where the configuration asks for it: few figures a
//! region, for each is charged by the month, and none of a single instance.

use std::collections::{BTreeMap, BTreeSet};

use super::Model;
use crate::fleet::cloudwatch::Figure;
use crate::fleet::{Amount, Phase, Region};

/// The figures of each region that is configured or has something in it. A cost of which some is not
/// known is none.
pub fn figures(model: &Model) -> BTreeMap<Region, Vec<Figure>> {
    let configured = model.config.iter().flat_map(|config| &config.regions);
    let mut regions: BTreeSet<&Region> = configured.map(|it| &it.region).collect();
    regions.extend(model.fleet.alive().map(|row| &row.region));
    let of = |region: &Region| -> Vec<Figure> {
        let rows = || model.fleet.alive().filter(|row| row.region == *region);
        let ready = rows().filter(|row| row.phase == Phase::Ready);
        let wanted = model.upkeep.wanted(region);
        let hourly: Amount = rows().map(|row| row.cost.hourly).sum();
        let figures = [
            Some(Figure::count("Instances", rows().count())),
            Some(Figure::count("InstancesReady", ready.count())),
            wanted.map(|wanted| Figure {
                name: "InstancesWanted",
                unit: "Count",
                value: wanted.into(),
            }),
            (!hourly.is_partial).then_some(Figure {
                name: "UsdPerHour",
                unit: "None",
                value: hourly.usd,
            }),
        ];
        figures.into_iter().flatten().collect()
    };
    regions.into_iter().map(|region| (region.clone(), of(region))).collect()
}
