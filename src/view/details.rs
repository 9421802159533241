//! Everything about one instance, the most telling first: how it is, why it failed and what to do,
//! how far its parts are used, how it came to where it stands; and the facts.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::columns::phase_words;
use super::graph::bars;
use super::money::{a_month, dollars};
use super::text;
use super::{Painter, Tone};
use crate::app::keymap::Context;
use crate::app::{Command, Model, Pane, PanelsCommand, Story, clean, current, story};
use crate::fleet::cloudwatch::Metric;
use crate::fleet::identity::{Coordinates, Identity};
use crate::fleet::vitals::{Usage, Vitals};
use crate::fleet::{
    Failure, Health, Idle, Instance, InstanceKey, Machine, PendingCreate, Phase, RequestState,
};

/// The column where the facts begin.
const FACTS: u16 = 12;

/// One line: pieces, each with its meaning.
type Pieces = Vec<(Tone, String)>;

/// Draws it; the story from its line `side_top` on, as far as it has no room, and below all the
/// newest of its log.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect, key: &InstanceKey) {
    let Some(instance) = model.fleet.get(key) else {
        painter.text(area, 1, 1, Tone::Plain, "This row is gone.");
        return;
    };
    let head = head(model, painter, instance, area.width.saturating_sub(2));
    let mut line = 0;
    for pieces in &head {
        draw_pieces(painter, area, line, pieces);
        line += 1;
    }
    let facts = facts(model, instance, area.width.saturating_sub(FACTS + 1));
    let story = story(model, key);
    let rest = Rect { y: area.y + line, height: area.height.saturating_sub(line), ..area };
    let all = story.len() + facts.len() + 1;
    let top = model.side_top.min(all.saturating_sub(rest.height.into()));
    let scale = scale(&story);
    let mut line = 0;
    for entry in story.iter().skip(top) {
        draw_line(painter, rest, line, entry, &scale);
        line += 1;
    }
    let hidden = top.saturating_sub(story.len());
    if hidden == 0 && !facts.is_empty() {
        painter.rule(rest, line, (Tone::Dim, "facts"), "");
        line += 1;
    }
    for (label, tone, said) in facts.iter().skip(hidden.saturating_sub(1)) {
        painter.text(rest, 1, line, Tone::Dim, label);
        painter.text(rest, FACTS, line, *tone, said);
        line += 1;
    }
    let line = line.min(rest.height);
    newest(model, painter, Rect { y: rest.y + line, height: rest.height - line, ..rest }, key);
}

fn draw_pieces(painter: &mut Painter<'_>, area: Rect, line: u16, pieces: &Pieces) {
    let mut x = 1;
    for (tone, said) in pieces {
        x = painter.text(area, x, line, *tone, said);
    }
}

/// The newest lines of its log, where there is room for some.
fn newest(model: &Model, painter: &mut Painter<'_>, area: Rect, key: &InstanceKey) {
    let Some(log) = model.log.of(key).filter(|_| area.height >= 3) else { return };
    let command = Command::Panels(PanelsCommand::Open(Pane::Output));
    let more = model.keymap.key_for(Context::Pane, &command).unwrap_or_default();
    painter.rule(area, 0, (Tone::Dim, "log"), &format!("{more}: all of it"));
    let room = usize::from(area.height - 1);
    for (entry, line) in log.lines().skip(log.lines().len().saturating_sub(room)).zip(1..) {
        painter.text(area, 1, line, Tone::Dim, &text::clock(entry.at));
        painter.text(area, FACTS, line, entry.level.into(), text::unstamped(&entry.text));
    }
}

/// How it is, at a glance, on as many lines as it takes.
fn head(model: &Model, painter: &Painter<'_>, instance: &Instance, room: u16) -> Vec<Pieces> {
    let room = usize::from(room);
    let tone: Tone = instance.phase.health().into();
    let glyph = painter.theme.glyphs.health(instance.phase.health());
    let lasts = text::span_exactly(model.now.duration_since(instance.since));
    let words = match &instance.phase {
        // Why is said below, on as many lines as it takes.
        Phase::Failed(_) | Phase::Degraded { .. } => instance.phase.word().to_owned(),
        _ => phase_words(instance, model.now),
    };
    let mut first = vec![(tone, format!("{glyph} {words}")), (Tone::Dim, format!(" for {lasts}"))];
    if !instance.cost.accrued.is_unknown() && instance.cost.accrued.usd > 0.0 {
        let (hourly, accrued) = (dollars(instance.cost.hourly), dollars(instance.cost.accrued));
        first.push((Tone::Strong, format!("   {hourly}/h")));
        first.push((Tone::Plain, format!("   {accrued} so far")));
    }
    let mut lines = vec![first];
    match &instance.phase {
        Phase::Failed(failure) => lines.extend(failed(failure, room)),
        Phase::Degraded { reason } => lines.extend(sentence(Tone::Bad, reason, room)),
        _ => {}
    }
    if let Some(vitals) = current(instance) {
        let seen = instance.vitals.as_ref().map(|(at, _)| model.now.duration_since(*at));
        lines.extend(flow(gauges(painter, instance, vitals, seen), room));
        lines.extend(flow(checks(painter, instance, vitals), room));
        if let Some(left) = instance.lease_left(model.now) {
            let (hours, minutes) = (left.as_hours(), left.as_mins() % 60);
            let said = format!("ends itself in {hours}:{minutes:02} unless renewed");
            let tone = if left.as_mins() < 15 { Tone::Waiting } else { Tone::Dim };
            lines.extend(sentence(tone, &said, room));
        }
        if let Some(since) = &vitals.rebalance {
            let begun = instance.id().and_then(|id| model.upkeep.replacement_of(id));
            let then = match begun {
                Some(it) if !it.is_given_up => ": it ends once another one is ready in its place",
                _ => "",
            };
            let said = format!("AWS recommends replacing it, since {}{then}", clean(since, 32));
            lines.extend(sentence(Tone::Waiting, &said, room));
        }
        if let Some((tone, said)) = vitals.idle.as_ref().and_then(idle_words) {
            lines.extend(sentence(tone, &said, room));
        }
    } else if instance.phase == Phase::Running && instance.host_key.is_none() {
        let is_awaited = model.changing().any(|(_, job)| job.keys.contains(&instance.key));
        let said = if is_awaited { AWAITED } else { UNKNOWN_HOST };
        lines.extend(sentence(Tone::Dim, said, room));
    }
    if instance.phase.health() != Health::Ending {
        lines.extend(flow(measurements(painter, instance, model.now), room));
    }
    lines
}

/// How a machine stands that stops by itself. Nothing for one on which something goes on.
fn idle_words(idle: &Idle) -> Option<(Tone, String)> {
    let clock = |at: Timestamp| at.strftime("%H:%M UTC").to_string();
    if let Some(at) = idle.stops_at() {
        return Some((Tone::Waiting, format!("nothing goes on: it stops at {}", clock(at))));
    }
    if idle.is_held {
        let until = idle.held_until().map_or("you let it go".to_owned(), clock);
        return Some((Tone::Dim, format!("kept awake until {until}")));
    }
    let span = |seconds: u64| {
        text::span(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
    };
    let idle_s = idle.idle_s.filter(|it| *it >= 60)?;
    Some((Tone::Dim, format!("idle for {}: it stops after {}", span(idle_s), span(idle.after_s))))
}

/// What comes next for a node of a create that is under way.
const AWAITED: &str = "its set-up comes next: only so many are set up at once";

/// Why a node is not looked at that was found by its tags: it may be another's, half deployed.
const UNKNOWN_HOST: &str = "not watched: its host key was recorded elsewhere; h asks its console \
                            and looks, a create takes it up";

fn failed(failure: &Failure, room: usize) -> Vec<Pieces> {
    let why = format!("{}: {}", failure.step, failure.reason);
    let mut lines = sentence(Tone::Bad, &why, room);
    if !failure.hint.is_empty() {
        lines.extend(sentence(Tone::Strong, &failure.hint, room));
    }
    lines
}

/// A sentence on as many lines as it takes.
fn sentence(tone: Tone, said: &str, room: usize) -> Vec<Pieces> {
    text::wrap(&clean(said, 1024), room).into_iter().map(|line| vec![(tone, line)]).collect()
}

/// Pieces on lines; none is torn.
fn flow(pieces: Vec<Pieces>, room: usize) -> Vec<Pieces> {
    const GAP: &str = "  ";
    let width = |pieces: &Pieces| pieces.iter().map(|(_, said)| text::width(said)).sum::<usize>();
    let mut lines: Vec<Pieces> = Vec::new();
    for piece in pieces {
        match lines.last_mut() {
            Some(line) if width(line) + GAP.len() + width(&piece) <= room => {
                line.push((Tone::Plain, GAP.to_owned()));
                line.extend(piece);
            }
            _ => lines.push(piece),
        }
    }
    lines
}

/// The cells of a gauge.
const GAUGE: usize = 8;

/// How far its parts are used, and what its sensor does.
fn gauges(
    painter: &Painter<'_>,
    instance: &Instance,
    vitals: &Vitals,
    seen: Option<SignedDuration>,
) -> Vec<Pieces> {
    let glyphs = painter.theme.glyphs;
    let mut gauges = Vec::new();
    if let Some(percent) = vitals.cpu_percent {
        let shares: Vec<f64> = instance.cpu.iter().map(|it| f64::from(*it) / 100.0).collect();
        gauges.push(vec![
            (Tone::Dim, "CPU ".to_owned()),
            (Tone::Working, bars(&shares, GAUGE, glyphs)),
            (Tone::Plain, format!(" {percent} %")),
        ]);
    }
    let used = |space: Option<Usage>| space.map(Usage::used_percent);
    for (label, used) in [("MEM", used(vitals.memory)), ("DISK", used(vitals.disk))] {
        let Some(used) = used else { continue };
        let full = usize::from(used) * GAUGE / 100;
        gauges.push(vec![
            (Tone::Dim, format!("{label} ")),
            (Tone::Working, glyphs.bar[0].repeat(full)),
            (Tone::Dim, glyphs.bar[1].repeat(GAUGE.saturating_sub(full))),
            (Tone::Plain, format!(" {used} %")),
        ]);
    }
    if let Some(rate) = vitals.sensor_rate {
        gauges.push(vec![(Tone::Plain, format!("{rate:.1} readings/s"))]);
    }
    if let Some(membership) = &vitals.membership {
        gauges.push(vec![(Tone::Plain, format!("node {}", clean(&membership.to_string(), 80)))]);
    }
    if let Some(ago) = seen {
        gauges.push(vec![(Tone::Dim, format!("seen {} ago", text::span(ago)))]);
    }
    gauges
}

/// What CloudWatch measured, each in its own graph, and how old that is: it tells late, and may tell
/// only a part.
fn measurements(painter: &Painter<'_>, instance: &Instance, now: Timestamp) -> Vec<Pieces> {
    let mut pieces = Vec::new();
    let mut newest: Option<Timestamp> = None;
    for (metric, series) in &instance.metrics {
        let Some((at, value)) = series.newest() else { continue };
        newest = newest.max(Some(at));
        let value = metric.rate(value);
        let (label, said) = match metric {
            Metric::Cpu => ("CPU", format!("{value:.0} %")),
            Metric::NetworkIn => ("IN", text::per_second(value)),
            Metric::NetworkOut => ("OUT", text::per_second(value)),
            Metric::CpuCredits => ("CREDITS", format!("{value:.0}")),
            Metric::SurplusOwed | Metric::SurplusCharged => ("SURPLUS", format!("{value:.0}")),
        };
        // Percents are of a hundred, all else of the most that is shown.
        let most = series.points().iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let full = if *metric == Metric::Cpu { 100.0 } else { most.max(f64::MIN_POSITIVE) };
        let shares: Vec<f64> = series.points().iter().map(|(_, value)| value / full).collect();
        let remark = match (series.is_late(now), series.is_partial) {
            (true, _) => " late",
            (false, true) => " partial",
            (false, false) => "",
        };
        pieces.push(vec![
            (Tone::Dim, format!("{label} ")),
            (Tone::Working, bars(&shares, GAUGE, painter.theme.glyphs)),
            (Tone::Plain, format!(" {said}")),
            (Tone::Waiting, remark.to_owned()),
        ]);
    }
    if let Some(at) = newest {
        let ago = text::span(now.duration_since(at));
        pieces.push(vec![(Tone::Dim, format!("CloudWatch, 5 min each, {ago} ago"))]);
    }
    pieces
}

/// The parts of the node by name, each with its own sign.
fn checks(painter: &Painter<'_>, instance: &Instance, vitals: &Vitals) -> Vec<Pieces> {
    let glyphs = painter.theme.glyphs;
    // What is not there yet is not broken.
    let missing = if instance.phase.is_deploying() { Health::Working } else { Health::Bad };
    let piece = |check: crate::fleet::vitals::Check| {
        let (tone, sign) = if check.good {
            (Tone::Good, glyphs.well)
        } else {
            (missing.into(), glyphs.health(missing))
        };
        vec![(tone, format!("{sign} ")), (Tone::Plain, check.name.to_owned())]
    };
    vitals.verdict().into_iter().map(piece).collect()
}

type Fact = (&'static str, Tone, String);

/// What EC2 and the program know of it, besides how it is.
fn facts(model: &Model, instance: &Instance, room: u16) -> Vec<Fact> {
    let mut facts = Vec::new();
    let made = |order: &&PendingCreate| instance.machine.as_ref().is_some_and(|it| order.made(it));
    if let Some(order) = model.unfinished().find(made) {
        let said = format!("one of {} of a create that was cut short", order.count);
        facts.push(("create", Tone::Waiting, said));
    }
    match &instance.machine {
        Some(machine) => facts.extend(of_machine(machine, room)),
        None => facts.push(("region", Tone::Plain, instance.region.to_string())),
    }
    if let Some(id) = instance.id() {
        // It follows from the id: there is one before the node is up.
        let Identity { sensor_id, location, device_info, .. } = Identity::of(id);
        let Coordinates { latitude, longitude } = location.coordinates;
        let said = format!(
            "{sensor_id}, {} {}, {}, {} at {latitude:.2}, {longitude:.2}",
            device_info.manufacturer, device_info.model, location.city, location.state,
        );
        facts.extend(wrapped("sensor", Tone::Plain, &said, room));
    }
    let kept = instance.machine_name().map(|name| model.fleet.kept_of(name));
    for (_, it) in kept.into_iter().flatten().filter(|(region, _)| **region == instance.region) {
        let list = &model.fleet.prices(&instance.region).list;
        let said = format!("{it}, {}", a_month(it, list));
        facts.extend(wrapped("keeps", Tone::Plain, &said, room));
    }
    if let Some(host_key) = &instance.host_key {
        let said = format!("{}, {}", host_key.fingerprint, host_key.trust);
        facts.extend(wrapped("host key", Tone::Plain, &said, room));
    }
    facts
}

/// A text on a few lines, its label before the first.
fn wrapped(label: &'static str, tone: Tone, said: &str, room: u16) -> Vec<Fact> {
    let lines = text::wrap(&clean(said, 1024), room.into());
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels.zip(lines).map(|(label, line)| (label, tone, line)).collect()
}

fn of_machine(machine: &Machine, room: u16) -> Vec<Fact> {
    let Machine { machine_type, zone, birth, seen, .. } = machine;
    let image = birth.image.as_ref().map(|image| format!(", {image}")).unwrap_or_default();
    let kind = format!("{machine_type}, {}, {zone}{image}", birth.lifecycle.word());
    let address =
        |address: Option<IpAddr>, kind: &str| address.map(|address| format!("{address} {kind}"));
    let addresses: Vec<String> =
        [address(seen.public_ip, "public"), address(seen.private_ip, "private")]
            .into_iter()
            .flatten()
            .collect();
    let creator = birth.creator.as_deref().map(|creator| format!(" by {}", clean(creator, 64)));
    let launched = birth.launched.strftime("%Y-%m-%d %H:%M:%S UTC");
    // While it starts, EC2's reason is the state again.
    let reason = seen.state_reason.as_deref().filter(|reason| *reason != seen.state.as_str());
    let reason = reason.map(|reason| format!(" ({})", clean(reason, 64)));
    let state = format!(
        "{}{}, launched {launched}{}",
        seen.state,
        reason.unwrap_or_default(),
        creator.unwrap_or_default()
    );
    let mut facts = wrapped("machine", Tone::Plain, &kind, room);
    if !addresses.is_empty() {
        facts.extend(wrapped("address", Tone::Plain, &addresses.join(", "), room));
    }
    facts.extend(wrapped("EC2", Tone::Plain, &state, room));
    if let Some(RequestState { state, status, valid_until }) = &seen.request {
        let until = valid_until.map(|at| at.strftime(", valid until %Y-%m-%d %H:%M UTC"));
        let until = until.map(|it| it.to_string()).unwrap_or_default();
        let said = format!("{}, {}{until}", clean(state, 64), clean(status, 64));
        facts.extend(wrapped("request", Tone::Plain, &said, room));
    }
    if let Some(name) = &machine.name {
        facts.extend(wrapped("name", Tone::Plain, name, room));
    }
    facts
}

/// The columns of a phase's word with its sign, and of how long it lasted.
const WORD: usize = 15;
const LASTED: usize = 8;

/// When a timeline begins and how long it is until it stands still: the last phase goes on, and
/// would make all the others too small to be seen.
#[derive(Default)]
struct Scale {
    until_last: SignedDuration,
    begin: Option<jiff::Timestamp>,
    last: &'static str,
}

fn scale(story: &[Story<'_>]) -> Scale {
    let phases: Vec<_> = story
        .iter()
        .filter_map(|entry| match entry {
            Story::Phase(at, phase, _) => Some((*at, phase.word())),
            _ => None,
        })
        .collect();
    match (phases.first(), phases.last()) {
        (Some((first, _)), Some((last, word))) => {
            Scale { until_last: last.duration_since(*first), begin: Some(*first), last: word }
        }
        _ => Scale::default(),
    }
}

/// One line of the story.
fn draw_line(painter: &mut Painter<'_>, area: Rect, line: u16, entry: &Story<'_>, scale: &Scale) {
    match entry {
        Story::Heading("timeline") => {
            let took = text::span_exactly(scale.until_last);
            painter.rule(area, line, (Tone::Dim, "timeline"), &format!("{took} to {}", scale.last));
        }
        Story::Heading(title) => painter.rule(area, line, (Tone::Dim, title), ""),
        Story::Phase(at, phase, lasted) => {
            let glyph = painter.theme.glyphs.health(phase.health());
            // What is past needs nobody any more.
            let is_past =
                scale.begin.is_some_and(|begin| at.duration_since(begin) < scale.until_last);
            let tone = if is_past { Tone::Plain } else { phase.health().into() };
            painter.text(area, 1, line, Tone::Dim, &text::clock(*at));
            let word = text::padded(&format!("{glyph} {}", phase.word()), WORD);
            let x = painter.text(area, FACTS - 2, line, tone, &word);
            let lasted_said = format!("{:>LASTED$}", text::span_exactly(*lasted));
            let x = painter.text(area, x, line, Tone::Dim, &lasted_said) + 1;
            if is_past {
                bar(painter, area, (x, line), (*at, *lasted), scale);
            }
        }
        Story::Attempt(attempt) => {
            let (given, asked) = (attempt.given, attempt.asked);
            let (machine_type, zone) = (&attempt.machine_type, &attempt.zone);
            let code = attempt.code.as_deref().unwrap_or("granted");
            let message = attempt.message.as_deref().unwrap_or_default();
            let reason = attempt.reason.as_deref().map_or(String::new(), |it| format!(" ({it})"));
            let said =
                format!("{given} of {asked} {machine_type} in {zone}  {code}  {message}{reason}");
            let tone = if attempt.code.is_some() { Tone::Waiting } else { Tone::Good };
            painter.text(area, 1, line, Tone::Dim, &text::clock(attempt.at));
            painter.text(area, FACTS - 2, line, tone, &clean(&said, 1024));
        }
    }
}

/// When a phase was, and how long, as a bar along the whole way.
fn bar(
    painter: &mut Painter<'_>,
    area: Rect,
    (x, line): (u16, u16),
    (at, lasted): (jiff::Timestamp, SignedDuration),
    scale: &Scale,
) {
    let Some(begin) = scale.begin else { return };
    let room = f64::from(area.width.saturating_sub(x + 1));
    let whole = scale.until_last.as_secs_f64().max(1.0);
    let column = |span: SignedDuration| cells(span.as_secs_f64() / whole * room);
    let from = column(at.duration_since(begin));
    let length = column(lasted).max(1);
    let bar = painter.theme.glyphs.block.repeat(length.into());
    painter.text(area, x + from, line, Tone::Working, &bar);
}

/// So many whole cells.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a length on the screen, cut at its edge"
)]
fn cells(length: f64) -> u16 {
    length.clamp(0.0, f64::from(u16::MAX / 2)) as u16
}
