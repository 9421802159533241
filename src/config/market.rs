//! The sections `placement`, `replace` and `budget`: where instances are put, what follows an
//! interruption, and what the whole may cost.

use jiff::SignedDuration;

use super::complaint::Report;
use super::fields::Fields;
use super::keys::Section;
use super::schema::{AtLifetime, Budget, Hold, Placement, Replace, Strategy};
use super::tree::{Node, Value};
use super::values::{Taken, boolean, choice, price_up_to, text, whole};

const STRATEGY: [(&str, Strategy); 2] =
    [("run-instances", Strategy::RunInstances), ("fleet", Strategy::Fleet)];

const HOLD: [(&str, Hold); 2] = [("region", Hold::Region), ("total", Hold::Total)];

const AT_LIFETIME: [(&str, AtLifetime); 2] =
    [("warn", AtLifetime::Warn), ("destroy", AtLifetime::Destroy)];

/// Reads `placement`.
pub(super) fn placement(node: Option<&Node>, report: &mut Report) -> Placement {
    let mut fields = Fields::of(node, Section::Placement, "in 'placement'", report);
    let usual = Placement::default();
    let placement = Placement {
        spill: fields.read("spill", report, boolean).or(usual.spill),
        strategy: fields
            .read("strategy", report, |node| choice(node, &STRATEGY))
            .or(usual.strategy),
        fleet_from: fields
            .read("fleet_from", report, |node| whole(node, 1..=10_000, ""))
            .or(usual.fleet_from),
    };
    fields.finish(report);
    placement
}

/// Reads `replace`: a mapping, or `true` or `false` for short.
pub(super) fn replace(node: Option<&Node>, report: &mut Report) -> Replace {
    let short = node.filter(|node| matches!(node.value, Value::Scalar { .. }));
    let short = short.and_then(|node| boolean(node).ok());
    let node = if short.is_some() { None } else { node };
    let mut fields = Fields::of(node, Section::Replace, "in 'replace'", report);
    let replace = Replace {
        enabled: fields.read("enabled", report, boolean).or(short.unwrap_or(false)),
        hold: fields.read("hold", report, |node| choice(node, &HOLD)).or(Hold::Region),
        at_most: fields.read("at_most", report, |node| whole(node, 1..=1000, "")).or(5),
        within: SignedDuration::from_mins(
            fields
                .read("within_m", report, |node| whole(node, 1..=1440, " (minutes)"))
                .or(10)
                .into(),
        ),
    };
    fields.finish(report);
    replace
}

/// Reads `budget`.
pub(super) fn budget(node: Option<&Node>, report: &mut Report) -> Budget {
    let mut fields = Fields::of(node, Section::Budget, "in 'budget'", report);
    let budget = Budget {
        max_hourly_usd: fields
            .read("max_hourly_usd", report, |node| price_up_to(node, 100_000.0))
            .given(),
        max_instances: fields
            .read("max_instances", report, |node| whole(node, 1..=10_000, ""))
            .given(),
        max_lifetime: fields.read("max_lifetime", report, lifetime).given(),
        at_lifetime: fields
            .read("at_lifetime", report, |node| choice(node, &AT_LIFETIME))
            .or(AtLifetime::Warn),
    };
    fields.finish(report);
    budget
}

fn lifetime(node: &Node) -> Taken<SignedDuration> {
    let right = "a time such as 90m, 12h or 7d, at least 10m";
    let word = text(node, right, |text| span(text).is_some())?;
    Ok(span(word).unwrap_or_default())
}

/// `90m`, `12h`, `7d`.
fn span(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    let span = SignedDuration::from_mins(i64::from(number) * minutes);
    (SignedDuration::from_mins(10)..=SignedDuration::from_hours(24 * 365))
        .contains(&span)
        .then_some(span)
}
