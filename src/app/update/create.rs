//! From counts to launches: each planned instance has its row, and is on disk, before a job
//! starts.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::plan::{CreatePlan, Lost, TakenOver, number};
use super::{budget, count, destroy, lock, pending_creates, pricing};
use crate::app::holding::Waiting;
use crate::app::scope::total;
use crate::app::{Action, Counts, Effect, Model, Scope};
use crate::config::Config;
use crate::fleet::{
    DeploymentId, Instance, InstanceKey, Job, JobId, JobKind, Launch, LaunchId, Level, Machine,
    Phase, Pool, Region, Replacement,
};

/// The verb under which a refusal is said.
const VERB: &str = "create";

/// How many instances a region has, or is about to have, of those that it is to have.
pub(super) fn there(model: &Model, region: &Region) -> usize {
    let is_wanted = |row: &&Instance| {
        row.region == *region
            && row.deployment == model.deployment
            // A machine is itself, and no part of a count.
            && row.machine_name().is_none()
            && !matches!(row.phase, Phase::Failed(_) | Phase::Terminating | Phase::Terminated)
    };
    model.fleet.instances().filter(is_wanted).count()
}

/// The most instances of one create: more is a slip of the finger, and each has a row.
const MOST: u64 = 10_000;

/// Why nothing is launched.
enum CreateRefusal {
    /// The budget cannot be judged before this price is known.
    Price(String),
    /// For good.
    Other(String),
}

impl From<String> for CreateRefusal {
    fn from(why: String) -> Self {
        Self::Other(why)
    }
}

impl From<budget::BudgetRefusal> for CreateRefusal {
    fn from(refusal: budget::BudgetRefusal) -> Self {
        match refusal {
            budget::BudgetRefusal::Price(why) => Self::Price(why),
            budget::BudgetRefusal::Beyond(why) => Self::Other(why),
        }
    }
}

/// Creates, and completes what an earlier create left open there.
pub(super) fn create(model: &mut Model, counts: Option<Counts>) -> Vec<Effect> {
    begin(model, Action::Create(counts))
}

/// Launches so many more than there are; what an earlier create left open there goes first.
pub(super) fn more(model: &mut Model, counts: Counts) -> Vec<Effect> {
    begin(model, Action::More(counts))
}

/// Launches these besides whatever stands: nothing that an earlier run left open is taken up.
pub(super) fn add(model: &mut Model, counts: Counts) -> Vec<Effect> {
    begin(model, Action::Add(counts))
}

/// Launches the machine of this name, or goes on with a launch of it that was cut short.
pub(super) fn machine(model: &mut Model, name: &str) -> Vec<Effect> {
    begin(model, Action::Up(name.to_owned()))
}

/// The same by the program itself, which holds a count: why not is for the caller to say, or to wait
/// for. What an earlier run was about to launch to hold it goes first.
pub(super) fn hold(
    model: &mut Model,
    counts: Counts,
    lost: Lost,
    on_demand: bool,
) -> Result<Vec<Effect>, String> {
    let (config, counts, busy) = permitted(model, Some(counts))?;
    if let Some(region) = busy.first() {
        return Err(is_busy(region));
    }
    // What is refused is asked again at the next tick, and is lowered once.
    let as_they_were = model.pending_creates.clone();
    pending_creates::lower(model, lost.values().flatten());
    match held(model, &config, counts, on_demand) {
        Err(budget::BudgetRefusal::Price(why) | budget::BudgetRefusal::Beyond(why)) => {
            model.pending_creates = as_they_were;
            Err(why)
        }
        Ok(plan) => Ok(launch(model, CreatePlan { lost, ..plan }, By::Itself)),
    }
}

/// What holding a count launches, judged by the budget.
fn held(
    model: &Model,
    config: &Config,
    counts: Counts,
    on_demand: bool,
) -> Result<CreatePlan, budget::BudgetRefusal> {
    let plan = if on_demand {
        // What an earlier run was about to launch was to be spot.
        CreatePlan { on_demand, ..CreatePlan::besides(counts) }
    } else {
        CreatePlan::holding(model, &counts)
    };
    let config = if on_demand { Cow::Owned(config.on_demand()) } else { Cow::Borrowed(config) };
    let budget_left = budget::judge(model, &config, &plan.launched())?;
    Ok(CreatePlan { budget_left, ..plan })
}

/// Whether the budget allows so much.
pub(super) fn fits(model: &Model, config: &Config, counts: Counts, on_demand: bool) -> bool {
    held(model, config, counts, on_demand).is_ok()
}

/// The same for one in the place of a node that still works, which is remembered, on the disk before it
/// is launched: what stands in the journal is another thing.
pub(super) fn replace(
    model: &mut Model,
    region: &Region,
    old: &Machine,
) -> Result<Vec<Effect>, String> {
    let (config, counts, busy) = permitted(model, Some([(region.clone(), 1)].into()))?;
    if let Some(region) = busy.first() {
        return Err(is_busy(region));
    }
    // Both are paid for until the new one is ready.
    let budget_left = match budget::judge(model, &config, &counts) {
        Err(budget::BudgetRefusal::Price(why) | budget::BudgetRefusal::Beyond(why)) => {
            return Err(why);
        }
        Ok(budget_left) => budget_left,
    };
    pending_creates::lower(model, std::iter::once(old));
    let lost = [(region.clone(), vec![old.clone()])].into();
    let plan = CreatePlan { lost, budget_left, ..CreatePlan::besides(counts) };
    let effects = launch(model, plan, By::Itself);
    let launched = effects.iter().find_map(|effect| match effect {
        Effect::Start(_, Job::Create(launches)) => launches.first().map(|it| it.id.clone()),
        _ => None,
    });
    if let Some(launch) = launched {
        let (region, instance) = (region.clone(), old.id.clone());
        let replacement = Replacement { region, instance, launch, is_given_up: false };
        model.upkeep.begin_replacement(replacement);
        model.upkeep.note_launches(model.now, 1);
    }
    Ok(effects)
}

/// Where another machine may be launching, the lock is taken first; where the budget needs prices that
/// are not known, they are asked for. What is refused anyway is refused at once. A machine is itself,
/// and nobody launches it twice.
fn begin(model: &mut Model, wish: Action) -> Vec<Effect> {
    let judged = plan(model, &wish);
    let is_refused = matches!(judged, Err(CreateRefusal::Other(_)));
    if !is_refused && !matches!(wish, Action::Up(_)) && !lock::may_launch(model) {
        let (job, effects) = lock::take(model);
        // That may take a while, a login for one; headless it is told when it is refused.
        if model.dashboard {
            model.flash(Level::Info, VERB, "the lock between machines is taken first");
        }
        wait(model, job, wish, Scope::All);
        return effects;
    }
    if !matches!(judged, Err(CreateRefusal::Price(_))) {
        return finish(model, &wish);
    }
    ask_prices(model, wish, Scope::All)
}

/// Asks for the prices by which the budget is judged; what is wished is judged once they are told.
pub(super) fn ask_prices(model: &mut Model, wish: Action, scope: Scope) -> Vec<Effect> {
    let verb = wish.entry().verb;
    model.flash(Level::Info, verb, "asking for the prices that the budget is judged by");
    let asked = model.start(Job::Prices(pricing::of_budget(model)));
    if let Effect::Start(job, _) = &asked {
        wait(model, *job, wish, scope);
    }
    vec![asked]
}

fn wait(model: &mut Model, job: JobId, wish: Action, scope: Scope) {
    let there = total(&count::there(model));
    model.waiting.push(Waiting { job, wish, scope, there });
}

/// A job has ended. The creates that waited for its prices are judged now by what is known, those that
/// waited for the lock by whether it was taken.
pub(super) fn go_on(model: &mut Model, job: JobId, kind: JobKind) -> Vec<Effect> {
    let is_meant = |it: &mut Waiting| it.job == job && it.launches();
    let waited: Vec<Waiting> = model.waiting.extract_if(.., is_meant).collect();
    let mut effects = Vec::new();
    for it in waited {
        effects.extend(match kind {
            JobKind::Lock => go_on_locked(model, it),
            _ => finish(model, &it.wish),
        });
    }
    effects
}

/// Goes on where the lock was taken. Who asked for so many did not know what another machine had
/// launched.
fn go_on_locked(model: &mut Model, waited: Waiting) -> Vec<Effect> {
    let there = total(&count::there(model));
    if !lock::may_launch(model) {
        let why = lock::refusal(model);
        model.flash(Level::Warning, VERB, why);
        return Vec::new();
    }
    if there > waited.there {
        let more = there - waited.there;
        let text = format!(
            "another machine launched {more} meanwhile: nothing is added; create again if they \
             are to be more"
        );
        model.flash(Level::Warning, VERB, text);
        return Vec::new();
    }
    begin(model, waited.wish)
}

/// Launches what is wished, or says why not.
fn finish(model: &mut Model, wish: &Action) -> Vec<Effect> {
    let (plan, busy) = match plan(model, wish) {
        Ok(planned) => planned,
        Err(CreateRefusal::Price(why) | CreateRefusal::Other(why)) => {
            model.flash(Level::Warning, VERB, why);
            return Vec::new();
        }
    };
    for region in busy {
        model.flash(Level::Warning, VERB, is_busy(&region));
    }
    let is_beside = matches!(wish, Action::Add(_) | Action::Up(_));
    let by = if is_beside { By::UserBeside } else { By::User };
    launch(model, plan, by)
}

/// What a wish comes to, and the regions where it has to wait; or why nothing may be launched.
fn plan(model: &Model, wish: &Action) -> Result<(CreatePlan, Vec<Region>), CreateRefusal> {
    if let Action::Up(name) = wish {
        return Ok((plan_machine(model, name)?, Vec::new()));
    }
    let counts = match wish {
        Action::Create(counts) => counts.clone(),
        Action::More(counts) | Action::Add(counts) => Some(counts.clone()),
        _ => Some(Counts::new()),
    };
    let (config, counts, busy) = permitted(model, counts)?;
    let mut plan = match wish {
        Action::Create(_) => CreatePlan::of(model, &counts),
        Action::More(_) => CreatePlan::more(model, &counts),
        _ => CreatePlan::besides(counts),
    };
    plan.budget_left = budget::judge(model, &config, &plan.launched())?;
    Ok((plan, busy))
}

/// What the launch of a machine comes to; or why nothing may be launched.
fn plan_machine(model: &Model, name: &str) -> Result<CreatePlan, CreateRefusal> {
    let config = may_create(model)?;
    let Some(machine) = config.machine(name) else {
        let known: Vec<&str> = config.machines.iter().map(|it| it.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("no machine '{name}' under machines: there is {known}").into());
    };
    let region = &machine.place.region;
    if model.destroys_in(region) {
        return Err(is_busy(region).into());
    }
    let one = Counts::from([(region.clone(), 1)]);
    let budget_left = budget::judge(model, &judged_by(model, &config, Some(name)), &one)?;
    let pending = model.unfinished().find(|it| it.machine.as_deref() == Some(name)).cloned();
    let taken = pending.map(|pending| {
        let there: Vec<Instance> = model.made_by(&pending).cloned().collect();
        let missing = 1_u32.saturating_sub(number(there.len()));
        TakenOver { pending, there, missing }
    });
    let taken = Vec::from_iter(taken);
    let fresh = if taken.is_empty() { one } else { Counts::new() };
    let machine = Some(name.to_owned());
    Ok(CreatePlan { taken, fresh, budget_left, machine, ..CreatePlan::default() })
}

/// By what a launch is judged: a machine's own type and disks stand in the place of its region's.
pub(super) fn judged_by<'a>(
    model: &Model,
    config: &'a Config,
    machine: Option<&str>,
) -> Cow<'a, Config> {
    let Some(machine) = machine.and_then(|name| config.machine(name)) else {
        return Cow::Borrowed(config);
    };
    let mut judged = config.clone();
    judged.regions.retain(|it| it.region != machine.place.region);
    judged.regions.push(budget::place_of(model, machine));
    Cow::Owned(judged)
}

/// At whose wish something is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The user's: what else an earlier run left is gone on with.
    User,
    /// The user's, besides whatever stands.
    UserBeside,
    /// The program's own, in the place of what AWS took back.
    Itself,
}

/// Plans the rows, puts them on the disk, and launches.
fn launch(model: &mut Model, mut plan: CreatePlan, by: By) -> Vec<Effect> {
    if by != By::Itself && plan.machine.is_none() {
        let (asked, dropped) = plan.asked();
        count::raise(model, &asked, &dropped);
    }
    model
        .pending_creates
        .retain(|pending| !plan.taken.iter().any(|taken| taken.pending == *pending));
    let there = plan.taken.iter().flat_map(|taken| &taken.there);
    let taken: BTreeSet<InstanceKey> = there.map(|row| row.key.clone()).collect();
    let machine = plan.machine.as_deref();
    let mut launches: Vec<Launch> =
        plan.taken.into_iter().map(|taken| resume_pending(model, taken, machine)).collect();
    launches.extend(plan.fresh.into_iter().map(|(region, count)| {
        let id = new_launch(model, &region);
        let replaces = plan.lost.remove(&region).unwrap_or_default();
        let by_itself = by == By::Itself;
        Launch { replaces, by_itself, ..rows(model, region, id, (count, machine)) }
    }));
    let there = by_place(model);
    for launch in &mut launches {
        launch.machine.clone_from(&plan.machine);
        launch.on_demand = plan.on_demand;
        launch.records.clone_from(model.fleet.ledger().records());
        launch.there.clone_from(&there);
    }
    if let (Some(left), Some(config)) = (plan.budget_left, model.config.clone()) {
        let on_demand = plan.on_demand.then(|| config.on_demand());
        let config = on_demand.as_ref().unwrap_or(&config);
        let config = judged_by(model, config, plan.machine.as_deref());
        for launch in &mut launches {
            launch.price_ceiling = budget::price_ceiling(model, &config, &launch.region, left);
        }
    }
    model.rearrange();
    let mut effects: Vec<Effect> = model.persist().into_iter().collect();
    // Before the create counts as being at work in its regions.
    if by == By::User {
        effects.extend(resume_others(model, &taken));
        effects.extend(destroy::resume(model));
    }
    effects.push(model.start(Job::Create(launches)));
    effects
}

/// How many instances stay in each place, machines aside.
fn by_place(model: &Model) -> BTreeMap<Region, BTreeMap<Pool, u32>> {
    let mut there: BTreeMap<Region, BTreeMap<Pool, u32>> = BTreeMap::new();
    for row in budget::staying(model).filter(|row| row.machine_name().is_none()) {
        let Some(machine) = &row.machine else { continue };
        *there.entry(row.region.clone()).or_default().entry(machine.pool()).or_default() += 1;
    }
    there
}

/// By what is created, or why nothing may be now.
pub(super) fn may_create(model: &Model) -> Result<Arc<Config>, String> {
    if let Some(why) = &model.read_only {
        return Err(format!("read-only, nothing can be created: {why}"));
    }
    let config =
        model.config.clone().ok_or("no configuration; run spot-tui setup and start again")?;
    if model.postponed.is_some() {
        return Err("everything is about to be destroyed; wait until that is done".into());
    }
    Ok(config)
}

/// What may be created of what was asked for, and where it has to wait; or why nothing may.
pub(super) fn permitted(
    model: &Model,
    counts: Option<Counts>,
) -> Result<(Arc<Config>, Counts, Vec<Region>), String> {
    let config = may_create(model)?;
    let mut counts = counts.unwrap_or_else(|| config.spread());
    counts.retain(|_, count| *count > 0);
    if counts.is_empty() {
        let why = || "nothing to create: every count is 0".to_owned();
        return Err(only_machines(&config).unwrap_or_else(why));
    }
    let wanted = total(&counts);
    if wanted > MOST {
        return Err(format!("{wanted} instances at once; {MOST} are the most"));
    }
    if let Some(unknown) = counts.keys().find(|region| config.region(region).is_none()) {
        return Err(format!("{unknown} is not in the configuration; add it under regions"));
    }
    let busy: Vec<Region> =
        counts.keys().filter(|region| model.destroys_in(region)).cloned().collect();
    counts.retain(|region, _| !busy.contains(region));
    match busy.last() {
        Some(region) if counts.is_empty() => Err(is_busy(region)),
        _ => Ok((config, counts, busy)),
    }
}

/// Why a create has nothing to do where the configuration has machines and no regions.
pub fn only_machines(config: &Config) -> Option<String> {
    let names: Vec<&str> = config.machines.iter().map(|it| it.name.as_str()).collect();
    (config.regions.is_empty() && !names.is_empty()).then(|| {
        format!(
            "nothing to create: no regions are configured, and machines are launched by \
             `spot-tui up NAME` ({})",
            names.join(", ")
        )
    })
}

fn is_busy(region: &Region) -> String {
    format!("{region} is being destroyed; create there when that is done")
}

/// Plans the rows that an unfinished create lacks.
fn resume_pending(model: &mut Model, taken: TakenOver, machine: Option<&str>) -> Launch {
    let (count, dropped) = (taken.count(), taken.dropped());
    let TakenOver { pending, there, missing } = taken;
    let left_out = match dropped {
        0 => String::new(),
        dropped => format!("; {dropped} more than is asked for now are left out"),
    };
    let text = format!(
        "an earlier create of {} was cut short: {count} are there, {missing} are looked for, and \
         launched if they were not{left_out}",
        pending.count
    );
    model.log.write(model.now, Level::Info, pending.region.as_str(), &text);
    let known = there.iter().filter_map(Instance::id).cloned().collect();
    // Another job may be at work on them: then this one waits until they are set up, for until then
    // the order stands.
    let resumed = there.into_iter().filter(is_unfinished).collect();
    let launch = rows(model, pending.region, pending.launch, (missing, machine));
    Launch { known, resumed, ..launch }
}

/// Whether an instance's deployment was begun, or is yet to begin, and did not end. One that is
/// started again is seen through once it runs.
fn is_unfinished(instance: &Instance) -> bool {
    let is_working = instance.phase.is_deploying() && instance.phase != Phase::Starting;
    is_working || instance.phase == Phase::Running
}

/// Whether an earlier run was about to end it.
fn is_doomed(model: &Model, instance: &Instance) -> bool {
    let machine = instance.machine.as_ref();
    machine.is_some_and(|machine| model.destroys.iter().any(|destroy| destroy.ends(machine)))
}

fn new_launch(model: &mut Model, region: &Region) -> LaunchId {
    let moment = model.now.as_millisecond().max(model.last_launch + 1);
    model.last_launch = moment;
    launch_id(&model.deployment, moment, region)
}

/// Puts the planned rows of one launch into the fleet, or that of a machine.
fn rows(
    model: &mut Model,
    region: Region,
    id: LaunchId,
    (count, machine): (u32, Option<&str>),
) -> Launch {
    let keys: Vec<InstanceKey> =
        (0..count).map(|index| InstanceKey::planned(&region, &id, index)).collect();
    let config = model.config.as_ref();
    let wanted = config.and_then(|config| match machine {
        Some(name) => config.machine(name).map(|it| &it.place),
        None => config.region(&region),
    });
    let storage_gb = wanted.map(|wanted| wanted.instance_storage_gb);
    for key in &keys {
        let (region, deployment) = (region.clone(), model.deployment.clone());
        let mut row = Instance::planned(key.clone(), region, deployment, model.now);
        row.bill.storage_gb = storage_gb;
        model.fleet.insert(row);
    }
    Launch::new(region, id, keys)
}

/// The job that takes up what an earlier run left between Pending and Ready, be it known from the
/// state file or found by its tags. Where a job is at work, what it left cannot be told from what
/// it is about to do.
pub(super) fn resume(model: &mut Model) -> Option<Effect> {
    resume_others(model, &BTreeSet::new())
}

/// The same without the rows that a create takes up itself.
fn resume_others(model: &mut Model, taken: &BTreeSet<InstanceKey>) -> Option<Effect> {
    if model.read_only.is_some() || lock::may_be_elsewhere(model) {
        return None;
    }
    let is_busy = |region: &Region| model.changing().any(|(_, job)| job.covers(region));
    let open: Vec<Instance> = model
        .fleet
        .alive()
        .filter(|instance| is_unfinished(instance) && !taken.contains(&instance.key))
        .filter(|instance| !is_doomed(model, instance))
        // Another deployment's rows, from an old state file, are not ours to work on.
        .filter(|instance| instance.deployment == model.deployment && !is_busy(&instance.region))
        .cloned()
        .collect();
    (!open.is_empty()).then(|| model.start(Job::Resume(open)))
}

/// The longest launch id. A client token has at most 64 ASCII characters, and each attempt of a
/// launch adds its number (EC2 API, "Ensuring idempotency").
const LAUNCH_ID: usize = 55;

/// `spot-7f3a-lz3k9x2a-us-west-2`: unique, for no two launches of a process have the same moment,
/// and the same for the same model, so that a test can name it.
fn launch_id(deployment: &DeploymentId, moment: i64, region: &Region) -> LaunchId {
    let tail = format!("-{}-{region}", base36(moment));
    let room = LAUNCH_ID.saturating_sub(tail.len());
    let text: String = deployment.as_str().chars().take(room).chain(tail.chars()).collect();
    let ascii = |character: char| if character.is_ascii_graphic() { character } else { '-' };
    LaunchId::new(text.chars().map(ascii).take(LAUNCH_ID).collect::<String>())
}

fn base36(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize]);
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_id_fits_into_a_client_token_whatever_the_deployment_is_called() {
        for deployment in ["spot-7f3a", "a-very-long-deployment-name-that-nobody-should-use", "ünï"]
        {
            let id = launch_id(&deployment.into(), i64::MAX, &"ap-southeast-2".into());
            assert!(id.as_str().is_ascii() && id.as_str().len() <= LAUNCH_ID, "{id}");
            assert!(id.as_str().ends_with("-ap-southeast-2"), "{id}");
        }
        let id = launch_id(&"spot-7f3a".into(), 1_700_000_000_000, &"us-west-2".into());
        assert_eq!(id.as_str(), "spot-7f3a-loyw3v28-us-west-2");
    }
}
