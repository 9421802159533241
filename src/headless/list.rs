//! `list`: the fleet as a table for people or one JSON array for programs.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::csv::quoted;
use super::line::{LONGEST, MachineFacts};
use super::status::{keeper, reason, wanted};
use crate::app::{Field, Model, Selection, clean};
use crate::fleet::{Amount, Instance, KeptKind, PendingCreate, Phase};
use crate::view::money::{a_month, hourly_usd, per_hour};
use crate::view::{columns, text};

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// A table that fits a terminal.
    Table,
    /// A table of all that is known.
    Wide,
    /// The same as CSV.
    Csv,
    /// One JSON array; see `assets/list.schema.json`.
    Json,
}

/// The columns of the table for people.
const COLUMNS: [Field; 8] = [
    Field::Region,
    Field::Zone,
    Field::Instance,
    Field::Phase,
    Field::Type,
    Field::Address,
    Field::Age,
    Field::Hourly,
];

/// Those of the wide one, and of CSV.
const WIDE: [Field; 13] = [
    Field::Region,
    Field::Zone,
    Field::Instance,
    Field::Name,
    Field::Phase,
    Field::Type,
    Field::Lifecycle,
    Field::Address,
    Field::Private,
    Field::Age,
    Field::Hourly,
    Field::Cost,
    Field::Creator,
];

/// Prints the instances that are asked for.
pub fn print_list(mut out: impl Write, model: &Model, asked: &Selection, format: ListFormat) {
    let rows = asked.of(model);
    let text = match format {
        ListFormat::Json => {
            Value::Array(rows.iter().map(|row| object(row, model)).collect()).to_string() + "\n"
        }
        ListFormat::Csv => csv(&WIDE, &rows, model),
        ListFormat::Table | ListFormat::Wide if rows.is_empty() => {
            let such = if asked.is_whole() { "no instances" } else { "no such instances" };
            format!("{such} in {}\n", model.deployment) + &held(model, asked)
        }
        ListFormat::Table => table(&fields(&rows), &rows, model) + &held(model, asked),
        ListFormat::Wide => table(&WIDE, &rows, model) + &held(model, asked),
    };
    let is_for_people = matches!(format, ListFormat::Table | ListFormat::Wide);
    let apart = if is_for_people && asked.is_whole() { kept_apart(model) } else { String::new() };
    // A reader that went away is no reason to fail.
    let _ = out.write_all((text + &apart).as_bytes());
}

/// The columns of the table for people: machines are known by their names.
fn fields(rows: &[&Instance]) -> Vec<Field> {
    let mut fields = COLUMNS.to_vec();
    if rows.iter().any(|row| row.machine_name().is_some()) {
        fields.insert(3, Field::Name);
    }
    fields
}

/// What is kept and no instance has: it is in no row, and costs. Nothing where there is none.
fn kept_apart(model: &Model) -> String {
    let lines: Vec<Vec<String>> = model
        .fleet
        .kept_apart()
        .map(|(region, it)| {
            let list = &model.fleet.prices(region).list;
            let monthly = a_month(it, list);
            vec![region.to_string(), clean(&it.machine, LONGEST), it.to_string(), monthly]
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\nkept, and on no instance:\n{}\n", aligned(&lines))
}

/// The rows that the table shows, as it shows them: their columns as CSV (RFC 4180), or all that
/// `list --json` tells of each.
pub fn exported(model: &Model, as_json: bool) -> String {
    let rows: Vec<&Instance> =
        model.table.order().iter().filter_map(|key| model.fleet.get(key)).collect();
    if as_json {
        let array: Vec<Value> = rows.iter().map(|row| object(row, model)).collect();
        return Value::Array(array).to_string() + "\n";
    }
    let fields: Vec<Field> = model.table.columns.shown().collect();
    csv(&fields, &rows, model)
}

/// These fields of rows as CSV, their names first.
fn csv(fields: &[Field], rows: &[&Instance], model: &Model) -> String {
    let names = fields.iter().map(|field| field.name().to_owned()).collect();
    let cells = |row: &&Instance| -> Vec<String> {
        fields.iter().map(|field| columns::text(*field, row, model.now)).collect()
    };
    let lines: Vec<String> = std::iter::once(names)
        .chain(rows.iter().map(cells))
        .map(|cells: Vec<String>| {
            cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\r\n"
        })
        .collect();
    lines.concat()
}

/// Prints the creates that were cut short.
pub fn print_pending_creates(mut out: impl Write, model: &Model, as_json: bool) {
    let pending: Vec<&PendingCreate> = model.unfinished().filter(|order| order.count > 0).collect();
    let text = if as_json {
        let array: Vec<Value> =
            pending.iter().map(|order| pending_create_object(model, order)).collect();
        Value::Array(array).to_string()
    } else if pending.is_empty() {
        format!("no create in {} was cut short", model.deployment)
    } else {
        let headings = ["REGION", "ASKED IN", "WANTED", "THERE"].map(str::to_owned).to_vec();
        let line = |order: &&PendingCreate| {
            let there = model.made_by(order).count().to_string();
            let (region, asked) = (order.region.to_string(), order.counts_for().to_string());
            vec![region, asked, order.count.to_string(), there]
        };
        let lines: Vec<Vec<String>> =
            std::iter::once(headings).chain(pending.iter().map(line)).collect();
        aligned(&lines)
    };
    // A reader that went away is no reason to fail.
    let _ = writeln!(out, "{text}");
}

/// What a create that was cut short is, and what becomes of it.
pub fn cut_short(model: &Model, order: &PendingCreate) -> String {
    let there = model.made_by(order).count();
    if let Some(name) = &order.machine {
        return format!(
            "the launch of the machine {} in {} was cut short, {there} of it are there; `up {0}` \
             goes on with it, `create --forget` drops it",
            clean(name, 64),
            order.counts_for()
        );
    }
    format!(
        "a create of {} in {} was cut short, {there} of it are there; `create` completes it, \
         `create --forget` drops it",
        order.count,
        order.counts_for()
    )
}

/// One create that was cut short; see `assets/pending-creates.schema.json`.
fn pending_create_object(model: &Model, order: &PendingCreate) -> Value {
    let there: Vec<_> = model.made_by(order).filter_map(Instance::id).collect();
    json!({
        "launch": clean(order.launch.as_str(), LONGEST),
        "deployment_id": order.deployment,
        "region": order.region,
        "asked_in": order.counts_for(),
        "wanted": order.count,
        "there": there,
        "is_replacement": order.is_replacement,
    })
}

/// These fields of rows below each other, and what it all comes to.
fn table(fields: &[Field], rows: &[&Instance], model: &Model) -> String {
    let cells = rows
        .iter()
        .map(|row| fields.iter().map(|column| columns::text(*column, row, model.now)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(columns::headings(fields)).chain(cells).collect();
    format!("{}\n{}\n", aligned(&lines), sum(rows))
}

/// How many there shall be, and who sees to it: `12 wanted, kept by process 4711 on attic ..`.
fn held(model: &Model, asked: &Selection) -> String {
    let wanted = wanted(model).filter(|_| asked.is_whole());
    let wanted = wanted.map(|count| format!("{count} wanted{}", reason(model)));
    let said: Vec<String> = wanted.into_iter().chain(keeper(model)).collect();
    if said.is_empty() { String::new() } else { said.join(", ") + "\n" }
}

/// `11 instances, $0.2457/h`; with a plus where AWS did not tell all prices.
fn sum(rows: &[&Instance]) -> String {
    let running = rows.iter().filter(|row| row.is_alive());
    let hourly: Amount = running.map(|row| row.cost.hourly).sum();
    let count = text::count(rows.len(), "instance");
    let is_known = hourly.usd > 0.0;
    if is_known { format!("{count}, {}", per_hour(hourly)) } else { count }
}

/// Lines whose cells stand below each other; the first are the headings.
pub(super) fn aligned(cells: &[Vec<String>]) -> String {
    let width =
        |column: usize| cells.iter().map(|row| text::width(&row[column])).max().unwrap_or_default();
    let widths: Vec<usize> = (0..cells.first().map_or(0, Vec::len)).map(width).collect();
    let lines: Vec<String> = cells
        .iter()
        .map(|row| {
            let padded = row.iter().zip(&widths).map(|(cell, width)| text::padded(cell, *width));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

/// What it keeps, where it is a machine.
fn kept(row: &Instance, model: &Model) -> Vec<Value> {
    let kept = row.machine_name().map(|name| model.fleet.kept_of(name)).into_iter().flatten();
    let kept = kept.filter(|(region, _)| **region == row.region);
    kept.map(|(_, it)| {
        json!({
            "kind": it.kind.word(),
            "id": it.id,
            "gib": it.gib,
            "address": it.address,
            "of": it.snapshot.map(|of| of.kind).or(it.aside_of).map(KeptKind::word),
            "since": it.since.map(|at| at.to_string()),
            "complete": it.snapshot.map(|of| of.is_complete),
            "instance": it.instance,
        })
    })
    .collect()
}

/// One instance, with the keys of the state file and our word for where it stands; see
/// `assets/list.schema.json`.
fn object(row: &Instance, model: &Model) -> Value {
    let machine = row.machine.as_ref();
    let (kind, reason) = match &row.phase {
        Phase::Failed(failure) => (Some(failure.kind), Some(clean(&failure.to_string(), LONGEST))),
        Phase::Degraded { reason } => (None, Some(clean(reason, LONGEST))),
        _ => (None, None),
    };
    // Anybody who may tag an instance has written it.
    let creator = machine.and_then(|machine| machine.birth.creator.as_deref());
    let ours = json!({
        "id": row.id(),
        "region": row.region,
        "lifecycle": machine.map(|machine| machine.birth.lifecycle.word()),
        "phase": row.phase.word(),
        "reason": reason,
        "failure_kind": kind,
        "created": machine.map(|machine| machine.birth.launched.to_string()),
        "deployment_id": row.deployment,
        "vpc_id": machine.and_then(|machine| machine.vpc.as_ref()),
        "creator": creator.map(|creator| clean(creator, LONGEST)),
        "host_key": row.host_key.as_ref().map(|key| &key.fingerprint),
        "hourly_usd": hourly_usd(row.cost.hourly),
        "machine": row.machine_name().map(|name| clean(name, LONGEST)),
        "kept": kept(row, model),
        "retiring": row.id().is_some_and(|id| model.upkeep.retiring().contains(id)),
    });
    json!(Listed { machine: MachineFacts::of(row), ours })
}

/// What EC2 tells, and what is ours.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    machine: MachineFacts<'a>,
    #[serde(flatten)]
    ours: Value,
}
