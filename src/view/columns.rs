//! The columns of an instance, as data: drawn by the table and printed by the headless commands.

use jiff::{SignedDuration, Timestamp};

use super::graph::bars;
use super::grid::{Cell, Column};
use super::text;
use super::theme::{Glyphs, Theme, Tone};
use crate::app::{Field, birth, current, disk, measured, membership, memory, rate};
use crate::fleet::identity::City;
use crate::fleet::vitals::{NodeMembership, Vitals};
use crate::fleet::{Amount, Health, Instance, Machine, Phase};

/// What a cell is drawn with besides its row.
#[derive(Debug, Clone)]
pub struct CellContext {
    /// The moment, for ages and countdowns.
    pub now: Timestamp,
    /// The signs.
    pub glyphs: &'static Glyphs,
    /// Whether what is at work turns its sign.
    pub turns: bool,
}

impl CellContext {
    /// The sign of a row's state.
    fn sign(&self, health: Health) -> &'static str {
        match health {
            Health::Working if self.turns => self.glyphs.turning(self.now.as_second()),
            health => self.glyphs.health(health),
        }
    }
}

/// The columns: one for each field.
pub static INSTANCE: [Column<Instance, CellContext>; 26] = [
    column(Field::Region, "REGION", [14, 0, 16], 0, region),
    column(Field::Zone, "ZONE", [4, 0, 4], 10, zone),
    column(Field::Instance, "INSTANCE", [10, 0, 19], 2, instance).whole(),
    column(Field::Name, "NAME", [10, 0, 24], 11, |row, context, _| {
        known(row, context, |machine| machine.name.as_deref())
    }),
    column(Field::City, "SENSOR", [8, 0, 16], 13, |row, context, _| {
        Cell::known(row.id().map(|id| City::of(id).name), context.glyphs)
    }),
    column(Field::Phase, "PHASE", [20, 36, 160], 1, phase).elastic(),
    column(Field::Since, "FOR", [4, 0, 4], 9, |row, context, _| {
        Cell::plain(text::span(context.now.duration_since(row.since)))
    })
    .right(),
    column(Field::Cpu, "CPU", [4, 0, 10], 6, cpu).right(),
    column(Field::Cpu5m, "CPU 5M", [6, 0, 6], 15, |row, context, _| {
        let percent = measured(Field::Cpu5m, row, context.now);
        Cell::known(percent.map(|percent| format!("{percent:.0} %")), context.glyphs)
    })
    .right(),
    column(Field::NetIn, "NET IN", [6, 0, 9], 16, |row, context, _| {
        traffic(measured(Field::NetIn, row, context.now), context)
    })
    .right(),
    column(Field::NetOut, "NET OUT", [7, 0, 9], 17, |row, context, _| {
        traffic(measured(Field::NetOut, row, context.now), context)
    })
    .right(),
    column(Field::Credits, "CREDITS", [7, 0, 7], 15, credits).right(),
    column(Field::Memory, "MEM", [4, 0, 5], 8, |row, context, _| percent(memory(row), context))
        .right(),
    column(Field::Disk, "DISK", [4, 0, 5], 12, |row, context, _| percent(disk(row), context))
        .right(),
    column(Field::Rate, "RATE", [5, 0, 7], 14, |row, context, _| {
        let rate = rate(row);
        Cell::known(rate.map(|rate| format!("{rate:.1}/s")), context.glyphs)
    })
    .right(),
    column(Field::Type, "TYPE", [8, 0, 14], 7, |row, context, _| {
        known(row, context, |machine| Some(machine.machine_type.as_str()))
    }),
    column(Field::Lifecycle, "PAID AS", [7, 0, 15], 12, |row, context, _| {
        known(row, context, |machine| Some(machine.birth.lifecycle.word()))
    }),
    column(Field::Address, "ADDRESS", [15, 0, 39], 3, |row, context, _| {
        Cell::known(row.address().map(|address| address.to_string()), context.glyphs)
    }),
    column(Field::Private, "PRIVATE", [15, 0, 39], 13, |row, context, _| {
        let address = row.machine.as_ref().and_then(|machine| machine.seen.private_ip);
        Cell::known(address.map(|address| address.to_string()), context.glyphs)
    }),
    column(Field::Age, "AGE", [4, 0, 5], 4, |row, context, _| {
        Cell::plain(text::span(age(row, context.now)))
    })
    .right(),
    column(Field::Hourly, "$/H", [6, 0, 9], 5, |row, context, _| {
        amount(row.machine.is_some().then_some(row.cost.hourly), 4, context)
    })
    .right(),
    column(Field::Cost, "COST $", [6, 0, 9], 11, |row, context, _| {
        amount(row.machine.is_some().then_some(row.cost.accrued), 2, context)
    })
    .right(),
    column(Field::Services, "C D B S", [8, 0, 8], 5, services),
    column(Field::Node, "NODE", [9, 0, 18], 10, |row, context, _| match membership(row) {
        Some(NodeMembership::Connected) => Cell::toned(Tone::Good, "connected"),
        Some(other) => Cell::toned(Tone::Bad, other.to_string()),
        None => Cell::known(None::<&str>, context.glyphs),
    }),
    column(Field::Creator, "CREATOR", [7, 0, 16], 10, |row, context, _| {
        known(row, context, |machine| machine.birth.creator.as_deref())
    }),
    column(Field::Output, "LAST LINE", [20, 0, 120], 20, |row, _, _| {
        // What it said on its way does not matter once it is there, or gone.
        let matters = !matches!(row.phase.health(), Health::Good | Health::Ending);
        let line = row.last_line.as_deref().filter(|_| matters);
        Cell::toned(Tone::Dim, line.map(text::unstamped).unwrap_or_default())
    }),
];

const fn column(
    field: Field,
    heading: &'static str,
    widths: [u16; 3],
    rank: u8,
    cell: fn(&Instance, &CellContext, u16) -> Cell,
) -> Column<Instance, CellContext> {
    let column = Column::text(heading, heading, widths, rank, cell);
    Column { field: Some(field), ..column }
}

/// The columns in an order.
pub fn chosen<'a>(
    fields: impl Iterator<Item = Field> + 'a,
) -> impl Iterator<Item = &'a Column<Instance, CellContext>> {
    fields.filter_map(|field| INSTANCE.iter().find(|column| column.field == Some(field)))
}

/// The parts of a node that have a sign each, by the names of their checks.
pub const SERVICES: [&str; 4] = ["cloud-init", "docker", "bacalhau", "sensor"];

/// A sign for each service: well, not well, or not yet while it is being set up, not known.
fn services(row: &Instance, context: &CellContext, _: u16) -> Cell {
    let checks = current(row).map(Vitals::verdict);
    let state = |name: &str| {
        let check = checks.as_ref()?.iter().find(|check| check.name == name)?;
        Some(check.good)
    };
    let states = SERVICES.map(state);
    let missing = if row.phase.is_deploying() { Health::Working } else { Health::Bad };
    let sign = |state: Option<bool>| match state {
        Some(true) => context.glyphs.well,
        Some(false) => context.glyphs.health(missing),
        None => context.glyphs.unknown,
    };
    let tone = |state: Option<bool>| match state {
        Some(true) => Tone::Good,
        Some(false) => missing.into(),
        None => Tone::Dim,
    };
    let signs = states.map(|state| (tone(state), format!("{} ", sign(state))));
    Cell { more: signs.to_vec(), ..Cell::default() }
}

/// How old it is, or became.
fn age(row: &Instance, now: Timestamp) -> SignedDuration {
    let end = if row.phase.is_over() { row.since } else { now };
    end.duration_since(birth(row))
}

/// The columns of the graph of the processors' work.
const GRAPH: usize = 4;
/// From so many percent on a part is about to be full.
const FULL: u8 = 90;

/// The work of its processors at the last looks, where there is room, and at the newest.
fn cpu(row: &Instance, context: &CellContext, width: u16) -> Cell {
    let newest = row.cpu.last().copied().filter(|_| current(row).is_some());
    let Cell { text: said, tone, .. } = percent(newest, context);
    if newest.is_none() || usize::from(width) < GRAPH + 1 + text::width(&said) {
        return Cell::toned(tone, said);
    }
    let shares: Vec<f64> = row.cpu.iter().map(|percent| f64::from(*percent) / 100.0).collect();
    Cell::toned(tone, format!("{} {said:>5}", bars(&shares, GRAPH, context.glyphs)))
}

/// Bytes a second, where they are known.
fn traffic(bytes: Option<f64>, context: &CellContext) -> Cell {
    Cell::known(bytes.map(text::per_second), context.glyphs)
}

/// So few CPU credits are about to be gone: the processors of a t3.medium work on for ten minutes.
const FEW_CREDITS: f64 = 20.0;

/// The CPU credits that a burstable type has left: without any, it works at its baseline.
fn credits(row: &Instance, context: &CellContext, _: u16) -> Cell {
    let left = measured(Field::Credits, row, context.now);
    let cell = Cell::known(left.map(|left| format!("{left:.0}")), context.glyphs);
    let few = left.is_some_and(|left| left < FEW_CREDITS);
    Cell { tone: if few { Tone::Waiting } else { cell.tone }, ..cell }
}

/// A share of something that can be full.
fn percent(percent: Option<u8>, context: &CellContext) -> Cell {
    let full = percent.is_some_and(|percent| percent >= FULL);
    let cell = Cell::known(percent.map(|percent| format!("{percent} %")), context.glyphs);
    Cell { tone: if full { Tone::Waiting } else { cell.tone }, ..cell }
}

/// A sum of money; with a plus where something is not in it because its price is not known.
fn amount(amount: Option<Amount>, digits: usize, context: &CellContext) -> Cell {
    let known = amount.filter(|amount| !amount.is_unknown());
    let said =
        known.map(|it| format!("{:.digits$}{}", it.usd, if it.is_partial { "+" } else { "" }));
    Cell::known(said, context.glyphs)
}

/// What EC2 tells of it, made safe: tags are anybody's text.
fn known(row: &Instance, context: &CellContext, read: fn(&Machine) -> Option<&str>) -> Cell {
    let said = row.machine.as_ref().and_then(read);
    Cell::known(said.map(|said| crate::app::clean(said, 256)), context.glyphs)
}

/// What a column shows of an instance, as text for a line of output: without colours, glyphs or a
/// limit. Empty for what is not known.
pub fn text(field: Field, instance: &Instance, now: Timestamp) -> String {
    match field {
        Field::Phase => return phase_words(instance, now),
        // Its zone is a column of its own.
        Field::Region => return instance.region.to_string(),
        _ => {}
    }
    let context = CellContext { now, glyphs: Theme::colours().ascii().glyphs, turns: false };
    let column = chosen(std::iter::once(field)).next();
    let text = column.map(|column| (column.cell)(instance, &context, u16::MAX).whole());
    text.filter(|text| text != context.glyphs.none).unwrap_or_default()
}

/// Where it is, as AWS's users say it: the zone, which begins with the region's name.
fn region(row: &Instance, _: &CellContext, _: u16) -> Cell {
    let zone = row.machine.as_ref().map(|machine| machine.zone.as_str());
    let region = row.region.as_str();
    Cell::plain(zone.filter(|zone| zone.starts_with(region)).unwrap_or(region))
}

fn zone(row: &Instance, context: &CellContext, _: u16) -> Cell {
    let zone = row.machine.as_ref().map(|machine| machine.zone.letter(&row.region));
    Cell::known(zone, context.glyphs)
}

/// The id, short where the column is narrow.
fn instance(row: &Instance, context: &CellContext, width: u16) -> Cell {
    Cell::known(
        row.id().map(
            |id| {
                if usize::from(width) < id.as_str().len() { id.short() } else { id.as_str() }
            },
        ),
        context.glyphs,
    )
}

/// The narrowest column that has room for a bar.
const BAR: u16 = 22;
/// The cells of a bar.
const CELLS: usize = 8;
/// The least room in which a step can be read.
const STEP: usize = 10;

/// Glyph, word, and what there is to say: a countdown, a reason, or a bar for the whole way to
/// Ready, how much of the upload is done, and the step that the node is at.
fn phase(row: &Instance, context: &CellContext, width: u16) -> Cell {
    let glyph = context.sign(row.phase.health());
    let tone = row.phase.health().into();
    let Some(done) = row.phase.progress() else {
        return Cell::toned(tone, format!("{glyph} {}", phase_words(row, context.now)));
    };
    let mut said = format!("{glyph} {:<11}", row.phase.word());
    if width >= BAR {
        let full = usize::from(done) * CELLS / 100;
        said.push(' ');
        said.push_str(&context.glyphs.bar[0].repeat(full));
        said.push_str(&context.glyphs.bar[1].repeat(CELLS.saturating_sub(full)));
    }
    match (&row.phase, &row.last_line) {
        (Phase::Uploading(transfer), _) => {
            said = format!("{said} {:>3} %", transfer.percent());
        }
        (_, Some(line)) if usize::from(width) >= text::width(&said) + 2 + STEP => {
            said.push_str("  ");
            said.push_str(&text::step(line, context.glyphs.well));
        }
        _ => {}
    }
    Cell::toned(tone, said)
}

/// Its phase in words, and what there is to say about it.
pub fn phase_words(row: &Instance, now: Timestamp) -> String {
    match &row.phase {
        Phase::Interrupted { at: Some(at) } if *at > now => {
            format!("Interrupted, {} left", text::countdown(at.duration_since(now)))
        }
        // What AWS took is told from what was destroyed.
        Phase::Terminated if row.is_interrupted() => {
            format!("Reclaimed by AWS {} ago", text::span(now.duration_since(row.since)))
        }
        Phase::Failed(failure) => crate::app::clean(&format!("Failed: {}", failure.reason), 1024),
        other if other.health() == Health::Bad => crate::app::clean(&other.to_string(), 1024),
        other => other.to_string(),
    }
}

/// The headings of these columns, in this order.
pub fn headings(fields: &[Field]) -> Vec<String> {
    chosen(fields.iter().copied()).map(|column| column.heading.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Failure, FailureKind, Step, Transfer};

    fn row(phase: Phase) -> Instance {
        let epoch = Timestamp::UNIX_EPOCH;
        let mut row = Instance::planned("a".into(), "us-west-2".into(), "spot-1".into(), epoch);
        row.phase = phase;
        row
    }

    fn drawn(phase: Phase, width: u16) -> String {
        let context = CellContext {
            now: Timestamp::UNIX_EPOCH,
            glyphs: Theme::colours().glyphs,
            turns: false,
        };
        super::phase(&row(phase), &context, width).text
    }

    #[test]
    fn a_phase_says_how_far_it_is_where_there_is_room() {
        let uploading = Phase::Uploading(Transfer { sent: 62, total: 100 });
        assert_eq!(drawn(uploading.clone(), 30), "◐ Uploading   ▰▰▰▰▱▱▱▱  62 %");
        let mut row = row(Phase::Configuring);
        row.last_line = Some("2026-11-28T03:57:40Z STEP cloud-init".into());
        let context = CellContext {
            now: Timestamp::UNIX_EPOCH,
            glyphs: Theme::colours().glyphs,
            turns: false,
        };
        let said = |width| super::phase(&row, &context, width).text;
        assert_eq!(said(60), "◐ Configuring ▰▰▰▰▰▱▱▱  cloud-init");
        assert_eq!(said(30), "◐ Configuring ▰▰▰▰▰▱▱▱", "no step where it could not be read");
        assert_eq!(drawn(uploading, 20), "◐ Uploading    62 %");
        assert_eq!(drawn(Phase::Configuring, 30), "◐ Configuring ▰▰▰▰▰▱▱▱");
        assert_eq!(drawn(Phase::Ready, 30), "● Ready");
    }

    #[test]
    fn what_is_gone_has_no_service_that_works_and_grows_no_older() {
        let context = CellContext {
            now: Timestamp::from_second(7_200).unwrap(),
            glyphs: Theme::colours().glyphs,
            turns: false,
        };
        let seen = Vitals { docker: Some("29".into()), ..Vitals::default() };
        let mut row = row(Phase::Ready);
        row.vitals = Some((Timestamp::UNIX_EPOCH, seen));
        let signs = |row: &Instance| -> String {
            super::services(row, &context, 8).more.into_iter().map(|(_, sign)| sign).collect()
        };
        assert!(signs(&row).contains('✓'));
        row.phase = Phase::Terminated;
        assert_eq!(signs(&row), "· · · · ");
        assert_eq!(super::age(&row, context.now), SignedDuration::ZERO);
    }

    #[test]
    fn a_countdown_ends_at_its_time() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        assert_eq!(drawn(Phase::Interrupted { at: at(102) }, 30), "◷ Interrupted, 1:42 left");
        assert_eq!(drawn(Phase::Interrupted { at: at(-5) }, 30), "◷ Interrupted");
    }

    #[test]
    fn the_headless_commands_get_words_without_signs() {
        let failed = row(Phase::Failed(Failure::new(
            FailureKind::Capacity,
            Step::Launch,
            "no \x1b[1mcapacity",
            "",
        )));
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(text(Field::Phase, &failed, now), "Failed: no capacity");
        assert_eq!(text(Field::Address, &failed, now), "");
        assert_eq!(text(Field::Region, &failed, now), "us-west-2");
    }

    #[test]
    fn each_field_has_one_column() {
        assert_eq!(chosen(Field::ALL.iter().copied()).count(), INSTANCE.len());
    }
}
