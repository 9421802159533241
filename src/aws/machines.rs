//! Instances: what EC2 tells about ours, and their end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_sdk_ec2::types::{Filter, Instance, InstanceLifecycleType, Reservation};

use super::access::Ec2;
use super::class::Class;
use super::clock::moment;
use super::error::AwsError;
use super::select::{Selector, filter, read_tags};
use crate::fleet::text::clean_line;
use crate::fleet::{
    Birth, DeploymentSeen, Ec2State, InstanceId, LaunchId, Lifecycle, Machine, SERVICE_INITIATED,
    Seen, tags,
};

/// The largest page of DescribeInstances.
const PAGE: i32 = 1000;
/// The most values that a filter takes.
pub(super) const VALUES: usize = 200;
/// How many ids go into one TerminateInstances or CancelSpotInstanceRequests.
pub(super) const BATCH: usize = 100;

/// Whose an instance is by its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Ours.
    Us,
    /// A tool's that tags as spot-tui's predecessor did: who manages it, and its deployment.
    Predecessor,
    /// Nobody's that we know.
    Nobody,
}

fn owner(ours: &Selector, tags: &BTreeMap<String, String>) -> Owner {
    let manager = tags.get(tags::MANAGED_BY);
    match manager {
        _ if ours.matches(tags) => Owner::Us,
        Some(other) if other != tags::SPOT_TUI && tags.contains_key(tags::DEPLOYMENT_ID) => {
            Owner::Predecessor
        }
        _ => Owner::Nobody,
    }
}

fn state(instance: &Instance) -> Option<(InstanceId, Ec2State)> {
    let state = instance.state()?.name()?.as_str();
    Some((instance.instance_id()?.into(), Ec2State::parse(state)?))
}

impl Ec2 {
    /// Our instances (EC2 DescribeInstances, filtered by tags, all pages). Terminated ones only
    /// where the selector asks for them.
    ///
    /// An instance does not tell whether its spot request is persistent: each new request is asked
    /// for once.
    pub async fn instances(&self, selector: &Selector) -> Result<Vec<Machine>, AwsError> {
        let found = self.describe_instances(selector).await?;
        let mut machines: Vec<Machine> = found.iter().filter_map(machine).collect();
        let alive = machines.iter().filter(|machine| machine.is_alive());
        let kinds = self
            .kinds_of_requests(
                alive.filter_map(|machine| machine.birth.spot_request.clone()).collect(),
            )
            .await;
        for machine in &mut machines {
            let request = machine.birth.spot_request.as_ref();
            if let Some(lifecycle) = request.and_then(|request| kinds.get(request)) {
                machine.birth.lifecycle = *lifecycle;
            }
        }
        self.add_requests(&mut machines).await;
        Ok(machines)
    }

    /// The deployments that have anything here, of whatever creator. A network without instances
    /// counts: a run that was cut short leaves one.
    pub async fn deployments(&self) -> Result<Vec<DeploymentSeen>, AwsError> {
        let everything = Selector::everything();
        if !self.has_tagged(&everything).await? {
            return Ok(Vec::new());
        }
        // One after the other: that this one is refused is what tells of a closed region.
        let instances = self.describe_instances(&everything).await?;
        let networks = self.network_tags(&everything).await?;
        let instances = instances.iter().map(|instance| (read_tags(instance.tags()), 1));
        let networks = networks.into_iter().map(|tags| (tags, 0));
        let mut seen: BTreeMap<String, DeploymentSeen> = BTreeMap::new();
        for (mut tags, alive) in instances.chain(networks) {
            let Some(id) = tags.remove(tags::DEPLOYMENT_ID) else { continue };
            let deployment = seen.entry(id.clone()).or_insert_with(|| DeploymentSeen {
                deployment: id.into(),
                creator: None,
                alive: 0,
                newest: None,
            });
            let made = tags.get(tags::CREATED_AT).and_then(|at| at.parse().ok());
            deployment.newest = deployment.newest.max(made);
            deployment.alive += alive;
            deployment.creator =
                deployment.creator.take().or_else(|| tags.remove(tags::CREATED_BY));
        }
        Ok(seen.into_values().collect())
    }

    async fn describe_instances(&self, selector: &Selector) -> Result<Vec<Instance>, AwsError> {
        const ALIVE: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];
        let states = (!selector.wants_terminated()).then(|| filter("instance-state-name", ALIVE));
        self.described(selector, states).await
    }

    async fn described(
        &self,
        selector: &Selector,
        states: Option<Filter>,
    ) -> Result<Vec<Instance>, AwsError> {
        let mut filters = selector.filters();
        filters.extend(states);
        let mut found: Vec<Instance> = self
            .reservations(filters)
            .await?
            .into_iter()
            .flat_map(|reservation| reservation.instances.unwrap_or_default())
            .filter(|instance| selector.matches(&read_tags(instance.tags())))
            .collect();
        // AWS promises no order, and a page may repeat what another one had.
        let mut ids = BTreeSet::new();
        found.retain(|instance| ids.insert(instance.instance_id.clone()));
        Ok(found)
    }

    /// All pages.
    pub(super) async fn reservations(
        &self,
        filters: Vec<Filter>,
    ) -> Result<Vec<Reservation>, AwsError> {
        self.patient
            .describe_instances()
            .set_filters(Some(filters))
            .max_results(PAGE)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeInstances"))
    }

    /// Whether EC2 knows an instance that was launched with this client token, whatever its tags
    /// (EC2 DescribeInstances, asked once). An endpoint that cannot tell knows none.
    pub async fn knows_token(&self, token: &LaunchId) -> bool {
        let asked = self
            .once
            .describe_instances()
            .filters(filter("client-token", [token.as_str()]))
            .send()
            .await;
        asked.is_ok_and(|answer| {
            answer.reservations().iter().any(|reservation| !reservation.instances().is_empty())
        })
    }

    /// These instances by their ids, whatever their tags, and whether each has the tags that the
    /// selector asks for; `None` for one that EC2 knows and we cannot read. One that EC2 does not
    /// know is left out.
    pub async fn instances_by_id(
        &self,
        ids: &[InstanceId],
        selector: &Selector,
    ) -> Result<BTreeMap<InstanceId, Option<(Machine, Owner)>>, AwsError> {
        let read = |instance: &Instance| {
            let owner = owner(selector, &read_tags(instance.tags()));
            Some((instance.instance_id()?.into(), machine(instance).map(|it| (it, owner))))
        };
        Ok(self.by_id(ids).await?.iter().filter_map(read).collect())
    }

    /// Our instances that do not run, and their states; the terminated ones too. However many run,
    /// the answer is short.
    pub async fn not_running(
        &self,
        selector: &Selector,
    ) -> Result<BTreeMap<InstanceId, Ec2State>, AwsError> {
        const OTHERS: [&str; 5] = ["pending", "shutting-down", "terminated", "stopping", "stopped"];
        let states = filter("instance-state-name", OTHERS);
        Ok(self.described(selector, Some(states)).await?.iter().filter_map(state).collect())
    }

    /// The states of these instances by their ids, whatever their tags. One that EC2 does not know
    /// is left out.
    pub async fn states(
        &self,
        ids: &[InstanceId],
    ) -> Result<BTreeMap<InstanceId, Ec2State>, AwsError> {
        Ok(self.by_id(ids).await?.iter().filter_map(state).collect())
    }

    /// EC2 DescribeInstances, filtered by ids: so that one that is not known is no error.
    async fn by_id(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, AwsError> {
        let mut all = Vec::new();
        for ids in ids.chunks(VALUES) {
            let these = filter("instance-id", ids.iter().map(InstanceId::as_str));
            let found = self.reservations(vec![these]).await?.into_iter();
            all.extend(found.flat_map(|reservation| reservation.instances.unwrap_or_default()));
        }
        Ok(all)
    }

    /// How many GiB of storage each of our instances has (EC2 DescribeVolumes, filtered by tags,
    /// all pages): EC2 does not tell it with the instance.
    pub async fn storage(
        &self,
        selector: &Selector,
    ) -> Result<BTreeMap<InstanceId, u32>, AwsError> {
        let volumes = self.volumes_where(selector.filters()).await?;
        let mut storage = BTreeMap::new();
        for volume in &volumes {
            let gib = volume.size().and_then(|gib| u32::try_from(gib).ok()).unwrap_or_default();
            let attached = volume.attachments().iter().filter_map(|it| it.instance_id());
            for instance in attached {
                *storage.entry(InstanceId::from(instance)).or_default() += gib;
            }
        }
        Ok(storage)
    }

    /// Ends instances (EC2 TerminateInstances, in batches). Each gets its own result; one bad id
    /// does not save the others, and an instance that is not there counts as ended.
    pub async fn terminate(&self, ids: &[InstanceId]) -> Vec<(InstanceId, Result<(), AwsError>)> {
        let ids = ids.iter().map(ToString::to_string).collect();
        let ended = each_of(ids, |batch| async move {
            self.patient
                .terminate_instances()
                .set_instance_ids(Some(batch))
                .send()
                .await
                .map(drop)
                .map_err(self.failed("TerminateInstances"))
        });
        ended.await.into_iter().map(|(id, result)| (id.into(), result)).collect()
    }
}

/// Does one thing to many ids, in batches. EC2 refuses a whole batch for one bad id, but its
/// message names it: that one gets the refusal, the others are tried again.
pub(super) async fn each_of<F, Fut>(ids: Vec<String>, act: F) -> Vec<(String, Result<(), AwsError>)>
where
    F: Fn(Vec<String>) -> Fut,
    Fut: Future<Output = Result<(), AwsError>>,
{
    let mut results = Vec::with_capacity(ids.len());
    let mut batches: Vec<Vec<String>> = ids.chunks(BATCH).rev().map(<[String]>::to_vec).collect();
    while let Some(batch) = batches.pop() {
        let Err(error) = act(batch.clone()).await else {
            results.extend(batch.into_iter().map(|id| (id, Ok(()))));
            continue;
        };
        let (named, rest): (Vec<String>, Vec<String>) =
            batch.into_iter().partition(|id| error.message.contains(id.as_str()));
        let about_single_ids = matches!(error.class, Class::Gone | Class::FatalRegion);
        if named.is_empty() && about_single_ids && rest.len() > 1 {
            batches.extend(rest.into_iter().map(|id| vec![id]));
            continue;
        }
        let (refused, again) = if named.is_empty() { (rest, named) } else { (named, rest) };
        let result = if error.class == Class::Gone { Ok(()) } else { Err(error) };
        results.extend(refused.into_iter().map(|id| (id, result.clone())));
        if !again.is_empty() {
            batches.push(again);
        }
    }
    results
}

/// Reads what EC2 tells. `None`, with a line in the log, for what cannot be an instance of ours:
/// a field that is always there is missing, or the state is a word from the future.
pub(super) fn machine(instance: &Instance) -> Option<Machine> {
    let read = read_machine(instance);
    if read.is_none() {
        tracing::warn!(
            id = instance.instance_id().unwrap_or("without an id"),
            "EC2 told of an instance that cannot be read; it is left out"
        );
    }
    read
}

fn read_machine(instance: &Instance) -> Option<Machine> {
    let mut tags = read_tags(instance.tags());
    Some(Machine {
        id: instance.instance_id()?.into(),
        machine_type: instance.instance_type()?.as_str().into(),
        zone: instance.placement()?.availability_zone()?.into(),
        vpc: instance.vpc_id().filter(|id| !id.is_empty()).map(Into::into),
        name: tags.remove(tags::NAME),
        birth: Birth {
            lifecycle: match instance.instance_lifecycle() {
                Some(InstanceLifecycleType::Spot) => Lifecycle::Spot,
                _ => Lifecycle::OnDemand,
            },
            image: instance.image_id().map(Into::into),
            spot_request: instance.spot_instance_request_id().map(Into::into),
            launched: moment(instance.launch_time()?)?,
            launch: tags.remove(tags::LAUNCH_ID).map(LaunchId::from),
            creator: tags.remove(tags::CREATED_BY),
            machine: tags.remove(tags::MACHINE),
        },
        seen: Seen {
            state: Ec2State::parse(instance.state()?.name()?.as_str())?,
            state_reason: reason(instance),
            public_ip: address(instance.public_ip_address()),
            private_ip: address(instance.private_ip_address()),
            request: None,
        },
    })
}

/// Why an instance is in its state: AWS's code and words. Where a reclaim has neither, the
/// transition tells that it was not the user: "Service initiated (2026-06-06 16:04:58 GMT)".
fn reason(instance: &Instance) -> Option<String> {
    let told = instance.state_reason();
    let code = told.and_then(|reason| reason.code()).filter(|code| !code.is_empty());
    let words = told.and_then(|reason| reason.message()).unwrap_or_default();
    match code {
        Some(code) if words.is_empty() => Some(code.to_owned()),
        Some(code) if words.starts_with(code) => Some(words.to_owned()),
        Some(code) => Some(format!("{code}: {words}")),
        None => instance
            .state_transition_reason()
            .filter(|words| words.starts_with(SERVICE_INITIATED))
            .map(str::to_owned),
    }
    .map(|text| clean_line(&text))
}

fn address(text: Option<&str>) -> Option<IpAddr> {
    text.and_then(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::aws::scripted;

    fn refusal(class: Class, message: &str) -> AwsError {
        AwsError::found("TerminateInstances", None, class, message, "")
    }

    fn ids(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn a_bad_id_is_taken_out_and_the_others_are_tried_again() {
        let calls = Mutex::new(Vec::new());
        let results = each_of(ids(&["i-1", "i-2", "i-3"]), |batch| {
            calls.lock().unwrap().push(batch.clone());
            async move {
                if batch.contains(&"i-2".to_owned()) {
                    return Err(refusal(Class::Gone, "The instance ID 'i-2' does not exist"));
                }
                Ok(())
            }
        })
        .await;
        assert_eq!(*calls.lock().unwrap(), [ids(&["i-1", "i-2", "i-3"]), ids(&["i-1", "i-3"])]);
        assert_eq!(results.len(), 3);
        assert!(results.iter().all(|(_, result)| result.is_ok()));
    }

    #[tokio::test]
    async fn a_refusal_that_names_nobody_is_asked_again_one_by_one() {
        let results = each_of(ids(&["i-1", "i-2"]), |batch| async move {
            if batch.contains(&"i-2".to_owned()) {
                return Err(refusal(Class::FatalRegion, "no"));
            }
            Ok(())
        })
        .await;
        let failed: Vec<&str> =
            results.iter().filter(|(_, r)| r.is_err()).map(|(id, _)| id.as_str()).collect();
        assert_eq!(failed, ["i-2"]);
    }

    #[tokio::test]
    async fn trouble_of_the_account_is_everybodys_and_asked_once() {
        let calls = Mutex::new(0);
        let results = each_of(ids(&["i-1", "i-2"]), |_| {
            *calls.lock().unwrap() += 1;
            async { Err(refusal(Class::FatalAccount, "not allowed")) }
        })
        .await;
        assert_eq!(*calls.lock().unwrap(), 1);
        assert!(results.iter().all(|(_, result)| result.is_err()));
    }

    /// A page of DescribeInstances with one instance of ours.
    fn page(id: &str, state: &str, next: &str) -> (u16, String) {
        let instance = format!(
            "<instanceId>{id}</instanceId><instanceState><name>{state}</name></instanceState>\
             <instanceType>p9.future</instanceType><launchTime>2026-11-20T09:00:00Z</launchTime>\
             <placement><availabilityZone>us-west-2a</availabilityZone></placement>\
             <instanceLifecycle>spot</instanceLifecycle><tagSet><item><key>ManagedBy</key>\
             <value>spot-tui</value></item></tagSet>"
        );
        let body = format!(
            "<DescribeInstancesResponse><reservationSet><item><instancesSet><item>{instance}\
             </item></instancesSet></item></reservationSet><nextToken>{next}</nextToken>\
             </DescribeInstancesResponse>"
        );
        (200, body)
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_without_instances_tells_of_its_deployment() {
        let (ec2, _) = scripted::ec2(|call| {
            let action = call.split('&').next().unwrap_or_default().trim_start_matches("Action=");
            let tag = |key, value| format!("<item><key>{key}</key><value>{value}</value></item>");
            let tags = tag("ManagedBy", "spot-tui") + &tag("DeploymentId", "spot-1");
            let inside = match action {
                // A line tells of one tag of one thing.
                "DescribeTags" => "<tagSet><item><resourceId>vpc-1</resourceId>\
                     <resourceType>vpc</resourceType><key>ManagedBy</key>\
                     <value>spot-tui</value></item></tagSet>"
                    .to_owned(),
                "DescribeVpcs" => format!(
                    "<vpcSet><item><vpcId>vpc-1</vpcId><tagSet>{tags}{}</tagSet></item></vpcSet>",
                    tag("CreatedBy", "alice")
                ),
                _ => String::new(),
            };
            (200, format!("<{action}Response>{inside}</{action}Response>"))
        })
        .await;
        let seen = ec2.deployments().await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!((seen[0].deployment.as_str(), seen[0].alive), ("spot-1", 0));
        assert_eq!(seen[0].to_string(), "spot-1 by alice, 0 alive");
    }

    #[tokio::test(start_paused = true)]
    async fn every_page_is_asked_for_and_what_comes_twice_counts_once() {
        let (ec2, calls) = scripted::ec2(|call| match () {
            () if call.contains("NextToken=two") => page("i-2", "running", "three"),
            () if call.contains("NextToken=three") => page("i-1", "running", ""),
            () => page("i-1", "pending", "two"),
        })
        .await;
        let found = ec2.instances(&Selector::everything()).await.unwrap();
        let ids: Vec<&str> = found.iter().map(|machine| machine.id.as_str()).collect();
        assert_eq!(ids, ["i-1", "i-2"]);
        assert_eq!(found[0].machine_type.as_str(), "p9.future");
        assert_eq!(calls.lock().unwrap().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_from_the_future_hides_one_instance_not_the_region() {
        let (ec2, _) = scripted::ec2(|_| page("i-1", "molten", "")).await;
        assert!(ec2.instances(&Selector::everything()).await.unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(machine(&Instance::builder().instance_id("i-1").build()), None);
    }
}
