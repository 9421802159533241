//! What an account may run in a region, and what of it is in use.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Instance, Reservation};
use aws_sdk_servicequotas::types::ServiceQuota;

use super::access::Ec2;
use super::error::AwsError;
use super::quota::{quota_code, quota_group, quota_link};
use super::select::filter;
use crate::fleet::MachineType;

/// How many virtual processors of a group of families an account may run in a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// So many.
    pub vcpus: u32,
    /// Where it is raised.
    pub link: String,
}

impl Ec2 {
    /// The quota that a type counts against (Service Quotas GetServiceQuota); `None` where its
    /// code is not known.
    pub async fn quota(
        &self,
        machine_type: &MachineType,
        is_spot: bool,
    ) -> Result<Option<Quota>, AwsError> {
        let Some(code) = quota_code(Some(machine_type), is_spot) else { return Ok(None) };
        let answer = self
            .quotas
            .get_service_quota()
            .service_code("ec2")
            .quota_code(code)
            .send()
            .await
            .map_err(self.failed("GetServiceQuota"))?;
        let told = answer.quota().and_then(ServiceQuota::value).filter(|it| *it >= 0.0);
        // A cast of floats keeps to what the type holds.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not below zero"
        )]
        let quota = |vcpus: f64| Quota {
            vcpus: vcpus as u32,
            link: quota_link(self.region(), Some(machine_type), is_spot),
        };
        Ok(told.map(quota))
    }

    /// How many virtual processors of spot run in the account, whoever's they are, by group of
    /// families (EC2 DescribeInstances, filtered, all pages).
    pub async fn spot_vcpus(&self) -> Result<BTreeMap<Option<&'static str>, u32>, AwsError> {
        let filters = vec![
            filter("instance-lifecycle", ["spot"]),
            filter("instance-state-name", ["pending", "running"]),
        ];
        let mut used = BTreeMap::new();
        for instance in self.reservations(filters).await?.iter().flat_map(Reservation::instances) {
            if let Some(machine_type) = instance.instance_type() {
                *used.entry(quota_group(&machine_type.as_str().into())).or_insert(0) +=
                    vcpus(instance);
            }
        }
        Ok(used)
    }
}

/// The virtual processors of an instance: threads of its cores.
fn vcpus(instance: &Instance) -> u32 {
    let options = instance.cpu_options();
    let threads =
        options.and_then(|it| Some(it.core_count()?.saturating_mul(it.threads_per_core()?)));
    threads.and_then(|threads| u32::try_from(threads).ok()).unwrap_or(1)
}
