//! What follows from a configuration: how many instances go where.

use std::collections::BTreeMap;

use super::schema::{Config, MachineConfig, RegionConfig};
use crate::fleet::tags::{FALLBACK_FOR, SPOT};
use crate::fleet::{Lifecycle, Region};

impl Config {
    /// How many instances each region gets, with every region of the file in it.
    ///
    /// A region with `instances_per_region` gets that. The rest of `total_instances` is spread
    /// evenly over the others, the remainder to the first ones in the order of the file: 7 over
    /// 3 regions are 3, 2 and 2.
    pub fn spread(&self) -> BTreeMap<Region, u32> {
        let fixed: u32 = self.regions.iter().filter_map(|region| region.instances_per_region).sum();
        let rest = self.aws.total_instances.saturating_sub(fixed);
        let mut sharers = self
            .regions
            .iter()
            .map(|region| u32::from(region.instances_per_region.is_none()))
            .sum();
        let mut left = rest;
        let mut counts = BTreeMap::new();
        for region in &self.regions {
            let count = region.instances_per_region.unwrap_or_else(|| {
                let share = left.div_ceil(sharers);
                left -= share;
                sharers -= 1;
                share
            });
            counts.insert(region.region.clone(), count);
        }
        counts
    }

    /// The same with all that is spot on demand: what is launched where spot is refused, and what that
    /// costs. It carries a tag that says so.
    #[must_use]
    pub fn on_demand(&self) -> Self {
        let mut config = self.clone();
        for region in config.regions.iter_mut().filter(|it| it.lifecycle == Lifecycle::Spot) {
            (region.lifecycle, region.spot_price_limit) = (Lifecycle::OnDemand, None);
            region.tags.insert(FALLBACK_FOR.into(), SPOT.into());
        }
        config
    }

    /// What the file says about the machine of this name.
    pub fn machine(&self, name: &str) -> Option<&MachineConfig> {
        self.machines.iter().find(|machine| machine.name == name)
    }

    /// Whether the file names this region, for instances or for a machine.
    pub fn names(&self, region: &Region) -> bool {
        let mut machines = self.machines.iter();
        self.region(region).is_some() || machines.any(|it| it.place.region == *region)
    }

    /// What the file says about a region.
    pub fn region(&self, region: &Region) -> Option<&RegionConfig> {
        self.regions.iter().find(|config| config.region == *region)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    fn spread(total: &str, regions: &str) -> Vec<(String, u32)> {
        let text = format!("aws: {{total_instances: {total}}}\nregions:\n{regions}");
        let config = parse("config.yaml", &text).unwrap();
        let in_file_order = config.regions.iter().map(|region| &region.region);
        let counts = config.spread();
        assert_eq!(counts.values().sum::<u32>(), config.aws.total_instances);
        in_file_order.map(|region| (region.to_string(), counts[region])).collect()
    }

    fn region(code: &str, count: &str) -> String {
        format!("  - {code}: {{machine_type: t3.medium, instances_per_region: {count}}}\n")
    }

    fn shares(total: &str, counts: [&str; 3]) -> Vec<u32> {
        let codes = ["us-west-2", "eu-west-1", "ap-south-1"];
        let regions: String =
            codes.iter().zip(counts).map(|(code, count)| region(code, count)).collect();
        spread(total, &regions).into_iter().map(|(_, count)| count).collect()
    }

    #[test]
    fn the_remainder_goes_to_the_first_in_file_order() {
        assert_eq!(shares("7", ["~", "~", "~"]), [3, 2, 2]);
        assert_eq!(shares("8", ["~", "~", "~"]), [3, 3, 2]);
        assert_eq!(shares("2", ["~", "~", "~"]), [1, 1, 0]);
        assert_eq!(shares("0", ["~", "~", "~"]), [0, 0, 0]);
    }

    #[test]
    fn counts_of_their_own_are_taken_first() {
        assert_eq!(shares("7", ["~", "4", "~"]), [2, 4, 1]);
        assert_eq!(shares("4", ["~", "4", "~"]), [0, 4, 0]);
        assert_eq!(shares("9", ["2", "4", "3"]), [2, 4, 3]);
    }

    #[test]
    fn without_a_total_it_is_one_a_region() {
        assert_eq!(shares("~", ["~", "4", "~"]), [1, 4, 1]);
    }
}
