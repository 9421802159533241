//! The header: who and what this is, how the fleet is, how old that knowledge is.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::SignedDuration;
use ratatui::layout::Rect;

use super::money::dollars;
use super::text;
use super::{Painter, Tone};
use crate::app::keymap::Context;
use crate::app::{Action, Aim, Command, Field, JobRecord, Model, Tally, Visits, clean, forecast};
use crate::fleet::{Amount, Cost, FailureKind, Health, JobKind};

/// How old a region's answer may be before it is called old.
const FRESH: SignedDuration = SignedDuration::from_secs(90);

/// The states in the order of their urgency, and their words.
pub const STATES: [(Health, &str); 6] = [
    (Health::Bad, "in trouble"),
    (Health::Interrupted, "interrupted"),
    (Health::Working, "deploying"),
    (Health::Waiting, "waiting"),
    (Health::Good, "ready"),
    (Health::Ending, "ending"),
];

/// Draws it: title, counts, and what the layout gave room for.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let layout = model.layout();
    let (health, said) = freshness(model, painter.theme.glyphs.dot);
    let said = format!("{} {said}", painter.theme.glyphs.health(health));
    // How old it all is matters more than the account's number, and less than whose it is.
    let deployment = NAME + text::width(model.deployment.as_str());
    let taken =
        painter.right(area, u16::try_from(deployment).unwrap_or(0), 0, health.into(), &said);
    title(model, painter, Rect { width: area.width.saturating_sub(taken), ..area });
    counts(model, painter, area);
    if layout.strip > 0 {
        strip(&model.tally, painter, Rect { y: area.y + 2, height: 1, ..area });
    }
    let (level, lines) = model.banner();
    for (text, line) in lines.iter().take(layout.banner.into()).zip(2 + layout.strip..) {
        painter.text(area, 1, line, level.into(), text);
    }
}

/// The columns of the program's name.
const NAME: usize = 11;

fn title(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let dot = painter.theme.glyphs.dot;
    let mut pieces =
        vec![(Tone::Accent, " spot-tui  ".to_owned()), (Tone::Plain, model.deployment.to_string())];
    if let Some(account) = &model.account {
        pieces.push((Tone::Dim, format!(" {dot} {} {}", account.id, account.creator)));
    }
    if let Some(profile) = model.visits.as_deref().and_then(Visits::profile) {
        pieces.push((Tone::Dim, format!(" {dot} profile {profile}")));
    }
    if let Some(config) = &model.config {
        let regions = config.regions.len().max(model.tally.regions.len());
        let regions = text::count(regions, "region");
        pieces.push((Tone::Dim, format!(" {dot} {regions}")));
    }
    if let Some(alike) = alike(model) {
        pieces.push((Tone::Dim, format!(" {dot} {alike}")));
    }
    // What has no room is left out, not cut; what follows may have some.
    let mut taken = 0;
    pieces.retain(|(_, said)| {
        let fits = taken + text::width(said) <= area.width.into();
        taken += if fits { text::width(said) } else { 0 };
        fits
    });
    painter.pieces(area, 0, &pieces);
}

/// What all instances have in common, which is in no column then.
fn alike(model: &Model) -> Option<String> {
    let words = model.tally.alike.iter().filter_map(|(field, said)| match field {
        Field::Creator => Some(format!("by {}", clean(said, 64))),
        Field::Node => Some(format!("node {}", clean(said, 64))),
        // It follows from the deployment's.
        Field::Name if said.ends_with(model.deployment.as_str()) => None,
        _ => Some(clean(said, 64)),
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("all {}", words.join(", ")))
}

/// How far what is shown can be believed.
fn freshness(model: &Model, dot: &str) -> (Health, String) {
    if let Some(failure) = &model.trouble {
        if matches!(failure.kind, FailureKind::Credentials | FailureKind::SignIn) {
            return (Health::Bad, "not signed in to AWS".into());
        }
        return (Health::Bad, format!("no account: {}", failure.reason));
    }
    if model.account.is_none() {
        return (Health::Working, "signing in to AWS".into());
    }
    let answers = || {
        model.fleet.regions().iter().filter_map(|(region, view)| {
            let age = view.answered.map(|at| model.now.duration_since(at));
            (age.is_some() || view.trouble.is_some()).then_some((region, age, view))
        })
    };
    let old: Vec<String> = answers()
        .filter(|(_, age, view)| view.trouble.is_some() || age.is_none_or(|age| age > FRESH))
        .map(|(region, age, _)| {
            let age = age.map_or_else(|| "no answer".into(), text::span);
            format!("{region} {age}")
        })
        .collect();
    if !old.is_empty() {
        let more = old.len().saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<String> = old.into_iter().take(3).collect();
        return (Health::Waiting, format!("old: {}{more}", named.join(&format!(" {dot} "))));
    }
    // Where nothing of ours is, is looked at rarely; that makes what is shown no older.
    let shown = |region| model.tally.total == 0 || model.tally.regions.contains_key(region);
    match answers().filter(|(region, ..)| shown(region)).filter_map(|(_, age, _)| age).max() {
        Some(age) => (Health::Good, format!("live, {} ago", text::span(age))),
        None => (Health::Working, "loading the regions".into()),
    }
}

/// How many instances there are in each state, and what is under way.
fn counts(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let total = text::count(model.tally.total, "instance");
    let mut pieces = vec![(Tone::Strong, format!(" {total}"))];
    if !model.upkeep.is_empty() {
        let wanted = model.upkeep.total();
        // What others made is shown as well, and is in no count.
        let is_more = u64::try_from(model.tally.total).is_ok_and(|total| total > wanted);
        let word = if is_more { "," } else { " of" };
        let why = model.upkeep.reason().map(|why| format!(" ({why})")).unwrap_or_default();
        pieces.push((Tone::Dim, format!("{word} {wanted} wanted{why}")));
    }
    for (health, word) in STATES {
        if let Some(count) = model.tally.health.get(&health) {
            let glyph = painter.theme.glyphs.health(health);
            let count = text::thousands(*count);
            pieces.push((health.into(), format!("   {glyph} {count} {word}")));
        }
    }
    let Tally { terminated, reclaimed, .. } = model.tally;
    for (tone, count, word) in [
        (Tone::Interrupted, reclaimed, "reclaimed by AWS"),
        (Tone::Dim, terminated - reclaimed, "terminated"),
    ] {
        if count > 0 {
            let glyph = painter.theme.glyphs.health(Health::Ending);
            let count = text::thousands(count);
            pieces.push((tone, format!("   {glyph} {count} {word}")));
        }
    }
    let jobs = |short: bool| {
        let jobs = model.changing().map(|(_, job)| under_way(model, job, short));
        jobs.collect::<Vec<String>>().join("; ")
    };
    // What has no room is left out, not cut: sums and what is wanted before what is under way.
    let short = jobs(true);
    let taken = if short.is_empty() { 0 } else { text::width(&short) + 3 };
    let room = usize::from(area.width).saturating_sub(taken);
    let width = |pieces: &[(Tone, String)]| -> usize {
        pieces.iter().map(|(_, said)| text::width(said)).sum()
    };
    if !model.upkeep.is_empty() && width(&pieces) > room {
        pieces.remove(1);
    }
    for piece in cost(model) {
        if width(&pieces) + text::width(&piece.1) < room {
            pieces.push(piece);
        }
    }
    let left = painter.pieces(area, 1, &pieces);
    if model.changing().next().is_some() {
        let leaving = if model.leaving.is_some() { "leaving after " } else { "" };
        let said = format!("{leaving}{}", jobs(false));
        let room = usize::from(area.width.saturating_sub(left + 3));
        let said = if text::width(&said) <= room { said } else { short };
        painter.right(area, left, 1, Tone::Working, &said);
    } else if let Some(said) = cut_short(model) {
        painter.right(area, left, 1, Tone::Waiting, &said);
    }
}

/// A job, and of one that creates how many of its own are ready.
fn under_way(model: &Model, job: &JobRecord, short: bool) -> String {
    let title = if short { job.verb.to_owned() } else { job.short_title() };
    match (job.kind, job.keys.len()) {
        (JobKind::Create, all) if all > 0 => {
            let rows = job.keys.iter().filter_map(|key| model.fleet.get(key));
            let ready = rows.filter(|row| row.phase.health() == Health::Good).count();
            let (ready, all) = (text::thousands(ready), text::thousands(all));
            if short {
                format!("{title} {ready}/{all}")
            } else {
                format!("{title}: {ready} of {all} ready")
            }
        }
        _ => title,
    }
}

/// What an earlier create left open, and the keys that complete or drop it.
fn cut_short(model: &Model) -> Option<String> {
    let wanted: u64 = model.unfinished().map(|order| u64::from(order.count)).sum();
    let key = |action: Action| {
        let command = Command::Ask(action, Aim::Deployment);
        model.keymap.key_for(Context::Table, &command).unwrap_or_default()
    };
    let (create, forget) = (key(Action::Create(None)), key(Action::Forget));
    (wanted > 0).then(|| {
        format!("a create of {wanted} was cut short: {create} completes it, {forget} drops it")
    })
}

/// What all of it costs now and has cost, once any of it is known; and how much less that is than
/// on demand.
fn cost(model: &Model) -> Vec<(Tone, String)> {
    let mut all = Cost::default();
    for cost in model.fleet.costs().values() {
        all += *cost;
    }
    let Cost { hourly, accrued, .. } = all;
    if (hourly.is_unknown() && accrued.is_unknown()) || accrued.usd <= 0.0 {
        return Vec::new();
    }
    // A day is what people reckon with; of a part it would say nothing.
    let day = Amount { usd: hourly.usd * 24.0, ..hourly };
    let day = (!day.is_partial).then(|| (Tone::Dim, format!(" = {} a day", dollars(day))));
    let mut pieces = vec![(Tone::Strong, format!("   {}/h", dollars(hourly)))];
    pieces.extend(day);
    pieces.push((Tone::Strong, format!("   {} so far", dollars(accrued))));
    // It comes last: what has no room is left out.
    let month =
        forecast(model).map(|usd| (Tone::Dim, format!("   {} by month's end", dollars(usd))));
    let saved = all.saved().filter(|saved| *saved >= 1.0);
    pieces.extend(saved.map(|saved| (Tone::Plain, format!("   {saved:.0} % saved"))));
    pieces.extend(month);
    pieces
}

/// The longest bar of a region.
const LONGEST: usize = 10;

/// A bar for each region, as long as its count, coloured by state.
fn strip(tally: &Tally, painter: &mut Painter<'_>, area: Rect) {
    let most = tally.regions.values().map(|counts| counts.values().sum()).max().unwrap_or(0);
    let scale = |count: usize| (count * LONGEST.min(most)).div_ceil(most.max(1));
    let mut x = 1;
    let total = |counts: &BTreeMap<Health, usize>| -> usize { counts.values().sum() };
    // Those with the most first: where there is no room for all, they tell most.
    let mut regions: Vec<_> = tally.regions.iter().collect();
    regions.sort_by_key(|(region, counts)| (Reverse(total(counts)), *region));
    for (at, (region, counts)) in regions.into_iter().enumerate() {
        let total = total(counts);
        let bars: usize = counts.values().map(|count| scale(*count)).sum();
        let width = text::width(region.as_str()) + bars + total.to_string().len() + 2;
        if usize::from(x) + width + 1 > usize::from(area.width.saturating_sub(10)) {
            let more = tally.regions.len() - at;
            painter.text(area, x, 0, Tone::Dim, &format!("and {more} more"));
            return;
        }
        x = painter.text(area, x, 0, Tone::Plain, &format!("{region} "));
        for (health, count) in counts {
            let bar = painter.theme.glyphs.block.repeat(scale(*count));
            x = painter.text(area, x, 0, (*health).into(), &bar);
        }
        x = painter.text(area, x, 0, Tone::Dim, &format!(" {total}")) + 3;
    }
}
