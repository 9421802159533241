//! What is posted to the ledger, and when: as soon as something is over, once in a while, and at the
//! end.

use std::collections::BTreeMap;

use crate::app::{Effect, Model};
use crate::config::Config;
use crate::fleet::{Amount, Change, Kept, KeptKind, LedgerLine, Phase, Region, Thing};

/// Posts what is over. Not where nothing may be written: then the ledger is another's.
pub(super) fn post(model: &mut Model) -> Option<Effect> {
    if model.read_only.is_some() {
        return None;
    }
    let config = model.config.clone();
    let lines =
        model.fleet.post(model.now, |machine, region| tags(config.as_deref(), machine, region));
    (!lines.is_empty()).then_some(Effect::Post(lines))
}

/// Whether something may be over by a change, or have a price.
pub(super) fn is_about_money(change: &Change) -> bool {
    match change {
        Change::Entered { to, .. } => matches!(to, Phase::Stopped) || to.is_over(),
        Change::Told(_) | Change::Priced(_) => true,
        _ => false,
    }
}

/// What has to be written down before the program ends: what is over, and what the open hours come
/// to so far.
pub fn closing_lines(model: &mut Model) -> Vec<LedgerLine> {
    if model.read_only.is_some() {
        return Vec::new();
    }
    let config = model.config.clone();
    let tags = |machine: Option<&str>, region: &Region| tags(config.as_deref(), machine, region);
    let mut lines = model.fleet.post(model.now, tags);
    lines.extend(model.fleet.open_hours(model.now, tags));
    lines
}

/// What it all came to, once nothing runs any more; `None` while something does, or where nothing was
/// posted.
pub fn receipt(model: &Model) -> Option<String> {
    let ledger = model.fleet.ledger();
    if ledger.instances() == 0 || model.fleet.alive().next().is_some() {
        return None;
    }
    let sum = ledger.sum();
    let count = ledger.instances();
    let instances = if count == 1 { "instance" } else { "instances" };
    let ran = format!("{count} {instances} ran {:.1} h", sum.hours);
    if sum.total().is_unknown() {
        return Some(format!("{ran}; `spot-tui costs` asks AWS for the prices and tells the sum"));
    }
    let told = |(thing, amount): (&Thing, &Amount)| {
        let told = if amount.is_unknown() { "unknown".to_owned() } else { amount.to_string() };
        format!("{} {told}", thing.word())
    };
    let things: Vec<String> = sum.things.iter().map(told).collect();
    let saved = sum.saved().filter(|saved| *saved > 0.0);
    let interruptions = match sum.interruptions {
        0 => None,
        1 => Some("1 interruption".to_owned()),
        many => Some(format!("{many} interruptions")),
    };
    let free = (sum.free_hours > 0.0).then_some(sum.free_hours);
    let kept: Vec<KeptKind> = model.fleet.kept_apart().map(|(_, it)| it.kind).collect();
    let most = if kept.contains(&KeptKind::Snapshot) { " at the most" } else { "" };
    let kept = (!kept.is_empty())
        .then(|| format!("what is kept goes on for {} a month{most}", monthly(model)));
    let parts = [
        Some(format!("{ran} for {} ({})", sum.total(), things.join(", "))),
        saved.map(|saved| format!("${saved:.2} less than on demand")),
        interruptions,
        free.map(|free| format!("{free:.1} h of it free of charge")),
        kept,
    ];
    let told = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    Some(format!("{told}; an estimate, without traffic, taxes and discounts"))
}

/// What is kept and no instance has, a month.
fn monthly(model: &Model) -> Amount {
    let of = |(region, it): (&Region, &Kept)| it.monthly(&model.fleet.prices(region).list);
    model.fleet.kept_apart().map(of).sum()
}

/// The user's own tags of a machine and what it keeps, else of an instance in a region, as the
/// configuration has them.
fn tags(
    config: Option<&Config>,
    machine: Option<&str>,
    region: &Region,
) -> BTreeMap<String, String> {
    let Some(config) = config else { return BTreeMap::new() };
    let machine = config.machines.iter().find(|it| Some(it.name.as_str()) == machine);
    let place = machine.map(|it| &it.place).or_else(|| config.region(region));
    place.map(|place| place.tags.clone()).unwrap_or_default()
}
