//! How many instances there shall be, and what is remembered of holding that count. It outlives the
//! process: whoever holds a fleet may be killed at any instant.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::text::clean;
use super::{InstanceId, LaunchId, Machine, Region, SpotBreaker};

/// The most instances that a region can be asked for: a file may say anything.
const MOST: u32 = 10_000;
/// How many launches the brake remembers: more than any limit lets through in a day.
const MOST_LAUNCHES: usize = 10_000;

/// What shall be, and what holding it has come to so far.
///
/// Machines of the configuration and persistent spot instances are in none of its counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upkeep {
    /// How many instances each region shall have. A region that is not in it was never asked for.
    #[serde(rename = "wanted")]
    counts: BTreeMap<Region, u32>,
    /// The configuration's counts by which they were last set: another one sets them anew.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    configured: BTreeMap<Region, u32>,
    /// How many of them were never launched yet: the brake is not for these.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fresh: BTreeMap<Region, u32>,
    /// What AWS took back and is not replaced yet, by the region that lacks it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    owed: Vec<Debt>,
    /// Nodes that AWS may take back soon, and what was launched in their place before it does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replacements: Vec<Replacement>,
    /// When replacements were launched, the oldest first: by these the brake goes.
    #[serde(rename = "brake", skip_serializing_if = "Vec::is_empty")]
    launched: Vec<Timestamp>,
    /// Whether set-ups fail.
    breaker: Breaker,
    /// Where spot is refused, or was.
    #[serde(rename = "spot", skip_serializing_if = "BTreeMap::is_empty")]
    spot_breakers: BTreeMap<Region, SpotBreaker>,
    /// How it follows the work.
    #[serde(skip_serializing_if = "Scaled::is_new")]
    scaled: Box<Scaled>,
    /// Where machines keep something, whether or not the configuration still has them there: it costs
    /// until it is deleted.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    kept_in: BTreeSet<Region>,
}

/// How the wanted count follows the work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Scaled {
    /// When it was last raised for that.
    added: Option<Timestamp>,
    /// Why it is what it is.
    reason: Option<String>,
    /// Nodes that are being taken out of the work: a process that is killed in between leaves them
    /// without any, and the next one goes on.
    retiring: Vec<InstanceId>,
}

impl Scaled {
    fn is_new(&self) -> bool {
        *self == Self::default()
    }
}

/// The longest reason that is read back, in bytes.
const LONGEST_REASON: usize = 200;
/// How many set-ups that fail one after the other stop the launches.
const FAILURES: u32 = 3;
/// For how long, the first time; each time after that twice as long.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(30);
/// For how long at the most.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(6);

/// What stops the launches where one set-up after the other fails: a wrong script would cost an
/// instance every few minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Breaker {
    /// How many failed since the last one that became ready.
    failures: u32,
    /// How often it has opened since then.
    opened: u32,
    /// Until when nothing is launched.
    until: Option<Timestamp>,
}

/// An instance in whose place another is to be launched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// The region that lacks it.
    pub region: Region,
    /// Which one it was.
    pub instance: InstanceId,
    /// What it was, for as long as a process has it in mind.
    #[serde(skip)]
    pub machine: Option<Box<Machine>>,
}

/// A node that still works, and the launch that takes its place.
///
/// It stands here before anything is launched: a process that is killed in between goes on with that
/// launch, and no other one is begun for the same node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The region whose count both are a part of.
    pub region: Region,
    /// The node.
    pub instance: InstanceId,
    /// What takes its place.
    pub launch: LaunchId,
    /// Whether nothing came of that launch: the node stays, and counts as ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_given_up: bool,
}

/// A wanted count that the configuration sets anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// Where.
    pub region: Region,
    /// How many were wanted until now; `None` where nobody had asked for any.
    pub from: Option<u32>,
    /// How many are from now on.
    pub to: u32,
}

impl Upkeep {
    /// The same as this process may rely on it: nothing that a file can say makes it launch without
    /// a bound, or never.
    #[must_use]
    pub fn recalled(mut self, now: Timestamp) -> Self {
        for count in self.counts.values_mut().chain(self.fresh.values_mut()) {
            *count = (*count).min(MOST);
        }
        // A clock that was set back must not hold the brake for years.
        self.launched.retain(|at| *at <= now);
        self.launched.sort();
        let surplus = self.launched.len().saturating_sub(MOST_LAUNCHES);
        self.launched.drain(..surplus);
        self.owed.truncate(MOST_LAUNCHES);
        self.replacements.truncate(MOST_LAUNCHES);
        let latest = now + LONGEST_PAUSE;
        self.breaker.until = self.breaker.until.map(|until| until.min(latest));
        let spot = std::mem::take(&mut self.spot_breakers).into_iter();
        self.spot_breakers = spot.map(|(region, it)| (region, it.recalled(now))).collect();
        self.scaled.added = self.scaled.added.map(|added| added.min(now));
        self.scaled.retiring.truncate(MOST_LAUNCHES);
        self.scaled.reason = self.scaled.reason.map(|reason| clean(&reason, LONGEST_REASON));
        self
    }

    /// Whether anybody has asked for anything.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Where machines keep something, as last seen.
    pub fn kept_in(&self) -> &BTreeSet<Region> {
        &self.kept_in
    }

    /// Notes whether machines keep something in a region. Answers whether that is news.
    pub fn note_kept(&mut self, region: &Region, is_kept: bool) -> bool {
        if is_kept { self.kept_in.insert(region.clone()) } else { self.kept_in.remove(region) }
    }

    /// How many instances each region shall have.
    pub fn counts(&self) -> &BTreeMap<Region, u32> {
        &self.counts
    }

    /// How many a region shall have; `None` where nobody asked for any.
    pub fn wanted(&self, region: &Region) -> Option<u32> {
        self.counts.get(region).copied()
    }

    /// How many there shall be in all.
    pub fn total(&self) -> u64 {
        self.counts.values().map(|count| u64::from(*count)).sum()
    }

    /// A region shall have at least so many: that many are there when what was added has come.
    pub fn raise(&mut self, region: &Region, to: u32) {
        let count = self.counts.entry(region.clone()).or_default();
        *count = (*count).max(to).min(MOST);
    }

    /// A create in this region goes by these counts of the configuration: they do not set the wanted
    /// count anew, be it another one, until they are changed. The first create speaks for all
    /// regions: what it left out is not wanted.
    pub fn configure(&mut self, region: &Region, configured: &BTreeMap<Region, u32>) {
        if self.configured.is_empty() {
            self.configured.clone_from(configured);
        }
        if let Some(count) = configured.get(region) {
            self.configured.entry(region.clone()).or_insert(*count);
        }
    }

    /// So many fewer shall be there: they were ended by hand, or for money or age.
    pub fn lower(&mut self, region: &Region, by: u32) {
        if let Some(count) = self.counts.get_mut(region) {
            *count = count.saturating_sub(by);
        }
    }

    /// Nothing shall be in a region any more.
    pub fn end_region(&mut self, region: &Region) {
        self.fresh.remove(region);
        self.owed.retain(|debt| debt.region != *region);
        self.replacements.retain(|it| it.region != *region);
        if let Some(count) = self.counts.get_mut(region) {
            *count = 0;
        }
    }

    /// The deployment is over: whoever creates next begins anew. The brake goes on.
    pub fn end_all(&mut self) {
        let (launched, breaker) = (std::mem::take(&mut self.launched), self.breaker.clone());
        *self = Self { launched, breaker, ..Self::default() };
    }

    /// What these counts of the configuration would set anew. A region that they do not name any
    /// more shall have none.
    pub fn resets(&self, configured: &BTreeMap<Region, u32>) -> Vec<Reset> {
        let known = self.configured.keys().chain(self.counts.keys());
        let regions: BTreeSet<&Region> = configured.keys().chain(known).collect();
        let resets = regions.into_iter().filter_map(|region| {
            let to = configured.get(region).copied().unwrap_or_default();
            let (is_known, from) = (self.configured.get(region) == Some(&to), self.wanted(region));
            let is_reset = !is_known && from.unwrap_or_default() != to;
            is_reset.then(|| Reset { region: region.clone(), from, to })
        });
        resets.collect()
    }

    /// Sets the counts anew that the configuration has changed. What comes new by that was never
    /// launched.
    pub fn reset(&mut self, configured: &BTreeMap<Region, u32>) {
        for Reset { region, from, to } in self.resets(configured) {
            let fresh = to.saturating_sub(from.unwrap_or_default());
            self.counts.insert(region.clone(), to.min(MOST));
            self.fresh.insert(region, fresh);
        }
        // Where none are wanted yet, the work that there is may ask for some.
        for region in configured.keys() {
            self.counts.entry(region.clone()).or_default();
        }
        self.configured.clone_from(configured);
    }

    /// How many of those that a region lacks were never launched: of no more than it lacks.
    pub fn fresh(&mut self, region: &Region, missing: u32) -> u32 {
        let Some(fresh) = self.fresh.get_mut(region) else { return 0 };
        *fresh = (*fresh).min(missing);
        *fresh
    }

    /// How many of each region's were never launched.
    pub fn unlaunched(&self) -> &BTreeMap<Region, u32> {
        &self.fresh
    }

    /// So many are being launched for the first time.
    pub fn begin_fresh(&mut self, region: &Region, count: u32) {
        if let Some(fresh) = self.fresh.get_mut(region) {
            *fresh = fresh.saturating_sub(count);
        }
    }

    /// So many more shall be there for the work that there is. They were never launched.
    pub fn grow(&mut self, region: &Region, by: u32, now: Timestamp) {
        let count = self.counts.entry(region.clone()).or_default();
        *count = count.saturating_add(by).min(MOST);
        let fresh = self.fresh.entry(region.clone()).or_default();
        *fresh = fresh.saturating_add(by).min(MOST);
        self.scaled.added = Some(now);
    }

    /// When it was last raised for the work that there is.
    pub fn grown(&self) -> Option<Timestamp> {
        self.scaled.added
    }

    /// Why the wanted count is what it is, where it follows the work.
    pub fn reason(&self) -> Option<&str> {
        self.scaled.reason.as_deref()
    }

    /// The wanted count is what it is for this reason; `None` where it follows nothing.
    pub fn explain(&mut self, reason: Option<String>) {
        self.scaled.reason = reason;
    }

    /// The nodes that are being taken out of the work.
    pub fn retiring(&self) -> &[InstanceId] {
        &self.scaled.retiring
    }

    /// A node is to be taken out of the work.
    pub fn retire(&mut self, instance: &InstanceId) {
        if !self.scaled.retiring.contains(instance) {
            self.scaled.retiring.push(instance.clone());
        }
    }

    /// That is over, whatever came of it. Answers whether it was to be.
    pub fn end_retiring(&mut self, instance: &InstanceId) -> bool {
        let before = self.scaled.retiring.len();
        self.scaled.retiring.retain(|it| it != instance);
        self.scaled.retiring.len() < before
    }

    /// What is owed, the oldest first.
    pub fn owed(&self) -> &[Debt] {
        &self.owed
    }

    /// An instance was taken back. It is owed once, whoever tells of it.
    pub fn owe(&mut self, region: Region, machine: Machine) {
        if self.owed.iter().all(|debt| debt.instance != machine.id) {
            let instance = machine.id.clone();
            self.owed.push(Debt { region, instance, machine: Some(Box::new(machine)) });
        }
    }

    /// Nothing is owed any more: another process sees to it.
    pub fn forgive(&mut self) {
        self.owed.clear();
    }

    /// Others are being launched in the place of so many of a region's.
    pub fn settle(&mut self, counts: &BTreeMap<Region, u32>) {
        let mut left = counts.clone();
        self.owed.retain(|debt| match left.get_mut(&debt.region) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
    }

    /// Whether a region gives spot, as far as that was ever in doubt.
    pub fn spot_breaker(&self, region: &Region) -> Option<&SpotBreaker> {
        self.spot_breakers.get(region)
    }

    /// The same, to note what came of a launch.
    pub fn spot_breaker_mut(&mut self, region: &Region) -> &mut SpotBreaker {
        self.spot_breakers.entry(region.clone()).or_default()
    }

    /// The nodes in whose place others are launched before AWS takes them back.
    pub fn replacements(&self) -> &[Replacement] {
        &self.replacements
    }

    /// What takes the place of this node, be it given up.
    pub fn replacement_of(&self, instance: &InstanceId) -> Option<&Replacement> {
        self.replacements.iter().find(|it| it.instance == *instance)
    }

    /// A launch takes the place of a node. One node has one.
    pub fn begin_replacement(&mut self, replacement: Replacement) {
        if self.replacement_of(&replacement.instance).is_none() {
            self.replacements.push(replacement);
        }
    }

    /// Nothing came of the launch that was to take the place of this node.
    pub fn give_up_replacement(&mut self, instance: &InstanceId) {
        let ours = self.replacements.iter_mut().find(|it| it.instance == *instance);
        if let Some(replacement) = ours {
            replacement.is_given_up = true;
        }
    }

    /// The node is gone, or nothing was ever launched in its place.
    pub fn end_replacement(&mut self, instance: &InstanceId) {
        self.replacements.retain(|it| it.instance != *instance);
    }

    /// How many replacements may be launched now: of so many in such a time.
    pub fn allowed(&mut self, now: Timestamp, at_most: u32, within: SignedDuration) -> usize {
        self.launched.retain(|at| now.duration_since(*at) < within);
        usize::try_from(at_most).unwrap_or(usize::MAX).saturating_sub(self.launched.len())
    }

    /// Until when nothing is launched because set-ups fail.
    pub fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.breaker.until.filter(|until| *until > now)
    }

    /// A set-up has failed. Answers for how long nothing is launched where it was one too many.
    pub fn note_failure(&mut self, now: Timestamp) -> Option<SignedDuration> {
        self.breaker.failures = self.breaker.failures.saturating_add(1);
        if self.breaker.failures < FAILURES || self.paused_until(now).is_some() {
            return None;
        }
        let doubled = FIRST_PAUSE * 2_i32.pow(self.breaker.opened.min(8));
        let pause = doubled.min(LONGEST_PAUSE);
        let opened = self.breaker.opened.saturating_add(1);
        self.breaker = Breaker { failures: 0, opened, until: Some(now + pause) };
        Some(pause)
    }

    /// An instance has become ready: set-ups work.
    pub fn note_ready(&mut self) {
        self.breaker = Breaker::default();
    }

    /// So many replacements are being launched.
    pub fn note_launches(&mut self, now: Timestamp, count: usize) {
        self.launched.extend(std::iter::repeat_n(now, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_165_200 + second).unwrap()
    }

    fn counts(counts: &[(&str, u32)]) -> BTreeMap<Region, u32> {
        counts.iter().map(|(region, count)| ((*region).into(), *count)).collect()
    }

    #[test]
    fn what_is_created_raises_and_what_is_destroyed_lowers() {
        let west = &"us-west-2".into();
        let mut upkeep = Upkeep::default();
        upkeep.raise(west, 6);
        upkeep.raise(west, 4);
        assert_eq!(upkeep.wanted(west), Some(6), "two that were lost come again: none is added");
        upkeep.lower(west, 1);
        assert_eq!(upkeep.wanted(west), Some(5));
        upkeep.lower(west, 9);
        assert_eq!(upkeep.wanted(west), Some(0));
        assert_eq!(upkeep.wanted(&"eu-west-1".into()), None);
    }

    #[test]
    fn a_changed_count_of_the_configuration_sets_it_anew_and_the_same_one_never() {
        let west = &"us-west-2".into();
        let mut upkeep = Upkeep::default();
        upkeep.reset(&counts(&[("us-west-2", 6), ("eu-west-1", 2)]));
        assert_eq!((upkeep.total(), upkeep.fresh(west, 6)), (8, 6));
        upkeep.lower(west, 2);
        assert!(upkeep.resets(&counts(&[("us-west-2", 6), ("eu-west-1", 2)])).is_empty());
        let resets = upkeep.resets(&counts(&[("us-west-2", 7)]));
        let told: Vec<_> = resets.iter().map(|it| (it.region.as_str(), it.from, it.to)).collect();
        assert_eq!(told, [("eu-west-1", Some(2), 0), ("us-west-2", Some(4), 7)]);
        upkeep.reset(&counts(&[("us-west-2", 7)]));
        assert_eq!((upkeep.total(), upkeep.fresh(west, 9)), (7, 3));
    }

    #[test]
    fn the_first_create_remembers_the_configuration_and_is_not_set_anew_by_it() {
        let mut upkeep = Upkeep::default();
        let configured = counts(&[("us-west-2", 6)]);
        upkeep.raise(&"us-west-2".into(), 2);
        upkeep.configure(&"us-west-2".into(), &configured);
        assert!(upkeep.resets(&configured).is_empty(), "two were asked for, and two are held");
    }

    #[test]
    fn three_failed_set_ups_stop_the_launches_each_time_for_twice_as_long() {
        let mut upkeep = Upkeep::default();
        let mut pauses = Vec::new();
        let mut now = at(0);
        for _ in 0..18 {
            if let Some(pause) = upkeep.note_failure(now) {
                pauses.push(pause.as_mins());
                assert!(upkeep.paused_until(now).is_some());
                assert_eq!(upkeep.note_failure(now), None, "it is open already");
                now += pause;
            }
        }
        assert_eq!(pauses[..5], [30, 60, 120, 240, 360], "{pauses:?}");
        upkeep.note_ready();
        upkeep.note_failure(now);
        upkeep.note_failure(now);
        assert_eq!(upkeep.paused_until(now), None);
        assert_eq!(upkeep.note_failure(now).map(|pause| pause.as_mins()), Some(30));
    }

    #[test]
    fn the_brake_is_remembered_and_no_file_can_hold_it_for_years() {
        let mut upkeep = Upkeep::default();
        upkeep.note_launches(at(0), 3);
        upkeep.note_launches(at(9_000_000), 2);
        let written = serde_json::to_string(&upkeep).unwrap();
        let read: Upkeep = serde_json::from_str(&written).unwrap();
        let ten = SignedDuration::from_mins(10);
        let mut recalled = read.recalled(at(60));
        assert_eq!(recalled.allowed(at(60), 5, ten), 2);
        assert_eq!(recalled.allowed(at(600), 5, ten), 5);
    }
}
