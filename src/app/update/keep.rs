//! The keeper: a process without a screen that holds the wanted count. What is missing is launched by
//! [`hold`](super::hold); here is what it does besides: it ends what is too much and what has failed,
//! goes on with what an earlier process left, and looks again when a look failed.

use jiff::{SignedDuration, Timestamp};

use super::count::{self, KEEP, counts_for, is_of_count};
use super::presence::is_seen;
use super::refresh::refresh;
use super::{budget, caps, create, destroy, lock};
use crate::app::{Counts, Effect, Model, total};
use crate::config::Config;
use crate::fleet::{
    Change, Instance, InstanceKey, JobKind, Level, Lifecycle, News, Phase, Region, RegionNews,
};

/// How long before its end it is said of a surplus that it is ended: for whoever has just changed
/// something, and for a look that was wrong.
const NOTICE: SignedDuration = SignedDuration::from_mins(1);
/// How long an instance whose set-up failed is left to be looked at, where nothing takes its place.
const FAILED: SignedDuration = SignedDuration::from_mins(30);
/// How long a row that is over is shown.
const OVER: SignedDuration = SignedDuration::from_hours(1);
/// Between two looks for what nobody is at work on.
const SWEEP: SignedDuration = SignedDuration::from_mins(1);
/// Between two looks at a fleet at rest of what follows from time alone.
const REST: SignedDuration = SignedDuration::from_secs(15);
/// The pause before a watch that has ended is begun again, and the longest one.
const PAUSES: [SignedDuration; 2] = [SignedDuration::from_secs(15), SignedDuration::from_mins(10)];

/// From now on this process holds the count; what the configuration has changed sets it anew.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let config = match create::may_create(model) {
        Ok(config) => config,
        Err(why) => {
            model.flash(Level::Warning, KEEP, why);
            return Vec::new();
        }
    };
    model.holding.is_keeper = true;
    model.upkeep.reset(&count::configured(&config));
    let (wanted, there) = (model.upkeep.total(), total(&count::there(model)));
    model.tell(Level::Info, KEEP, format!("{wanted} instances are wanted, {there} are there"));
    if let Some(until) = model.upkeep.paused_until(model.now) {
        let until = until.strftime("%H:%M");
        let text =
            format!("set-ups failed one after the other: nothing is launched until {until} UTC");
        model.tell(Level::Warning, KEEP, text);
    }
    let mut effects: Vec<Effect> = model.persist().into_iter().collect();
    effects.extend(refresh(model));
    effects.extend(create::resume(model));
    effects.extend(destroy::resume(model));
    effects
}

/// What holding these counts of the configuration would end at once: by region, how many are there
/// and how many are wanted.
pub fn would_end(model: &Model, config: &Config) -> Vec<(Region, u32, u32)> {
    let mut upkeep = model.upkeep.clone();
    upkeep.reset(&count::configured(config));
    let there = count::there(model);
    let surplus = there.into_iter().filter_map(|(region, there)| {
        let wanted = upkeep.wanted(&region)?;
        (there > wanted).then_some((region, there, wanted))
    });
    surplus.collect()
}

/// Whether anywhere more are there than are wanted.
pub fn has_too_many(model: &Model) -> bool {
    let is_too_much = |(region, there)| model.upkeep.wanted(&region).is_some_and(|it| there > it);
    count::there(model).into_iter().any(is_too_much)
}

/// Whether nothing is being changed, and what may be launched now has been, and ended what is too much.
pub fn is_held(model: &Model) -> bool {
    let is_at_rest = model.holding.passes > 0 && model.changing().next().is_none();
    is_at_rest && model.holding.surplus.is_empty()
}

/// Whether it was said of something that it is ended by itself, and it was not tried yet: whoever
/// leaves before says it anew the next time, and never ends it.
pub fn has_ends_ahead(model: &Model) -> bool {
    budget::is_to_end(model) || caps::is_to_end(model)
}

/// How many of how many are ready.
pub fn how_full(model: &Model) -> (u64, u64) {
    (total(&ready(model)), model.upkeep.total())
}

/// How many work, of what each region was asked for.
fn ready(model: &Model) -> Counts {
    let works = |row: &&Instance| {
        matches!(row.phase, Phase::Ready | Phase::Degraded { .. }) && is_of_count(model, row)
    };
    model.fleet.instances().filter(works).fold(Counts::new(), |mut ready, row| {
        *ready.entry(counts_for(model, row)).or_default() += 1;
        ready
    })
}

/// What the keeper does at a tick, beside launching what is missing.
pub(super) fn keep(model: &mut Model) -> Vec<Effect> {
    if !model.is_keeper() || !count::holds(model) {
        return Vec::new();
    }
    let mut effects = watch_again(model);
    // What another machine holds is not this one's to end. What was announced is announced anew.
    if !lock::may_launch(model) {
        model.holding.surplus.clear();
        return effects;
    }
    effects.extend(end_what_failed(model));
    effects.extend(end_surplus(model));
    if model.holding.swept.is_none_or(|swept| model.now.duration_since(swept) >= SWEEP) {
        model.holding.swept = Some(model.now);
        effects.extend(sweep(model));
    }
    effects
}

/// Whether nothing happens and nobody looks on: then the next tick will do, for each one looks at
/// all rows several times.
pub(super) fn rests(model: &Model) -> bool {
    let goes = model.leaving.is_some() || model.yields_at.is_some();
    let has_looked = model.holding.looked.is_some_and(|at| model.now.duration_since(at) < REST);
    has_looked
        && model.is_keeper()
        && !model.dashboard
        && !goes
        && model.changing().next().is_none()
}

/// Takes note of what a job reports: a row or a region is not as it was.
pub(super) fn note(model: &mut Model, news: &News, changes: &[Change]) {
    let is_look = matches!(news, News::Region(_, RegionNews::Surveyed(_)));
    let is_quiet = |change: &Change| matches!(change, Change::Told(_) | Change::Said(..));
    if is_look || !changes.iter().all(is_quiet) {
        model.holding.looked = None;
    }
}

/// A watch ends where credentials are refused. Somebody signs in again, or a role is there again: the
/// keeper never leaves for that.
fn watch_again(model: &mut Model) -> Vec<Effect> {
    if model.does(JobKind::Watch) || model.does(JobKind::Identify) {
        let is_well = |(at, _): &mut (Timestamp, u32)| model.now.duration_since(*at) >= PAUSES[1];
        model.holding.next_watch.take_if(is_well);
        return Vec::new();
    }
    let tries = match model.holding.next_watch {
        Some((at, tries)) if at <= model.now => tries,
        Some(_) => return Vec::new(),
        None => 0,
    };
    let [first, longest] = PAUSES;
    let pause = (first * 2_i32.pow(tries.min(8))).min(longest);
    model.holding.next_watch = Some((model.now + pause, tries + 1));
    if tries == 0 {
        // The first time it is begun at once.
        return Vec::new();
    }
    refresh(model)
}

/// Ends instances whose set-up failed: once there is what was wanted without them, or when they have
/// been there to be looked at for long enough. They count nowhere, and cost.
fn end_what_failed(model: &mut Model) -> Vec<Effect> {
    let ready = ready(model);
    let is_replaced = |region: &Region, wanted: u32| ready.get(region).copied() >= Some(wanted);
    let is_due = |row: &Instance| {
        let region = counts_for(model, row);
        let wanted = model.upkeep.wanted(&region);
        let is_old = model.now.duration_since(row.since) >= FAILED;
        wanted.is_some_and(|wanted| wanted == 0 || is_old || is_replaced(&region, wanted))
    };
    let rows = model.fleet.alive().filter(|row| matches!(row.phase, Phase::Failed(_)));
    let rows = rows.filter(|row| is_of_count(model, row) && budget::may_end(model, &row.key));
    let over: Vec<InstanceKey> =
        rows.filter(|row| is_due(row)).map(|row| row.key.clone()).collect();
    if over.is_empty() {
        return Vec::new();
    }
    let now = model.now;
    model.lifetimes.ended.extend(over.iter().map(|key| (key.clone(), now)));
    let text = format!("{} whose set-up failed are ended", over.len());
    model.tell(Level::Info, KEEP, text);
    destroy::destroy_replaced(model, &over)
}

/// How many more each region has than it shall have.
fn surplus(model: &Model) -> Counts {
    let mut surplus = count::beyond(model, &count::there(model), model.upkeep.counts());
    surplus.retain(|region, count| *count > 0 && is_seen(model, region));
    surplus
}

/// Ends what is there beyond what is wanted, and says so before.
fn end_surplus(model: &mut Model) -> Vec<Effect> {
    let surplus = surplus(model);
    model.holding.surplus.retain(|region, _| surplus.contains_key(region));
    let mut over = Vec::new();
    for (region, count) in surplus {
        let Some(since) = model.holding.surplus.get(&region).copied() else {
            model.holding.surplus.insert(region.clone(), model.now);
            let seconds = NOTICE.as_secs();
            let text = format!("{region}: {count} more than wanted: ended in {seconds} s");
            model.tell(Level::Warning, KEEP, text);
            continue;
        };
        if model.now.duration_since(since) >= NOTICE {
            over.extend(least_useful(model, &region, count));
            model.holding.surplus.remove(&region);
        }
    }
    if over.is_empty() {
        return Vec::new();
    }
    model.tell(Level::Info, KEEP, format!("{} more than wanted are ended", over.len()));
    destroy::destroy_replaced(model, &over)
}

/// So many of a region's: first what does not work, then what is dearest, then the oldest.
fn least_useful(model: &Model, region: &Region, count: u32) -> Vec<InstanceKey> {
    let mut rows: Vec<&Instance> = count::counted(model)
        .filter(|row| row.machine.is_some() && counts_for(model, row) == *region)
        .collect();
    rows.sort_by_key(|row| {
        let works = matches!(row.phase, Phase::Ready | Phase::Degraded { .. });
        let birth = row.machine.as_ref().map(|machine| &machine.birth);
        let is_spot = birth.is_some_and(|birth| birth.lifecycle == Lifecycle::Spot);
        (works, is_spot, birth.map(|birth| birth.launched), row.key.clone())
    });
    rows.into_iter().take(count as usize).map(|row| row.key.clone()).collect()
}

/// Takes up what runs and nobody is at work on, and takes out rows that have been over for long.
fn sweep(model: &mut Model) -> Vec<Effect> {
    let mut effects: Vec<Effect> = create::resume(model).into_iter().collect();
    let is_over = |row: &&Instance| {
        let never_was = row.machine.is_none() && matches!(row.phase, Phase::Failed(_));
        let is_old = model.now.duration_since(row.since) >= OVER;
        is_old && (never_was || row.phase == Phase::Terminated)
    };
    let over: Vec<InstanceKey> =
        model.fleet.instances().filter(is_over).map(|row| row.key.clone()).collect();
    effects.extend(destroy::clear(model, &over));
    let fleet = &model.fleet;
    model.holding.let_go.retain(|key| fleet.get(key).is_some());
    model.lifetimes.ended.retain(|key, _| fleet.get(key).is_some());
    effects
}
