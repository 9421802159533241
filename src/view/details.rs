//! Everything about one instance: the facts, why it failed and what to do, and its story.

use std::net::IpAddr;

use jiff::SignedDuration;
use ratatui::layout::Rect;

use super::columns::{CellContext, chosen};
use super::money::dollars;
use super::text;
use super::{Painter, Tone};
use crate::app::keymap::Context;
use crate::app::{Command, Field, Model, Pane, PanelsCommand, Story, clean, story};
use crate::fleet::identity::{Coordinates, Identity};
use crate::fleet::vitals::{Usage, Vitals};
use crate::fleet::{
    Failure, Health, HostKeyTrust, Instance, InstanceKey, Machine, PendingCreate, Phase,
};

/// The column where the facts begin.
const FACTS: u16 = 12;

/// Draws it; everything from its line `top` on, and below it the newest of its log.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, area: Rect, key: &InstanceKey) {
    let Some(instance) = model.fleet.get(key) else {
        painter.text(area, 1, 1, Tone::Plain, "This row is gone.");
        return;
    };
    let mut line = 0;
    for (label, tone, said) in facts(model, painter, instance, area.width.saturating_sub(FACTS + 1))
    {
        painter.text(area, 1, line, Tone::Dim, label);
        painter.text(area, FACTS, line, tone, &said);
        line += 1;
    }
    let story = story(model, key);
    let rest = Rect { y: area.y + line, height: area.height.saturating_sub(line), ..area };
    let mut line = 0;
    for entry in story.iter().skip(model.side_top.min(story.len())).take(rest.height.into()) {
        draw_line(painter, rest, line, entry);
        line += 1;
    }
    let rest = Rect { y: rest.y + line, height: rest.height.saturating_sub(line), ..rest };
    newest(model, painter, rest, key);
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
        painter.text(area, FACTS, line, entry.level.into(), &entry.text);
    }
}

type Fact = (&'static str, Tone, String);

fn facts(model: &Model, painter: &Painter<'_>, instance: &Instance, room: u16) -> Vec<Fact> {
    let tone: Tone = instance.phase.health().into();
    let glyph = painter.theme.glyphs.health(instance.phase.health());
    let lasts = text::span_exactly(model.now.duration_since(instance.since));
    let said = format!("{glyph} {} for {lasts}", instance.phase.word());
    let mut facts = vec![("phase", tone, said)];
    match &instance.phase {
        Phase::Failed(failure) => facts.extend(failed(failure, room)),
        Phase::Degraded { reason } => facts.extend(wrapped("why", Tone::Bad, reason, room)),
        Phase::Interrupted { .. } => {
            let column = chosen(std::iter::once(Field::Phase)).next();
            let context = CellContext { now: model.now, glyphs: painter.theme.glyphs };
            facts.extend(
                column.map(|column| {
                    ("notice", tone, (column.cell)(instance, &context, u16::MAX).text)
                }),
            );
        }
        _ => {}
    }
    match &instance.machine {
        Some(machine) => facts.extend(of_machine(machine, room)),
        None => facts.push(("region", Tone::Plain, instance.region.to_string())),
    }
    let made = |order: &&PendingCreate| instance.machine.as_ref().is_some_and(|it| order.made(it));
    if let Some(order) = model.unfinished().find(made) {
        let said = format!("one of {} of a create that was cut short", order.count);
        facts.push(("create", Tone::Waiting, said));
    }
    if !instance.cost.accrued.is_unknown() && instance.cost.accrued.usd > 0.0 {
        let (hourly, accrued) = (dollars(instance.cost.hourly), dollars(instance.cost.accrued));
        facts.push(("cost", Tone::Plain, format!("{hourly}/h now, {accrued} so far")));
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
    match &instance.vitals {
        Some((at, vitals)) => {
            facts.extend(of_node(painter, model.now.duration_since(*at), vitals, room));
        }
        None if instance.phase == Phase::Running && instance.host_key.is_none() => {
            facts.extend(wrapped("node", Tone::Dim, UNKNOWN_HOST, room));
        }
        None => {}
    }
    if let Some(host_key) = &instance.host_key {
        let trust = match host_key.trust {
            HostKeyTrust::Console => "verified by the console",
            HostKeyTrust::Pinned => "pinned, unverified",
        };
        let said = format!("{}, {trust}", host_key.fingerprint);
        facts.extend(wrapped("host key", Tone::Plain, &said, room));
    }
    facts
}

/// Why a node is not looked at that was found by its tags: it may be another's, half deployed.
const UNKNOWN_HOST: &str = "not watched: its host key was recorded elsewhere; h asks its console \
                            and looks, a create takes it up";

fn failed(failure: &Failure, room: u16) -> Vec<Fact> {
    let why = format!("{}: {}", failure.step, failure.reason);
    let mut facts = wrapped("why", Tone::Bad, &why, room);
    if !failure.hint.is_empty() {
        facts.extend(wrapped("to do", Tone::Strong, &failure.hint, room));
    }
    facts
}

/// The most lines that a fact takes.
const LINES: usize = 5;

/// A text on a few lines, its label before the first.
fn wrapped(label: &'static str, tone: Tone, said: &str, room: u16) -> Vec<Fact> {
    let lines = text::wrap(&clean(said, 1024), room.into()).into_iter().take(LINES);
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels.zip(lines).map(|(label, line)| (label, tone, line)).collect()
}

/// How its node is: the services by name, its load, and what the orchestrator says.
fn of_node(painter: &Painter<'_>, ago: SignedDuration, vitals: &Vitals, room: u16) -> Vec<Fact> {
    let glyphs = painter.theme.glyphs;
    let checks = vitals.verdict();
    let sign = |good| if good { glyphs.well } else { glyphs.health(Health::Bad) };
    let named: Vec<String> =
        checks.iter().map(|check| format!("{} {}", sign(check.good), check.name)).collect();
    let tone = if checks.iter().all(|check| check.good) { Tone::Good } else { Tone::Bad };
    let mut facts = wrapped("services", tone, &named.join("  "), room);
    let percent = |what: &str, used: Option<u8>| used.map(|used| format!("{what} {used} %"));
    let space = |space: Option<Usage>| space.map(Usage::used_percent);
    let load: Vec<String> = [
        percent("CPU", vitals.cpu_percent),
        percent("memory", space(vitals.memory)),
        percent("disk", space(vitals.disk)),
        vitals.sensor_rate.map(|rate| format!("{rate:.1} readings/s")),
        vitals.membership.as_ref().map(|membership| format!("node {membership}")),
        vitals.spot_notice.as_ref().map(|at| format!("AWS takes it back at {at}")),
        Some(format!("seen {} ago", text::span(ago))),
    ]
    .into_iter()
    .flatten()
    .collect();
    facts.extend(wrapped("node", Tone::Plain, &load.join(", "), room));
    if let Some(since) = &vitals.rebalance {
        let text = format!("AWS recommends to replace it, since {}", clean(since, 32));
        facts.extend(wrapped("market", Tone::Waiting, &text, room));
    }
    facts
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
    let reason = seen.state_reason.as_deref().map(|reason| format!(" ({})", clean(reason, 64)));
    let state = format!(
        "{}{}, launched {launched}{}",
        seen.state,
        reason.unwrap_or_default(),
        creator.unwrap_or_default()
    );
    let mut facts = wrapped("machine", Tone::Plain, &kind, room);
    if let Some(name) = &machine.name {
        facts.extend(wrapped("name", Tone::Plain, name, room));
    }
    if !addresses.is_empty() {
        facts.extend(wrapped("address", Tone::Plain, &addresses.join(", "), room));
    }
    facts.extend(wrapped("EC2", Tone::Plain, &state, room));
    facts
}

/// One line of the story.
fn draw_line(painter: &mut Painter<'_>, area: Rect, line: u16, entry: &Story<'_>) {
    match entry {
        Story::Heading(title) => painter.rule(area, line, (Tone::Dim, title), ""),
        Story::Phase(at, phase, lasted) => {
            let glyph = painter.theme.glyphs.health(phase.health());
            let tone = phase.health().into();
            let said = match phase {
                // What to do is said above.
                Phase::Failed(failure) => format!("Failed: {}: {}", failure.step, failure.reason),
                // How much of it is done now says nothing of then.
                Phase::Uploading(_) => phase.word().to_owned(),
                other => other.to_string(),
            };
            let said = clean(&said, 1024);
            painter.text(area, 1, line, Tone::Dim, &text::clock(*at));
            painter.text(area, FACTS, line, Tone::Dim, &text::span_exactly(*lasted));
            painter.text(area, FACTS + 9, line, tone, &format!("{glyph} {said}"));
        }
        Story::Attempt(attempt) => {
            let (given, asked) = (attempt.given, attempt.asked);
            let (machine_type, zone) = (&attempt.machine_type, &attempt.zone);
            let code = attempt.code.as_deref().unwrap_or("granted");
            let message = attempt.message.as_deref().unwrap_or_default();
            let said = format!("{given} of {asked} {machine_type} in {zone}  {code}  {message}");
            let tone = if attempt.code.is_some() { Tone::Waiting } else { Tone::Good };
            painter.text(area, 1, line, Tone::Dim, &text::clock(attempt.at));
            painter.text(area, FACTS, line, tone, &clean(&said, 1024));
        }
    }
}
