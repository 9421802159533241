//! Creates instances: everything is checked before a cent is spent, then each region goes its own
//! way, and in each region each instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use super::context::Site;
use super::deploy::Pipeline;
use super::kit::Kit;
use super::network::{self, NetworkReady};
use super::place::{Placed, Placement, candidates, forget_images, images};
use super::{Context, Reporter, user_data};
use crate::aws::{Aws, Ec2, LaunchRequest, Selector};
use crate::config::{Config, RegionConfig};
use crate::fleet::tags::Origin;
use crate::fleet::{
    Account, Ec2State, Fact, Failure, Instance, InstanceKey, Launch, LaunchId, Level, Machine,
    NetworkState, Outcome, Phase, Region, Step,
};

/// How long EC2 may take from pending to running.
const BOOT: Duration = Duration::from_mins(10);

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

/// Rows that found no place, and why.
struct Homeless {
    keys: Vec<InstanceKey>,
    failure: Failure,
}

impl Creation {
    /// One region, from its network to its last instance. Answers how many instances failed.
    async fn region(&self, context: &Arc<Context>, launch: &Launch, reporter: &Reporter) -> usize {
        let (placed, homeless) = self.try_region(context, launch, reporter).await;
        let elsewhere = async {
            match homeless {
                Some(homeless) => self.elsewhere(context, launch, homeless, reporter).await,
                None => 0,
            }
        };
        let (here, there) =
            tokio::join!(self.crew(context, launch, reporter).run(placed, false), elsewhere);
        here + there
    }

    /// Places what can be placed in a region. What found no place comes back with the reason.
    async fn try_region(
        &self,
        context: &Arc<Context>,
        launch: &Launch,
        reporter: &Reporter,
    ) -> (Vec<(InstanceKey, Machine)>, Option<Homeless>) {
        let ec2 = self.aws.region(&launch.region);
        let (placed, refused) = match self.launch(context, &ec2, launch, reporter).await {
            Ok(placed) => (placed.machines, placed.refused),
            Err(failure) => (Vec::new(), Some((launch.keys.clone(), failure))),
        };
        if let Some((_, failure)) = &refused {
            reporter.said_of(&launch.region, Level::Warning, failure.to_string()).await;
        }
        context.stir();
        (placed, refused.map(|(keys, failure)| Homeless { keys, failure }))
    }

    /// Tries what found no place in the other regions, where that is wished; what finds none there
    /// has failed. Answers how many did.
    async fn elsewhere(
        &self,
        context: &Arc<Context>,
        launch: &Launch,
        mut homeless: Homeless,
        reporter: &Reporter,
    ) -> usize {
        let spills = self.config.placement.spill && homeless.failure.step != Step::Account;
        let others: Vec<&Region> = self.config.regions.iter().map(|it| &it.region).collect();
        let others = others.into_iter().filter(|region| spills && **region != launch.region);
        let mut crews = JoinSet::new();
        for (number, region) in others.enumerate() {
            let id = LaunchId::new(format!("{}-s{number}", launch.id));
            let moved = Launch { region: region.clone(), id, keys: homeless.keys.clone() };
            for key in &moved.keys {
                reporter.learned(key, Fact::Moved(region.clone())).await;
            }
            let (placed, rest) = self.try_region(context, &moved, reporter).await;
            crews.spawn(self.crew(context, &moved, reporter).run(placed, false));
            let Some(rest) = rest else {
                homeless.keys.clear();
                break;
            };
            homeless = rest;
        }
        fail(reporter, &homeless.keys, &homeless.failure).await;
        homeless.keys.len() + super::together(crews, || 1).await.into_iter().sum::<usize>()
    }

    fn crew(&self, context: &Arc<Context>, launch: &Launch, reporter: &Reporter) -> Crew {
        Crew::new(context, &self.kit, &self.aws.region(&launch.region), reporter)
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
        let Site { network, key_name, .. } = self.site(context, ec2, &origin, reporter).await?;
        let candidates = candidates(context, ec2, wanted, &images, &network, reporter).await?;
        let template = self.template(wanted, &network, key_name)?;
        let placement = Placement { context, reporter, ec2, launch, origin: &origin, template };
        let placed = placement.place(&candidates).await;
        if placed.stale_image {
            forget_images(context, region, &wanted.image);
        }
        Ok(placed)
    }

    /// The network and the key pair; what was laid out a moment ago is as it was.
    async fn site(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        origin: &Origin,
        reporter: &Reporter,
    ) -> Result<Site, Failure> {
        let mut site = context.lay_out(ec2.region()).await;
        if let Some(site) = &*site {
            return Ok(site.clone());
        }
        reporter.learned_of(ec2.region(), Fact::Network(NetworkState::Building)).await;
        let network = self.network(context, ec2, origin, reporter).await?;
        reporter.learned_of(ec2.region(), Fact::Network(NetworkState::Ready)).await;
        let key_name = self.key_pair(context, ec2, origin, reporter).await?;
        let laid_out = Instant::now();
        Ok(site.insert(Site { network, key_name, laid_out }).clone())
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
                Ec2State::Running if self.kit.address(now).is_some() => {
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
