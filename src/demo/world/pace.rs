//! EC2's limits on calls: token buckets for each action, in each region (AWS: EC2 API throttling).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::refusal::Refusal;

/// What a kind of call may do at once and in the long run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// How many at once.
    pub(crate) burst: u32,
    /// How many are given back in a second.
    pub(crate) refill: u32,
}

const fn rate(burst: u32, refill: u32) -> Rate {
    Rate { burst, refill }
}

/// Questions with a filter or in pages.
pub(crate) const QUERY: Rate = rate(100, 20);
/// Questions for everything at once, where EC2 counts them apart.
pub(crate) const UNPAGED: Rate = rate(50, 10);
/// What changes something.
pub(crate) const MUTATION: Rate = rate(50, 5);
/// RunInstances and StartInstances.
pub(crate) const LAUNCH: Rate = rate(5, 2);
/// TerminateInstances, DeleteVolume and their kin.
pub(crate) const END: Rate = rate(100, 5);
/// CreateTags and DeleteTags.
pub(crate) const TAGGING: Rate = rate(100, 10);
/// Instances that are launched, whatever the number of calls.
pub(crate) const LAUNCHED: Rate = rate(1000, 2);
/// Instances that are ended, whatever the number of calls.
pub(crate) const ENDED: Rate = rate(1000, 20);

/// A region's buckets, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets(BTreeMap<String, (f64, Timestamp)>);

impl Buckets {
    /// Takes `amount` out of a bucket, or refuses and takes nothing.
    pub(crate) fn take(
        &mut self,
        name: &str,
        rate: Rate,
        amount: u32,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let full = (f64::from(rate.burst), now);
        let (level, at) = self.0.entry(name.to_owned()).or_insert(full);
        let gained = now.duration_since(*at).as_secs_f64().max(0.0) * f64::from(rate.refill);
        (*level, *at) = ((*level + gained).min(f64::from(rate.burst)), now);
        if *level < f64::from(amount) {
            return Err(Refusal::throttled());
        }
        *level -= f64::from(amount);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again_and_is_one_actions_alone() {
        let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        let mut buckets = Buckets::default();
        for _ in 0..5 {
            buckets.take("RunInstances", LAUNCH, 1, now).unwrap();
        }
        let refused = buckets.take("RunInstances", LAUNCH, 1, now).unwrap_err();
        assert_eq!((refused.status, refused.code.as_ref()), (503, "RequestLimitExceeded"));
        buckets.take("StartInstances", LAUNCH, 1, now).unwrap();
        let later = now + SignedDuration::from_millis(600);
        buckets.take("RunInstances", LAUNCH, 1, later).unwrap();
        buckets.take("RunInstances", LAUNCH, 1, later).unwrap_err();
        let much_later = now + SignedDuration::from_hours(1);
        assert!(buckets.take("RunInstances", LAUNCH, 6, much_later).is_err(), "never above full");
    }
}
