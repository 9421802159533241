//! Spot requests: what stands behind a spot instance, and would launch it again if persistent.

use aws_sdk_ec2::types::{SpotInstanceRequest, SpotInstanceType};

use super::access::Ec2;
use super::error::AwsError;
use super::machines::each_of;
use super::select::{Selector, read_tags};
use crate::fleet::{InstanceId, Lifecycle, SpotRequestId};

/// A spot request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotRequest {
    /// Its id.
    pub id: SpotRequestId,
    /// EC2's word: `open`, `active`, `closed`, `cancelled`, `failed`, `disabled`.
    pub state: String,
    /// The code of its status, `fulfilled` or `capacity-not-available` for two.
    pub status: String,
    /// The instance that it launched.
    pub instance: Option<InstanceId>,
    /// One-time or persistent.
    pub lifecycle: Lifecycle,
}

impl SpotRequest {
    /// Whether it can still launch something, or has something running.
    pub fn is_alive(&self) -> bool {
        matches!(self.state.as_str(), "open" | "active" | "disabled")
    }
}

impl Ec2 {
    /// Our spot requests (EC2 DescribeSpotInstanceRequests, filtered by tags, all pages).
    pub async fn spot_requests(&self, selector: &Selector) -> Result<Vec<SpotRequest>, AwsError> {
        let found = self
            .patient
            .describe_spot_instance_requests()
            .set_filters(Some(selector.filters()))
            .max_results(1000)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeSpotInstanceRequests"))?;
        Ok(found
            .iter()
            .filter(|request| selector.matches(&read_tags(request.tags())))
            .filter_map(spot_request)
            .collect())
    }

    /// Cancels spot requests (EC2 CancelSpotInstanceRequests, in batches). What is not there
    /// counts as cancelled. Their instances run on.
    pub async fn cancel_spot_requests(&self, ids: &[SpotRequestId]) -> Result<(), AwsError> {
        let ids = ids.iter().map(ToString::to_string).collect();
        let cancelled = each_of(ids, |batch| async move {
            self.patient
                .cancel_spot_instance_requests()
                .set_spot_instance_request_ids(Some(batch))
                .send()
                .await
                .map(drop)
                .map_err(self.failed("CancelSpotInstanceRequests"))
        });
        cancelled.await.into_iter().try_for_each(|(_, result)| result)
    }
}

fn spot_request(request: &SpotInstanceRequest) -> Option<SpotRequest> {
    Some(SpotRequest {
        id: request.spot_instance_request_id()?.into(),
        state: request.state()?.as_str().to_owned(),
        status: request.status().and_then(|status| status.code()).unwrap_or_default().to_owned(),
        instance: request.instance_id().filter(|id| !id.is_empty()).map(Into::into),
        lifecycle: match request.r#type() {
            Some(SpotInstanceType::Persistent) => Lifecycle::PersistentSpot,
            _ => Lifecycle::Spot,
        },
    })
}
