//! `status`: the deployment in one line, for a prompt, a status bar or a script.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::app::Model;
use crate::fleet::{Amount, Phase};
use crate::view::money::{hourly_usd, per_hour};
use crate::view::{STATES, text};

/// Prints how the deployment stands, as it was known at this moment; `is_new` where nothing names one.
pub fn print_status(
    mut out: impl Write,
    model: &Model,
    (known, is_new): (Option<Timestamp>, bool),
    as_json: bool,
) {
    let text = match (as_json, is_new) {
        (true, _) => object(model, known, is_new).to_string(),
        (false, true) => "nothing was created here yet".to_owned(),
        (false, false) => sentence(model, known),
    };
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{text}");
}

/// `spot-7f3a: 11 instances, 1 in trouble, 10 ready, $0.2457/h, 13s ago`.
fn sentence(model: &Model, known: Option<Timestamp>) -> String {
    let tally = &model.tally;
    let why = reason(model);
    // Machines are in no count.
    let machines = model.fleet.instances().filter(|row| row.phase != Phase::Terminated);
    let machines = machines.filter(|row| row.machine_name().is_some()).count();
    let held = tally.total.saturating_sub(machines);
    let told = wanted(model).filter(|count| *count != held as u64 || !why.is_empty());
    let wanted = told.map(|count| match machines {
        0 => format!(" of {count} wanted{why}"),
        _ => format!(", {held} of {count} wanted{why}"),
    });
    let mut said = vec![text::count(tally.total, "instance") + &wanted.unwrap_or_default()];
    let states = STATES.iter().filter_map(|(health, word)| Some((tally.health.get(health)?, word)));
    said.extend(states.map(|(count, word)| format!("{} {word}", text::thousands(*count))));
    let hourly = hourly(model);
    if tally.total > 0 && hourly.usd > 0.0 {
        said.push(per_hour(hourly));
    }
    said.extend(keeper(model));
    said.extend(known.map(|at| format!("{} ago", text::span(model.now.duration_since(at)))));
    format!("{}: {}", model.deployment, said.join(", "))
}

/// The same for programs; see `assets/status.schema.json`.
fn object(model: &Model, known: Option<Timestamp>, is_new: bool) -> Value {
    let count = |(health, word): &(_, &str)| {
        let count = model.tally.health.get(health).copied().unwrap_or(0);
        (word.replace(' ', "_"), Value::from(count))
    };
    let states: Map<String, Value> = STATES.iter().map(count).collect();
    json!({
        "v": 1,
        "deployment": (!is_new).then_some(&model.deployment),
        "account": model.account.as_ref().map(|account| &account.id),
        "known_at": known,
        "instances": model.tally.total,
        "wanted": wanted(model),
        "wanted_by": model.upkeep.reason(),
        "kept_by": model.kept_by(),
        "states": states,
        "hourly_usd": hourly_usd(hourly(model)).filter(|_| model.tally.total > 0),
    })
}

/// How many there shall be, where anybody asked for any.
pub(super) fn wanted(model: &Model) -> Option<u64> {
    (!model.upkeep.is_empty()).then(|| model.upkeep.total())
}

/// Why so many are wanted, in brackets, where that follows the work: ` (queue 14)`.
pub(super) fn reason(model: &Model) -> String {
    model.upkeep.reason().map(|why| format!(" ({why})")).unwrap_or_default()
}

/// Who sees to it, where anybody does: `kept by process 4711 on attic ..`.
pub(super) fn keeper(model: &Model) -> Option<String> {
    model.kept_by().map(|keeper| format!("kept by {keeper}"))
}

/// What all of it costs now: by its rows, for one that was never reckoned is in no sum of its region.
fn hourly(model: &Model) -> Amount {
    let rows = model.fleet.alive().map(|row| row.cost.hourly);
    let kept = model.fleet.kept_apart();
    let kept = kept.map(|(region, it)| it.hourly(&model.fleet.prices(region).list));
    rows.chain(kept).sum()
}
