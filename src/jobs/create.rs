//! Creates instances: everything is checked before a cent is spent, then each region goes its own
//! way, and in each region each instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use super::deploy::Pipeline;
use super::kit::Kit;
use super::network::{self, NetworkReady};
use super::place::{Candidate, Placed, Placement};
use super::{Context, Reporter, user_data};
use crate::aws::{Architecture, Aws, AwsError, Ec2, ImageChoice, LaunchRequest, Selector};
use crate::config::{Config, Image, RegionConfig, UbuntuRelease};
use crate::fleet::tags::Origin;
use crate::fleet::{
    Account, Ec2State, Fact, Failure, Instance, InstanceKey, Launch, Level, Machine, MachineType,
    NetworkState, Outcome, Phase, Region, Step,
};

/// How long EC2 may take from pending to running.
const BOOT: Duration = Duration::from_mins(10);
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
        let placed = match self.launch(context, &ec2, launch, reporter).await {
            Ok(placed) => placed,
            Err(failure) => {
                fail(reporter, &launch.keys, &failure).await;
                return launch.keys.len();
            }
        };
        let mut failed = 0;
        if let Some((keys, failure)) = &placed.refused {
            fail(reporter, keys, failure).await;
            failed = keys.len();
        }
        context.stir();
        let crew = Crew::new(context, &self.kit, &ec2, reporter);
        failed + crew.run(placed.machines, false).await
    }

    /// Network, key, image, launch: what has to stand before there is an instance.
    async fn launch(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        launch: &Launch,
        reporter: &Reporter,
    ) -> Result<Placed, Failure> {
        let region = &launch.region;
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
        // Until the last instance is asked for, nobody may tear down what is built here.
        let _fence = context.build(region).await;
        let images = images(context, ec2, wanted).await?;
        reporter.learned_of(region, Fact::Network(NetworkState::Building)).await;
        let network = self.network(context, ec2, &origin, reporter).await?;
        reporter.learned_of(region, Fact::Network(NetworkState::Ready)).await;
        let key_name = self.key_pair(context, ec2, &origin, reporter).await?;
        let candidates = candidates(ec2, wanted, &images, &network).await?;
        let template = self.template(wanted, &network, key_name)?;
        let placement = Placement { context, reporter, ec2, launch, origin: &origin, template };
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
    ) -> Result<LaunchRequest, Failure> {
        let aws = &self.config.aws;
        let user_data = user_data::render(&user_data::UserData {
            username: &aws.username,
            public_key: self.kit.public_key.as_deref(),
        })
        .map_err(|error| Failure::new(Step::Launch, error.to_string(), ""))?;
        Ok(LaunchRequest {
            token: "".into(),
            count: 0,
            machine_type: "".into(),
            image: "".into(),
            root_device: String::new(),
            subnet: "".into(),
            zone: "".into(),
            security_groups: network.security_groups.clone(),
            key_name,
            user_data,
            storage_gb: wanted.instance_storage_gb,
            lifecycle: wanted.lifecycle,
            max_price: wanted.spot_price_limit,
            associate_public_ip: aws.associate_public_ip,
            instance_profile: aws.iam_instance_profile.clone(),
            tags: BTreeMap::new(),
        })
    }
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

/// Why an instance whose time is up was not worked on.
fn late(machine: &Machine) -> Failure {
    let (id, after) = (&machine.id, BOOT.as_secs());
    if machine.state == Ec2State::Running {
        let reason = format!("{id} runs and had no address to connect to for {after} s");
        let hint = "set aws.associate_public_ip: true, or ssh.connect: private";
        return Failure::new(Step::Connect, reason, hint);
    }
    let reason = format!("{id} was still {} after {after} s", machine.state);
    Failure::new(Step::Boot, reason, "destroy it and create another one")
}

/// Sees the instances of one region from pending to the end of their pipelines.
struct Crew {
    context: Arc<Context>,
    kit: Arc<Kit>,
    ec2: Ec2,
    reporter: Reporter,
    pipelines: JoinSet<bool>,
    failed: usize,
}

impl Crew {
    fn new(context: &Arc<Context>, kit: &Arc<Kit>, ec2: &Ec2, reporter: &Reporter) -> Self {
        Self {
            context: Arc::clone(context),
            kit: Arc::clone(kit),
            ec2: ec2.clone(),
            reporter: reporter.clone(),
            pipelines: JoinSet::new(),
            failed: 0,
        }
    }

    /// Starts each instance's pipeline as soon as that instance runs. Answers how many failed.
    async fn run(mut self, machines: Vec<(InstanceKey, Machine)>, resumed: bool) -> usize {
        let mut waiting = machines;
        let deadline = Instant::now() + BOOT;
        let deployment = self.context.deployment();
        let selector = Selector::deployment(&deployment).with_terminated();
        while !waiting.is_empty() && Instant::now() < deadline {
            match self.ec2.instances(&selector).await {
                Ok(seen) => waiting = self.sort(waiting, &seen, resumed).await,
                Err(error) => tracing::warn!(%error, "cannot see whether instances run"),
            }
            if !waiting.is_empty() {
                sleep(self.context.pace.busy).await;
            }
        }
        for (key, machine) in waiting {
            self.reporter.entered(&key, Phase::Failed(late(&machine))).await;
            self.failed += 1;
        }
        while let Some(ended) = self.pipelines.join_next().await {
            // A panic was logged by the hook; the row it left behind is counted as failed.
            self.failed += usize::from(!ended.unwrap_or(false));
        }
        self.failed
    }

    /// Those that run are worked on, those that died are counted, the others wait on.
    async fn sort(
        &mut self,
        waiting: Vec<(InstanceKey, Machine)>,
        seen: &[Machine],
        resumed: bool,
    ) -> Vec<(InstanceKey, Machine)> {
        let mut still = Vec::new();
        for (key, machine) in waiting {
            let Some(now) = seen.iter().find(|seen| seen.id == machine.id) else {
                still.push((key, machine));
                continue;
            };
            if *now != machine {
                self.reporter.learned(&key, Fact::Seen(now.clone())).await;
            }
            match now.state {
                Ec2State::Running if self.kit.reach.address(now).is_some() => {
                    self.start(key, now.clone(), resumed);
                }
                Ec2State::Pending | Ec2State::Running => still.push((key, now.clone())),
                state => {
                    let why = now.state_reason.as_deref().unwrap_or("AWS gave no reason");
                    let text = format!("{state} before it ran: {why}");
                    self.reporter.said(&key, Level::Error, text).await;
                    self.failed += 1;
                }
            }
        }
        still
    }

    fn start(&mut self, key: InstanceKey, machine: Machine, resumed: bool) {
        let pipeline = Pipeline {
            stop: self.context.work_on(&machine.id),
            context: Arc::clone(&self.context),
            kit: Arc::clone(&self.kit),
            ec2: self.ec2.clone(),
            reporter: self.reporter.clone(),
            key,
            machine,
        };
        self.pipelines.spawn(pipeline.run(resumed));
    }
}
