//! CreateFleet of the type `instant`: one call that launches many instances in the pools that EC2
//! thinks best; and the launch template without which it cannot be asked.
//!
//! Such a fleet keeps nothing up. It is a record of what was launched: it costs nothing, EC2 tells
//! of it only to who knows its id, and it can be deleted only together with its instances. So it
//! is left to go with them. The template is ours to delete.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as ec2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use super::access::Ec2;
use super::error::AwsError;
use super::ids::TemplateId;
use super::launch::LaunchRequest;
use super::select::{Selector, born_with, read_tags};
use crate::fleet::{
    Birth, Ec2State, ImageId, InstanceId, LaunchId, Lifecycle, Machine, Pool, Seen, SubnetId, tags,
};

/// Everything that CreateFleet is told. The same request sends the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetRequest {
    /// The client token, at most 64 characters, and the value of the tag `LaunchId`.
    pub token: LaunchId,
    /// How many at most. AWS may give fewer, and none.
    pub count: u32,
    /// What all instances have in common.
    pub template: TemplateId,
    /// Where they may be.
    pub places: Vec<FleetOverride>,
    /// The most to pay for one, in USD an hour. `None` caps at the on-demand price.
    pub max_price: Option<f64>,
    /// The tags of the instances, and of the fleet itself.
    pub tags: BTreeMap<String, String>,
}

/// A pool, and what an instance of it needs besides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FleetOverride {
    /// The pool.
    pub pool: Pool,
    /// An image for the type's architecture.
    pub image: ImageId,
    /// A subnet in the pool's zone.
    pub subnet: SubnetId,
}

/// What a launch came to.
#[derive(Debug, Clone, Default)]
pub struct LaunchOutcome {
    /// What there is now.
    pub machines: Vec<Machine>,
    /// The pools that gave less than they were asked for, and why.
    pub refused: Vec<(Pool, AwsError)>,
}

impl FleetRequest {
    /// `40 in 6 pools`.
    fn target(&self) -> String {
        format!("{} in {} pools", self.count, self.places.len())
    }

    /// Which of its places a part of the answer is about. An endpoint that does not tell means the
    /// first one.
    fn place(
        &self,
        told: Option<&ec2::LaunchTemplateAndOverridesResponse>,
    ) -> Option<&FleetOverride> {
        let told = told.and_then(ec2::LaunchTemplateAndOverridesResponse::overrides);
        let is_meant = |place: &&FleetOverride| {
            told.is_some_and(|told| {
                let machine_type = told.instance_type().map(ec2::InstanceType::as_str);
                machine_type == Some(place.pool.machine_type.as_str())
                    && told.subnet_id() == Some(place.subnet.as_str())
            })
        };
        self.places.iter().find(is_meant).or_else(|| self.places.first())
    }
}

impl Ec2 {
    /// EC2 CreateLaunchTemplate: what all instances of a launch have in common. The template, and
    /// all that is made by it besides the instances, carries the request's tags.
    pub async fn create_template(&self, request: &LaunchRequest) -> Result<TemplateId, AwsError> {
        self.check_user_data("CreateLaunchTemplate", request)?;
        let answer = self
            .once
            .create_launch_template()
            .client_token(request.token.as_str())
            .launch_template_name(request.token.as_str())
            .launch_template_data(template(request))
            .tag_specifications(born_with(ec2::ResourceType::LaunchTemplate, &request.tags))
            .send()
            .await
            .map_err(self.failed("CreateLaunchTemplate"))
            .map_err(|error| error.on(request.token.as_str()))?;
        let made = answer.launch_template().and_then(ec2::LaunchTemplate::launch_template_id);
        self.made("CreateLaunchTemplate", made)
    }

    /// Our launch templates; the lock between machines only where the selector asks for it.
    pub async fn templates(&self, ours: &Selector) -> Result<Vec<TemplateId>, AwsError> {
        let found = self.describe_templates(ours).await?;
        let found = found.iter().filter(|template| ours.takes(&read_tags(template.tags())));
        Ok(found.filter_map(|it| it.launch_template_id()).map(TemplateId::from).collect())
    }

    /// EC2 DescribeLaunchTemplates, filtered by tags, all pages.
    pub(super) async fn describe_templates(
        &self,
        ours: &Selector,
    ) -> Result<Vec<ec2::LaunchTemplate>, AwsError> {
        self.patient
            .describe_launch_templates()
            .set_filters(Some(ours.filters()))
            .max_results(200)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(self.failed("DescribeLaunchTemplates"))
    }

    /// EC2 CreateFleet, never tried again by itself: what it could launch at once, and which pools
    /// refused. A [`super::Class::Unknown`] error means that it may have launched. The machines are what
    /// the answer tells of them, `at` for the time of their launch.
    pub async fn create_fleet(
        &self,
        request: &FleetRequest,
        at: Timestamp,
    ) -> Result<LaunchOutcome, AwsError> {
        let answer = self
            .once
            .create_fleet()
            .r#type(ec2::FleetType::Instant)
            .client_token(request.token.as_str())
            .launch_template_configs(pools(request))
            .target_capacity_specification(capacity(request))
            .spot_options(
                ec2::SpotOptionsRequest::builder()
                    .allocation_strategy(ec2::SpotAllocationStrategy::PriceCapacityOptimized)
                    .instance_interruption_behavior(
                        ec2::SpotInstanceInterruptionBehavior::Terminate,
                    )
                    .build(),
            )
            .tag_specifications(born_with(ec2::ResourceType::Fleet, &request.tags))
            .tag_specifications(born_with(ec2::ResourceType::Instance, &request.tags))
            .send()
            .await
            .map_err(self.failed("CreateFleet"))
            .map_err(|error| error.on(request.target()))?;
        let mut outcome = LaunchOutcome::default();
        for told in answer.instances() {
            let Some(place) = request.place(told.launch_template_and_overrides()) else { continue };
            let ids = told.instance_ids().iter().map(|id| InstanceId::from(id.as_str()));
            outcome.machines.extend(ids.map(|id| launched(id, place, request, at)));
        }
        for told in answer.errors() {
            let Some(place) = request.place(told.launch_template_and_overrides()) else { continue };
            let (code, message) = (told.error_code(), told.error_message());
            let error = self.refused(
                "CreateFleet",
                code.unwrap_or("Unknown"),
                message.unwrap_or("AWS does not say why"),
            );
            let Pool { zone, machine_type } = &place.pool;
            let error = error.of_type(machine_type).on(format!("{machine_type} in {zone}"));
            outcome.refused.push((place.pool.clone(), error));
        }
        Ok(outcome)
    }
}

/// The answer names instances by their ids only.
fn launched(
    id: InstanceId,
    place: &FleetOverride,
    request: &FleetRequest,
    at: Timestamp,
) -> Machine {
    let tag = |key: &str| request.tags.get(key).cloned();
    Machine {
        id,
        machine_type: place.pool.machine_type.clone(),
        zone: place.pool.zone.clone(),
        vpc: None,
        name: tag(tags::NAME),
        birth: Birth {
            lifecycle: Lifecycle::Spot,
            image: Some(place.image.clone()),
            spot_request: None,
            launched: at,
            launch: Some(request.token.clone()),
            creator: tag(tags::CREATED_BY),
            machine: None,
        },
        seen: Seen {
            state: Ec2State::Pending,
            state_reason: None,
            public_ip: None,
            private_ip: None,
            request: None,
        },
    }
}

fn pools(request: &FleetRequest) -> ec2::FleetLaunchTemplateConfigRequest {
    let template = ec2::FleetLaunchTemplateSpecificationRequest::builder()
        .launch_template_id(request.template.as_str())
        .version("1")
        .build();
    let places = request.places.iter().map(|place| {
        ec2::FleetLaunchTemplateOverridesRequest::builder()
            .instance_type(ec2::InstanceType::from(place.pool.machine_type.as_str()))
            .subnet_id(place.subnet.as_str())
            .image_id(place.image.as_str())
            .set_max_price(request.max_price.map(|price| price.to_string()))
            .build()
    });
    ec2::FleetLaunchTemplateConfigRequest::builder()
        .launch_template_specification(template)
        .set_overrides(Some(places.collect()))
        .build()
}

fn capacity(request: &FleetRequest) -> ec2::TargetCapacitySpecificationRequest {
    ec2::TargetCapacitySpecificationRequest::builder()
        .total_target_capacity(i32::try_from(request.count).unwrap_or(i32::MAX))
        .default_target_capacity_type(ec2::DefaultTargetCapacityType::Spot)
        .build()
}

/// What RunInstances is told, but for the place and the market: a fleet refuses a template that
/// speaks of spot, and tags its instances itself.
fn template(request: &LaunchRequest) -> ec2::RequestLaunchTemplateData {
    let metadata = ec2::LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(ec2::LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(ec2::LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build();
    let volume = ec2::LaunchTemplateEbsBlockDeviceRequest::builder()
        .encrypted(true)
        .volume_type(ec2::VolumeType::Gp3)
        .volume_size(i32::try_from(request.storage_gb).unwrap_or(i32::MAX))
        .delete_on_termination(true)
        .build();
    let groups = request.security_groups.iter().map(ToString::to_string).collect();
    let interface = ec2::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .set_groups(Some(groups))
        .associate_public_ip_address(request.associate_public_ip)
        .delete_on_termination(true)
        .build();
    let profile = request.instance_profile.as_ref().map(|name| {
        ec2::LaunchTemplateIamInstanceProfileSpecificationRequest::builder().name(name).build()
    });
    let data =
        ec2::RequestLaunchTemplateData::builder()
            .set_key_name(request.key_name.clone())
            .user_data(STANDARD.encode(&request.user_data))
            .metadata_options(metadata)
            .block_device_mappings(
                ec2::LaunchTemplateBlockDeviceMappingRequest::builder()
                    .device_name(&request.root_device)
                    .ebs(volume)
                    .build(),
            )
            .network_interfaces(interface)
            .set_credit_specification(request.credits().map(|credits| {
                ec2::CreditSpecificationRequest::builder().cpu_credits(credits).build()
            }))
            .set_instance_initiated_shutdown_behavior(
                request.ends_itself.then_some(ec2::ShutdownBehavior::Terminate),
            )
            .set_iam_instance_profile(profile);
    let kinds = [
        ec2::ResourceType::Volume,
        ec2::ResourceType::NetworkInterface,
        ec2::ResourceType::SpotInstancesRequest,
    ];
    let tags = kinds.into_iter().map(|kind| {
        let born = born_with(kind, &request.tags);
        ec2::LaunchTemplateTagSpecificationRequest::builder()
            .set_resource_type(born.resource_type)
            .set_tags(born.tags)
            .build()
    });
    tags.fold(data, ec2::builders::RequestLaunchTemplateDataBuilder::tag_specifications).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Class;
    use crate::aws::scripted;

    fn request() -> FleetRequest {
        let place = |zone: &str, subnet: &str| FleetOverride {
            pool: Pool { zone: zone.into(), machine_type: "t3.medium".into() },
            image: "ami-1".into(),
            subnet: subnet.into(),
        };
        FleetRequest {
            token: "l-1-0".into(),
            count: 3,
            template: "lt-1".into(),
            places: vec![place("us-west-2a", "subnet-a"), place("us-west-2b", "subnet-b")],
            max_price: None,
            tags: BTreeMap::from([("Name".into(), "spot-tui-x".into())]),
        }
    }

    fn answer(_: &str) -> (u16, String) {
        let place = |subnet: &str| {
            format!(
                "<launchTemplateAndOverrides><overrides><instanceType>t3.medium</instanceType>\
                 <subnetId>{subnet}</subnetId></overrides></launchTemplateAndOverrides>"
            )
        };
        let errors = format!(
            "<errorSet><item>{}<errorCode>InsufficientInstanceCapacity</errorCode><errorMessage>\
             none</errorMessage></item></errorSet>",
            place("subnet-a")
        );
        let instances = format!(
            "<fleetInstanceSet><item>{}<instanceIds><item>i-1</item><item>i-2</item></instanceIds>\
             </item></fleetInstanceSet>",
            place("subnet-b")
        );
        let body = format!("<fleetId>fleet-1</fleetId>{errors}{instances}");
        (200, format!("<CreateFleetResponse>{body}</CreateFleetResponse>"))
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_and_what_refused_is_told_by_pool() {
        let (ec2, calls) = scripted::ec2(answer).await;
        let outcome = ec2.create_fleet(&request(), Timestamp::UNIX_EPOCH).await.unwrap();
        let told: Vec<_> =
            outcome.machines.iter().map(|it| (it.id.as_str(), it.zone.as_str())).collect();
        assert_eq!(told, [("i-1", "us-west-2b"), ("i-2", "us-west-2b")]);
        let [(pool, error)] = outcome.refused.as_slice() else { panic!("{:?}", outcome.refused) };
        assert_eq!((pool.zone.as_str(), error.class), ("us-west-2a", Class::Elsewhere));
        assert!(error.to_string().contains("t3.medium in us-west-2a"), "{error}");
        let calls = calls.lock().unwrap();
        assert!(calls[0].contains("SpotOptions.AllocationStrategy=price-capacity-optimized"));
        assert!(calls[0].contains("Type=instant") && calls[0].contains("ClientToken=l-1-0"));
    }
}
