//! EC2's own checks of our instances. Asking costs nothing.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{EbsStatusSummary, InstanceStatus, InstanceStatusSummary, SummaryStatus};

use super::access::Ec2;
use super::clock::moment;
use super::error::AwsError;
use crate::fleet::{FailedCheck, InstanceId, StatusCheck};

/// The most ids of one call (EC2 DescribeInstanceStatus, InstanceIds).
const IDS: usize = 100;

impl Ec2 {
    /// Which of these fail which of EC2's checks (EC2 DescribeInstanceStatus, by their ids: it
    /// knows no filter by tag). Those that do not run, or whose checks have only begun, fail none.
    pub async fn failed_checks(
        &self,
        ids: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Vec<FailedCheck>>, AwsError> {
        let mut failed = BTreeMap::new();
        for some in ids.chunks(IDS) {
            let told = self
                .patient
                .describe_instance_status()
                .set_instance_ids(Some(some.iter().map(ToString::to_string).collect()))
                .send()
                .await
                .map_err(self.failed("DescribeInstanceStatus"))?;
            for status in told.instance_statuses() {
                let checks = failed_of(status);
                let id = status.instance_id().filter(|_| !checks.is_empty());
                failed.extend(id.map(|id| (InstanceId::from(id), checks)));
            }
        }
        Ok(failed)
    }
}

fn failed_of(status: &InstanceStatus) -> Vec<FailedCheck> {
    let one = |check, summary: Option<&InstanceStatusSummary>| {
        let summary = summary.filter(|it| it.status() == Some(&SummaryStatus::Impaired))?;
        let since = summary.details().iter().filter_map(|it| it.impaired_since()).min();
        Some(FailedCheck { check, since: since.and_then(moment) })
    };
    let disks = |summary: &EbsStatusSummary| {
        let is_impaired = summary.status()?.as_str() == SummaryStatus::Impaired.as_str();
        let since = summary.details().iter().filter_map(|it| it.impaired_since()).min();
        let check = StatusCheck::AttachedEbs;
        is_impaired.then(|| FailedCheck { check, since: since.and_then(moment) })
    };
    let checks = [
        one(StatusCheck::System, status.system_status()),
        one(StatusCheck::Instance, status.instance_status()),
        status.attached_ebs_status().and_then(disks),
    ];
    checks.into_iter().flatten().collect()
}
