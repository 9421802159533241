//! Spot requests: what stands behind a spot instance, and would launch it again if persistent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use aws_sdk_ec2::types::{Filter, SpotInstanceRequest, SpotInstanceType};
use jiff::{SignedDuration, Timestamp};

use super::access::Ec2;
use super::clock::moment;
use super::error::AwsError;
use super::machines::{VALUES, each_of};
use super::select::{Selector, filter, read_tags};
use crate::fleet::{Ec2State, InstanceId, Lifecycle, Notice, SpotRequestId, tags};

/// The statuses of a request whose instance EC2 takes back, while the instance still runs (EC2 User
/// Guide, "Spot request status"): where there is no capacity the status tells of the end two
/// minutes before it comes, and the request is closed by then. It stays listed long after the end.
const MARKED: [&str; 9] = [
    "marked-for-termination",
    STOP,
    "instance-terminated-no-capacity",
    "instance-terminated-by-price",
    "instance-terminated-by-service",
    "instance-terminated-capacity-oversubscribed",
    "instance-stopped-no-capacity",
    "instance-stopped-by-price",
    "instance-stopped-capacity-oversubscribed",
];
/// Such a status is also what a stop of the user's own begins with.
const STOP: &str = "marked-for-stop";
/// By then an instance that its user stops is told of as stopping.
const USERS_STOP: SignedDuration = SignedDuration::from_secs(3);
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
    /// The machine of the configuration that it was for, from the tag `MachineName`.
    pub machine: Option<String>,
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

    /// Which of these running instances EC2 takes back (EC2 DescribeSpotInstanceRequests, filtered
    /// by tags and status, all pages). It ends or stops them two minutes after the status changed
    /// (EC2: Spot Instance interruption notices).
    ///
    /// The request alone does not tell whether the end is still to come, or whether the user stops
    /// the instance: where one is marked, the instance itself is asked for.
    pub async fn notices(
        &self,
        selector: &Selector,
        running: &BTreeSet<InstanceId>,
        now: Timestamp,
    ) -> Result<Vec<Notice>, AwsError> {
        let marked = filter("status-code", MARKED);
        let ours = self.describe_requests(selector, Some(marked)).await?;
        let mut notices: Vec<Notice> = ours.iter().filter_map(|it| notice(it, now)).collect();
        notices.retain(|notice| running.contains(&notice.instance));
        if notices.is_empty() {
            return Ok(notices);
        }
        let ids: Vec<InstanceId> = notices.iter().map(|it| it.instance.clone()).collect();
        let states = self.states(&ids).await?;
        notices.retain(|notice| states.get(&notice.instance) == Some(&Ec2State::Running));
        Ok(notices)
    }

    /// What stands behind spot instances: one-time or persistent, by their requests (EC2
    /// DescribeSpotInstanceRequests). Each is asked for once; one that EC2 does not tell of is left
    /// out.
    pub(super) async fn kinds_of_requests(
        &self,
        ids: BTreeSet<SpotRequestId>,
    ) -> BTreeMap<SpotRequestId, Lifecycle> {
        let known = |of: &Self| of.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = known(self);
        let asked: Vec<&str> =
            ids.iter().filter(|id| !before.contains_key(id)).map(SpotRequestId::as_str).collect();
        for some in asked.chunks(VALUES) {
            let these = filter("spot-instance-request-id", some.iter().copied());
            match self.describe_requests(&Selector::everything(), Some(these)).await {
                Ok(told) => told
                    .iter()
                    .filter_map(spot_request)
                    .for_each(|it| self.remember(&it.id, it.lifecycle)),
                Err(error) => tracing::debug!(%error, "cannot see which requests are persistent"),
            }
        }
        known(self)
    }

    /// What stands behind a request is so for good.
    pub(super) fn remember(&self, request: &SpotRequestId, kind: Lifecycle) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.insert(request.clone(), kind);
    }

    pub(super) async fn describe_requests(
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
fn notice(request: &SpotInstanceRequest, now: Timestamp) -> Option<Notice> {
    let status = request.status()?;
    let code = status.code().filter(|code| MARKED.contains(code))?;
    let since = status.update_time().and_then(moment);
    let is_fresh = since.is_some_and(|since| now.duration_since(since) < USERS_STOP);
    if code == STOP && is_fresh {
        return None;
    }
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
        machine: read_tags(request.tags()).remove(tags::MACHINE),
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

    /// One request with this status since 09:00:00, and its instance in this state.
    async fn told(status: &str, state: &str, at: &str) -> Vec<Notice> {
        let (status, state) = (status.to_owned(), state.to_owned());
        let (ec2, _) = scripted::ec2(move |call| {
            let tags = "<tagSet><item><key>ManagedBy</key><value>spot-tui</value></item></tagSet>";
            if call.contains("Action=DescribeInstances") {
                let instance = format!(
                    "<instanceId>i-1</instanceId><instanceState><name>{state}</name>\
                     </instanceState><instanceType>t3.medium</instanceType><launchTime>\
                     2026-09-09T22:00:00Z</launchTime><placement><availabilityZone>us-west-2a\
                     </availabilityZone></placement>"
                );
                let body = format!(
                    "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>\
                     {instance}</item></instancesSet></item></reservationSet>\
                     </DescribeInstancesResponse>"
                );
                return (200, body);
            }
            let name = "DescribeSpotInstanceRequestsResponse";
            let request = format!(
                "<spotInstanceRequestId>sir-1</spotInstanceRequestId><state>closed</state>\
                 <type>one-time</type><status><code>{status}</code><updateTime>\
                 2026-09-09T23:32:27Z</updateTime></status><instanceId>i-1</instanceId>{tags}"
            );
            let set =
                format!("<spotInstanceRequestSet><item>{request}</item></spotInstanceRequestSet>");
            (200, format!("<{name}>{set}</{name}>"))
        })
        .await;
        let running = BTreeSet::from(["i-1".into()]);
        let now = format!("2026-09-09T23:32:{at}Z").parse().unwrap();
        ec2.notices(&Selector::everything(), &running, now).await.unwrap()
    }

    /// As AWS shows it (EC2 User Guide, "Spot request status", and a public log of 2026-09-09).
    #[tokio::test(start_paused = true)]
    async fn capacity_that_is_taken_back_is_told_of_while_the_instance_still_runs() {
        let notices = told("instance-terminated-no-capacity", "running", "30").await;
        let end = "2026-09-09T23:34:27Z".parse().unwrap();
        assert_eq!(notices, [Notice { instance: "i-1".into(), ends: Some(end) }]);
        let over = told("instance-terminated-no-capacity", "terminated", "30").await;
        assert_eq!(over, [], "the request stays listed long after the end");
        assert_eq!(told("marked-for-stop", "running", "40").await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_users_own_stop_is_no_interruption() {
        assert_eq!(told("marked-for-stop", "stopping", "40").await, []);
        let just_asked = told("marked-for-stop", "running", "28").await;
        assert_eq!(just_asked, [], "EC2 may not tell of the stop yet");
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
