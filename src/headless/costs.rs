//! `costs`: what was spent, as a table for people, one JSON object for programs, or CSV.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::csv::quoted;
use super::list::aligned;
use crate::fleet::{Amount, Spending, Sum, Thing};

/// How costs are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostsFormat {
    /// A table.
    Table,
    /// One JSON object; see `assets/costs.schema.json`.
    Json,
    /// Lines of values with commas between them, the first one their names.
    Csv,
}

/// Prints what was spent; `by` is the word for what it is counted by.
pub fn print_costs(mut out: impl Write, spending: &Spending, by: &str, format: CostsFormat) {
    let text = match format {
        CostsFormat::Json => object(spending, by).to_string(),
        CostsFormat::Csv => csv(spending, by),
        CostsFormat::Table if spending.groups.is_empty() => "nothing was spent".to_owned(),
        CostsFormat::Table => table(spending, by),
    };
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{text}");
}

fn table(spending: &Spending, by: &str) -> String {
    let things = things(spending);
    let mut headings = vec![by.to_uppercase(), "HOURS".to_owned()];
    headings.extend(things.iter().map(|thing| thing.word().to_uppercase()));
    headings.extend(["TOTAL", "ON DEMAND", "RECLAIMED"].map(str::to_owned));
    let mut lines = vec![headings];
    lines.extend(spending.groups.iter().map(|(name, sum)| row(name, sum, &things)));
    lines.push(row("total", &spending.total, &things));
    let remark = spending.span.map(|(_, until)| remark(spending, until));
    std::iter::once(aligned(&lines)).chain(remark).collect::<Vec<_>>().join("\n")
}

/// What has a column: what every instance costs, and what else was spent on.
fn things(spending: &Spending) -> Vec<Thing> {
    let usual = [Thing::Compute, Thing::Address, Thing::Storage];
    let has = |thing: &Thing| usual.contains(thing) || spending.total.things.contains_key(thing);
    Thing::ALL.into_iter().filter(has).collect()
}

/// What a reader has to know about the sums.
fn remark(spending: &Spending, until: Timestamp) -> String {
    let until = until.strftime("%Y-%m-%d %H:%M UTC");
    let Spending { total, .. } = spending;
    let saved = total.saved().filter(|saved| *saved > 0.0);
    let free = (total.free_hours > 0.0).then_some(total.free_hours);
    let parts = [
        Some(format!(
            "as written down until {until}; an estimate, without traffic, taxes and discounts"
        )),
        saved.map(|saved| format!("${saved:.2} less than on demand")),
        free.map(|free| format!("{free:.1} h free of charge")),
        total
            .things
            .contains_key(&Thing::Snapshot)
            .then(|| "snapshots at their full size, the most that they can cost".to_owned()),
        total.total().is_partial.then(|| format!("+ where {}", untold(total))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Why a sum is partial.
fn untold(total: &Sum) -> &'static str {
    let is_partial = |thing: &Thing| total.things.get(thing).is_some_and(|it| it.is_partial);
    let untold: Vec<Thing> = Thing::ALL.into_iter().filter(is_partial).collect();
    match untold[..] {
        [Thing::SurplusCredits] => {
            "nobody told of surplus credits: `cloudwatch: { metrics: [credits] }`"
        }
        _ if untold.contains(&Thing::SurplusCredits) => {
            "AWS did not tell a price, or nobody told of surplus credits"
        }
        _ => "AWS did not tell a price",
    }
}

fn row(name: &str, sum: &Sum, things: &[Thing]) -> Vec<String> {
    let of = |thing: &Thing| cell(sum.things.get(thing).copied().unwrap_or_default());
    let mut cells = vec![name.to_owned(), format!("{:.1}", sum.hours)];
    cells.extend(things.iter().map(of));
    cells.extend([cell(sum.total()), cell(sum.on_demand), sum.interruptions.to_string()]);
    cells
}

/// A sum, with a plus where some of it is not known, and `–` where nothing is.
fn cell(amount: Amount) -> String {
    match amount {
        amount if amount.is_unknown() => "–".to_owned(),
        Amount { usd, is_partial: true } => format!("{usd:.4}+"),
        Amount { usd, is_partial: false } => format!("{usd:.4}"),
    }
}

fn object(spending: &Spending, by: &str) -> Value {
    let groups: Vec<Value> = spending.groups.iter().map(|(name, sum)| group(name, sum)).collect();
    json!({
        "v": 1,
        "by": by,
        "currency": "USD",
        "since": spending.span.map(|(since, _)| since.to_string()),
        "until": spending.span.map(|(_, until)| until.to_string()),
        "instances": spending.instances.len(),
        "groups": groups,
        "total": group("total", &spending.total),
    })
}

fn group(name: &str, sum: &Sum) -> Value {
    let of = |thing: Thing| sum.things.get(&thing).map_or(0.0, |amount| amount.usd);
    let total = sum.total();
    json!({
        "name": name,
        "usd": total.usd,
        "is_partial": total.is_partial,
        "compute_usd": of(Thing::Compute),
        "address_usd": of(Thing::Address),
        "storage_usd": of(Thing::Storage),
        "surplus_credits_usd": of(Thing::SurplusCredits),
        "snapshots_usd": of(Thing::Snapshot),
        "on_demand_usd": (!sum.on_demand.is_partial).then_some(sum.on_demand.usd),
        "hours": sum.hours,
        "free_hours": sum.free_hours,
        "interruptions": sum.interruptions,
    })
}

fn csv(spending: &Spending, by: &str) -> String {
    let names = "hours,compute_usd,address_usd,storage_usd,total_usd,is_partial,on_demand_usd,\
                 free_hours,interruptions,surplus_credits_usd,snapshots_usd";
    let mut lines = vec![format!("{by},{names}")];
    for (name, sum) in &spending.groups {
        let of = |thing: Thing| sum.things.get(&thing).map_or(0.0, |amount| amount.usd);
        let total = sum.total();
        let on_demand = (!sum.on_demand.is_partial).then(|| format!("{:.6}", sum.on_demand.usd));
        lines.push(format!(
            "{},{:.4},{:.6},{:.6},{:.6},{:.6},{},{},{:.4},{},{:.6},{:.6}",
            quoted(name),
            sum.hours,
            of(Thing::Compute),
            of(Thing::Address),
            of(Thing::Storage),
            total.usd,
            total.is_partial,
            on_demand.unwrap_or_default(),
            sum.free_hours,
            sum.interruptions,
            of(Thing::SurplusCredits),
            of(Thing::Snapshot),
        ));
    }
    lines.join("\n")
}
