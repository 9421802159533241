//! Spot requests: what stands behind a spot instance, and would launch it again if persistent.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, SpotInstanceRequest, SpotInstanceType};
use jiff::{SignedDuration, Timestamp};

use super::access::Ec2;
use super::error::AwsError;
use super::machines::each_of;
use super::select::{Selector, filter, read_tags};
use crate::fleet::{InstanceId, Lifecycle, Notice, SpotRequestId};

/// The statuses of a request whose instance EC2 is about to end or to stop.
const MARKED: [&str; 2] = ["marked-for-termination", "marked-for-stop"];
/// The states of a request that can still launch something, or has something running.
const LIVING: [&str; 3] = ["open", "active", "disabled"];
/// From the mark to the end.
const LEAD: SignedDuration = SignedDuration::from_mins(2);

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
        LIVING.contains(&self.state.as_str())
    }
}

impl Ec2 {
    /// Our spot requests (EC2 DescribeSpotInstanceRequests, filtered by tags, all pages).
    pub async fn spot_requests(&self, selector: &Selector) -> Result<Vec<SpotRequest>, AwsError> {
        let ours = self.describe_requests(selector, None).await?;
        Ok(ours.iter().filter_map(spot_request).collect())
    }

    /// The tags of our requests that may still launch something, or have something running.
    pub(super) async fn living_requests(
        &self,
        selector: &Selector,
    ) -> Result<Vec<BTreeMap<String, String>>, AwsError> {
        let living = self.describe_requests(selector, Some(filter("state", LIVING))).await?;
        Ok(living.iter().map(|request| read_tags(request.tags())).collect())
    }

    /// Which of our instances EC2 takes back (EC2 DescribeSpotInstanceRequests, filtered by tags
    /// and status, all pages). It ends or stops them two minutes after the status changed (EC2:
    /// Spot Instance interruption notices).
    pub async fn notices(&self, selector: &Selector) -> Result<Vec<Notice>, AwsError> {
        let marked = filter("status-code", MARKED);
        let ours = self.describe_requests(selector, Some(marked)).await?;
        Ok(ours.iter().filter_map(notice).collect())
    }

    async fn describe_requests(
        &self,
        selector: &Selector,
        further: Option<Filter>,
    ) -> Result<Vec<SpotInstanceRequest>, AwsError> {
        let mut filters = selector.filters();
        filters.extend(further);
        let mut found = self
            .patient
            .describe_spot_instance_requests()
            .set_filters(Some(filters))
            .max_results(1000)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeSpotInstanceRequests"))?;
        found.retain(|request| selector.matches(&read_tags(request.tags())));
        Ok(found)
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

/// An instance that is taken back, and until when it runs.
fn notice(request: &SpotInstanceRequest) -> Option<Notice> {
    let status = request.status()?;
    MARKED.contains(&status.code()?).then_some(())?;
    let since = status.update_time().and_then(|at| Timestamp::from_second(at.secs()).ok());
    let instance = request.instance_id().filter(|id| !id.is_empty())?.into();
    Some(Notice { instance, ends: since.map(|since| since + LEAD) })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted;

    fn requests(_: &str) -> (u16, String) {
        let request = |id: &str, state: &str, kind: &str, owner: &str| {
            format!(
                "<item><spotInstanceRequestId>{id}</spotInstanceRequestId><state>{state}</state>\
                 <type>{kind}</type><status><code>fulfilled</code></status><tagSet><item>\
                 <key>ManagedBy</key><value>{owner}</value></item></tagSet></item>"
            )
        };
        let set = [
            request("sir-1", "active", "persistent", "spot-tui"),
            request("sir-2", "closed", "one-time", "spot-tui"),
            request("sir-3", "active", "one-time", "somebody"),
        ];
        let name = "DescribeSpotInstanceRequestsResponse";
        let set = set.concat();
        (200, format!("<{name}><spotInstanceRequestSet>{set}</spotInstanceRequestSet></{name}>"))
    }

    #[tokio::test(start_paused = true)]
    async fn only_our_requests_are_seen_with_what_they_would_do() {
        let (ec2, _) = scripted::ec2(requests).await;
        let found = ec2.spot_requests(&Selector::everything()).await.unwrap();
        let told: Vec<_> =
            found.iter().map(|it| (it.id.as_str(), it.lifecycle, it.is_alive())).collect();
        assert_eq!(
            told,
            [("sir-1", Lifecycle::PersistentSpot, true), ("sir-2", Lifecycle::Spot, false)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_not_there_counts_as_cancelled() {
        let (ec2, calls) = scripted::ec2(|call| {
            if call.contains("sir-1") {
                let code = "<Code>InvalidSpotInstanceRequestID.NotFound</Code>";
                let error = format!("{code}<Message>'sir-1' does not exist</Message>");
                return (
                    400,
                    format!("<Response><Errors><Error>{error}</Error></Errors></Response>"),
                );
            }
            let name = "CancelSpotInstanceRequestsResponse";
            (200, format!("<{name}></{name}>"))
        })
        .await;
        ec2.cancel_spot_requests(&["sir-1".into(), "sir-2".into()]).await.unwrap();
        assert_eq!(calls.lock().unwrap().len(), 2);
    }
}
