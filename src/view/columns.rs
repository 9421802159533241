//! The columns of an instance, as data: drawn by the table and printed by the headless commands.

use jiff::Timestamp;

use super::grid::{Align, Cell, Column};
use super::text;
use super::theme::{Glyphs, Theme, Tone};
use crate::app::SortKey;
use crate::fleet::{Health, Instance, Phase};

/// What a cell is drawn with besides its row.
#[derive(Debug, Clone)]
pub struct Look {
    /// The moment, for ages and countdowns.
    pub now: Timestamp,
    /// The signs.
    pub glyphs: &'static Glyphs,
}

/// The columns, in the order in which they are drawn.
pub static INSTANCE: [Column<Instance, Look>; 9] = [
    Column {
        id: "region",
        heading: "REGION",
        align: Align::Left,
        widths: [14, 14, 14],
        rank: 0,
        sort: Some(SortKey::Region),
        cell: |row, _, _| Cell::plain(row.region.as_str()),
    },
    Column {
        id: "zone",
        heading: "ZONE",
        align: Align::Left,
        widths: [4, 4, 4],
        rank: 6,
        sort: None,
        cell: zone,
    },
    Column {
        id: "instance",
        heading: "INSTANCE",
        align: Align::Left,
        widths: [10, 19, 19],
        rank: 2,
        sort: Some(SortKey::Instance),
        cell: instance,
    },
    Column {
        id: "phase",
        heading: "PHASE",
        align: Align::Left,
        widths: [20, 31, 64],
        rank: 1,
        sort: Some(SortKey::Phase),
        cell: phase,
    },
    Column {
        id: "type",
        heading: "TYPE",
        align: Align::Left,
        widths: [10, 12, 12],
        rank: 5,
        sort: Some(SortKey::Type),
        cell: |row, look, _| {
            let machine = row.machine.as_ref();
            Cell::known(machine.map(|machine| machine.machine_type.as_str()), look.glyphs)
        },
    },
    Column {
        id: "address",
        heading: "ADDRESS",
        align: Align::Left,
        widths: [15, 15, 15],
        rank: 3,
        sort: Some(SortKey::Address),
        cell: |row, look, _| {
            Cell::known(row.address().map(|address| address.to_string()), look.glyphs)
        },
    },
    Column {
        id: "age",
        heading: "AGE",
        align: Align::Right,
        widths: [4, 4, 4],
        rank: 4,
        sort: Some(SortKey::Age),
        cell: age,
    },
    Column {
        id: "creator",
        heading: "CREATOR",
        align: Align::Left,
        widths: [10, 10, 16],
        rank: 7,
        sort: None,
        cell: |row, look, _| {
            let machine = row.machine.as_ref();
            let creator = machine.and_then(|machine| machine.creator.as_deref());
            Cell::known(creator.map(|creator| crate::app::clean(creator, 256)), look.glyphs)
        },
    },
    Column {
        id: "output",
        heading: "LAST LINE",
        align: Align::Left,
        widths: [36, 60, 120],
        rank: 8,
        sort: None,
        cell: |row, _, _| {
            // What it said on its way does not matter once it is there, or gone.
            let matters = !matches!(row.phase.health(), Health::Good | Health::Ending);
            let line = row.last_line.as_deref().filter(|_| matters);
            Cell::toned(Tone::Dim, line.unwrap_or_default())
        },
    },
];

/// What a column shows of an instance, as text for a line of output: without colours, glyphs or a
/// limit. Empty for what is not known, and for a column that does not exist.
pub fn text(column: &str, instance: &Instance, now: Timestamp) -> String {
    let look = Look { now, glyphs: Theme::colours().ascii().glyphs };
    match (INSTANCE.iter().find(|entry| entry.id == column), column) {
        (Some(_), "phase") => phase_words(instance, now),
        (Some(entry), _) => {
            let text = (entry.cell)(instance, &look, u16::MAX).text;
            if text == look.glyphs.none { String::new() } else { text }
        }
        (None, _) => String::new(),
    }
}

fn zone(row: &Instance, look: &Look, _: u16) -> Cell {
    let zone = row.machine.as_ref().map(|machine| machine.zone.letter(&row.region));
    Cell::known(zone, look.glyphs)
}

/// The id, short where the column is narrow.
fn instance(row: &Instance, look: &Look, width: u16) -> Cell {
    Cell::known(
        row.id().map(
            |id| {
                if usize::from(width) < id.as_str().len() { id.short() } else { id.as_str() }
            },
        ),
        look.glyphs,
    )
}

/// Since its launch, or in the plan.
fn age(row: &Instance, look: &Look, _: u16) -> Cell {
    let born = row.machine.as_ref().map_or_else(
        || row.timeline.first().map_or(row.since, |(at, _)| *at),
        |machine| machine.launched,
    );
    Cell::plain(text::span(look.now.duration_since(born)))
}

/// The narrowest column that has room for a bar.
const BAR: u16 = 29;
/// The cells of a bar.
const CELLS: usize = 8;

/// Glyph, word, and what there is to say: a countdown, a reason, or a bar for the whole way to
/// Ready and, while bytes are counted, how much of the upload is done.
fn phase(row: &Instance, look: &Look, width: u16) -> Cell {
    let glyph = look.glyphs.health(row.phase.health());
    let tone = row.phase.health().into();
    let Some(done) = row.phase.progress() else {
        return Cell::toned(tone, format!("{glyph} {}", phase_words(row, look.now)));
    };
    let bytes = match &row.phase {
        Phase::Uploading(transfer) => format!(" {:>3} %", transfer.percent()),
        _ => String::new(),
    };
    let mut text = format!("{glyph} {:<11}", row.phase.word());
    if width >= BAR {
        let full = usize::from(done) * CELLS / 100;
        text.push(' ');
        text.push_str(&look.glyphs.bar[0].repeat(full));
        text.push_str(&look.glyphs.bar[1].repeat(CELLS.saturating_sub(full)));
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
pub fn headings(columns: &[&str]) -> Vec<String> {
    let heading = |id: &&str| {
        let known = INSTANCE.iter().find(|column| column.id == *id);
        known.map_or_else(String::new, |column| column.heading.to_owned())
    };
    columns.iter().map(heading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Failure, Step, Transfer};

    fn row(phase: Phase) -> Instance {
        let epoch = Timestamp::UNIX_EPOCH;
        let mut row = Instance::planned("a".into(), "us-west-2".into(), "spot-1".into(), epoch);
        row.phase = phase;
        row
    }

    fn drawn(phase: Phase, width: u16) -> String {
        let look = Look { now: Timestamp::UNIX_EPOCH, glyphs: Theme::colours().glyphs };
        super::phase(&row(phase), &look, width).text
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
        let failed = row(Phase::Failed(Failure::new(Step::Launch, "no \x1b[1mcapacity", "")));
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(text("phase", &failed, now), "Failed: no capacity");
        assert_eq!(text("address", &failed, now), "");
        assert_eq!(text("region", &failed, now), "us-west-2");
        assert_eq!(text("no such column", &failed, now), "");
    }
}
