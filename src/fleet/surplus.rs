//! Surplus CPU credits: what a burstable instance that runs with `unlimited` credits costs beside its
//! price. It pays for those that exceed what it earns in a day, and at its stop or end for all that it
//! owes (EC2 User Guide, "Unlimited mode concepts" and "Monitor your CPU credits"). Only CloudWatch tells
//! how many they are: what it does not tell is not known, and is never taken for nothing.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::MachineType;
use super::entry::hour_of;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// How long after an hour CloudWatch may still tell of it: basic monitoring takes ten minutes.
const SETTLED: SignedDuration = SignedDuration::from_mins(30);
/// How old may be what was told last, and still stand for a moment.
const RECENT: SignedDuration = SignedDuration::from_mins(20);

/// What is known of an instance's surplus credits, each a minute of a whole vCPU.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surplus {
    /// Whether AWS may charge for them.
    pub is_unlimited: bool,
    /// Those that were charged for, by the hour of the clock.
    charged: BTreeMap<Timestamp, f64>,
    /// Those that are owed: spent, and neither earned back nor charged for. With the moment of which
    /// that is true.
    owed: Option<(Timestamp, f64)>,
}

/// Some time of a run, at most an hour of the clock where it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// The credits that are charged for; `None` where nobody told.
    pub(super) credits: Option<f64>,
    /// Whether more of it may be told.
    pub(super) is_open: bool,
}

/// Of which part of a run something is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// When the run began.
    pub(super) begin: Timestamp,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    /// Whether the run ended with it: then what is owed is charged for.
    pub(super) is_over: bool,
    /// What the ledger has already of an hour of the clock.
    pub(super) posted: Option<(Timestamp, f64)>,
}

impl Surplus {
    /// Takes in what CloudWatch tells: the credits that were charged for, by hour, and those owed.
    pub(super) fn learn(&mut self, charged: &[(Timestamp, f64)], owed: Option<(Timestamp, f64)>) {
        self.charged.extend(charged.iter().copied());
        if owed.map(|(at, _)| at) >= self.owed.map(|(at, _)| at) {
            self.owed = owed;
        }
    }

    /// Takes over what a process before this one knew of some time: what is owed is counted in.
    pub(super) fn recall(&mut self, from: Timestamp, until: Timestamp, credits: f64) {
        self.learn(&[(hour_of(Timestamp::UNIX_EPOCH, from), credits)], Some((until, 0.0)));
    }

    /// Forgets what the ledger has.
    pub(super) fn forget(&mut self, until: Timestamp) {
        self.charged = self.charged.split_off(&hour_of(Timestamp::UNIX_EPOCH, until));
    }

    /// Whether anything may be charged.
    pub(super) fn may_cost(&self) -> bool {
        self.is_unlimited || self.owed.is_some()
    }

    /// Whether it is known that nothing is charged now, and nothing owed.
    pub(super) fn is_none(&self, now: Timestamp) -> bool {
        let charged = self.charged.get(&hour_of(Timestamp::UNIX_EPOCH, now));
        self.owed_at(now) == Some(0.0) && charged.is_none_or(|credits| *credits == 0.0)
    }

    /// How many are owed at a moment, where something was told shortly before it.
    fn owed_at(&self, at: Timestamp) -> Option<f64> {
        let (told, credits) = self.owed?;
        (at.duration_since(told) <= RECENT).then_some(credits)
    }

    /// What the hours of a span come to. What is owed counts with the last of them: that is when it
    /// would be charged for.
    pub(super) fn pieces(&self, span: &Span, now: Timestamp) -> Vec<Piece> {
        let piece = |from, until, credits| Piece { from, until, credits, is_open: false };
        let mut pieces = Vec::new();
        if span.from >= span.until {
            return pieces;
        }
        let mut from = span.from;
        let first = hour_of(Timestamp::UNIX_EPOCH, from);
        for (hour, credits) in self.charged.range(first..span.until.max(first)) {
            if from < *hour {
                // What runs is measured some minutes after it began, and nothing spends in an hour more
                // than it earns in a day.
                let is_first = hour.duration_since(span.begin) <= HOUR;
                pieces.push(piece(from, *hour, is_first.then_some(0.0)));
                from = *hour;
            }
            let posted =
                span.posted.filter(|(of, _)| of == hour).map_or(0.0, |(_, credits)| credits);
            let until = (*hour + HOUR).min(span.until);
            pieces.push(piece(from, until, Some((credits - posted).max(0.0))));
            from = until;
        }
        // A new hour is told of some minutes after it began.
        let owed = self.owed_at(span.until);
        if from < span.until {
            let is_short = span.until.duration_since(from) <= HOUR;
            pieces.push(piece(from, span.until, owed.filter(|_| is_short).map(|_| 0.0)));
        }
        if let Some(credits) = pieces.last_mut().and_then(|last| last.credits.as_mut()) {
            *credits += owed.unwrap_or(0.0);
        }
        for piece in &mut pieces {
            let is_told = self.owed.is_some_and(|(told, _)| piece.until <= told);
            let is_settled = piece.until < span.until && is_told && piece.until + SETTLED <= now;
            piece.is_open = !span.is_over && !is_settled;
        }
        pieces
    }
}

/// What a surplus credit costs, in USD; `None` for a type that has none.
pub(super) fn credit_usd(machine_type: &MachineType) -> Option<f64> {
    vcpu_hour_usd(machine_type).map(|usd| usd / 60.0)
}

/// A vCPU-hour of surplus credits on Linux, in USD (EC2 on-demand pricing, unlimited mode); `None` for a
/// type that has none.
pub fn vcpu_hour_usd(machine_type: &MachineType) -> Option<f64> {
    match machine_type.as_str().split_once('.')?.0 {
        "t2" | "t3" | "t3a" => Some(0.05),
        "t4g" => Some(0.04),
        _ => None,
    }
}

/// What the surplus credits of a burstable machine cost an hour at the most, where it runs with
/// `unlimited` credits: all its processors at work, beyond its baseline. `None` for a type without
/// credits, or of a size that nobody here knows.
///
/// Baselines are AWS's ("Key concepts for burstable performance instances", CPU utilization of each
/// vCPU).
pub fn surplus_hourly(machine_type: &MachineType) -> Option<f64> {
    let (family, size) = machine_type.as_str().split_once('.')?;
    let vcpu_hour = vcpu_hour_usd(machine_type)?;
    let (vcpus, baseline) = match (size, family) {
        ("nano", "t2") => (1.0, 0.05),
        ("micro", "t2") => (1.0, 0.1),
        ("small", "t2") => (1.0, 0.2),
        ("xlarge", "t2") => (4.0, 0.225),
        ("2xlarge", "t2") => (8.0, 0.16875),
        ("nano", _) => (2.0, 0.05),
        ("micro", _) => (2.0, 0.1),
        ("small" | "medium", _) => (2.0, 0.2),
        ("large", _) => (2.0, 0.3),
        ("xlarge", _) => (4.0, 0.4),
        ("2xlarge", _) => (8.0, 0.4),
        _ => return None,
    };
    Some(vcpus * (1.0 - baseline) * vcpu_hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surplus_credits_may_cost_is_known_of_burstable_types_alone() {
        let most = |name: &str| surplus_hourly(&name.into()).map(|usd| format!("{usd:.4}"));
        assert_eq!(most("t3.medium").as_deref(), Some("0.0800"), "two vCPUs at 20 %");
        assert_eq!(most("t4g.xlarge").as_deref(), Some("0.0960"));
        assert_eq!(most("t2.small").as_deref(), Some("0.0400"));
        assert_eq!(most("m7i-flex.large"), None);
        assert_eq!(most("trn1.2xlarge"), None);
        let credit = |name: &str| credit_usd(&name.into()).map(|usd| format!("{:.2}", usd * 60.0));
        assert_eq!(credit("t3a.large").as_deref(), Some("0.05"));
        assert_eq!(credit("t4g.large").as_deref(), Some("0.04"));
        assert_eq!(credit("m5.large"), None);
    }

    fn at(minute: i64) -> Timestamp {
        let midnight: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
        midnight + SignedDuration::from_mins(minute)
    }

    fn told(surplus: &Surplus, span: (i64, i64), is_over: bool) -> Vec<String> {
        let (from, until) = (at(span.0), at(span.1));
        let span = Span { begin: at(-600), from, until, is_over, posted: None };
        let minute = |moment: Timestamp| moment.duration_since(at(0)).as_secs() / 60;
        let say = |it: &Piece| {
            let credits = it.credits.map_or("?".to_owned(), |credits| credits.to_string());
            let open = if it.is_open { " open" } else { "" };
            format!("{}-{} {credits}{open}", minute(it.from), minute(it.until))
        };
        surplus.pieces(&span, until).iter().map(say).collect()
    }

    #[test]
    fn what_is_owed_is_charged_for_at_the_end_and_what_nobody_told_is_unknown() {
        let mut surplus = Surplus::default();
        assert_eq!(told(&surplus, (10, 200), false), ["10-200 ? open"], "one piece, however long");
        assert_eq!(told(&surplus, (10, 200), true), ["10-200 ?"]);
        surplus.learn(&[(at(60), 7.0), (at(120), 0.0)], Some((at(175), 40.0)));
        let hours = ["10-60 ?", "60-120 7", "120-180 0 open", "180-182 40 open"];
        assert_eq!(told(&surplus, (10, 182), false), hours);
        assert_eq!(told(&surplus, (130, 170), true), ["130-170 40"], "its part of an hour");
        // Ten minutes earlier the hour before could still become another.
        assert_eq!(told(&surplus, (60, 149), false), ["60-120 7 open", "120-149 40 open"]);
        // CloudWatch falls silent: what was told stays, and what came after is not known.
        let hours = ["60-120 7", "120-180 0 open", "180-400 ? open"];
        assert_eq!(told(&surplus, (60, 400), false), hours);
        surplus.learn(&[(at(60), 7.0), (at(360), 3.0)], Some((at(395), 0.0)));
        let hours = ["60-120 7", "120-180 0", "180-360 ?", "360-400 3 open"];
        assert_eq!(told(&surplus, (60, 400), false), hours);
        assert!(!surplus.is_none(at(400)), "it pays for three");
        surplus.learn(&[], Some((at(425), 0.0)));
        assert!(surplus.is_none(at(430)) && !surplus.is_none(at(446)), "and that is old");
    }

    #[test]
    fn an_hour_in_which_one_run_ended_and_another_began_is_charged_once() {
        let mut surplus = Surplus::default();
        surplus.learn(&[(at(60), 50.0)], Some((at(110), 0.0)));
        let posted = Some((at(60), 30.0));
        let span = Span { begin: at(100), from: at(100), until: at(112), is_over: true, posted };
        let credits = |span: &Span| -> Vec<_> {
            surplus.pieces(span, at(112)).iter().map(|it| it.credits).collect()
        };
        assert_eq!(credits(&span), [Some(20.0)]);
        assert_eq!(credits(&Span { from: at(112), ..span }), [], "the ledger has all of it");
    }

    #[test]
    fn what_began_just_before_an_hour_is_not_measured_in_it_and_owes_nothing_for_that() {
        let mut surplus = Surplus::default();
        surplus.learn(&[(at(60), 0.0)], Some((at(85), 4.0)));
        let (begin, until) = (at(58), at(90));
        let span = Span { begin, from: begin, until, is_over: false, posted: None };
        let credits: Vec<_> = surplus.pieces(&span, until).iter().map(|it| it.credits).collect();
        assert_eq!(credits, [Some(0.0), Some(4.0)]);
    }

    #[test]
    fn the_next_process_goes_on_with_what_was_written_down() {
        let mut surplus = Surplus::default();
        surplus.recall(at(60), at(100), 12.0);
        assert_eq!(told(&surplus, (60, 105), true), ["60-105 12"]);
        surplus.learn(&[(at(60), 5.0)], Some((at(110), 20.0)));
        assert_eq!(told(&surplus, (60, 115), true), ["60-115 25"]);
        surplus.forget(at(120));
        assert_eq!(told(&surplus, (120, 122), false), ["120-122 20 open"]);
    }
}
