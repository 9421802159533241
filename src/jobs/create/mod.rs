//! Creates instances: everything is checked before a cent is spent, then each region goes its own
//! way, and in each region each instance.

mod alone;
mod boot;
mod candidates;
mod creation;
mod instant_fleet;
mod placement;
pub(super) mod preflight;
mod quota_room;
mod spread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use boot::BootWatcher;
use candidates::{Checked, candidates, drop_dear, forget_images, keep_to_zone, price_on_demand};
use creation::Creation;
use placement::{Placed, Placement};
use preflight::may_look;
use spread::Spread;

use super::context::Context;
use super::context::fences::RegionNetwork;
use super::context::kept::look_at_kept;
use super::context::reporter::Reporter;
use super::context::tasks::together;
use super::intents::creates::{self, CreateIntent};
use super::intents::unknown_outcome::reconcile;
use super::machine::Launched;
use super::market::scores;
use crate::aws::Ec2;
use crate::aws::network::{self, NetworkReady};
use crate::config::{Connect, MachineConfig, RegionConfig};
use crate::fleet::tags::Origin;
use crate::fleet::{
    Failure, Instance, InstanceKey, InstanceNews, JobResult, Kept, Launch, LaunchId, Level,
    LockStanding, Machine, NetworkState, Phase, Region, RegionNews, Step,
};

/// What a create came to.
#[derive(Debug, Default)]
pub(super) struct Created {
    /// How many instances failed.
    pub failed: usize,
    /// Where a network was laid out and nothing was launched.
    pub unused: BTreeSet<Region>,
}

/// Launches and deploys. One region's failure is that region's alone.
pub(super) async fn create(
    context: &Arc<Context>,
    launches: Vec<Launch>,
    reporter: &Reporter,
) -> Result<Created, Failure> {
    for key in launches.iter().flat_map(|launch| &launch.keys) {
        reporter.entered(key, Phase::Requesting).await;
    }
    let job = match prepare(context, reporter).await {
        Ok(job) => job,
        Err(failure) => {
            for launch in &launches {
                fail(reporter, &launch.keys, &failure).await;
            }
            return Err(failure);
        }
    };
    let on_demand = Arc::new(job.on_demand());
    let job = Arc::new(job);
    let mut regions = JoinSet::new();
    for launch in launches {
        let job = if launch.on_demand { &on_demand } else { &job };
        let (job, context, reporter) = (Arc::clone(job), Arc::clone(context), reporter.clone());
        regions.spawn(async move { Box::pin(job.region(&context, &launch, &reporter)).await });
    }
    let (mut created, mut intents) = (Created::default(), Vec::new());
    for region in together(regions, RegionEnd::lost).await {
        created.failed += region.failed;
        created.unused.extend(region.unused);
        intents.extend(region.intents);
    }
    creates::end(context, intents).await;
    Ok(created)
}

/// What became of one region's launch, there and wherever it went.
#[derive(Debug, Default)]
struct RegionEnd {
    failed: usize,
    /// They end with the create.
    intents: Vec<CreateIntent>,
    unused: Vec<Region>,
}

impl RegionEnd {
    /// A panic took it.
    fn lost() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// Takes in what else became of it.
    fn add(&mut self, other: Self) {
        self.failed += other.failed;
        self.intents.extend(other.intents);
        self.unused.extend(other.unused);
    }
}

/// Takes up again what an earlier run left behind: what runs and was not seen ready.
pub(super) async fn resume(
    context: Arc<Context>,
    instances: Vec<Instance>,
    reporter: Reporter,
) -> JobResult {
    let job = prepare(&context, &reporter).await?;
    let mut by_region: BTreeMap<Region, Vec<Instance>> = BTreeMap::new();
    let mut regions = JoinSet::new();
    let inputs = Arc::clone(&job.inputs);
    for instance in instances {
        match resumed_machine(&job, &context, &reporter, &instance) {
            Some((launched, wanted)) => {
                regions.spawn(async move { usize::from(!launched.see_through(wanted).await) });
            }
            None => by_region.entry(instance.region.clone()).or_default().push(instance),
        }
    }
    for (region, instances) in by_region {
        let ec2 = job.aws.region(&region);
        let keys = instances.iter().filter_map(|it| Some((it.key.clone(), it.host_key.clone()?)));
        let watcher =
            BootWatcher::new(&context, &inputs, &ec2, &reporter).expecting(keys.collect());
        regions.spawn(watcher.run(instances.into_iter().filter_map(known).collect(), true));
    }
    Ok(together(regions, || 1).await.into_iter().sum())
}

/// A machine of the configuration that is taken up again, with what that says of it.
fn resumed_machine(
    job: &Creation,
    context: &Arc<Context>,
    reporter: &Reporter,
    row: &Instance,
) -> Option<(Launched, MachineConfig)> {
    let wanted = job.config.machine(row.machine_name()?)?;
    let launched = Launched {
        context: Arc::clone(context),
        inputs: Arc::clone(&job.inputs),
        ec2: job.aws.region(&row.region),
        reporter: reporter.clone(),
        key: row.key.clone(),
        machine: row.machine.clone()?,
        host_key: row.host_key.clone(),
        is_resumed: true,
    };
    Some((launched, wanted.clone()))
}

fn known(instance: Instance) -> Option<(InstanceKey, Machine)> {
    Some((instance.key, instance.machine?))
}

/// Everything that can be known to fail before AWS is asked for anything that costs money.
async fn prepare(context: &Arc<Context>, reporter: &Reporter) -> Result<Creation, Failure> {
    context.journal()?;
    Creation::open(context, reporter).await
}

impl Creation {
    /// One region, from its network to its last instance.
    async fn region(
        &self,
        context: &Arc<Context>,
        launch: &Launch,
        reporter: &Reporter,
    ) -> RegionEnd {
        let Some((intent, placed)) = self.try_region(context, launch, None, reporter).await else {
            return RegionEnd { failed: launch.keys.len(), ..RegionEnd::default() };
        };
        let unused = Vec::from_iter(placed.unused(&launch.region));
        let ec2 = self.aws.region(&launch.region);
        let seen_through =
            self.see_through(context, &ec2, launch, &intent, placed.machines, reporter);
        let is_unknown = placed.is_unanswered;
        let elsewhere = async {
            match placed.refused {
                // What may have been made there is not asked for anywhere else.
                Some((lost, failure)) if is_unknown => {
                    fail(reporter, &lost, &failure).await;
                    RegionEnd { failed: lost.len(), ..RegionEnd::default() }
                }
                Some(homeless) => {
                    Box::pin(self.elsewhere(context, launch, &intent, homeless, reporter)).await
                }
                None => RegionEnd::default(),
            }
        };
        let (failed, elsewhere) = tokio::join!(Box::pin(seen_through), elsewhere);
        // Of unknown outcome: the next process finds out, and counts it into what is asked for.
        let intents = Vec::from_iter((!is_unknown).then_some(intent));
        let mut end = RegionEnd { failed, intents, unused };
        end.add(elsewhere);
        end
    }

    /// Sees what was placed through to nodes that work. Answers how many do not.
    async fn see_through(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        launch: &Launch,
        intent: &CreateIntent,
        placed: Vec<(InstanceKey, Machine)>,
        reporter: &Reporter,
    ) -> usize {
        let Some(wanted) = launch.machine.as_deref().and_then(|name| self.config.machine(name))
        else {
            let watcher = BootWatcher::new(context, &self.inputs, ec2, reporter);
            return watcher.run(placed, intent.is_resumed()).await;
        };
        let mut failed = 0;
        for (key, machine) in placed {
            let row = launch.resumed.iter().find(|row| row.key == key);
            let launched = Launched {
                context: Arc::clone(context),
                inputs: Arc::clone(&self.inputs),
                ec2: ec2.clone(),
                reporter: reporter.clone(),
                host_key: row.and_then(|row| row.host_key.clone()),
                key,
                machine,
                is_resumed: intent.is_resumed(),
            };
            failed += usize::from(!launched.see_through(wanted.clone()).await);
        }
        failed
    }

    /// Places what can be placed in a region, whose intent stays open until the create ends. `None`
    /// where not even that could be done.
    async fn try_region(
        &self,
        context: &Arc<Context>,
        launch: &Launch,
        origin: Option<&Region>,
        reporter: &Reporter,
    ) -> Option<(CreateIntent, Placed)> {
        let ec2 = self.aws.region(&launch.region);
        // Until the last instance is asked for, nobody may tear down what is built here.
        let _fence = context.fences().build(&launch.region).await;
        let (intent, made) = match take_over(context, &ec2, launch, origin, reporter).await {
            Ok(taken) => taken,
            Err(failure) => {
                fail(reporter, &launch.keys, &failure).await;
                return None;
            }
        };
        let rest = launch.keys.get(made.len()..).unwrap_or_default();
        let mut placed = match rest.first() {
            None => Placed::default(),
            Some(key) => {
                match Box::pin(self.launched_by_request(context, &ec2, launch, reporter)).await {
                    Ok(None) => {
                        Box::pin(self.place(context, &ec2, &intent, (rest, launch), reporter)).await
                    }
                    Ok(Some(machine)) => {
                        intent.note(context, std::slice::from_ref(&machine)).await;
                        reporter.seen(key, &machine).await;
                        Placed { machines: vec![(key.clone(), machine)], ..Placed::default() }
                    }
                    Err(failure) => Placed::refused(rest, failure),
                }
            }
        };
        placed.machines.extend(made);
        placed.machines.extend(launch.resumed.iter().cloned().filter_map(known));
        if let Some((_, failure)) = &placed.refused {
            reporter.said_of(&launch.region, Level::Warning, failure.to_string()).await;
        }
        context.wake_watch();
        Some((intent, placed))
    }

    /// Tries what found no place in the other regions, where that is wished; what finds none there
    /// has failed.
    async fn elsewhere(
        &self,
        context: &Arc<Context>,
        launch: &Launch,
        intent: &CreateIntent,
        (mut homeless, mut failure): (Vec<InstanceKey>, Failure),
        reporter: &Reporter,
    ) -> RegionEnd {
        // Without an account no other region would answer differently.
        let is_lost = matches!(context.launch_lock().standing(), LockStanding::Lost(_));
        let is_open = self.config.placement.spill && failure.step != Step::Account && !is_lost;
        // A machine is where it was put.
        let spills = is_open && launch.machine.is_none();
        let others = self.config.regions.iter();
        let others = others.filter(|it| spills && it.region != launch.region);
        let ceiling = launch.price_ceiling.as_ref();
        let has_room = |it: &&RegionConfig| {
            ceiling.is_none_or(|ceiling| ceiling.processors.contains_key(&it.region))
        };
        let (others, beyond): (Vec<_>, Vec<_>) = others.partition(has_room);
        for RegionConfig { region, .. } in beyond {
            let text = "not asked: the budget leaves nothing for an instance here, or a price is not \
                        known";
            reporter.said_of(region, Level::Info, text.to_owned()).await;
        }
        let count = u32::try_from(homeless.len()).unwrap_or(u32::MAX);
        let others = scores::likeliest(context, others, count, reporter).await;
        // Whoever runs this create again counts them where they were asked for: else it would ask
        // for them a second time.
        let origin = intent.counts_for().clone();
        if !others.is_empty() {
            // From here on they are another intent's: a crash must not have them launched twice, and
            // after a crash right here they are asked for anew. Once is enough: whoever has no room
            // for them, either, gives them up itself.
            intent.release(context, homeless.len()).await;
        }
        let (mut watchers, mut end) = (JoinSet::new(), RegionEnd::default());
        for (number, RegionConfig { region, .. }) in others.into_iter().enumerate() {
            if homeless.is_empty() {
                break;
            }
            // Without a dash: what it makes must not pass for the first intent's.
            let id = LaunchId::new(format!("{}s{number}", launch.id));
            let keys = std::mem::take(&mut homeless);
            // Wherever it goes, the budget leaves no more for it in all.
            let moved = Launch {
                price_ceiling: launch.price_ceiling.clone(),
                replaces: launch.replaces.clone(),
                by_itself: launch.by_itself,
                on_demand: launch.on_demand,
                records: launch.records.clone(),
                there: launch.there.clone(),
                ..Launch::new(region.clone(), id, keys)
            };
            // Before anything is asked for there: who cancels this create takes that back too, and
            // nobody else begins a pipeline, or a destroy, in that region meanwhile.
            reporter.learned_of(region, RegionNews::Spilled(moved.id.clone())).await;
            for key in &moved.keys {
                reporter.learned(key, InstanceNews::Moved(region.clone())).await;
            }
            let tried = self.try_region(context, &moved, Some(&origin), reporter).await;
            // Where it could not even be recorded, they have failed and are not asked for again.
            let Some((moved, placed)) = tried else { continue };
            end.unused.extend(placed.unused(region));
            if let Some((rest, why)) = placed.refused {
                // Given up before the next region asks for them: nothing is asked for twice.
                if !placed.is_unanswered {
                    moved.release(context, rest.len()).await;
                }
                (homeless, failure) = (rest, why);
            }
            let ec2 = self.aws.region(region);
            let watcher = BootWatcher::new(context, &self.inputs, &ec2, reporter);
            watchers.spawn(watcher.run(placed.machines, false));
            if placed.is_unanswered {
                // They may be there: no further region is asked for them, and the order stays open.
                break;
            }
            end.intents.push(moved);
        }
        fail(reporter, &homeless, &failure).await;
        let failed: usize = together(watchers, || 1).await.into_iter().sum();
        end.failed = homeless.len() + failed;
        end
    }

    /// What has to stand before there is an instance, and the launch itself.
    async fn place(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        intent: &CreateIntent,
        (keys, launch): (&[InstanceKey], &Launch),
        reporter: &Reporter,
    ) -> Placed {
        let wanted = (launch.machine.as_deref(), u32::try_from(keys.len()).unwrap_or(u32::MAX));
        let checked = match self.check(context, ec2, wanted, reporter).await {
            Ok(checked) => checked,
            Err(failure) => return Placed::refused(keys, failure),
        };
        let placed = self.place_in(context, ec2, intent, &checked, (keys, launch), reporter).await;
        let placed = placed.unwrap_or_else(|failure| Placed::refused(keys, failure));
        Placed { is_laid_out: true, ..placed }
    }

    /// Network, key and launch, in a region that was checked.
    async fn place_in(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        intent: &CreateIntent,
        checked: &Checked<'_>,
        (keys, launch): (&[InstanceKey], &Launch),
        reporter: &Reporter,
    ) -> Result<Placed, Failure> {
        let (region, wanted) = (ec2.region(), checked.wanted);
        let origin = &self.origin_of(wanted);
        let RegionNetwork { network, key_name, .. } =
            self.known(context, ec2, wanted, origin, reporter).await?;
        let mut candidates =
            candidates(context, ec2, checked, (&network, &launch.records), reporter).await;
        let kept = self.kept_by(context, ec2, launch, reporter).await?;
        keep_to_zone(&mut candidates, &kept, region)?;
        let mut too_dear = None;
        if let Some(ceiling) = &launch.price_ceiling {
            Box::pin(price_on_demand(context, region, &mut candidates)).await;
            let most = ceiling.processors.get(region).copied().unwrap_or_default();
            too_dear = drop_dear(&mut candidates, most, region);
        }
        let template = self.template(wanted, network.security_groups, key_name);
        let template = match launch.machine.as_deref() {
            Some(name) => self.template_of(name, &kept, template),
            None => template,
        };
        let fleet_from = self.fleet_from(wanted);
        let placement = Placement {
            context,
            reporter,
            ec2,
            intent,
            keys,
            origin,
            template,
            fleet_from,
            too_dear,
            spread: self.spread(launch, region, keys.len()),
            machine: launch.machine.as_deref(),
        };
        let placed = placement.place(&candidates).await;
        if placed.stale_image {
            forget_images(context, region, &wanted.image).await;
        }
        Ok(placed)
    }

    /// How many each place may have. A machine is alone.
    fn spread(&self, launch: &Launch, region: &Region, count: usize) -> Spread {
        let percent = self.config.placement.spread.filter(|_| launch.machine.is_none());
        Spread::new(percent, launch.there.get(region), count)
    }

    /// What the machine keeps that is launched, if it is one.
    async fn kept_by(
        &self,
        context: &Context,
        ec2: &Ec2,
        launch: &Launch,
        reporter: &Reporter,
    ) -> Result<Vec<Kept>, Failure> {
        let Some(name) = &launch.machine else { return Ok(Vec::new()) };
        let kept = look_at_kept(context, ec2, reporter).await;
        let mut kept = kept.map_err(|error| error.failure(Step::Keep))?;
        kept.retain(|it| it.machine == *name);
        Ok(kept)
    }

    /// The network and the key pair; what was laid out a moment ago is as it was.
    async fn known(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        wanted: &RegionConfig,
        origin: &Origin,
        reporter: &Reporter,
    ) -> Result<RegionNetwork, Failure> {
        let mut known = context.fences().lay_out(ec2.region(), context.pace.consistency).await;
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        reporter.learned_of(ec2.region(), RegionNews::Network(NetworkState::Building)).await;
        let network = self.network(context, ec2, wanted, origin, reporter).await?;
        reporter.learned_of(ec2.region(), RegionNews::Network(NetworkState::Ready)).await;
        let key_name = self.key_pair(context, ec2, origin, reporter).await?;
        let laid_out = Instant::now();
        Ok(known.insert(RegionNetwork { network, key_name, laid_out }).clone())
    }

    async fn network(
        &self,
        context: &Arc<Context>,
        ec2: &Ec2,
        wanted: &RegionConfig,
        origin: &Origin,
        reporter: &Reporter,
    ) -> Result<NetworkReady, Failure> {
        let plan = network::NetworkPlan {
            network: self.config.aws.network.clone(),
            zones: wanted.availability_zones.clone(),
            is_public: self.config.ssh.connect == Connect::Public,
            operators: self.inputs.operators.clone(),
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
        // EC2 takes two kinds of keys; user-data brings any.
        let public_key = self.inputs.public_key.as_ref();
        let imports =
            |key: &&String| key.starts_with("ssh-ed25519 ") || key.starts_with("ssh-rsa ");
        let Some(public_key) = public_key.filter(imports) else { return Ok(None) };
        let (say, telling) = reporter.telling(ec2.region());
        let ensure = network::ensure_key_pair(ec2, public_key, origin, context.as_ref(), &say);
        telling
            .during(Box::pin(ensure))
            .await
            .map(Some)
            .map_err(|error| error.failure(Step::KeyPair))
    }
}

/// The intent, on disk, and what an earlier run made for it that had no row. Where AWS cannot be
/// asked for that, the intent stays open.
async fn take_over(
    context: &Context,
    ec2: &Ec2,
    launch: &Launch,
    origin: Option<&Region>,
    reporter: &Reporter,
) -> Result<(CreateIntent, Vec<(InstanceKey, Machine)>), Failure> {
    may_look(context, ec2).await?;
    let intent = CreateIntent::begin(context, launch, origin).await?;
    reconcile(context, ec2, reporter).await?;
    let found = intent.find(context, ec2, &launch.known).await?;
    let made: Vec<_> = launch.keys.iter().cloned().zip(found).collect();
    for (key, machine) in &made {
        reporter.seen(key, machine).await;
    }
    Ok((intent, made))
}

async fn fail(reporter: &Reporter, keys: &[InstanceKey], failure: &Failure) {
    for key in keys {
        reporter.entered(key, Phase::Failed(failure.clone())).await;
    }
}
