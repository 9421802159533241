//! The pools that had nothing to give lately: nobody in this process asks them again so soon.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::time::Instant;

use super::lock::lock;
use crate::fleet::Pool;
use crate::retry::UNAVAILABLE_POOL_TTL;

/// Who refused, and until when that counts; for ever where the zone does not have the type.
#[derive(Debug, Default)]
pub(in crate::jobs) struct UnavailablePools(Mutex<HashMap<Pool, Option<Instant>>>);

impl UnavailablePools {
    /// A pool had nothing to give, with this code.
    pub(in crate::jobs) fn note(&self, pool: &Pool, code: Option<&str>) {
        // The second is a fleet's word for the first.
        let is_not_sold = matches!(code, Some("Unsupported" | "InvalidFleetConfiguration"));
        let until = (!is_not_sold).then(|| Instant::now() + UNAVAILABLE_POOL_TTL);
        lock(&self.0).insert(pool.clone(), until);
    }

    /// Whether a zone said that it does not have the type at all.
    pub(in crate::jobs) fn is_not_sold(&self, pool: &Pool) -> bool {
        matches!(lock(&self.0).get(pool), Some(None))
    }

    /// Whether a pool is to be left alone now.
    pub(in crate::jobs) fn is_unavailable(&self, pool: &Pool) -> bool {
        let mut pools = lock(&self.0);
        pools.retain(|_, until| until.is_none_or(|until| Instant::now() < until));
        pools.contains_key(pool)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pool_rests_for_three_minutes_and_one_that_is_not_sold_for_ever() {
        let unavailable_pools = UnavailablePools::default();
        let [full, not_sold] = ["t3.medium", "t3.small"]
            .map(|name| Pool { zone: "us-west-2a".into(), machine_type: name.into() });
        unavailable_pools.note(&full, Some("InsufficientInstanceCapacity"));
        unavailable_pools.note(&not_sold, Some("Unsupported"));
        assert!(
            unavailable_pools.is_unavailable(&full) && unavailable_pools.is_unavailable(&not_sold)
        );
        tokio::time::advance(UNAVAILABLE_POOL_TTL).await;
        assert!(
            !unavailable_pools.is_unavailable(&full) && unavailable_pools.is_not_sold(&not_sold)
        );
    }
}
