//! The columns of an instance, as data: drawn by the table and printed by the headless commands.

use jiff::Timestamp;

use super::grid::{Cell, Column};
use super::text;
use super::theme::{Glyphs, Theme, Tone};
use crate::app::{Field, birth, membership};
use crate::fleet::identity::City;
use crate::fleet::vitals::NodeMembership;
use crate::fleet::{Amount, Health, Instance, Machine, Phase};

/// What a cell is drawn with besides its row.
#[derive(Debug, Clone)]
pub struct CellContext {
    /// The moment, for ages and countdowns.
    pub now: Timestamp,
    /// The signs.
    pub glyphs: &'static Glyphs,
}

/// The columns: one for each field.
pub static INSTANCE: [Column<Instance, CellContext>; 18] = [
    column(Field::Region, "REGION", [14, 14, 14], 0, |row, _, _| Cell::plain(row.region.as_str())),
    column(Field::Zone, "ZONE", [4, 4, 4], 6, zone),
    column(Field::Instance, "INSTANCE", [10, 19, 19], 2, instance),
    column(Field::Name, "NAME", [10, 16, 24], 10, |row, context, _| {
        known(row, context, |machine| machine.name.as_deref())
    }),
    column(Field::City, "CITY", [8, 12, 14], 8, |row, context, _| {
        Cell::known(row.id().map(|id| City::of(id).name), context.glyphs)
    }),
    column(Field::Phase, "PHASE", [20, 31, 64], 1, phase),
    column(Field::Since, "FOR", [4, 4, 4], 8, |row, context, _| {
        Cell::plain(text::span(context.now.duration_since(row.since)))
    })
    .right(),
    column(Field::Type, "TYPE", [10, 12, 12], 5, |row, context, _| {
        known(row, context, |machine| Some(machine.machine_type.as_str()))
    }),
    column(Field::Lifecycle, "PAID AS", [9, 9, 15], 11, |row, context, _| {
        known(row, context, |machine| Some(machine.birth.lifecycle.word()))
    }),
    column(Field::Address, "ADDRESS", [15, 15, 15], 3, |row, context, _| {
        Cell::known(row.address().map(|address| address.to_string()), context.glyphs)
    }),
    column(Field::Private, "PRIVATE", [15, 15, 15], 12, |row, context, _| {
        let address = row.machine.as_ref().and_then(|machine| machine.seen.private_ip);
        Cell::known(address.map(|address| address.to_string()), context.glyphs)
    }),
    column(Field::Age, "AGE", [4, 4, 4], 4, |row, context, _| {
        Cell::plain(text::span(context.now.duration_since(birth(row))))
    })
    .right(),
    column(Field::Hourly, "$/H", [7, 7, 7], 7, |row, context, _| {
        amount(row.machine.is_some().then_some(row.cost.hourly), 4, context)
    })
    .right(),
    column(Field::Cost, "COST $", [7, 7, 9], 10, |row, context, _| {
        amount(row.machine.is_some().then_some(row.cost.accrued), 2, context)
    })
    .right(),
    column(Field::Services, "C D B S", [7, 7, 7], 6, services),
    column(Field::Node, "NODE", [9, 12, 18], 9, |row, context, _| match membership(row) {
        Some(NodeMembership::Connected) => Cell::toned(Tone::Good, "connected"),
        Some(other) => Cell::toned(Tone::Bad, other.to_string()),
        None => Cell::known(None::<&str>, context.glyphs),
    }),
    column(Field::Creator, "CREATOR", [10, 10, 16], 9, |row, context, _| {
        known(row, context, |machine| machine.birth.creator.as_deref())
    }),
    column(Field::Output, "LAST LINE", [30, 60, 120], 20, |row, _, _| {
        // What it said on its way does not matter once it is there, or gone.
        let matters = !matches!(row.phase.health(), Health::Good | Health::Ending);
        let line = row.last_line.as_deref().filter(|_| matters);
        Cell::toned(Tone::Dim, line.unwrap_or_default())
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
    let checks = row.vitals.as_ref().map(|(_, vitals)| vitals.verdict());
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
    let tone = match states {
        _ if states.contains(&Some(false)) => missing.into(),
        _ if states.contains(&None) => Tone::Dim,
        _ => Tone::Good,
    };
    Cell::toned(tone, states.map(sign).join(" "))
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
    if field == Field::Phase {
        return phase_words(instance, now);
    }
    let context = CellContext { now, glyphs: Theme::colours().ascii().glyphs };
    let column = chosen(std::iter::once(field)).next();
    let text = column.map(|column| (column.cell)(instance, &context, u16::MAX).text);
    text.filter(|text| text != context.glyphs.none).unwrap_or_default()
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
const BAR: u16 = 29;
/// The cells of a bar.
const CELLS: usize = 8;

/// Glyph, word, and what there is to say: a countdown, a reason, or a bar for the whole way to
/// Ready and, while bytes are counted, how much of the upload is done.
fn phase(row: &Instance, context: &CellContext, width: u16) -> Cell {
    let glyph = context.glyphs.health(row.phase.health());
    let tone = row.phase.health().into();
    let Some(done) = row.phase.progress() else {
        return Cell::toned(tone, format!("{glyph} {}", phase_words(row, context.now)));
    };
    let bytes = match &row.phase {
        Phase::Uploading(transfer) => format!(" {:>3} %", transfer.percent()),
        _ => String::new(),
    };
    let mut text = format!("{glyph} {:<11}", row.phase.word());
    if width >= BAR {
        let full = usize::from(done) * CELLS / 100;
        text.push(' ');
        text.push_str(&context.glyphs.bar[0].repeat(full));
        text.push_str(&context.glyphs.bar[1].repeat(CELLS.saturating_sub(full)));
    }
    Cell::toned(tone, text + &bytes)
}

fn phase_words(row: &Instance, now: Timestamp) -> String {
    match &row.phase {
        Phase::Interrupted { at: Some(at) } if *at > now => {
            format!("Interrupted, {} left", text::countdown(at.duration_since(now)))
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
        let context = CellContext { now: Timestamp::UNIX_EPOCH, glyphs: Theme::colours().glyphs };
        super::phase(&row(phase), &context, width).text
    }

    #[test]
    fn a_phase_says_how_far_it_is_where_there_is_room() {
        let uploading = Phase::Uploading(Transfer { sent: 62, total: 100 });
        assert_eq!(drawn(uploading.clone(), 30), "◐ Uploading   ▰▰▰▰▱▱▱▱  62 %");
        assert_eq!(drawn(uploading, 20), "◐ Uploading    62 %");
        assert_eq!(drawn(Phase::Configuring, 30), "◐ Configuring ▰▰▰▰▰▱▱▱");
        assert_eq!(drawn(Phase::Ready, 30), "● Ready");
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
