//! EC2 Capacity Manager, where the account has it on: how many hours its spot instances ran, and how
//! many of them AWS took back. It is switched on by whoever owns the account, in one region, into which
//! the figures of all flow, free of charge; here it is only read.

use std::collections::BTreeMap;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::{CapacityManagerStatus, GroupBy, Metric, MetricDataResult};
use jiff::Timestamp;

use super::access::Aws;
use super::error::AwsError;
use crate::fleet::{MachineType, Record, Region};

/// A day, in seconds: what the values are summed over, at AWS.
const DAY: i32 = 24 * 3600;
/// How many days are asked for: what the Spot Advisor's bands tell of, too.
const DAYS: i64 = 30;
/// The most values of one answer (EC2 API Reference, GetCapacityManagerMetricData).
const VALUES: i32 = 100_000;
/// The most answers that are asked for: three million values are no account's that asks this program.
const PAGES: usize = 30;

/// What it tells of each type in each region.
pub type AccountRecords = BTreeMap<Region, BTreeMap<MachineType, Record>>;

impl Aws {
    /// What Capacity Manager tells of the account's spot instances in the thirty days before that of
    /// `now` (UTC); asked in the region where it is on. `None` where it is not on there.
    ///
    /// # Errors
    /// Whatever EC2 answers GetCapacityManagerAttributes and GetCapacityManagerMetricData with.
    pub async fn account_records(
        &self,
        region: &Region,
        now: Timestamp,
    ) -> Result<Option<AccountRecords>, AwsError> {
        let ec2 = self.region(region);
        let attributes = ec2.patient.get_capacity_manager_attributes().send().await;
        let attributes = attributes.map_err(ec2.failed("GetCapacityManagerAttributes"))?;
        if attributes.capacity_manager_status() != Some(&CapacityManagerStatus::Enabled) {
            return Ok(None);
        }
        // Whole days, so that the span is a multiple of the period.
        let end = now.as_second().div_euclid(DAY.into()) * i64::from(DAY);
        let begin = end - DAYS * i64::from(DAY);
        let asked = ec2
            .patient
            .get_capacity_manager_metric_data()
            .metric_names(Metric::SpotTotalUsageHrsInst)
            .metric_names(Metric::SpotTotalInterruptionsInst)
            .group_by(GroupBy::ResourceRegion)
            .group_by(GroupBy::InstanceType)
            .start_time(DateTime::from_secs(begin))
            .end_time(DateTime::from_secs(end))
            .period(DAY)
            .max_results(VALUES);
        let (mut records, mut next) = (AccountRecords::new(), None);
        for _ in 0..PAGES {
            let page = asked.clone().set_next_token(next).send().await;
            let page = page.map_err(ec2.failed("GetCapacityManagerMetricData"))?;
            page.metric_data_results().iter().for_each(|result| add(&mut records, result));
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(Some(records))
    }
}

/// Adds what it tells of a day. What names no type or no region is passed over.
fn add(records: &mut AccountRecords, result: &MetricDataResult) {
    let place = result.dimension().and_then(|it| it.resource_region().zip(it.instance_type()));
    let Some((region, machine_type)) = place else { return };
    let types = records.entry(region.into()).or_default();
    let record = types.entry(machine_type.into()).or_default();
    for told in result.metric_values() {
        // Sums are never negative; what is no number is none.
        let Some(value) = told.value().filter(|value| value.is_finite() && *value >= 0.0) else {
            continue;
        };
        match told.metric() {
            Some(Metric::SpotTotalUsageHrsInst) => record.hours += value,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            Some(Metric::SpotTotalInterruptionsInst) => {
                record.interruptions = record.interruptions.saturating_add(value.round() as u32);
            }
            _ => {}
        }
    }
}
