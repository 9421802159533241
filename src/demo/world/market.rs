//! What a zone has to give, and for how much.
//!
//! A price is a function of the seed, the pool and the time: nothing is stored, and the history
//! of 90 days is there from the first moment.

use jiff::{SignedDuration, Timestamp};

use super::instance::Instance;
use super::order::Order;
use super::refusal::Refusal;
use super::region::RegionWorld;
use crate::demo::dice::Dice;
use crate::demo::scenario::BeyondQuota;
use crate::demo::shapes::Shape;
use crate::fleet::Ec2State;

/// How many instances of one type a zone has room for, where no scenario says less.
const ROOM: u32 = 4000;

impl RegionWorld {
    /// What the scenario says that a pool costs, oldest first.
    fn told(&self, shape: &Shape, zone: &str) -> Vec<(Timestamp, f64)> {
        let prices = self.laws.scenario.prices.iter();
        let mut told: Vec<(Timestamp, f64)> = prices
            .filter(|price| price.zone == zone && price.machine_type == shape.name)
            .map(|price| {
                (self.laws.began + SignedDuration::from_secs(price.from_s.into()), price.usd)
            })
            .collect();
        told.sort_by_key(|(from, _)| *from);
        told
    }

    /// The spot price of a type in a zone, in USD an hour.
    pub(crate) fn price(&self, shape: &Shape, zone: &str, at: Timestamp) -> f64 {
        let told = self.told(shape, zone);
        if let Some((_, first)) = told.first() {
            let good = told.iter().rev().find(|(from, _)| *from <= at);
            return good.map_or(*first, |(_, usd)| *usd);
        }
        let pool = format!("{} {zone}", shape.name);
        let mut dice = Dice::named(self.laws.seed, &pool);
        let usual = 0.28 + 0.32 * dice.part();
        let step = step(&pool, self.laws.seed);
        let count = at.as_second().div_euclid(step.as_secs());
        let moved = 0.88 + 0.24 * Dice::named(self.laws.seed, &format!("{pool} {count}")).part();
        round(self.on_demand(shape) * usual * moved)
    }

    /// What a type costs on demand, in USD an hour: regions differ.
    pub(crate) fn on_demand(&self, shape: &Shape) -> f64 {
        let dear = 1.0 + 0.25 * Dice::named(self.laws.seed, self.place.code).part();
        round(shape.on_demand * dear)
    }

    /// The moments at which a price changed between two times, the newest first, and as the last
    /// the one before: the price that was good at `from`.
    pub(crate) fn changes(
        &self,
        shape: &Shape,
        zone: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<Timestamp> {
        let oldest = self.now - SignedDuration::from_hours(24 * 90);
        let mut told: Vec<Timestamp> = self.told(shape, zone).into_iter().map(|it| it.0).collect();
        if let Some(first) = told.first_mut() {
            *first = oldest;
            let at_begin = told.partition_point(|at| *at <= from).saturating_sub(1);
            return told.into_iter().skip(at_begin).filter(|at| *at <= to).rev().collect();
        }
        let step = step(&format!("{} {zone}", shape.name), self.laws.seed).as_secs();
        let last = from.max(oldest).as_second().div_euclid(step);
        let first = to.min(self.now).as_second().div_euclid(step);
        (last..=first)
            .rev()
            .filter_map(|count| Timestamp::from_second(count.checked_mul(step)?).ok())
            .collect()
    }

    /// How many of what is asked for can be had now: at least the minimum, or why not.
    pub(super) fn grant(
        &mut self,
        order: &Order,
        shape: &'static Shape,
        zone: &str,
    ) -> Result<u32, Refusal> {
        if !shape.is_offered_in(zone) {
            let others: Vec<String> =
                self.place.zones().filter(|zone| shape.is_offered_in(zone)).collect();
            return Err(Refusal::new(
                "Unsupported",
                format!(
                    "Your requested instance type ({}) is not supported in your requested \
                     Availability Zone ({zone}). Please retry your request by not specifying an \
                     Availability Zone or choosing {}.",
                    shape.name,
                    others.join(", ")
                ),
            ));
        }
        let granted = if order.spot.is_some() { self.quota(order, shape)? } else { order.max };
        // A dry run tells nothing about capacity.
        if self.rehearsal {
            return Ok(granted);
        }
        let taken = self
            .instances
            .values()
            .filter(|it| it.takes_room() && it.zone == zone && it.shape.name == shape.name)
            .count();
        let room = self.room(shape, zone, order.max, order.spot.is_some());
        let free = room.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX));
        if free >= order.min {
            return Ok(free.min(granted));
        }
        Err(no_room(shape, zone, order.spot.is_some()))
    }

    /// Whether what is stopped finds room again in its zone. Of spot it is not known whether
    /// StartInstances refuses or the request stays open; here it refuses, as on demand.
    pub(crate) fn find_room(&mut self, ids: &[String]) -> Result<(), Refusal> {
        for id in ids {
            let Some(instance) = self.instances.get(id).cloned() else { continue };
            if instance.state != Ec2State::Stopped {
                continue;
            }
            let (shape, zone) = (instance.shape, &instance.zone);
            let alike =
                |it: &&Instance| it.takes_room() && it.zone == *zone && it.shape.name == shape.name;
            let taken = self.instances.values().filter(alike).count();
            let is_spot = instance.spot_request.is_some();
            let room = self.room(shape, zone, 1, is_spot);
            if usize::try_from(room).is_ok_and(|room| room <= taken) {
                return Err(no_room(shape, zone, is_spot));
            }
        }
        Ok(())
    }

    /// The room of a pool now. A limit of the scenario that matters for what is asked counts as
    /// seen.
    fn room(&mut self, shape: &Shape, zone: &str, asked: u32, is_spot: bool) -> u32 {
        let elapsed = self.now.duration_since(self.laws.began).as_secs();
        let laws = std::sync::Arc::clone(&self.laws);
        let mut room = ROOM;
        for (index, fault) in laws.scenario.capacity.iter().enumerate() {
            let meant = fault.zone == zone
                && fault.machine_type.as_deref().is_none_or(|name| name == shape.name)
                && (is_spot || !fault.spot_only)
                && i64::from(fault.from_s) <= elapsed
                && fault.until_s.is_none_or(|until| elapsed < i64::from(until));
            if meant {
                room = room.min(fault.limit);
                if fault.limit < asked {
                    self.hits.insert(format!("capacity[{index}]"));
                }
            }
        }
        room
    }

    /// How many of an order the account may have.
    fn quota(&mut self, order: &Order, shape: &Shape) -> Result<u32, Refusal> {
        let Some(limit) = self.laws.scenario.spot_vcpus else { return Ok(order.max) };
        let group = shape.quota_group();
        let used: u32 = self
            .instances
            .values()
            .filter(|it| it.takes_room() && it.spot_request.is_some())
            .filter(|it| it.shape.quota_group() == group)
            .map(|it| it.shape.vcpus)
            .sum();
        let granted = limit.saturating_sub(used) / shape.vcpus;
        if granted < order.max {
            self.hits.insert("spot_vcpus".into());
        }
        let least = match self.laws.scenario.beyond_quota {
            BeyondQuota::Part => order.min,
            BeyondQuota::Nothing => order.max,
        };
        if granted >= least {
            return Ok(granted.min(order.max));
        }
        Err(Refusal::new("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"))
    }
}

/// What a launch or a start is told that finds no room.
fn no_room(shape: &Shape, zone: &str, is_spot: bool) -> Refusal {
    let message = if is_spot {
        "There is no Spot capacity available that matches your request.".to_owned()
    } else {
        format!(
            "We currently do not have sufficient {} capacity in the Availability Zone you \
             requested ({zone}). Our system will be working on provisioning additional \
             capacity.",
            shape.name
        )
    };
    Refusal::with_status(500, "InsufficientInstanceCapacity", message)
}

/// To the hundredth of a cent.
fn round(usd: f64) -> f64 {
    (usd * 10_000.0).round() / 10_000.0
}

/// How long a pool keeps its price: one to four hours.
fn step(pool: &str, seed: u64) -> SignedDuration {
    let hours = 1.0 + 3.0 * Dice::named(seed, &format!("{pool} step")).part();
    SignedDuration::from_secs(SignedDuration::from_secs_f64(hours * 3600.0).as_secs())
}
