//! In which order places are asked: the one function that ranks them, for plan and launch alike.
//! And what happened to our own instances, place by place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::entry::{End, Entry, Thing, day_of};
use super::market::Pool;
use super::risk::{Advice, Record, Risk};

/// How far back our own record goes: this month of UTC and so many before. An older market was
/// another one.
const MONTHS_BEFORE: i32 = 2;

/// What happened to our spot instances in each pool, by the months that count.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Records {
    pools: BTreeMap<Pool, BTreeMap<Date, Record>>,
    newest: Option<Date>,
}

impl Records {
    /// Takes in an hour of a spot instance that is over. What is too old by then is forgotten.
    pub(super) fn note(&mut self, pool: Pool, entry: &Entry) {
        if entry.thing != Thing::Compute {
            return;
        }
        let month = month_of(entry.until);
        if self.newest.is_none_or(|newest| newest < month) {
            self.newest = Some(month);
            let first = first_that_counts(month);
            for months in self.pools.values_mut() {
                months.retain(|month, _| *month >= first);
            }
            self.pools.retain(|_, months| !months.is_empty());
        }
        if self.newest.is_some_and(|newest| month < first_that_counts(newest)) {
            return;
        }
        let record = self.pools.entry(pool).or_default().entry(month).or_default();
        record.hours += entry.hours();
        record.interruptions += u32::from(entry.end == Some(End::Reclaimed));
    }

    /// What happened in a pool.
    pub fn of(&self, pool: &Pool) -> Record {
        let months = self.pools.get(pool).into_iter().flat_map(BTreeMap::values);
        months.fold(Record::default(), |sum, month| Record {
            hours: sum.hours + month.hours,
            interruptions: sum.interruptions + month.interruptions,
        })
    }
}

fn month_of(moment: Timestamp) -> Date {
    day_of(moment).first_of_month()
}

fn first_that_counts(month: Date) -> Date {
    month.saturating_sub(jiff::Span::new().months(MONTHS_BEFORE))
}

/// What counts besides the price.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Weights {
    /// By which share of the cheapest price a place may be dearer that AWS takes back less often;
    /// 0 for the price alone.
    pub corridor: f64,
    /// What an interruption costs, in USD: then price and risk are weighed in money.
    pub interruption_usd: Option<f64>,
}

/// By what the places of one region are ranked.
#[derive(Debug, Clone, Copy)]
pub struct Ranking<'a> {
    /// What counts.
    pub weights: Weights,
    /// What the Spot Advisor tells.
    pub advice: &'a Advice,
    /// What happened to ours.
    pub records: &'a Records,
}

/// A place, and why it stands where it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<T> {
    /// The place.
    pub place: T,
    /// `5-10 % a month, within 10 % of the cheapest`.
    pub reason: String,
}

/// A place while it is ranked.
struct Weighed<T> {
    place: T,
    pool: Pool,
    usd: f64,
    risk: Risk,
}

impl Ranking<'_> {
    /// What is known of a pool.
    pub fn risk(&self, pool: &Pool) -> Risk {
        self.advice.risk(&pool.machine_type, self.records.of(pool))
    }

    /// These places in the order in which to ask them: `of` tells a place's pool, and its price in
    /// USD an hour.
    pub fn rank<T>(&self, places: Vec<T>, of: impl Fn(&T) -> (&Pool, f64)) -> Vec<Ranked<T>> {
        self.weights.rank(places, |place| {
            let (pool, usd) = of(place);
            (pool, usd, self.risk(pool))
        })
    }
}

impl Weights {
    /// These places in the order in which to ask them, be they of several regions: `of` tells a place's
    /// pool, its price in USD an hour, and its risk. Where an interruption has a price, by what an hour
    /// costs with its share of that. Else by price, and of those that are within the corridor above the
    /// cheapest, the ones first that AWS takes back the least; what is dearer follows, ranked in the same
    /// way.
    pub fn rank<T>(self, places: Vec<T>, of: impl Fn(&T) -> (&Pool, f64, Risk)) -> Vec<Ranked<T>> {
        let weigh = |place: T| {
            let (pool, usd, risk) = of(&place);
            Weighed { pool: pool.clone(), place, usd, risk }
        };
        let mut weighed: Vec<Weighed<T>> = places.into_iter().map(weigh).collect();
        weighed.sort_by(|a, b| a.usd.total_cmp(&b.usd).then_with(|| a.pool.cmp(&b.pool)));
        let cheapest = weighed.first().map_or(0.0, |it| it.usd);
        match self.interruption_usd {
            Some(cost) => {
                weighed.sort_by(|a, b| with_risk(a, cost).total_cmp(&with_risk(b, cost)));
            }
            None if self.corridor > 0.0 => {
                let mut rest = weighed.as_mut_slice();
                while let Some(first) = rest.first() {
                    let most = self.most(first.usd);
                    let within = rest.partition_point(|it| it.usd <= most).max(1);
                    let (corridor, dearer) = rest.split_at_mut(within);
                    // Stable: of one band the cheaper one stays first.
                    corridor.sort_by_key(|it| it.risk.band());
                    rest = dearer;
                }
            }
            None => {}
        }
        let ranked = weighed.into_iter().map(|it| {
            let reason = self.reason(&it, cheapest);
            Ranked { place: it.place, reason }
        });
        ranked.collect()
    }

    /// The most that counts as being as good as this price.
    fn most(self, cheapest: f64) -> f64 {
        // A price on the edge is within, whatever the last binary digit says.
        cheapest * (1.0 + self.corridor) + 1e-9
    }

    fn reason<T>(self, it: &Weighed<T>, cheapest: f64) -> String {
        let risk = it.risk.words();
        if let Some(cost) = self.interruption_usd {
            return format!("{risk}, ${:.4}/h with interruptions", with_risk(it, cost));
        }
        let above = if it.usd <= cheapest {
            "the cheapest".to_owned()
        } else if it.usd <= self.most(cheapest) && self.corridor > 0.0 {
            format!("within {:.0} % of the cheapest", self.corridor * 100.0)
        } else {
            format!("{:.0} % above the cheapest", (it.usd / cheapest - 1.0) * 100.0)
        };
        format!("{risk}, {above}")
    }
}

/// What an hour costs with its share of an interruption.
fn with_risk<T>(it: &Weighed<T>, interruption_usd: f64) -> f64 {
    it.usd + it.risk.hazard() * interruption_usd
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::entry::HolderId;
    use super::super::risk::Band;
    use super::*;

    const CORRIDOR: Weights = Weights { corridor: 0.1, interruption_usd: None };

    fn pool(zone: &str, machine_type: &str) -> Pool {
        Pool { zone: zone.into(), machine_type: machine_type.into() }
    }

    fn advice(bands: &[(&str, u8)]) -> Advice {
        let bands =
            bands.iter().map(|(name, band)| ((*name).into(), Band::try_from(*band).unwrap()));
        Advice { bands: bands.collect(), told: None, account: BTreeMap::new() }
    }

    fn order(weights: Weights, advice: &Advice, places: &[(Pool, f64)]) -> Vec<String> {
        let ranking = Ranking { weights, advice, records: &Records::default() };
        let ranked = ranking.rank(places.to_vec(), |(pool, usd)| (pool, *usd));
        let told = ranked.into_iter().map(|it| {
            let Pool { zone, machine_type } = it.place.0;
            format!("{zone} {machine_type}: {}", it.reason)
        });
        told.collect()
    }

    #[test]
    fn within_the_corridor_the_safer_one_goes_first_and_then_the_price() {
        let advice = advice(&[("t3.medium", 0), ("t3a.medium", 3), ("t4g.medium", 4)]);
        let places = [
            (pool("a", "t4g.medium"), 0.0100),
            (pool("b", "t3a.medium"), 0.0103),
            (pool("c", "t3.medium"), 0.0110),
            (pool("d", "t3.medium"), 0.0109),
            (pool("a", "t2.medium"), 0.0111),
            (pool("e", "t3.medium"), 0.0150),
            (pool("a", "t3a.medium"), 0.0141),
        ];
        assert_eq!(
            order(CORRIDOR, &advice, &places),
            [
                "d t3.medium: <5 % a month, within 10 % of the cheapest",
                "c t3.medium: <5 % a month, within 10 % of the cheapest",
                "b t3a.medium: 15-20 % a month, within 10 % of the cheapest",
                "a t4g.medium: >20 % a month, the cheapest",
                "a t2.medium: risk unknown, 11 % above the cheapest",
                "e t3.medium: <5 % a month, 50 % above the cheapest",
                "a t3a.medium: 15-20 % a month, 41 % above the cheapest",
            ]
        );
        let alone = order(Weights::default(), &advice, &places);
        let zones: Vec<&str> = alone.iter().map(|told| &told[..1]).collect();
        assert_eq!(zones, ["a", "b", "d", "c", "a", "a", "e"], "the price alone");
    }

    #[test]
    fn where_an_interruption_costs_money_the_sum_decides() {
        let advice = advice(&[("t3.medium", 0), ("t4g.medium", 4)]);
        let places = [(pool("a", "t4g.medium"), 0.0100), (pool("a", "t3.medium"), 0.0130)];
        let first = |usd: f64| {
            let weights = Weights { interruption_usd: Some(usd), ..CORRIDOR };
            order(weights, &advice, &places).remove(0)
        };
        // Over 20 % and under 5 % a month are 4.5e-4 interruptions an hour apart.
        assert_eq!(first(1.0), "a t4g.medium: >20 % a month, $0.0105/h with interruptions");
        assert_eq!(first(10.0), "a t3.medium: <5 % a month, $0.0133/h with interruptions");
    }

    fn hour(end: Option<End>, until: &str) -> Entry {
        let until: Timestamp = until.parse().unwrap();
        Entry {
            holder: HolderId::Instance("i-1".into()),
            thing: Thing::Compute,
            from: until - jiff::SignedDuration::from_hours(1),
            until,
            usd: None,
            on_demand: None,
            end,
            is_free: false,
            is_open: false,
        }
    }

    #[test]
    fn what_happened_to_ours_counts_for_three_months_and_only_there() {
        let mut records = Records::default();
        let (here, there) = (pool("a", "t3.medium"), pool("b", "t3.medium"));
        records.note(here.clone(), &hour(Some(End::Reclaimed), "2026-09-30T10:00:00Z"));
        records.note(here.clone(), &hour(Some(End::Chosen), "2026-10-01T10:00:00Z"));
        assert_eq!(records.of(&here), Record { hours: 2.0, interruptions: 1 });
        assert_eq!(records.of(&there), Record::default());
        records.note(there.clone(), &hour(None, "2026-12-01T10:00:00Z"));
        assert_eq!(records.of(&here), Record { hours: 1.0, interruptions: 0 });
        records.note(here.clone(), &hour(Some(End::Reclaimed), "2026-09-30T11:00:00Z"));
        assert_eq!(records.of(&here), Record { hours: 1.0, interruptions: 0 }, "too old");
        records.note(there, &Entry { thing: Thing::Storage, ..hour(None, "2027-06-01T10:00:00Z") });
        assert_eq!(records.of(&here).words().as_deref(), Some("0 in 1 h"), "only what runs counts");
    }

    #[test]
    fn a_place_that_was_taken_from_us_goes_behind_its_neighbour() {
        let (bad, good) = (pool("a", "t3.medium"), pool("b", "t3.medium"));
        let mut records = Records::default();
        records.note(bad.clone(), &hour(Some(End::Reclaimed), "2026-11-20T10:00:00Z"));
        let advice = advice(&[("t3.medium", 0)]);
        let ranking = Ranking { weights: CORRIDOR, advice: &advice, records: &records };
        let ranked = ranking.rank(vec![(bad, 0.0100), (good, 0.0104)], |(pool, usd)| (pool, *usd));
        let reasons: Vec<&str> = ranked.iter().map(|it| it.reason.as_str()).collect();
        let expected = [
            "<5 % a month, within 10 % of the cheapest",
            "<5 % a month, ours 1 in 1 h, the cheapest",
        ];
        assert_eq!(reasons, expected);
    }

    fn places() -> impl Strategy<Value = Vec<(Pool, f64)>> {
        let place = (0..3_usize, 0..5_usize, 100..200_u32).prop_map(|(zone, kind, usd)| {
            let pool = pool(["a", "b", "c"][zone], ["t3", "t3a", "t4g", "m5", "?"][kind]);
            (pool, f64::from(usd) / 10_000.0)
        });
        proptest::collection::vec(place, 0..12)
    }

    proptest! {
        #[test]
        fn no_place_is_lost_and_a_dearer_one_goes_first_only_for_less_risk_within_the_corridor(
            places in places(), percent in 0..40_u32,
        ) {
            let corridor = f64::from(percent) / 100.0;
            let advice = advice(&[("t3", 0), ("t3a", 3), ("t4g", 4), ("m5", 1)]);
            let weights = Weights { corridor, interruption_usd: None };
            let records = Records::default();
            let ranking = Ranking { weights, advice: &advice, records: &records };
            let ranked = ranking.rank(places.clone(), |(pool, usd)| (pool, *usd));
            prop_assert_eq!(ranked.len(), places.len());
            for pair in ranked.windows(2) {
                let [first, second] = [&pair[0].place, &pair[1].place];
                if first.1 > second.1 {
                    prop_assert!(first.1 <= second.1 * (1.0 + corridor) + 1e-9);
                    prop_assert!(ranking.risk(&first.0).band() <= ranking.risk(&second.0).band());
                }
            }
            // Whatever the order they are told in.
            let mut turned = places;
            turned.reverse();
            let again = ranking.rank(turned, |(pool, usd)| (pool, *usd));
            prop_assert_eq!(ranked, again);
        }
    }
}
