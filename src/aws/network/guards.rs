//! What GuardDuty puts into a VPC by itself where Runtime Monitoring is on: an endpoint and its
//! security group. Both hold the VPC and are nobody's to delete but its owner's.

use aws_sdk_ec2::types as ec2;

use super::find::all_pages;
use super::parts::Group;
use crate::aws::access::Ec2;
use crate::aws::error::AwsError;
use crate::aws::select::filter;
use crate::fleet::VpcId;

impl Ec2 {
    /// The endpoints in a VPC by which GuardDuty watches what runs there; AWS puts them there by
    /// itself where Runtime Monitoring is on, with a security group.
    pub(super) async fn guard_endpoints(&self, vpc: &VpcId) -> Result<Vec<String>, AwsError> {
        let call = self.patient.describe_vpc_endpoints().filters(filter("vpc-id", [vpc.as_str()]));
        let found: Vec<ec2::VpcEndpoint> = all_pages!(self, "DescribeVpcEndpoints", call)?;
        let guards = found.iter().filter(|endpoint| {
            endpoint.service_name().is_some_and(|name| name.ends_with(".guardduty-data"))
        });
        Ok(guards.filter_map(|it| it.vpc_endpoint_id()).map(str::to_owned).collect())
    }

    /// GuardDuty's security groups in a VPC.
    pub(super) async fn guard_groups(&self, vpc: &VpcId) -> Result<Vec<Group>, AwsError> {
        let mut groups = self.groups_in(vpc).await?;
        groups.retain(|group| group.name.starts_with("GuardDutyManagedSecurityGroup-"));
        Ok(groups)
    }

    /// EC2 DeleteVpcEndpoints. An answer of success may name what was not deleted.
    pub(super) async fn delete_endpoint(&self, id: &str) -> Result<(), AwsError> {
        let answer = self
            .patient
            .delete_vpc_endpoints()
            .vpc_endpoint_ids(id)
            .send()
            .await
            .map_err(self.failed("DeleteVpcEndpoints"))?;
        let Some(refused) = answer.unsuccessful().first().and_then(|it| it.error()) else {
            return Ok(());
        };
        let (code, words) = (refused.code(), refused.message());
        let told =
            self.refused("DeleteVpcEndpoints", code.unwrap_or("Unknown"), words.unwrap_or(""));
        Err(told.on(format!("{id} in {}", self.region())))
    }
}
