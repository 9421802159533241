//! Spot placement scores: how likely AWS thinks it is that a region has what is asked for.

use std::collections::BTreeMap;

use super::access::Aws;
use super::error::AwsError;
use crate::fleet::{MachineType, Region};

/// The most regions of one question.
const REGIONS: usize = 10;

impl Aws {
    /// The scores of these regions for so many instances of any of these types (EC2
    /// GetSpotPlacementScores): from 1 to 10, 10 is highly likely. A region without one is left out.
    /// AWS scores fewer than three types low, and limits how many different questions a day it
    /// answers.
    pub async fn placement_scores(
        &self,
        types: &[MachineType],
        count: u32,
        regions: &[Region],
    ) -> Result<BTreeMap<Region, i32>, AwsError> {
        let mut scores = BTreeMap::new();
        let home = self.home();
        for regions in regions.chunks(REGIONS) {
            let told = home
                .patient
                .get_spot_placement_scores()
                .set_instance_types(Some(types.iter().map(ToString::to_string).collect()))
                .target_capacity(i32::try_from(count).unwrap_or(i32::MAX))
                .single_availability_zone(false)
                .set_region_names(Some(regions.iter().map(ToString::to_string).collect()))
                .send()
                .await
                .map_err(home.failed("GetSpotPlacementScores"))?;
            let told = told.spot_placement_scores().iter();
            scores.extend(told.filter_map(|it| Some((Region::from(it.region()?), it.score()?))));
        }
        Ok(scores)
    }
}
