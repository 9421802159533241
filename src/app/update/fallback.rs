//! On demand where spot is not given: so many at the most, priced before they are asked for, and back
//! again one by one once spot is held.

use jiff::SignedDuration;

use super::count::{
    KEEP, acts, configured, counted, counts_for, holds, is_ending, is_of_count, is_refusal,
    is_unavailable,
};
use super::plan::number;
use super::presence::{is_seen, is_there};
use super::{create, lock};
use crate::app::{Counts, Effect, Model};
use crate::config::{Config, Fallback};
use crate::fleet::{
    Change, Instance, InstanceKey, Level, Lifecycle, Phase, Region, Replacement, SpotBreaker,
    SpotTurn,
};

/// How far EC2's clock may be from ours.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);
/// From which part of the price on demand on spot is not worth its risk.
const DEAR: f64 = 0.9;

/// How what a region lacks is launched now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buys {
    /// As it is configured.
    Configured,
    /// One spot instance, to see whether there is any.
    Probe,
    /// On demand.
    OnDemand,
    /// Not at all: it was refused on demand, too.
    Nothing,
}

/// What holds where nothing is configured as a fallback holds for every region that is not spot, too.
fn wished<'a>(config: &'a Config, region: &Region) -> Option<&'a Fallback> {
    let is_spot = config.region(region).is_some_and(|it| it.lifecycle == Lifecycle::Spot);
    config.fallback.as_ref().filter(|_| is_spot)
}

/// How what a region lacks is launched.
fn buys(model: &Model, config: &Config, region: &Region) -> Buys {
    let is_wished = wished(config, region).is_some();
    let breaker = model.upkeep.spot_breaker(region).filter(|it| is_wished && it.is_open());
    match breaker {
        None => Buys::Configured,
        Some(it) if it.may_probe(model.now) && !is_dear(model, config, region) => Buys::Probe,
        Some(it) if it.may_demand(model.now) => Buys::OnDemand,
        Some(_) => Buys::Nothing,
    }
}

/// How many more may be on demand: a share of what is wanted.
fn room(model: &Model, fallback: &Fallback) -> u32 {
    let wanted = u32::try_from(model.upkeep.total()).unwrap_or(u32::MAX);
    let most = u64::from(wanted) * u64::from(fallback.max_share) / 100;
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    // One in whose place spot is tried is still there.
    let is_there = |row: &&Instance| is_of_count(model, row) && is_there(model, row);
    let rows = model.fleet.instances().filter(is_there).filter(|row| is_on_demand(model, row));
    most.saturating_sub(number(rows.count()))
}

/// Whether a row is on demand where spot is meant, or is being launched so.
fn is_on_demand(model: &Model, row: &Instance) -> bool {
    let Some(config) = &model.config else { return false };
    if wished(config, &counts_for(model, row)).is_none() {
        return false;
    }
    match &row.machine {
        Some(machine) => machine.birth.lifecycle == Lifecycle::OnDemand,
        None => is_asked_on_demand(model, &row.key),
    }
}

/// Whether a job launches a row on demand, in the place of spot.
pub(super) fn is_asked_on_demand(model: &Model, key: &InstanceKey) -> bool {
    model.changing().any(|(_, job)| job.on_demand.contains(key))
}

/// Whether spot costs nearly as much as on demand.
fn is_dear(model: &Model, config: &Config, region: &Region) -> bool {
    let priced = || {
        let (wanted, prices) = (config.region(region)?, model.fleet.market().get(region)?);
        let (_, spot) = prices.cheapest(&wanted.machine_types, Lifecycle::Spot)?;
        let list = wanted.machine_types.iter().filter_map(|it| prices.list.on_demand.get(it));
        Some((spot, list.copied().min_by(f64::total_cmp)?))
    };
    priced().is_some_and(|(spot, list)| spot > list * DEAR)
}

/// Of these, no more in each region than may be launched there now, and how.
pub(super) fn limit(model: &Model, config: &Config, due: Counts) -> Vec<(Region, u32, Buys)> {
    let mut left = config.fallback.as_ref().map_or(0, |fallback| room(model, fallback));
    let limited = due.into_iter().map(|(region, count)| {
        let buys = buys(model, config, &region);
        let count = match buys {
            Buys::Configured if is_unavailable(model, &region) => 0,
            Buys::Configured => count,
            Buys::Probe => count.min(1),
            Buys::OnDemand => {
                let count = count.min(left);
                left -= count;
                count
            }
            Buys::Nothing => 0,
        };
        (region, count, buys)
    });
    limited.filter(|(_, count, _)| *count > 0).collect()
}

/// What a change says of whether spot is given.
pub(super) fn note(model: &mut Model, change: &Change) {
    let key = match change {
        Change::Entered { key, to: Phase::Failed(failure), .. } if is_refusal(failure) => key,
        Change::Launched(key) | Change::Interrupted(key) => key,
        _ => return,
    };
    let config = model.config.clone().filter(|config| config.fallback.is_some());
    let Some((config, row)) = config.zip(model.fleet.get(key).cloned()) else { return };
    let region = counts_for(model, &row);
    if wished(&config, &region).is_none() || row.deployment != model.deployment {
        return;
    }
    let is_spot =
        row.machine.as_ref().is_some_and(|machine| machine.birth.lifecycle == Lifecycle::Spot);
    let (now, is_asked) = (model.now, is_asked_on_demand(model, key));
    let breaker = model.upkeep.spot_breaker_mut(&region);
    match change {
        Change::Launched(_) if is_spot => breaker.note_given(now),
        Change::Interrupted(_) if is_spot => breaker.note_lost(),
        Change::Entered { .. } if row.machine.is_none() && is_asked => breaker.note_denied(now),
        Change::Entered { .. } if row.machine.is_none() => breaker.note_refused(now),
        _ => {}
    }
}

/// One look: whether spot is given, and the way back.
pub(super) fn fall_back(model: &mut Model) -> Vec<Effect> {
    let Some(config) = model.config.clone() else { return Vec::new() };
    let Some(fallback) = config.fallback.filter(|_| holds(model)) else { return Vec::new() };
    let mut effects = Vec::new();
    for region in configured(&config).into_keys() {
        if wished(&config, &region).is_none() {
            continue;
        }
        let (now, is_dear) = (model.now, is_dear(model, &config, &region));
        if !is_dear && was_given(model, &region) {
            model.upkeep.spot_breaker_mut(&region).note_given(now);
            effects.extend(model.persist());
        }
        if let Some(turn) =
            model.upkeep.spot_breaker_mut(&region).turn(now, fallback.after, is_dear)
        {
            say_turn(model, &region, turn, (fallback, is_dear));
            effects.extend(model.persist());
        }
        effects.extend(way_back(model, &config, &region));
    }
    effects
}

/// Whether the one that was tried last is there, and nobody took in that it was given: who tried it was
/// killed before the answer. No other was launched for a quarter of an hour before it.
fn was_given(model: &Model, region: &Region) -> bool {
    let tried = model.upkeep.spot_breaker(region).and_then(SpotBreaker::unanswered_since);
    let Some(tried) = tried else { return false };
    let is_it = |row: &&Instance| {
        row.machine.as_ref().is_some_and(|machine| {
            machine.birth.lifecycle == Lifecycle::Spot && machine.birth.launched >= tried - CLOCKS
        })
    };
    let rows =
        model.fleet.instances().filter(|row| is_of_count(model, row) && is_there(model, row));
    rows.filter(is_it).any(|row| counts_for(model, row) == *region)
}

fn say_turn(
    model: &mut Model,
    region: &Region,
    turn: SpotTurn,
    (fallback, is_dear): (Fallback, bool),
) {
    let share = fallback.max_share;
    let (level, text) = match turn {
        SpotTurn::Opened if is_dear => (
            Level::Warning,
            format!(
                "{region}: spot costs nearly as much as on demand: up to {share} % go on demand"
            ),
        ),
        SpotTurn::Opened => {
            let minutes = fallback.after.as_mins();
            let text = format!(
                "{region}: spot is refused for {minutes} minutes: up to {share} % go on demand"
            );
            (Level::Warning, text)
        }
        SpotTurn::Closed => (
            Level::Info,
            format!("{region}: spot is held again: those on demand are replaced one by one"),
        ),
    };
    model.tell(level, KEEP, text);
}

/// Launches a spot instance in the place of one on demand: one at a time where spot is given again, and
/// to see whether it is. The one on demand ends once it is ready, and spot is held.
fn way_back(model: &mut Model, config: &Config, region: &Region) -> Vec<Effect> {
    let breaker = model.upkeep.spot_breaker(region);
    let (is_open, may_probe) =
        breaker.map_or((false, false), |it| (it.is_open(), it.may_probe(model.now)));
    let is_due = !is_open || (may_probe && !is_dear(model, config, region));
    let is_busy = model.upkeep.replacements().iter().any(|it| it.region == *region);
    if !is_due || is_busy || !acts(model) || !is_seen(model, region) || model.destroys_in(region) {
        return Vec::new();
    }
    let brake = &config.replace;
    let is_braked = model.upkeep.allowed(model.now, brake.at_most, brake.within) == 0;
    let is_paused = model.upkeep.paused_until(model.now).is_some();
    if is_braked || is_paused || is_unavailable(model, region) {
        return Vec::new();
    }
    let Some(old) = next(model, region) else { return Vec::new() };
    let Some(machine) = old.machine.clone() else { return Vec::new() };
    if !lock::may_launch(model) {
        return lock::ask(model);
    }
    // The budget has to have room for both: else it stays as it is.
    let Ok(effects) = create::replace(model, region, &machine) else { return Vec::new() };
    if model.upkeep.replacement_of(&machine.id).is_none() {
        return effects;
    }
    let text = format!("{region}: spot is tried in the place of {}, on demand", old.label());
    model.tell(Level::Info, KEEP, text);
    if is_open {
        let now = model.now;
        model.upkeep.spot_breaker_mut(region).note_probed(now);
    }
    effects
}

/// The next one on demand that gives way: an idle one first, then the oldest.
fn next(model: &Model, region: &Region) -> Option<Instance> {
    let is_ours = |row: &&Instance| {
        matches!(row.phase, Phase::Ready | Phase::Degraded { .. })
            && is_on_demand(model, row)
            && counts_for(model, row) == *region
            && is_there(model, row)
            && !is_ending(model, &row.key)
            && !row.id().is_some_and(|id| model.upkeep.retiring().contains(id))
    };
    let idle = |row: &Instance| row.id().is_some_and(|id| model.scaling.idle.contains_key(id));
    let launched = |row: &Instance| row.machine.as_ref().map(|machine| machine.birth.launched);
    let rows = counted(model).filter(is_ours);
    rows.min_by_key(|row| (!idle(row), launched(row), row.key.clone())).cloned()
}

/// Whether a node on demand works on although another one is ready in its place: it is not known yet
/// whether spot is held.
pub(super) fn waits(model: &Model, replacement: &Replacement) -> bool {
    let breaker = model.upkeep.spot_breaker(&replacement.region);
    breaker.is_some_and(SpotBreaker::is_open) && is_way_back(model, replacement)
}

/// Whether it is about a node on demand that gives way to spot: nothing came of it is no reason not to
/// try again.
pub(super) fn is_way_back(model: &Model, replacement: &Replacement) -> bool {
    model.fleet.by_id(&replacement.instance).is_some_and(|row| is_on_demand(model, row))
}
