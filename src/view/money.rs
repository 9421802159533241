//! Money as it is read: rates, sums, and how a price went.

use jiff::{SignedDuration, Timestamp};

use super::theme::{Theme, level};
use crate::fleet::market::History;
use crate::fleet::{Amount, Kept, KeptKind, PriceList};

/// A rate in USD an hour, to a hundredth of a cent.
pub fn hourly(usd: f64) -> String {
    format!("{usd:.4}")
}

/// The same with its unit, `$0.2457/h`; with a plus where some of it is not known.
pub fn per_hour(amount: Amount) -> String {
    format!("${}{}/h", hourly(amount.usd), if amount.is_partial { "+" } else { "" })
}

/// A rate for programs; none where nobody knows it.
pub fn hourly_usd(amount: Amount) -> Option<f64> {
    (!amount.is_unknown()).then_some(amount.usd)
}

/// A sum: `$1.32`, with more digits where it is small; `at least` where some of it is not known.
pub fn dollars(amount: Amount) -> String {
    let Amount { usd, .. } = amount;
    let digits = digits(usd);
    if amount.is_partial { format!("at least ${usd:.digits$}") } else { format!("${usd:.digits$}") }
}

/// What something kept costs a month: of a snapshot the most that it can.
pub fn a_month(kept: &Kept, list: &PriceList) -> String {
    let monthly = kept.monthly(list);
    match kept.kind {
        _ if monthly.is_unknown() => "at an unknown price".to_owned(),
        KeptKind::Snapshot => format!("at most {} a month", dollars(monthly)),
        _ => format!("{} a month", dollars(monthly)),
    }
}

/// The same where there is no room for words: with a plus where some of it is not known.
pub(super) fn sum(amount: Amount) -> String {
    sum_to(amount, digits(amount.usd))
}

/// The same with so many digits: in a column all have as many as its largest sum, so that their
/// points stand below each other.
pub(super) fn sum_to(amount: Amount, digits: usize) -> String {
    format!("${:.digits$}{}", amount.usd, if amount.is_partial { "+" } else { "" })
}

/// How many digits of a dollar a sum is written with: more where it is small.
pub(super) fn digits(usd: f64) -> usize {
    if usd < 10.0 { 3 } else { 2 }
}

/// How a price went, a sign for each column: the lowest and the highest of the time are the lowest
/// and the highest sign.
pub fn spark(
    history: &History,
    since: Timestamp,
    now: Timestamp,
    columns: u16,
    theme: &Theme,
) -> String {
    let signs: Vec<char> = theme.glyphs.spark.chars().collect();
    let Some((low, high)) = history.range(since) else { return String::new() };
    let span = now.duration_since(since);
    let sign = |column: u16| {
        let share = f64::from(column + 1) / f64::from(columns);
        let at = since.checked_add(SignedDuration::from_secs_f64(span.as_secs_f64() * share));
        let price = history.at(at.ok()?)?.usd;
        let share = if high > low { (price - low) / (high - low) } else { 0.0 };
        signs.get(level(share, signs.len())).copied()
    };
    (0..columns).filter_map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::market::Quote;

    #[test]
    fn a_sum_says_whether_all_of_it_is_known() {
        assert_eq!(dollars(Amount { usd: 0.1874, is_partial: false }), "$0.187");
        assert_eq!(dollars(Amount { usd: 31.5, is_partial: true }), "at least $31.50");
    }

    #[test]
    fn a_price_that_rose_ends_high_and_a_flat_one_stays_low() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let quote = |hour, usd| Quote { since: at(hour), usd };
        let theme = Theme::colours();
        let rose = History::new([quote(0, 0.01), quote(12, 0.02)]);
        assert_eq!(spark(&rose, at(0), at(24), 4, &theme), "▁███");
        let flat = History::new([quote(0, 0.01)]);
        assert_eq!(spark(&flat, at(0), at(24), 4, &theme), "▁▁▁▁");
        assert_eq!(spark(&History::default(), at(0), at(24), 4, &theme), "");
    }
}
