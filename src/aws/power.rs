//! Stopping, starting and rebooting instances, and what their spot requests say meanwhile.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::access::Ec2;
use super::class::Class;
use super::clock::moment;
use super::error::AwsError;
use super::machines::{VALUES, each_of};
use super::retry::retry_until;
use super::select::{Selector, filter};
use crate::fleet::{Ec2State, InstanceId, Machine, RequestState, SpotRequestId};
use crate::retry::REBOOT_TIMEOUT;

impl Ec2 {
    /// Stops instances (EC2 StopInstances, in batches): again for one that is stopped is no error.
    /// Each gets its own result.
    pub async fn stop(&self, ids: &[InstanceId]) -> Vec<(InstanceId, Result<(), AwsError>)> {
        let stopped = each_of(words(ids), |batch| async move {
            let call = self.patient.stop_instances().set_instance_ids(Some(batch));
            call.send().await.map(drop).map_err(self.failed("StopInstances"))
        });
        stopped.await.into_iter().map(|(id, result)| (id.into(), result)).collect()
    }

    /// Starts an instance that is stopped (EC2 StartInstances): again for one that runs is no error.
    /// Sent once: no room comes as HTTP 500, and the SDK would ask again.
    pub async fn start(&self, id: &InstanceId) -> Result<(), AwsError> {
        let call = self.once.start_instances().instance_ids(id.as_str());
        call.send().await.map(drop).map_err(self.failed("StartInstances"))
    }

    /// Restarts the system of a running instance (EC2 RebootInstances). EC2 asks the system, and resets the
    /// machine where that does not answer within four minutes. Asked again where EC2 throttles, and not
    /// where no answer came: it may be on its way down already.
    pub async fn reboot(&self, id: &InstanceId) -> Result<(), AwsError> {
        let ask = || async {
            let call = self.once.reboot_instances().instance_ids(id.as_str());
            call.send().await.map(drop).map_err(self.failed("RebootInstances"))
        };
        let is_throttled = |error: &AwsError| error.class == Class::Retry;
        retry_until(Instant::now() + REBOOT_TIMEOUT, is_throttled, ask).await
    }

    /// How one instance stands, whatever its tags, and where the spot request behind it does; `None`
    /// where EC2 does not know it, or tells of it in words that we cannot read.
    pub async fn standing(&self, id: &InstanceId) -> Result<Option<Machine>, AwsError> {
        let these = std::slice::from_ref(id);
        let mut found = self.instances_by_id(these, &Selector::everything()).await?;
        let Some((mut machine, _)) = found.remove(id).flatten() else { return Ok(None) };
        if let Some(request) = machine.birth.spot_request.clone() {
            machine.seen.request =
                self.request_states(std::slice::from_ref(&request)).await?.remove(&request);
        }
        Ok(Some(machine))
    }

    /// Adds to each machine that is stopped where its spot request stands: only that tells whether
    /// it can be started. Where EC2 does not say, nothing is added.
    pub(super) async fn add_requests(&self, machines: &mut [Machine]) {
        let stopped = machines.iter().filter(|it| it.seen.state == Ec2State::Stopped);
        let ids: Vec<SpotRequestId> =
            stopped.filter_map(|machine| machine.birth.spot_request.clone()).collect();
        if ids.is_empty() {
            return;
        }
        match self.request_states(&ids).await {
            Ok(mut states) => {
                for machine in machines {
                    let request = machine.birth.spot_request.as_ref();
                    machine.seen.request = request.and_then(|request| states.remove(request));
                }
            }
            Err(error) => tracing::debug!(%error, "cannot see where spot requests stand"),
        }
    }

    /// Where these spot requests stand (EC2 DescribeSpotInstanceRequests, filtered by ids: one that
    /// EC2 does not tell of yet, or no more, is left out).
    pub async fn request_states(
        &self,
        ids: &[SpotRequestId],
    ) -> Result<BTreeMap<SpotRequestId, RequestState>, AwsError> {
        let mut found = BTreeMap::new();
        for ids in ids.chunks(VALUES) {
            let these = filter("spot-instance-request-id", ids.iter().map(SpotRequestId::as_str));
            let told = self.describe_requests(&Selector::everything(), Some(these)).await?;
            found.extend(told.iter().filter_map(|request| {
                let status = request.status().and_then(|status| status.code());
                let state = RequestState {
                    state: request.state()?.as_str().to_owned(),
                    status: status.unwrap_or_default().to_owned(),
                    valid_until: request.valid_until().and_then(moment),
                };
                Some((request.spot_instance_request_id()?.into(), state))
            }));
        }
        Ok(found)
    }
}

fn words(ids: &[InstanceId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
