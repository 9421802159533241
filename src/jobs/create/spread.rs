//! How many of what is wanted in a region one place may have: what is all in one place is lost
//! together.

use std::collections::BTreeMap;

use crate::fleet::Pool;

/// The share of each place, and what it has of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread {
    /// The most instances of one place; `None` where nothing limits them.
    most: Option<usize>,
    has: BTreeMap<Pool, usize>,
}

impl Spread {
    /// No place shall have more than so many percent of what is there and of so many that come, and
    /// each may have one.
    pub(super) fn new(
        percent: Option<u32>,
        there: Option<&BTreeMap<Pool, u32>>,
        coming: usize,
    ) -> Self {
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let there = there.into_iter().flatten();
        let has: BTreeMap<Pool, usize> =
            there.map(|(pool, count)| (pool.clone(), number(*count))).collect();
        let all = has.values().sum::<usize>() + coming;
        let most = percent.map(|percent| (all * number(percent) / 100).max(1));
        Self { most, has }
    }

    /// How many more a place may have.
    pub(super) fn room(&self, pool: &Pool) -> usize {
        let has = self.has.get(pool).copied().unwrap_or_default();
        self.most.map_or(usize::MAX, |most| most.saturating_sub(has))
    }

    /// A place gave so many.
    pub(super) fn note(&mut self, pool: &Pool, count: usize) {
        *self.has.entry(pool.clone()).or_default() += count;
    }

    /// From now on each place may have as many as it gives. Whether that is anything new.
    pub(super) fn lift(&mut self) -> bool {
        self.most.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_its_share_of_what_is_there_and_what_comes() {
        let pool = |zone: &str| Pool { zone: zone.into(), machine_type: "t3.medium".into() };
        let there = [(pool("a"), 3), (pool("b"), 1)].into();
        for (percent, coming, rooms) in [
            (Some(50), 4, [1, 3, 4]),
            (Some(50), 1, [0, 1, 2]),
            (Some(1), 4, [0, 0, 1]),
            (None, 4, [usize::MAX; 3]),
        ] {
            let spread = Spread::new(percent, Some(&there), coming);
            let told = ["a", "b", "c"].map(|zone| spread.room(&pool(zone)));
            assert_eq!(told, rooms, "{percent:?} of {coming}");
        }
        let mut spread = Spread::new(Some(50), None, 4);
        spread.note(&pool("a"), 2);
        assert_eq!(spread.room(&pool("a")), 0);
        assert!(spread.lift() && !spread.lift());
        assert_eq!(spread.room(&pool("a")), usize::MAX);
    }
}
