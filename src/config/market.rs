//! The sections `placement`, `replace`, `lock`, `budget`, `cloudwatch` and `lease`: where instances are
//! put, what follows an interruption, whether only one machine launches, what the whole may cost, what of
//! CloudWatch costs, and how long it lives alone.

use jiff::SignedDuration;

use super::complaint::ComplaintSink;
use super::fields::Fields;
use super::keys::Section;
use super::regions::region_code;
use super::schema::{
    AtCap, AtLifetime, Budget, CloudWatch, Fallback, Lease, Placement, Replace, ReplaceIn,
    SPOT_ADVISOR, Strategy,
};
use super::tree::{Node, Value};
use super::values::{ValueResult, boolean, choice, price_up_to, sum_up_to, text, url, whole};
use crate::fleet::cloudwatch::MetricGroup;

/// The largest sum that anybody may want to spend.
const MOST_USD: f64 = 10_000_000.0;

const AT_CAP: [(&str, AtCap); 2] = [("refuse", AtCap::Refuse), ("destroy", AtCap::Destroy)];

const STRATEGY: [(&str, Strategy); 2] =
    [("run-instances", Strategy::RunInstances), ("fleet", Strategy::Fleet)];

const HOLD: [(&str, ReplaceIn); 2] = [("region", ReplaceIn::Region), ("total", ReplaceIn::Total)];

const LOCK: [(&str, bool); 2] = [("auto", true), ("off", false)];

const AT_LIFETIME: [(&str, AtLifetime); 2] =
    [("warn", AtLifetime::Warn), ("destroy", AtLifetime::Destroy)];

/// Reads `lock`.
pub(super) fn lock(node: &Node) -> ValueResult<bool> {
    choice(node, &LOCK)
}

/// Reads `placement`.
pub(super) fn placement(node: Option<&Node>, sink: &mut ComplaintSink) -> Placement {
    let mut fields = Fields::of(node, Section::Placement, "in 'placement'", sink);
    let usual = Placement::default();
    // A share of all would be no limit.
    let spread = fields.read("spread", sink, |node| whole(node, 1..=99, " (percent)"));
    let placement = Placement {
        spill: fields.read("spill", sink, boolean).or(usual.spill),
        strategy: fields.read("strategy", sink, |node| choice(node, &STRATEGY)).or(usual.strategy),
        fleet_from: fields
            .read("fleet_from", sink, |node| whole(node, 1..=10_000, ""))
            .or(usual.fleet_from),
        corridor_pct: fields
            .read("corridor_pct", sink, |node| whole(node, 0..=100, " (percent)"))
            .or(usual.corridor_pct),
        interruption_cost_usd: fields
            .read("interruption_cost_usd", sink, |node| sum_up_to(node, 100_000.0))
            .given(),
        risk_url: risk_url(&mut fields, sink, usual.risk_url),
        capacity_manager: fields.read("capacity_manager", sink, region_code).given(),
        spread: spread.clone().given(),
    };
    if let Some(at) = spread.at().filter(|_| placement.strategy == Strategy::Fleet) {
        sink.add(at, SPREAD_OF_A_FLEET.to_owned());
    }
    fields.finish(sink);
    placement
}

/// AWS chooses the places of a fleet by itself.
const SPREAD_OF_A_FLEET: &str = "'spread' in 'placement' does not go with 'strategy: fleet': there \
                                 AWS chooses the places";

/// Null is an answer here: nobody is asked.
fn risk_url(
    fields: &mut Fields<'_>,
    sink: &mut ComplaintSink,
    usual: Option<String>,
) -> Option<String> {
    let is_off = fields.entry("risk_url").is_some_and(|entry| entry.node.is_null());
    let given = fields.read("risk_url", sink, |node| url(node, SPOT_ADVISOR)).given();
    given.or(usual).filter(|_| !is_off)
}

/// Reads `replace`: a mapping, or `true` or `false` for short.
pub(super) fn replace(node: Option<&Node>, sink: &mut ComplaintSink) -> Replace {
    let short = node.filter(|node| matches!(node.value, Value::Scalar { .. }));
    let short = short.and_then(|node| boolean(node).ok());
    let node = if short.is_some() { None } else { node };
    let mut fields = Fields::of(node, Section::Replace, "in 'replace'", sink);
    let replace = Replace {
        enabled: fields.read("enabled", sink, boolean).or(short.unwrap_or(false)),
        on_rebalance: fields.read("on_rebalance", sink, boolean).or(false),
        hold: fields.read("hold", sink, |node| choice(node, &HOLD)).or(ReplaceIn::Region),
        at_most: fields.read("at_most", sink, |node| whole(node, 1..=1000, "")).or(5),
        within: SignedDuration::from_mins(
            fields.read("within_m", sink, |node| whole(node, 1..=1440, " (minutes)")).or(10).into(),
        ),
    };
    fields.finish(sink);
    replace
}

/// Reads `fallback`: a mapping, or `true` or `false` for short; `None` where nothing is wished.
pub(super) fn fallback(node: &Node, sink: &mut ComplaintSink) -> Option<Fallback> {
    let short = Some(node).filter(|node| matches!(node.value, Value::Scalar { .. }));
    let short = short.and_then(|node| boolean(node).ok());
    let mut fields =
        Fields::of(short.is_none().then_some(node), Section::Fallback, "in 'fallback'", sink);
    let max_share =
        fields.read("max_share", sink, |node| whole(node, 1..=100, " (percent)")).given();
    let after = fields.read("after_m", sink, |node| whole(node, 5..=1440, " (minutes)")).given();
    fields.finish(sink);
    let is_wished = short.unwrap_or(max_share.is_some() || after.is_some());
    is_wished.then(|| Fallback {
        max_share: max_share.unwrap_or(50),
        after: SignedDuration::from_mins(after.unwrap_or(10).into()),
    })
}

/// Reads `budget`.
pub(super) fn budget(node: Option<&Node>, sink: &mut ComplaintSink) -> Budget {
    let mut fields = Fields::of(node, Section::Budget, "in 'budget'", sink);
    let budget = Budget {
        max_hourly_usd: fields
            .read("max_hourly_usd", sink, |node| price_up_to(node, 100_000.0))
            .given(),
        month_usd: fields.read("month_usd", sink, |node| price_up_to(node, MOST_USD)).given(),
        total_usd: fields.read("total_usd", sink, |node| price_up_to(node, MOST_USD)).given(),
        at_cap: fields.read("at_cap", sink, |node| choice(node, &AT_CAP)).or(AtCap::Refuse),
        max_instances: fields
            .read("max_instances", sink, |node| whole(node, 1..=10_000, ""))
            .given(),
        max_lifetime: fields.read("max_lifetime", sink, lifetime).given(),
        at_lifetime: fields
            .read("at_lifetime", sink, |node| choice(node, &AT_LIFETIME))
            .or(AtLifetime::Warn),
    };
    fields.finish(sink);
    budget
}

/// Reads `cloudwatch`.
pub(super) fn cloudwatch(node: Option<&Node>, sink: &mut ComplaintSink) -> CloudWatch {
    let words: Vec<_> = MetricGroup::ALL.iter().map(|group| (group.word(), *group)).collect();
    let mut fields = Fields::of(node, Section::CloudWatch, "in 'cloudwatch'", sink);
    let metrics = fields.read_list("metrics", sink, |node| choice(node, &words));
    let publish = fields.read("publish", sink, boolean).or(false);
    fields.finish(sink);
    CloudWatch { metrics: metrics.given().unwrap_or_default(), publish }
}

/// Reads `lease` where it is a mapping; its term alone is [`term`].
pub(super) fn lease(node: &Node, sink: &mut ComplaintSink) -> Option<Lease> {
    let mut fields = Fields::of(Some(node), Section::Lease, "in 'lease'", sink);
    let term = fields.read("term", sink, term);
    let replace = fields.read("replace", sink, boolean).or(false);
    fields.finish(sink);
    term.given().map(|term| Lease { term, replace })
}

/// How long a lease lasts. It shall outlast a few renewals that fail: each visit is one.
pub(super) fn term(node: &Node) -> ValueResult<SignedDuration> {
    let right = "a time such as 90m, 12h or 7d, at least 15m";
    let is_long = |it: SignedDuration| it >= SignedDuration::from_mins(15);
    let word = text(node, right, |text| span(text).is_some_and(is_long))?;
    Ok(span(word).unwrap_or_default())
}

pub(super) fn lifetime(node: &Node) -> ValueResult<SignedDuration> {
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
