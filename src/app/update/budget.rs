//! What the whole may cost: what is beyond is not created, and what is too old is ended.

use std::borrow::Cow;

use jiff::SignedDuration;

use super::count::is_ending;
use super::destroy;
use super::notify::{self, Event};
use super::plan::CreatePlan;
use super::spent::{Cap, caps};
use crate::app::lifetimes::Lifetimes;
use crate::app::ranking::first_place;
use crate::app::{Counts, Effect, EventKind, Model, Origin, Scope, total};
use crate::config::{AtLifetime, Config, CpuCredits, MachineConfig, RegionConfig};
use crate::fleet::cost::storage_hourly;
use crate::fleet::surplus::surplus_hourly;
use crate::fleet::{
    Amount, Ec2State, Instance, InstanceKey, Kept, KeptKind, Level, Lifecycle, MachineType,
    NotificationKind, Phase, PriceCeiling, Region, RegionPrices,
};

/// How long before its end an instance's lifetime is said to end.
const WARNING: SignedDuration = SignedDuration::from_mins(10);

/// How long after an attempt to end an instance that is too old the next one is made.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// Why the budget does not allow it.
pub(super) enum BudgetRefusal {
    /// This price is not known, and the limit cannot be kept without it.
    Price(String),
    /// It is beyond a limit, by these numbers.
    Beyond(String),
}

/// Whether so many may be launched besides what is there and what is being requested. The only
/// function that judges: by the costs of this moment, for the dashboard, the headless commands
/// and the replacements alike.
///
/// By the cheapest place of each region: a launch may have to take a dearer one. Answers with what
/// is left for that, in USD an hour for each; `None` where money is not limited.
pub(super) fn judge(
    model: &Model,
    config: &Config,
    more: &Counts,
) -> Result<Option<f64>, BudgetRefusal> {
    let wanted = total(more);
    if wanted == 0 {
        return Ok(None);
    }
    let (there, requested) = (staying(model).count(), requested(model).count());
    let under_way = match requested {
        0 => String::new(),
        requested => format!(", {requested} are being requested"),
    };
    if let Some(most) = config.budget.max_instances
        && there as u64 + requested as u64 + wanted > u64::from(most)
    {
        return Err(BudgetRefusal::Beyond(format!(
            "{there} instances are there{under_way} and {wanted} are asked for: \
             budget.max_instances is {most}"
        )));
    }
    let limits = money_limits(model, config)?;
    if limits.is_empty() {
        return Ok(None);
    }
    // A missing price ends the judgement and is named (`?`): an unknown cost is never taken for
    // nothing.
    let now = committed(model, config)?;
    let mut then = 0.0;
    for (region, count) in more {
        let wanted = config.region(region).ok_or_else(|| not_configured(region))?;
        then += planned(model, config, wanted)? * f64::from(*count);
    }
    for limit in &limits {
        if limit.spent + now + then > limit.most {
            return Err(BudgetRefusal::Beyond(limit.refusal(now, then, &under_way)));
        }
    }
    let left = limits.iter().map(|limit| limit.most - limit.spent - now - then);
    #[expect(clippy::cast_precision_loss, reason = "counts of instances")]
    let each = left.fold(f64::INFINITY, f64::min) / wanted as f64;
    Ok(Some(each))
}

/// Whether these may be started: they cost their disks alone now, and the whole then.
pub(super) fn judge_start(
    model: &Model,
    config: &Config,
    rows: &[Instance],
) -> Result<(), BudgetRefusal> {
    let limits = money_limits(model, config)?;
    if limits.is_empty() {
        return Ok(());
    }
    let (now, mut then) = (committed(model, config)?, 0.0);
    for row in rows {
        then += awake(model, config, row)?;
    }
    for limit in &limits {
        if limit.spent + now + then > limit.most {
            return Err(BudgetRefusal::Beyond(limit.refusal(now, then, "")));
        }
    }
    Ok(())
}

/// A limit in USD: of an hour, where nothing counts as spent; or of all that may be spent, where an
/// hour of everything has to find room besides.
struct MoneyLimit {
    /// Its key under `budget`.
    name: &'static str,
    most: f64,
    spent: f64,
}

impl MoneyLimit {
    fn refusal(&self, now: f64, then: f64, under_way: &str) -> String {
        let Self { name, most, spent } = self;
        let spent = if *name == HOURLY { String::new() } else { format!("${spent:.2} is spent, ") };
        format!(
            "{spent}${now:.4}/h runs{under_way} and ${then:.4}/h is asked for: budget.{name} is \
             {most}"
        )
    }
}

const HOURLY: &str = "max_hourly_usd";

/// Of what was spent nothing may be without a price: what it is not known to come to is never nothing.
fn money_limits(model: &Model, config: &Config) -> Result<Vec<MoneyLimit>, BudgetRefusal> {
    let hourly = config.budget.max_hourly_usd;
    let hourly = hourly.map(|most| Ok(MoneyLimit { name: HOURLY, most, spent: 0.0 }));
    let caps = caps(model, &config.budget).into_iter();
    let caps = caps.map(|Cap { name, most, spent, lacks }| match lacks {
        Some((of, region)) => Err(unknown(&of, &region)),
        None => Ok(MoneyLimit { name, most, spent: spent.usd }),
    });
    hourly.into_iter().chain(caps).collect()
}

/// By how much a price may be above the dearest that is known when the launch comes to be.
const RISE: f64 = 1.25;

/// The most that an instance of this region may cost an hour, where so much is left for each:
/// whichever place each of them takes, be it in another region, the limit is kept. No more than the
/// dearest place asks for: what nobody can pay is left for others.
pub(super) fn price_ceiling(
    model: &Model,
    config: &Config,
    region: &Region,
    left: f64,
) -> Option<PriceCeiling> {
    let cheapest = planned(model, config, config.region(region)?).ok()?;
    // One that finds no room here may go to another region. Where it is not known what it costs there
    // besides its processors, nobody knows what is left for these.
    let reachable = config.regions.iter();
    let reachable = reachable.filter(|it| it.region == *region || config.placement.spill);
    let reachable: Vec<(&RegionConfig, f64)> =
        reachable.filter_map(|it| Some((it, besides(model, config, it).ok()?))).collect();
    let dearest = reachable.iter().map(|(it, besides)| dearest(model, it) * RISE + besides);
    let dearest = dearest.fold(cheapest, f64::max);
    let whole = (cheapest + left).min(dearest).max(cheapest);
    let left = reachable.into_iter().map(|(it, besides)| (it.region.clone(), whole - besides));
    Some(PriceCeiling { whole, processors: left.filter(|(_, left)| *left > 0.0).collect() })
}

/// What one of a region costs at its cheapest place, as far as that is known.
pub(super) fn cheapest(model: &Model, config: &Config, region: &Region) -> Option<f64> {
    compute(model, config.region(region)?).ok()
}

/// What the processors of the dearest place of a region cost an hour, as far as that is known.
fn dearest(model: &Model, wanted: &RegionConfig) -> f64 {
    let Some(prices) = model.fleet.market().get(&wanted.region) else { return 0.0 };
    let is_meant =
        |it: &MachineType| wanted.machine_types.is_empty() || wanted.machine_types.contains(it);
    let pools = prices.spot.keys().filter(|pool| is_meant(&pool.machine_type));
    let spot = pools.filter_map(|pool| prices.compute(pool, wanted.lifecycle));
    let list = prices.list.on_demand.iter().filter(|(it, _)| is_meant(it)).map(|(_, usd)| *usd);
    spot.chain(list).fold(0.0, f64::max)
}

/// What a row under way may come to cost an hour: what its launch was left in all, wherever that goes.
fn under_way(model: &Model, config: &Config, row: &Instance) -> Result<f64, BudgetRefusal> {
    let wanted = wanted(model, config, row).ok_or_else(|| not_configured(&row.region))?;
    let planned = planned(model, config, &wanted)?;
    let ceiling = model.changing().find_map(|(_, job)| job.price_ceilings.get(&row.key));
    Ok(ceiling.map_or(planned, |most| most.max(planned)))
}

/// As what a row was launched: a machine as it says itself, any other as its region says.
fn wanted<'a>(model: &Model, config: &'a Config, row: &Instance) -> Option<Cow<'a, RegionConfig>> {
    let launched = || model.changing().find_map(|(_, job)| job.machine_of.get(&row.key));
    match row.machine_name().or_else(|| launched().map(String::as_str)) {
        Some(name) => config.machine(name).map(|it| Cow::Owned(place_of(model, it))),
        None => config.region(&row.region).map(Cow::Borrowed),
    }
}

/// As what a machine is launched, for its price: a home that it does not keep yet is made with it.
pub(super) fn place_of(model: &Model, machine: &MachineConfig) -> RegionConfig {
    let mut place = machine.place.clone();
    let is_home = |(region, it): (&Region, &Kept)| {
        it.kind == KeptKind::Home && *region == machine.place.region
    };
    if !model.fleet.kept_of(&machine.name).any(is_home) {
        place.instance_storage_gb += machine.home.as_ref().map_or(0, |home| home.size_gb);
    }
    place
}

/// What a machine will cost an hour, in words, where it is not there yet and that is known.
pub fn machine_price(model: &Model, name: &str) -> Option<String> {
    let config = model.config.as_ref()?;
    let machine = config.machine(name)?;
    let place = place_of(model, machine);
    let each = estimate(model, &place)?;
    let surplus = surplus_remark(config, &place);
    let surplus = surplus.map_or_else(String::new, |most| format!(", {most}"));
    let kept: Amount = model
        .fleet
        .kept_of(name)
        .map(|(region, it)| it.hourly(&model.fleet.prices(region).list))
        .sum();
    let kept = if kept == Amount::default() { "" } else { ", beside what it keeps already" };
    let (what, how) = (what_it_launches(&place), place.lifecycle.word());
    Some(format!("{name}: {what} ({how}) in {}, from ${each:.4}/h{surplus}{kept}", place.region))
}

fn not_configured(region: &Region) -> BudgetRefusal {
    BudgetRefusal::Price(format!("{region} is not in the configuration"))
}

/// Why the budget refuses a plan, if it does.
pub fn budget_refusal(model: &Model, plan: &CreatePlan) -> Option<String> {
    let config = model.config.as_ref()?;
    match judge(model, config, &plan.launched()) {
        Ok(_) => None,
        Err(BudgetRefusal::Price(why) | BudgetRefusal::Beyond(why)) => Some(why),
    }
}

/// What everything that is there and stays costs an hour, where all of it is known.
pub(super) fn hourly(model: &Model, config: &Config) -> Option<f64> {
    let rows: Option<f64> = staying(model).map(|row| running(model, config, row).ok()).sum();
    Some(rows? + kept_apart(model).ok()?)
}

/// The same with what is asked for and not answered yet: it is paid for as soon as AWS answers, and may
/// be what its ceiling allows: what one create was left for dearer places is not left for another.
fn committed(model: &Model, config: &Config) -> Result<f64, BudgetRefusal> {
    // What is there was launched by the configuration as it is, whatever stands in its place for what
    // is asked for now.
    let config = model.config.as_deref().unwrap_or(config);
    let mut now = kept_apart(model)?;
    for row in staying(model) {
        now += running(model, config, row)?;
    }
    for row in requested(model) {
        now += under_way(model, config, row)?;
    }
    Ok(now)
}

/// What is kept and no instance has costs all the same; snapshots at the most they can. Where their price
/// is not known that of volumes counts, which is higher everywhere.
fn kept_apart(model: &Model) -> Result<f64, BudgetRefusal> {
    let mut sum = 0.0;
    for (region, it) in model.fleet.kept_apart() {
        let list = &model.fleet.prices(region).list;
        let Amount { usd, is_partial } = it.hourly(list);
        let as_volume = || it.billed_gib().and_then(|gib| storage_hourly(list, gib));
        let as_volume = || as_volume().filter(|_| it.kind == KeptKind::Snapshot);
        let usd = (!is_partial).then_some(usd).or_else(as_volume);
        sum += priced(usd, it.kind.word(), region)?;
    }
    Ok(sum)
}

/// What is there and stays: one that is on its way out makes room for another.
pub(super) fn staying(model: &Model) -> impl Iterator<Item = &Instance> {
    let goes = |row: &Instance| matches!(row.phase, Phase::Interrupted { .. } | Phase::Terminating);
    model.fleet.alive().filter(move |row| !goes(row))
}

/// What a job under way has asked for, or is about to, and EC2 has not answered.
fn requested(model: &Model) -> impl Iterator<Item = &Instance> {
    let creates = |row: &Instance| model.changing().any(|(_, job)| job.keys.contains(&row.key));
    let waits = |row: &Instance| matches!(row.phase, Phase::Planned | Phase::Requesting);
    let rows = model.fleet.instances().filter(move |row| row.machine.is_none() && waits(row));
    rows.filter(move |row| creates(row))
}

/// What a row that is there costs an hour. An unknown price of its pool counts as on-demand.
fn running(model: &Model, config: &Config, row: &Instance) -> Result<f64, BudgetRefusal> {
    if row.machine.is_none() {
        return Ok(0.0);
    }
    let prices = model.fleet.prices(&row.region);
    let entry = wanted(model, config, row).or(config.regions.first().map(Cow::Borrowed));
    let gib = row.bill.storage_gb.or(entry.map(|entry| entry.instance_storage_gb));
    let stored =
        priced(storage_hourly(&prices.list, gib.unwrap_or_default()), "storage", &row.region)?;
    // A stopped one costs its disk, and its address where that is kept.
    if row.bill.ended.is_some() {
        if row.bill.keeps_address {
            return Ok(stored + priced(prices.list.ipv4, "public addresses", &row.region)?);
        }
        return Ok(stored);
    }
    Ok(stored + awake(model, config, row)?)
}

/// What it costs an hour besides its disk, while it runs.
fn awake(model: &Model, config: &Config, row: &Instance) -> Result<f64, BudgetRefusal> {
    let Some(machine) = &row.machine else { return Ok(0.0) };
    let prices = model.fleet.prices(&row.region);
    let pool = machine.pool();
    let compute = prices.compute(&pool, machine.birth.lifecycle);
    let compute = compute.or_else(|| prices.compute(&pool, Lifecycle::OnDemand));
    let compute = priced(compute, machine.machine_type.as_str(), &row.region)?;
    // EC2 gives an address to what begins, and tells it only later.
    let awaits = config.aws.associate_public_ip && machine.seen.state == Ec2State::Pending;
    let address = if row.bill.public_ip || awaits {
        priced(prices.list.ipv4, "public addresses", &row.region)?
    } else {
        0.0
    };
    // It has a type: that it is not known is not said of it.
    let surplus = surplus(config, [&machine.machine_type]).unwrap_or_default();
    Ok(compute + surplus + address)
}

/// What surplus CPU credits may add to the price of one of these, an hour and at the most: nothing
/// where credits are `standard`. AWS bills them apart, and only what was used. `None` where no type is
/// known: it may be a burstable one.
fn surplus<'a>(config: &Config, types: impl IntoIterator<Item = &'a MachineType>) -> Option<f64> {
    if config.aws.cpu_credits == CpuCredits::Standard {
        return Some(0.0);
    }
    types.into_iter().map(|it| surplus_hourly(it).unwrap_or_default()).reduce(f64::max)
}

/// The same of one more of a region. Where none is named it is one of those that have a price there,
/// which were looked up by what is needed; what else is there can only make it more.
fn planned_surplus(config: &Config, wanted: &RegionConfig, prices: &RegionPrices) -> Option<f64> {
    if !wanted.machine_types.is_empty() {
        return surplus(config, &wanted.machine_types);
    }
    let spot = prices.spot.keys().map(|pool| &pool.machine_type);
    surplus(config, spot.chain(prices.list.on_demand.keys()))
}

/// The same of what a region launches, in words; `None` where there is none. Which types a need comes to
/// is not known here, nor what that is.
pub fn surplus_remark(config: &Config, wanted: &RegionConfig) -> Option<String> {
    match surplus(config, &wanted.machine_types) {
        None => Some("more for CPU credits if its type is a burstable one".to_owned()),
        Some(most) => (most > 0.0).then(|| format!("up to ${most:.4}/h more for CPU credits")),
    }
}

/// What the processors of one more cost an hour. On demand, and where no spot price is known, that
/// is the dearest of its types: which one is launched is not known yet.
fn compute(model: &Model, wanted: &RegionConfig) -> Result<f64, BudgetRefusal> {
    let prices = model.fleet.prices(&wanted.region);
    let on_demand = || {
        let known = wanted.machine_types.iter().map(|it| prices.list.on_demand.get(it).copied());
        known.collect::<Option<Vec<f64>>>()?.into_iter().max_by(f64::total_cmp)
    };
    let spot = || prices.cheapest(&wanted.machine_types, wanted.lifecycle).map(|(_, usd)| usd);
    let usd = if wanted.lifecycle == Lifecycle::OnDemand {
        on_demand().or_else(spot)
    } else {
        spot().or_else(on_demand)
    };
    priced(usd, &what_it_launches(wanted), &wanted.region)
}

/// The types that a region names, or what they must be.
fn what_it_launches(wanted: &RegionConfig) -> String {
    if let Some(need) = &wanted.requirements {
        return format!("a machine with {} vCPUs and {} GiB", need.vcpus, need.memory_gib);
    }
    let types: Vec<&str> = wanted.machine_types.iter().map(MachineType::as_str).collect();
    types.join(" or ")
}

/// What one more of a region costs an hour.
fn planned(model: &Model, config: &Config, wanted: &RegionConfig) -> Result<f64, BudgetRefusal> {
    Ok(compute(model, wanted)? + besides(model, config, wanted)?)
}

/// The same without its processors: its disk, its address, and what surplus credits may come to.
fn besides(model: &Model, config: &Config, wanted: &RegionConfig) -> Result<f64, BudgetRefusal> {
    let region = &wanted.region;
    let prices = model.fleet.prices(region);
    let stored = storage_hourly(&prices.list, wanted.instance_storage_gb);
    let stored = priced(stored, "storage", region)?;
    let address = if config.aws.associate_public_ip {
        priced(prices.list.ipv4, "public addresses", region)?
    } else {
        0.0
    };
    let surplus = planned_surplus(config, wanted, prices);
    let surplus = priced(surplus, "surplus CPU credits", region)?;
    Ok(surplus + address + stored)
}

fn priced(usd: Option<f64>, of: &str, region: &Region) -> Result<f64, BudgetRefusal> {
    usd.ok_or_else(|| unknown(of, region))
}

fn unknown(of: &str, region: &Region) -> BudgetRefusal {
    BudgetRefusal::Price(format!(
        "the budget cannot be kept: the price of {of} in {region} is not known: where the region has \
         it, wait a moment and try again"
    ))
}

/// What one more instance of a region costs an hour in the place that is asked first; `None` while
/// its machine has no known price. Without list prices, address and storage are not in it.
pub fn estimate(model: &Model, wanted: &RegionConfig) -> Option<f64> {
    let prices = model.fleet.market().get(&wanted.region)?;
    let first = first_place(model, wanted)?;
    Some(first.usd + beside(model, wanted, prices))
}

/// What an instance of a region costs an hour besides its machine: its address and its storage, as
/// far as their prices are known.
pub fn beside(model: &Model, wanted: &RegionConfig, prices: &RegionPrices) -> f64 {
    let public = model.config.as_ref().is_some_and(|config| config.aws.associate_public_ip);
    let address = prices.list.ipv4.filter(|_| public).unwrap_or_default();
    let storage = storage_hourly(&prices.list, wanted.instance_storage_gb).unwrap_or_default();
    address + storage
}

/// Says which instances get too old, and ends them where that is wished: never before they were
/// announced for as long as that is promised, and again where it failed.
pub(super) fn age(model: &mut Model) -> Vec<Effect> {
    let Some(config) = model.config.clone() else { return Vec::new() };
    let Some(most) = config.budget.max_lifetime else { return Vec::new() };
    let destroys = config.budget.at_lifetime == AtLifetime::Destroy && model.read_only.is_none();
    // A lifetime that is shorter than the notice is its own notice.
    let notice = WARNING.min(most);
    let now = model.now;
    let rows: Vec<(InstanceKey, String, SignedDuration)> = model
        .fleet
        .alive()
        .filter(|row| row.deployment == model.deployment && row.phase != Phase::Terminating)
        // A machine is there to stay, and its disk is not to be lost for its age.
        .filter(|row| row.machine_name().is_none())
        .filter_map(|row| {
            let left = most - now.duration_since(row.machine.as_ref()?.birth.launched);
            (left <= WARNING).then(|| (row.key.clone(), row.label(), left))
        })
        .collect();
    let mut over = Vec::new();
    for (key, label, left) in rows {
        let Some(warned) = model.lifetimes.warned.get(&key).copied() else {
            model.lifetimes.warned.insert(key.clone(), now);
            announce(model, &key, &label, left.max(notice), left, destroys);
            continue;
        };
        let is_over = left <= SignedDuration::ZERO && now.duration_since(warned) >= notice;
        if is_over && destroys && may_end(model, &key) {
            model.lifetimes.ended.insert(key.clone(), now);
            over.push(key);
        }
    }
    if over.is_empty() {
        return Vec::new();
    }
    destroy::destroy(model, Scope::Instances(over))
}

/// Whether it was said of an instance that its lifetime ends it, and nobody has tried to yet.
pub(super) fn is_to_end(model: &Model) -> bool {
    let budget = model.config.as_ref().map(|config| &config.budget);
    let destroys = budget.is_some_and(|it| it.at_lifetime == AtLifetime::Destroy);
    let is_untried = |row: &Instance| {
        let Lifetimes { warned, ended } = &model.lifetimes;
        warned.contains_key(&row.key) && !ended.contains_key(&row.key)
    };
    let goes = |row: &Instance| row.phase != Phase::Terminating && is_untried(row);
    destroys && model.fleet.alive().any(goes)
}

/// Whether no attempt to end it is under way, or was made just now.
pub(super) fn may_end(model: &Model, key: &InstanceKey) -> bool {
    let last = model.lifetimes.ended.get(key);
    last.is_none_or(|last| model.now.duration_since(*last) >= AGAIN) && !is_ending(model, key)
}

fn announce(
    model: &mut Model,
    key: &InstanceKey,
    label: &str,
    until: SignedDuration,
    left: SignedDuration,
    destroys: bool,
) {
    let minutes = until.as_mins() + i64::from(until.as_secs() % 60 > 0);
    let text = match (left <= SignedDuration::ZERO, destroys) {
        (true, true) => {
            format!("its lifetime is over (budget.max_lifetime): it is destroyed in {minutes} min")
        }
        (true, false) => "its lifetime is over (budget.max_lifetime)".to_owned(),
        (false, true) => {
            format!(
                "its lifetime ends in {minutes} min (budget.max_lifetime): it will be destroyed"
            )
        }
        (false, false) => {
            format!("its lifetime ends in {minutes} min (budget.max_lifetime): destroy it")
        }
    };
    let origin = model.fleet.get(key).map(Origin::of_row).unwrap_or_default();
    model.log.say_of(origin, (model.now, Level::Warning, EventKind::Said), label, &text);
    let (kind, level, occasion) = (NotificationKind::Lifetime, Level::Warning, String::new());
    let (key, about) = (Some(key), label);
    notify::tell(model, Event { kind, level, key, about, text: text.clone(), occasion });
    model.announce(Level::Warning, format!("{label}: {text}"));
}
