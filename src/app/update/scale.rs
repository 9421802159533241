//! The wanted count follows the work, between the bounds of the configuration: how many more there
//! shall be, and which nodes go because nothing is on them. What is launched for it launches
//! [`hold`](super::hold); the rest is done here, whoever holds.

use jiff::SignedDuration;

use super::advice::{Advice, advice, is_idle, moment, working};
use super::count::{acts, configured, counts_for, holds, is_ending, is_of_count};
use super::fallback::is_asked_on_demand;
use super::plan::number;
use super::presence::{is_replaced, is_seen, is_there};
use super::{budget, destroy, lock};
use crate::app::scaling::{Standing, Step};
use crate::app::{Counts, Effect, JobRecord, Model};
use crate::config::{Config, Scale};
use crate::fleet::{
    Change, Instance, InstanceId, InstanceKey, Job, JobKind, Level, Lifecycle, Phase, Region,
};

/// The verb under which it is said.
const VERB: &str = "scale";
/// For how long nothing is on a node before it may go: a node counts its executions each minute.
const IDLE: SignedDuration = SignedDuration::from_secs(75);
/// How long a launch may take before it is not reckoned with any more (cluster-autoscaler).
const LATE: SignedDuration = SignedDuration::from_mins(15);
/// For how long a region that refused is left alone, and a node that could not be let go.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// One look at the work, where there is something to decide by.
pub(super) fn scale(model: &mut Model) -> Vec<Effect> {
    let mut effects = go_on(model);
    let Some(config) = model.config.clone() else { return effects };
    let Some(scale) = config.scale.as_ref() else {
        model.upkeep.explain(None);
        return effects;
    };
    // Before any region has told what is there nobody knows what to add to.
    let is_blank = !configured(&config).keys().any(|region| is_seen(model, region));
    if !holds(model) || model.upkeep.is_empty() || is_blank {
        return effects;
    }
    // What another machine holds is not this one's to end, or to add to.
    if !lock::may_launch(model) {
        effects.extend(lock::ask(model));
        return effects;
    }
    model.scaling.began.get_or_insert(model.now);
    effects.extend(reach(model, &config, scale));
    let Some(advice) = advice(model, scale) else { return effects };
    let decided = moment(model, scale);
    match advice {
        Ok(advice) => {
            model.scaling.decided = Some(decided);
            note_idle(model);
            say_misfits(model, &advice);
            effects.extend(follow(model, &config, scale, &advice));
        }
        Err(why) => {
            model.scaling.decided = Some(decided);
            be_blind(model, &why);
        }
    }
    effects
}

/// How many are wanted.
fn wanted(model: &Model) -> u32 {
    u32::try_from(model.upkeep.total()).unwrap_or(u32::MAX)
}

/// There shall be the fewest at once, whatever the work is.
fn reach(model: &mut Model, config: &Config, scale: &Scale) -> Vec<Effect> {
    let has = wanted(model);
    if has >= scale.min || model.upkeep.paused_until(model.now).is_some() {
        return Vec::new();
    }
    let advice = Advice { wants: scale.min, reason: "min".to_owned(), ..Advice::default() };
    grow(model, config, scale.min - has, &advice)
}

/// Nobody knows how much work there is: everything stays as it is, and that is said once.
fn be_blind(model: &mut Model, why: &str) {
    model.scaling.pacing.forget();
    model.scaling.idle.clear();
    let has = wanted(model);
    if model.scaling.blind.is_none() {
        model.tell(Level::Warning, VERB, format!("blind: holds {has}: {why}"));
    }
    model.scaling.blind = Some(why.to_owned());
    model.upkeep.explain(Some("blind".to_owned()));
}

/// One step towards what is advised.
fn follow(model: &mut Model, config: &Config, scale: &Scale, advice: &Advice) -> Vec<Effect> {
    let (has, wants) = (wanted(model), advice.wants.clamp(scale.min, scale.max));
    if model.scaling.blind.take().is_some() {
        let text = format!("sees again: {}, wants {wants}, has {has}", advice.reason);
        model.tell(Level::Info, VERB, text);
    }
    model.upkeep.explain(Some(advice.reason.clone()));
    let grown = model.upkeep.grown();
    let standing = Standing { wanted: has, late: late(model), max: scale.max, grown };
    let advice = Advice {
        wants,
        reason: advice.reason.clone(),
        regions: advice.regions.clone(),
        misfits: Vec::new(),
    };
    match model.scaling.pacing.step(model.now, wants, standing) {
        Step::Stay => Vec::new(),
        Step::Grow(more) => grow(model, config, more, &advice),
        Step::Shrink(fewer) => shrink(model, fewer, &advice),
    }
}

/// How many should have become ready, and have not.
fn late(model: &Model) -> u32 {
    let is_late = |row: &&Instance| {
        let launched = row.machine.as_ref().map(|machine| machine.birth.launched);
        let since = launched.unwrap_or(row.since);
        let is_coming = !matches!(row.phase, Phase::Ready | Phase::Degraded { .. });
        is_coming && model.now.duration_since(since) >= LATE
    };
    let rows = model.fleet.instances().filter(|row| is_of_count(model, row));
    number(rows.filter(|row| is_there(model, row)).filter(is_late).count())
}

/// Raises the wanted count by so many, or by as many of them as budget and regions allow.
fn grow(model: &mut Model, config: &Config, more: u32, advice: &Advice) -> Vec<Effect> {
    if model.upkeep.paused_until(model.now).is_some() {
        // That set-ups fail has been said.
        return Vec::new();
    }
    let counts = match affordable(model, config, more, advice) {
        Ok(counts) => counts,
        Err(why) => {
            if model.scaling.held_back.as_ref() != Some(&why) {
                let text = format!("{}, wants {}: {why}", advice.reason, advice.wants);
                model.tell(Level::Warning, VERB, text);
                model.scaling.held_back = Some(why);
            }
            return Vec::new();
        }
    };
    model.scaling.held_back = None;
    say_step(model, advice, &format!("+{}", counts.values().sum::<u32>()));
    for (region, count) in &counts {
        model.upkeep.grow(region, *count, model.now);
    }
    model.persist().into_iter().collect()
}

/// As many of these as the budget allows, by the regions that are to have them.
fn affordable(
    model: &Model,
    config: &Config,
    more: u32,
    advice: &Advice,
) -> Result<Counts, String> {
    let mut left = more;
    loop {
        let counts = spread(model, config, left, advice);
        if counts.is_empty() {
            return Err("no region takes any more now".to_owned());
        }
        match budget::judge(model, config, &counts) {
            Ok(_) => return Ok(counts),
            Err(budget::BudgetRefusal::Price(why) | budget::BudgetRefusal::Beyond(why))
                if left == 1 =>
            {
                return Err(why);
            }
            Err(_) => left -= 1,
        }
    }
}

/// Which regions get these: in the proportions of the configuration, the cheaper one first. Where AWS
/// refused lately nothing is asked for.
fn spread(model: &Model, config: &Config, more: u32, advice: &Advice) -> Counts {
    let is_well = |region: &Region| {
        let refused = model.scaling.refused.get(region);
        refused.is_none_or(|at| model.now.duration_since(*at) >= AGAIN)
            && is_seen(model, region)
            && !model.destroys_in(region)
            && (advice.regions.is_empty() || advice.regions.contains(region))
    };
    let shares = configured(config);
    let is_none = shares.values().all(|share| *share == 0);
    let mut places: Vec<(Region, u32, u32, f64)> = shares
        .into_iter()
        .map(|(region, share)| (region, if is_none { 1 } else { share }))
        .filter(|(region, share)| *share > 0 && is_well(region))
        .map(|(region, share)| {
            let has = model.upkeep.wanted(&region).unwrap_or_default();
            let usd = budget::cheapest(model, config, &region).unwrap_or(f64::INFINITY);
            (region, share, has, usd)
        })
        .collect();
    let mut counts = Counts::new();
    for _ in 0..more {
        let fullness = |has: u32, share: u32| f64::from(has.saturating_add(1)) / f64::from(share);
        let next = places.iter_mut().min_by(|a, b| {
            let by_share = fullness(a.2, a.1).total_cmp(&fullness(b.2, b.1));
            by_share.then(a.3.total_cmp(&b.3))
        });
        let Some((region, _, has, _)) = next else { break };
        *has = has.saturating_add(1);
        *counts.entry(region.clone()).or_default() += 1;
    }
    counts
}

/// Lets up to so many go, of those that nothing is on: they are taken out of the work first.
fn shrink(model: &mut Model, fewer: u32, advice: &Advice) -> Vec<Effect> {
    let floor = wanted(model).saturating_sub(fewer);
    let under_way = number(model.upkeep.retiring().len());
    let most = wanted(model).saturating_sub(under_way).saturating_sub(floor);
    let rows: Vec<Instance> = least_useful(model).into_iter().take(most as usize).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    model.scaling.pacing.note_shrunk(model.now);
    let names: Vec<&str> = rows.iter().filter_map(Instance::id).map(InstanceId::as_str).collect();
    say_step(model, advice, &format!("-{} ({})", rows.len(), names.join(", ")));
    for id in rows.iter().filter_map(Instance::id) {
        model.upkeep.retire(id);
    }
    let retire = model.start(Job::Retire(rows));
    model.persist().into_iter().chain([retire]).collect()
}

/// Those that nothing is on: what is on demand first, then the dearest, then the oldest.
fn least_useful(model: &Model) -> Vec<Instance> {
    let is_free = |row: &Instance, id: &InstanceId| {
        let since = model.scaling.idle.get(id);
        let spared = model.scaling.spared.get(id);
        since.is_some_and(|since| model.now.duration_since(*since) >= IDLE)
            && spared.is_none_or(|at| model.now.duration_since(*at) >= AGAIN)
            && !model.upkeep.retiring().contains(id)
            && !is_replaced(model, row)
            && !is_ending(model, &row.key)
    };
    let idle = working(model).filter(|(row, id)| is_free(row, id));
    let mut rows: Vec<&Instance> = idle.map(|(row, _)| row).collect();
    rows.sort_by(|a, b| {
        let birth = |row: &Instance| {
            let birth = row.machine.as_ref().map(|machine| &machine.birth);
            (
                birth.is_none_or(|it| it.lifecycle != Lifecycle::OnDemand),
                birth.map(|it| it.launched),
            )
        };
        let ((a_spot, a_age), (b_spot, b_age)) = (birth(a), birth(b));
        let by_price = b.cost.hourly.usd.total_cmp(&a.cost.hourly.usd);
        a_spot.cmp(&b_spot).then(by_price).then(a_age.cmp(&b_age)).then(a.key.cmp(&b.key))
    });
    rows.into_iter().cloned().collect()
}

/// Remembers on which nodes nothing is, and since when.
fn note_idle(model: &mut Model) {
    let idle = working(model).filter(|(row, id)| is_idle(model, row, id));
    let idle: Vec<InstanceId> = idle.map(|(_, id)| id.clone()).collect();
    let now = model.now;
    model.scaling.idle.retain(|id, _| idle.contains(id));
    for id in idle {
        model.scaling.idle.entry(id).or_insert(now);
    }
    model.scaling.spared.retain(|_, at| now.duration_since(*at) < AGAIN);
}

fn say_misfits(model: &mut Model, advice: &Advice) {
    for job in &advice.misfits {
        if model.scaling.misfits.insert(job.clone()) {
            let text =
                format!("the job {job} fits no node that there is: it is waited for by none");
            model.tell(Level::Warning, VERB, text);
        }
    }
    // One that is over, or fits now, may be said again.
    model.scaling.misfits.retain(|job| advice.misfits.contains(job));
}

/// `queue 14, wants 9, has 6: +3`.
fn say_step(model: &mut Model, advice: &Advice, step: &str) {
    let has = wanted(model);
    let text = format!("{}, wants {}, has {has}: {step}", advice.reason, advice.wants);
    model.tell(Level::Info, VERB, text);
}

/// A launch was refused: there is no growing against that, and what was asked for is not wanted any
/// more. The fewest are wanted in any case.
pub(super) fn note(model: &mut Model, change: &Change) {
    let Change::Entered { key, to: Phase::Failed(failure), .. } = change else { return };
    let min = model.config.as_ref().and_then(|config| config.scale.as_ref()).map(|it| it.min);
    let (Some(min), Some(row)) = (min, model.fleet.get(key)) else { return };
    let is_refusal = row.machine.is_none() && is_of_count(model, row) && !is_replaced(model, row);
    // Where it may go on demand, that is refused last.
    let falls_back = model.config.as_ref().is_some_and(|config| config.fallback.is_some());
    let is_last = !falls_back || is_asked_on_demand(model, key);
    if !holds(model) || !is_refusal || !is_last || wanted(model) <= min {
        return;
    }
    let (region, why) = (counts_for(model, row), failure.reason.clone());
    model.upkeep.lower(&region, 1);
    let known = model.scaling.refused.insert(region.clone(), model.now);
    if known.is_none_or(|at| model.now.duration_since(at) >= AGAIN) {
        let minutes = AGAIN.as_mins();
        let text = format!("{region}: none is added for {minutes} minutes: {why}");
        model.tell(Level::Warning, VERB, text);
    }
}

/// A node is out of the work, or stays in it.
pub(super) fn retired(
    model: &mut Model,
    key: &InstanceKey,
    retired: &Result<(), String>,
) -> Vec<Effect> {
    let Some(row) = model.fleet.get(key) else { return Vec::new() };
    let (label, id) = (row.label(), row.id().cloned());
    let Some(id) = id.filter(|id| model.upkeep.retiring().contains(id)) else { return Vec::new() };
    model.upkeep.end_retiring(&id);
    match retired {
        Ok(()) => {
            model.tell(Level::Info, VERB, format!("{label}: nothing is on it: it is ended"));
            // The wanted count is one less by that, on the disk before it ends.
            destroy::destroy(model, crate::app::Scope::Instances(vec![key.clone()]))
        }
        Err(why) => {
            model.tell(Level::Warning, VERB, format!("{label}: it stays: {why}"));
            model.scaling.spared.insert(id, model.now);
            model.persist().into_iter().collect()
        }
    }
}

/// AWS takes back a node that was to go anyway: none comes in its place. Answers whether it was one.
pub(super) fn lost(model: &mut Model, row: &Instance) -> bool {
    let is_ours = row.id().is_some_and(|id| model.upkeep.end_retiring(id));
    if is_ours {
        let region = counts_for(model, row);
        model.upkeep.lower(&region, 1);
    }
    is_ours
}

/// Goes on with what an earlier process had begun to take out of the work.
fn go_on(model: &mut Model) -> Vec<Effect> {
    let is_ours = acts(model) && holds(model) && lock::may_launch(model);
    if model.upkeep.retiring().is_empty() || !is_ours {
        return Vec::new();
    }
    let is_at_work = |key: &InstanceKey| {
        let retires = |job: &JobRecord| job.kind == JobKind::Retire && job.keys.contains(key);
        model.active().any(|(_, job)| retires(job))
    };
    let (mut again, mut over) = (Vec::new(), Vec::new());
    for id in model.upkeep.retiring() {
        match model.fleet.by_id(id) {
            Some(row) if !is_there(model, row) => over.push(id.clone()),
            Some(row) if is_at_work(&row.key) || is_ending(model, &row.key) => {}
            Some(row) if is_seen(model, &row.region) => again.push(row.clone()),
            None if model.account.is_some() => over.push(id.clone()),
            _ => {}
        }
    }
    for id in &over {
        match model.fleet.by_id(id).cloned() {
            Some(row) => {
                lost(model, &row);
            }
            None => {
                model.upkeep.end_retiring(id);
            }
        }
    }
    let mut effects = Vec::new();
    if !over.is_empty() {
        effects.extend(model.persist());
    }
    if !again.is_empty() {
        effects.push(model.start(Job::Retire(again)));
    }
    effects
}
