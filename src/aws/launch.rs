//! RunInstances: the one call that costs money.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, HttpTokensState,
    IamInstanceProfileSpecification, InstanceInterruptionBehavior, InstanceMarketOptionsRequest,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest,
    InstanceNetworkInterfaceSpecification, InstanceType, MarketType, ResourceType,
    ShutdownBehavior, SpotInstanceType, SpotMarketOptions, TagSpecification, VolumeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::access::Ec2;
use super::class::Class;
use super::error::AwsError;
use super::machines::machine;
use super::select::born_with;
use crate::config::CpuCredits;
use crate::fleet::{
    ImageId, KeptKind, LaunchId, Lifecycle, Machine, MachineType, SecurityGroupId, SubnetId, Zone,
    tags,
};

/// EC2's limit for user-data, before base64.
const USER_DATA_CAP: usize = 16 * 1024;

/// Everything that RunInstances is told. The same request sends the same bytes, as its client
/// token asks for: the token covers the tags and the user-data too.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LaunchRequest {
    /// The client token, at most 64 characters, and the value of the tag `LaunchId`.
    pub token: LaunchId,
    /// How many at most. AWS may give fewer, but at least one.
    pub count: u32,
    /// Which type.
    pub machine_type: MachineType,
    /// Which image.
    pub image: ImageId,
    /// The image's root device, `/dev/sda1`, as [`super::ImageChoice`] tells it.
    pub root_device: String,
    /// Which subnet.
    pub subnet: SubnetId,
    /// The subnet's zone, for messages.
    pub zone: Zone,
    /// The groups that guard it.
    pub security_groups: Vec<SecurityGroupId>,
    /// A key pair in EC2.
    pub key_name: Option<String>,
    /// A cloud-init document, at most 16 KiB. Readable by everything on the machine: no secrets.
    pub user_data: String,
    /// The root volume in GiB.
    pub storage_gb: u32,
    /// Whether that one outlives the instance.
    pub keeps_root: bool,
    /// How it is paid for.
    pub lifecycle: Lifecycle,
    /// The most to pay, in USD an hour. `None` caps at the on-demand price.
    pub max_price: Option<f64>,
    /// Whether it gets a public address.
    pub associate_public_ip: bool,
    /// What a burstable type does without credits; other types have none.
    pub cpu_credits: CpuCredits,
    /// Whether a shutdown from inside ends it: else EC2's default holds, and it is stopped.
    pub ends_itself: bool,
    /// An instance profile's name.
    pub instance_profile: Option<String>,
    /// The tags of everything that the call makes.
    pub tags: BTreeMap<String, String>,
}

impl LaunchRequest {
    /// `standard` or `unlimited`, for a type to which that applies: EC2 refuses it for others.
    pub(super) fn credits(&self) -> Option<&'static str> {
        is_burstable(&self.machine_type).then_some(match self.cpu_credits {
            CpuCredits::Standard => "standard",
            CpuCredits::Unlimited => "unlimited",
        })
    }

    /// `2 x t3.medium in us-west-2a`.
    fn target(&self) -> String {
        format!("{} x {} in {}", self.count, self.machine_type, self.zone)
    }
}

/// Whether a type earns and spends CPU credits: the families T2, T3, T3a, T4g.
pub fn is_burstable(machine_type: &MachineType) -> bool {
    let rest = machine_type.as_str().strip_prefix('t');
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl Ec2 {
    /// Launches at least one and at most `count` instances (EC2 RunInstances), never tried again
    /// by itself. A [`Class::Unknown`] error means that it may have launched.
    pub async fn launch(&self, request: &LaunchRequest) -> Result<Vec<Machine>, AwsError> {
        let answer = self
            .run_instances(request)?
            .send()
            .await
            .map_err(self.failed("RunInstances"))
            .map_err(|error| error.of_type(&request.machine_type).on(request.target()))?;
        let mut machines: Vec<Machine> = answer.instances().iter().filter_map(machine).collect();
        for machine in &mut machines {
            // The instance itself does not tell whether its request is persistent.
            machine.birth.lifecycle = request.lifecycle;
            if let Some(id) = &machine.birth.spot_request {
                self.remember(id, request.lifecycle);
            }
        }
        if machines.is_empty() {
            let message = "AWS answered without naming an instance";
            let hint = "the next run finds by its tags what was launched";
            return Err(self
                .found("RunInstances", Class::Unknown, message, hint)
                .on(request.target()));
        }
        Ok(machines)
    }

    /// EC2 would refuse it, but only after other things were made.
    pub(super) fn check_user_data(
        &self,
        operation: &'static str,
        request: &LaunchRequest,
    ) -> Result<(), AwsError> {
        if request.user_data.len() <= USER_DATA_CAP {
            return Ok(());
        }
        Err(self.found(
            operation,
            Class::FatalRegion,
            format!("user-data of {} bytes; EC2 takes 16384", request.user_data.len()),
            "make instance/ smaller: what is large belongs into the bundle",
        ))
    }

    pub(super) fn run_instances(
        &self,
        request: &LaunchRequest,
    ) -> Result<RunInstancesFluentBuilder, AwsError> {
        self.check_user_data("RunInstances", request)?;
        let count = i32::try_from(request.count).unwrap_or(i32::MAX);
        // Without a lease, what a shutdown from inside does is left at EC2's default (stop): a
        // one-time request ends with its instance anyway, and a persistent one has to survive a
        // power-off.
        let call =
            self.once
                .run_instances()
                .client_token(request.token.as_str())
                .min_count(1)
                .max_count(count)
                .image_id(request.image.as_str())
                .instance_type(InstanceType::from(request.machine_type.as_str()))
                .set_key_name(request.key_name.clone())
                .user_data(STANDARD.encode(&request.user_data))
                .set_instance_market_options(market(request))
                .set_instance_initiated_shutdown_behavior(
                    request.ends_itself.then_some(ShutdownBehavior::Terminate),
                )
                .metadata_options(metadata())
                .block_device_mappings(root_volume(request))
                .network_interfaces(interface(request))
                .set_credit_specification(request.credits().map(|credits| {
                    CreditSpecificationRequest::builder().cpu_credits(credits).build()
                }))
                .set_iam_instance_profile(
                    request
                        .instance_profile
                        .as_ref()
                        .map(|name| IamInstanceProfileSpecification::builder().name(name).build()),
                );
        Ok(born(request)
            .into_iter()
            .fold(call, |call, kind| call.tag_specifications(tags_of(kind, request))))
    }
}

/// What the call makes, and so what has to be tagged in it.
fn born(request: &LaunchRequest) -> Vec<ResourceType> {
    let mut kinds =
        vec![ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface];
    if request.lifecycle != Lifecycle::OnDemand {
        kinds.push(ResourceType::SpotInstancesRequest);
    }
    kinds
}

/// The tags of something that the call makes. That a volume is to stay stands on it from birth: what
/// takes away left-overs goes by tags alone.
fn tags_of(kind: ResourceType, request: &LaunchRequest) -> TagSpecification {
    if kind != ResourceType::Volume || !request.keeps_root {
        return born_with(kind, &request.tags);
    }
    let mut tags = request.tags.clone();
    tags.insert(tags::KEPT.into(), KeptKind::Root.word().into());
    born_with(kind, &tags)
}

fn market(request: &LaunchRequest) -> Option<InstanceMarketOptionsRequest> {
    // AWS: a persistent request needs a behaviour that keeps the instance.
    let (kind, behaviour) = match request.lifecycle {
        Lifecycle::OnDemand => return None,
        Lifecycle::Spot => (SpotInstanceType::OneTime, InstanceInterruptionBehavior::Terminate),
        Lifecycle::PersistentSpot => {
            (SpotInstanceType::Persistent, InstanceInterruptionBehavior::Stop)
        }
    };
    let spot = SpotMarketOptions::builder()
        .spot_instance_type(kind)
        .instance_interruption_behavior(behaviour)
        .set_max_price(request.max_price.map(|price| price.to_string()))
        .build();
    Some(
        InstanceMarketOptionsRequest::builder()
            .market_type(MarketType::Spot)
            .spot_options(spot)
            .build(),
    )
}

/// IMDSv2 only, and one hop: a job in a container on the machine gets no token.
fn metadata() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build()
}

fn root_volume(request: &LaunchRequest) -> BlockDeviceMapping {
    let volume = EbsBlockDevice::builder()
        .encrypted(true)
        .volume_type(VolumeType::Gp3)
        .volume_size(i32::try_from(request.storage_gb).unwrap_or(i32::MAX))
        .delete_on_termination(!request.keeps_root)
        .build();
    BlockDeviceMapping::builder().device_name(&request.root_device).ebs(volume).build()
}

/// The interface is spelled out, not left to a plain SubnetId: so it is ours to say that it goes
/// with the instance, and whether it has a public address.
fn interface(request: &LaunchRequest) -> InstanceNetworkInterfaceSpecification {
    let groups = request.security_groups.iter().map(ToString::to_string).collect();
    InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .subnet_id(request.subnet.as_str())
        .set_groups(Some(groups))
        .associate_public_ip_address(request.associate_public_ip)
        .delete_on_termination(true)
        .build()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::aws::scripted;

    pub(in crate::aws) fn request(machine_type: &str, cpu_credits: CpuCredits) -> LaunchRequest {
        LaunchRequest {
            token: "l-1-0".into(),
            count: 1,
            machine_type: machine_type.into(),
            image: "ami-1".into(),
            root_device: "/dev/sda1".into(),
            subnet: "subnet-1".into(),
            zone: "us-west-2a".into(),
            security_groups: Vec::new(),
            key_name: None,
            user_data: String::new(),
            storage_gb: 8,
            keeps_root: false,
            lifecycle: Lifecycle::Spot,
            max_price: None,
            associate_public_ip: true,
            cpu_credits,
            ends_itself: false,
            instance_profile: None,
            tags: BTreeMap::new(),
        }
    }

    /// EC2's default would stop an on-demand instance whose lease is over, and its disk would cost.
    #[tokio::test(start_paused = true)]
    async fn what_has_a_lease_ends_by_a_shutdown_from_inside_in_a_template_too() {
        let (ec2, calls) = scripted::ec2(|_| scripted::refusal("InvalidParameterValue")).await;
        for ends_itself in [true, false] {
            let request =
                LaunchRequest { ends_itself, ..request("m5.large", CpuCredits::Standard) };
            assert!(
                ec2.launch(&request).await.is_err() && ec2.create_template(&request).await.is_err()
            );
            let calls: Vec<String> = calls.lock().unwrap().drain(..).collect();
            assert_eq!(calls.len(), 2);
            for call in calls {
                let says = call.contains("InstanceInitiatedShutdownBehavior=terminate");
                assert_eq!(says, ends_itself, "{call}");
            }
        }
    }

    /// EC2 charges a T3 for surplus credits where nothing is said, and refuses credits elsewhere.
    #[tokio::test(start_paused = true)]
    async fn burstable_types_say_what_they_do_without_credits_and_others_say_nothing() {
        let (ec2, calls) = scripted::ec2(|_| scripted::refusal("InvalidParameterValue")).await;
        let (standard, unlimited) = (CpuCredits::Standard, CpuCredits::Unlimited);
        for (name, credits, said) in [
            ("t3.medium", standard, Some("CpuCredits=standard")),
            ("t4g.small", unlimited, Some("CpuCredits=unlimited")),
            ("m7i-flex.large", standard, None),
            ("trn1.2xlarge", standard, None),
        ] {
            let request = request(name, credits);
            assert!(
                ec2.launch(&request).await.is_err() && ec2.create_template(&request).await.is_err()
            );
            for call in calls.lock().unwrap().drain(..) {
                let found = call.split('&').find(|it| it.contains("CpuCredits"));
                let found = found.and_then(|it| it.rsplit('.').next());
                assert_eq!(found, said, "{name}: {call}");
            }
        }
    }
}
