//! Creates instances: everything is checked before a cent is spent, then each region goes its own
//! way, and in each region each instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::crew::Crew;
use super::kit::Kit;
use super::network::{self, NetworkReady};
use super::orders::Standing;
use super::place::{Candidate, Placed, Placement};
use super::{Context, Reporter, settle};
use crate::aws::{Architecture, Aws, AwsError, Ec2, ImageChoice, LaunchRequest};
use crate::config::{Config, Image, RegionConfig, UbuntuRelease};
use crate::fleet::tags::Origin;
use crate::fleet::{
    Account, Fact, Failure, Instance, InstanceKey, Launch, Machine, MachineType, NetworkState,
    Outcome, Phase, Region, Step,
};

/// How long a looked-up image stays good.
const IMAGE_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Launches and deploys. One region's failure is that region's alone.
pub(super) async fn create(
    context: Arc<Context>,
    launches: Vec<Launch>,
    reporter: Reporter,
) -> Outcome {
    for key in launches.iter().flat_map(|launch| &launch.keys) {
        reporter.entered(key, Phase::Requesting).await;
    }
    let job = match prepare(&context, &reporter).await {
        Ok(job) => Arc::new(job),
        Err(failure) => {
            for launch in &launches {
                fail(&reporter, &launch.keys, &failure).await;
            }
            return Outcome::Failed(failure);
        }
    };
    let mut regions = JoinSet::new();
    for launch in launches {
        let (job, context, reporter) = (Arc::clone(&job), Arc::clone(&context), reporter.clone());
        regions.spawn(async move { job.region(&context, &launch, &reporter).await });
    }
    outcome(super::together(regions, || 1).await.into_iter().sum())
}

/// Takes up again what an earlier run left behind: what runs and was not seen ready.
pub(super) async fn resume(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> Outcome {
    let job = match prepare(&context, &reporter).await {
        Ok(job) => job,
        Err(failure) => return Outcome::Failed(failure),
    };
    let mut by_region: BTreeMap<Region, Vec<Instance>> = BTreeMap::new();
    for instance in instances {
        by_region.entry(instance.region.clone()).or_default().push(instance);
    }
    let mut regions = JoinSet::new();
    let kit = Arc::new(job.kit);
    for (region, instances) in by_region {
        let ec2 = job.aws.region(&region);
        let crew = Crew::new(&context, &kit, &ec2, &reporter);
        regions.spawn(crew.run(instances.into_iter().filter_map(known).collect(), true));
    }
    outcome(super::together(regions, || 1).await.into_iter().sum())
}

fn known(instance: Instance) -> Option<(InstanceKey, Machine)> {
    Some((instance.key, instance.machine?))
}

fn outcome(failed: usize) -> Outcome {
    if failed == 0 { Outcome::Done } else { Outcome::Partly { failed } }
}

/// What all regions of one create share.
struct Creation {
    aws: Aws,
    account: Account,
    config: Arc<Config>,
    kit: Arc<Kit>,
    origin: Origin,
}

/// Everything that can be known to fail before AWS is asked for anything that costs money.
async fn prepare(context: &Arc<Context>, reporter: &Reporter) -> Result<Creation, Failure> {
    let config = Arc::clone(context.config()?);
    context.journal()?;
    context.settled()?;
    let kit = Kit::prepare(context, &config, reporter).await?;
    let aws = context.aws().await.map_err(|error| error.failure(Step::Account))?.clone();
    let account = context.account().await.map_err(|error| error.failure(Step::Account))?.clone();
    let origin = Origin {
        deployment: context.deployment(),
        creator: account.creator.clone(),
        at: context.now(),
        extra: BTreeMap::new(),
    };
    Ok(Creation { aws, account, config, kit: Arc::new(kit), origin })
}

impl Creation {
    /// One region, from its network to its last instance. Answers how many instances failed.
    async fn region(&self, context: &Arc<Context>, launch: &Launch, reporter: &Reporter) -> usize {
        let ec2 = self.aws.region(&launch.region);
        // Until the last instance is asked for, nobody may tear down what is built here.
        let fence = context.build(&launch.region).await;
        let (order, made) = match take_over(context, &ec2, launch, reporter).await {
            Ok(taken) => taken,
            Err(failure) => {
                fail(reporter, &launch.keys, &failure).await;
                return launch.keys.len();
            }
        };
        let rest = launch.keys.get(made.len()..).unwrap_or_default();
        let mut placed = if rest.is_empty() {
            Placed::default()
        } else {
            self.place(context, &ec2, &order, rest, reporter).await.unwrap_or_else(|failure| {
                Placed { refused: Some((rest.to_vec(), failure)), ..Placed::default() }
            })
        };
        drop(fence);
        placed.machines.extend(made);
        placed.machines.extend(launch.resumed.iter().cloned().filter_map(known));
        let mut failed = 0;
        if let Some((keys, failure)) = &placed.refused {
            fail(reporter, keys, failure).await;
            failed = keys.len();
        }
        context.stir();
        let crew = Crew::new(context, &self.kit, &ec2, reporter);
        failed += crew.run(placed.machines, order.is_resumed()).await;
        order.end(context).await;
        failed
    }

    /// Network, key, image, launch: what has to stand before there is an instance.
    async fn place(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        order: &Standing,
        keys: &[InstanceKey],
        reporter: &Reporter,
    ) -> Result<Placed, Failure> {
        let region = ec2.region();
        if !self.account.regions.contains(region) {
            let hint = format!("enable it: aws account enable-region --region-name {region}");
            let reason =
                format!("the region {region} is not enabled for account {}", self.account.id);
            return Err(Failure::new(Step::Account, reason, hint));
        }
        let wanted = self.config.region(region).ok_or_else(|| {
            let reason = format!("the region {region} is not in the configuration");
            Failure::new(Step::Launch, reason, "add it under regions:")
        })?;
        let origin = Origin { extra: wanted.tags.clone(), ..self.origin.clone() };
        let images = images(context, ec2, wanted).await?;
        reporter.learned_of(region, Fact::Network(NetworkState::Building)).await;
        let network = self.network(context, ec2, &origin, reporter).await?;
        reporter.learned_of(region, Fact::Network(NetworkState::Ready)).await;
        let key_name = self.key_pair(context, ec2, &origin, reporter).await?;
        let candidates = candidates(ec2, wanted, &images, &network).await?;
        let template = self.template(wanted, &network, key_name);
        let origin = &origin;
        let placement = Placement { context, reporter, ec2, order, keys, origin, template };
        let placed = placement.place(&candidates).await;
        if placed.stale_image {
            forget_images(context, region, &wanted.image);
        }
        Ok(placed)
    }

    async fn network(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        origin: &Origin,
        reporter: &Reporter,
    ) -> Result<NetworkReady, Failure> {
        let plan = network::NetworkPlan {
            network: self.config.aws.network.clone(),
            operators: self.kit.operators.clone(),
            extra_groups: self.config.aws.security_groups.clone(),
        };
        let (say, telling) = reporter.telling(ec2.region());
        telling
            .during(Box::pin(network::ensure(ec2, &plan, origin, context.as_ref(), &say)))
            .await
            .map_err(|error| error.failure(Step::Network))
    }

    /// The name of the key pair that instances are started with.
    async fn key_pair(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        origin: &Origin,
        reporter: &Reporter,
    ) -> Result<Option<String>, Failure> {
        if let Some(name) = &self.config.aws.ssh_key_name {
            return Ok(Some(name.clone()));
        }
        let Some(public_key) = &self.kit.public_key else { return Ok(None) };
        let (say, telling) = reporter.telling(ec2.region());
        let ensure = network::ensure_key_pair(ec2, public_key, origin, context.as_ref(), &say);
        telling
            .during(Box::pin(ensure))
            .await
            .map(Some)
            .map_err(|error| error.failure(Step::KeyPair))
    }

    /// What all requests of a region have in common. The place is filled in by the candidate.
    fn template(
        &self,
        wanted: &RegionConfig,
        network: &NetworkReady,
        key_name: Option<String>,
    ) -> LaunchRequest {
        let aws = &self.config.aws;
        LaunchRequest {
            token: "".into(),
            count: 0,
            machine_type: "".into(),
            image: "".into(),
            root_device: String::new(),
            subnet: "".into(),
            zone: "".into(),
            security_groups: network.security_groups.clone(),
            key_name,
            user_data: self.kit.user_data.clone(),
            storage_gb: wanted.instance_storage_gb,
            lifecycle: wanted.lifecycle,
            max_price: wanted.spot_price_limit,
            associate_public_ip: aws.associate_public_ip,
            instance_profile: aws.iam_instance_profile.clone(),
            tags: BTreeMap::new(),
        }
    }
}

/// The order, on disk, and what an earlier run made for it that had no row. Where AWS cannot be
/// asked for that, the order goes on standing.
async fn take_over(
    context: &Context,
    ec2: &Ec2,
    launch: &Launch,
    reporter: &Reporter,
) -> Result<(Standing, Vec<(InstanceKey, Machine)>), Failure> {
    let order = Standing::begin(context, launch).await?;
    settle::settle(context, ec2, reporter).await?;
    let found = order.find(context, ec2, &launch.known).await?;
    let made: Vec<_> = launch.keys.iter().cloned().zip(found).collect();
    for (key, machine) in &made {
        reporter.learned(key, Fact::Seen(machine.clone())).await;
    }
    Ok((order, made))
}

/// The image of each machine type: of its architecture, and looked up once a day.
async fn images(
    context: &Context,
    ec2: &Ec2,
    wanted: &RegionConfig,
) -> Result<BTreeMap<MachineType, ImageChoice>, Failure> {
    let image = |error: AwsError| error.failure(Step::Image);
    let facts = ec2
        .machine_types(&wanted.machine_types)
        .await
        .map_err(|error| error.failure(Step::Launch))?;
    let mut images = BTreeMap::new();
    for facts in facts {
        let choice = match &wanted.image {
            Image::Id(id) => ec2.image_by_id(id).await.map_err(image)?,
            Image::Ubuntu(release) => {
                let key = image_key(context, ec2.region(), *release, facts.architecture);
                let now = context.now();
                if let Some(choice) = context.cache.get::<ImageChoice>(&key, now) {
                    choice
                } else {
                    let choice = ec2.image(*release, facts.architecture).await.map_err(image)?;
                    // Without it, the next launch asks again.
                    let _ = context.cache.put(&key, &choice, now, IMAGE_LIFE);
                    choice
                }
            }
        };
        fits(&choice, facts.architecture, &facts.machine_type)?;
        images.insert(facts.machine_type, choice);
    }
    Ok(images)
}

/// Under which key a looked-up image is remembered.
fn image_key(
    context: &Context,
    region: &Region,
    release: UbuntuRelease,
    architecture: Architecture,
) -> String {
    let endpoint = context.access.endpoint.as_deref().unwrap_or("aws");
    format!("{endpoint}-{region}-{release:?}-{}", architecture.word())
}

/// AWS does not know a remembered image any more: the next launch looks again.
fn forget_images(context: &Context, region: &Region, image: &Image) {
    let Image::Ubuntu(release) = image else { return };
    for architecture in [Architecture::Amd64, Architecture::Arm64] {
        context.cache.forget(&image_key(context, region, *release, architecture));
    }
}

fn fits(
    image: &ImageChoice,
    architecture: Architecture,
    machine_type: &MachineType,
) -> Result<(), Failure> {
    if image.architecture == architecture {
        return Ok(());
    }
    let (is, needs) = (image.architecture.word(), architecture.word());
    let reason = format!("{} is an {is} image, and {machine_type} needs {needs}", image.id);
    Err(Failure::new(Step::Image, reason, "name an image of that architecture, or image: auto"))
}

/// Where instances may be had: each machine type in the order of preference, in each zone that
/// offers it and has a subnet.
async fn candidates(
    ec2: &Ec2,
    wanted: &RegionConfig,
    images: &BTreeMap<MachineType, ImageChoice>,
    network: &NetworkReady,
) -> Result<Vec<Candidate>, Failure> {
    let offers =
        ec2.offerings(&wanted.machine_types).await.map_err(|error| error.failure(Step::Launch))?;
    let mut candidates = Vec::new();
    for machine_type in &wanted.machine_types {
        for (subnet, zone) in &network.subnets {
            let offered = offers.iter().any(|(offer, at)| offer == machine_type && at == zone);
            let allowed =
                wanted.availability_zones.is_empty() || wanted.availability_zones.contains(zone);
            if let Some(image) = images.get(machine_type)
                && offered
                && allowed
            {
                candidates.push(Candidate {
                    machine_type: machine_type.clone(),
                    image: image.clone(),
                    subnet: subnet.clone(),
                    zone: zone.clone(),
                });
            }
        }
    }
    Ok(candidates)
}

async fn fail(reporter: &Reporter, keys: &[InstanceKey], failure: &Failure) {
    for key in keys {
        reporter.entered(key, Phase::Failed(failure.clone())).await;
    }
}
