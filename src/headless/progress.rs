//! What a command works on, a line a region that moves: on a terminal, in the place of a line for
//! each step of each instance.
//!
//! It is text alone. Where the lines stand, and how they are drawn over, is the terminal's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::printer::in_colour;
use crate::app::{Model, clean};
use crate::fleet::{Health, Instance, InstanceKey, JobKind, Level, Phase, Region};
use crate::view::{Glyphs, text};

/// Cells of a bar.
const BAR: u32 = 20;
/// The longest reason that a line tells, in bytes.
const REASON: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Moving,
    Done,
    Failed,
}

/// What a command works on, by region.
#[derive(Debug, Clone, Default)]
pub struct RegionLines {
    /// Each row, and since when it is worked on.
    rows: BTreeMap<InstanceKey, Timestamp>,
}

impl RegionLines {
    /// Takes in what the jobs of this moment work on.
    pub fn note(&mut self, model: &Model) {
        for (_, job) in model.changing() {
            for key in &job.keys {
                self.rows.entry(key.clone()).or_insert(job.asked);
            }
            // One of everything names no rows.
            if job.kind == JobKind::Destroy && job.keys.is_empty() {
                let is_meant = |row: &&Instance| {
                    job.regions.as_ref().is_none_or(|regions| regions.contains(&row.region))
                };
                for row in model.fleet.alive().filter(is_meant) {
                    self.rows.entry(row.key.clone()).or_insert(job.asked);
                }
            }
        }
    }

    /// How things stand, a line a region.
    pub fn lines(&self, model: &Model) -> Vec<RegionLine> {
        let mut regions: BTreeMap<&Region, Vec<(&Instance, Timestamp)>> = BTreeMap::new();
        for (key, since) in &self.rows {
            if let Some(row) = model.fleet.get(key) {
                regions.entry(&row.region).or_default().push((row, *since));
            }
        }
        let width = regions.keys().map(|region| region.as_str().len()).max().unwrap_or_default();
        let regions = regions.into_iter();
        regions.map(|(region, rows)| RegionLine::of(region, width, &rows)).collect()
    }
}

/// Of a terminal, what lines are made for.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Columns that a line may take.
    pub columns: usize,
    /// Lines that there may be.
    pub lines: usize,
    /// The signs that it shows.
    pub glyphs: &'static Glyphs,
    /// Whether it shows colours.
    pub has_colours: bool,
}

/// The text of these lines. Where there is no room for all, what moves or failed goes first.
pub fn text_of(lines: &[RegionLine], now: Timestamp, room: Room) -> Vec<String> {
    let mut shown: Vec<&RegionLine> = lines.iter().collect();
    if shown.len() > room.lines {
        shown.sort_by_key(|line| line.state == State::Done);
        shown.truncate(room.lines.saturating_sub(1));
    }
    let left = lines.len() - shown.len();
    let mut told: Vec<String> = shown.iter().map(|line| line.text(now, room)).collect();
    if left > 0 {
        told.push(text::cut(&format!("  and {left} more"), room.columns, "").into_owned());
    }
    told
}

/// How a region stands.
#[derive(Debug)]
pub struct RegionLine {
    state: State,
    /// Name and padding.
    name: String,
    /// How far all of it is, of [`BAR`].
    full: u32,
    counts: String,
    begun: Timestamp,
    /// When the newest thing happened.
    newest: Timestamp,
    why: Option<String>,
}

impl RegionLine {
    fn of(region: &Region, width: usize, rows: &[(&Instance, Timestamp)]) -> Self {
        let phases = || rows.iter().map(|(row, _)| &row.phase);
        let failure = phases().find_map(|phase| match phase {
            Phase::Failed(failure) => Some(failure),
            _ => None,
        });
        let state = match failure {
            _ if phases().any(is_under_way) => State::Moving,
            Some(_) => State::Failed,
            None => State::Done,
        };
        let percent: u32 = phases().map(|phase| u32::from(percent(phase))).sum();
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX).max(1);
        Self {
            state,
            name: text::padded(region.as_str(), width),
            full: percent.saturating_mul(BAR) / count.saturating_mul(100),
            counts: counts(phases()),
            begun: rows.iter().map(|(_, since)| *since).min().unwrap_or_default(),
            newest: rows.iter().map(|(row, _)| row.since).max().unwrap_or_default(),
            why: failure.map(|failure| clean(&failure.reason, REASON)),
        }
    }

    /// Whether it goes on.
    pub fn is_moving(&self) -> bool {
        self.state == State::Moving
    }

    fn text(&self, now: Timestamp, room: Room) -> String {
        let Room { columns, glyphs, .. } = room;
        let (sign, level) = match self.state {
            State::Moving => (glyphs.turning(now.as_second()), Level::Info),
            State::Done => (glyphs.well, Level::Success),
            State::Failed => (glyphs.health(Health::Bad), Level::Error),
        };
        let [full, empty] = glyphs.bar;
        let bar = full.repeat(self.full as usize) + &empty.repeat((BAR - self.full) as usize);
        let until = if self.is_moving() { now } else { self.newest };
        let took = text::span_exactly(until.duration_since(self.begun));
        let why = self.why.iter().map(|why| format!("  {why}"));
        let rest = format!(" {}  {bar}  {}  {took}", self.name, self.counts);
        let rest: String = [rest].into_iter().chain(why).collect();
        let rest = text::cut(&rest, columns.saturating_sub(text::width(sign)), glyphs.cut);
        let sign = if room.has_colours { in_colour(level, sign) } else { sign.to_owned() };
        sign + &rest
    }
}

/// Whether a command that works on a row in this phase goes on with it.
fn is_under_way(phase: &Phase) -> bool {
    phase.is_deploying()
        || matches!(phase, Phase::Planned | Phase::Running | Phase::Stopping | Phase::Terminating)
}

fn percent(phase: &Phase) -> u8 {
    phase.progress().unwrap_or(match phase {
        Phase::Planned => 0,
        Phase::Running => 25,
        Phase::Stopping | Phase::Terminating => 50,
        _ => 100,
    })
}

/// `2 ready, 1 configuring`: what is furthest first.
fn counts<'a>(phases: impl Iterator<Item = &'a Phase>) -> String {
    let mut counts: Vec<(&'a Phase, usize)> = Vec::new();
    let mut seen = BTreeSet::new();
    for phase in phases {
        if seen.insert(phase.word()) {
            counts.push((phase, 0));
        }
        let known = counts.iter_mut().find(|(known, _)| known.word() == phase.word());
        if let Some((_, count)) = known {
            *count += 1;
        }
    }
    counts.sort_by_key(|(phase, _)| std::cmp::Reverse(percent(phase)));
    let told =
        counts.iter().map(|(phase, count)| format!("{count} {}", phase.word().to_lowercase()));
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ThemeName;
    use crate::view::{Ability, Theme};

    const BEGUN: Timestamp = Timestamp::UNIX_EPOCH;

    fn line(name: &str, state: State, full: u32, counts: &str, why: Option<&str>) -> RegionLine {
        let newest = Timestamp::from_second(112).unwrap();
        let (name, counts) = (name.to_owned(), counts.to_owned());
        RegionLine { state, name, full, counts, begun: BEGUN, newest, why: why.map(str::to_owned) }
    }

    fn room(columns: usize, lines: usize, unicode: bool) -> Room {
        let ability = Ability { colours: false, unicode, truecolour: false, links: false };
        let glyphs = Theme::named(ThemeName::Auto, ability).glyphs;
        Room { columns, lines, glyphs, has_colours: false }
    }

    fn three() -> [RegionLine; 3] {
        [
            line("eu-west-1", State::Done, 20, "3 ready", None),
            line("sa-east-1", State::Failed, 20, "2 failed", Some("no spot capacity in 3 zones")),
            line("us-west-2", State::Moving, 15, "2 ready, 1 configuring", None),
        ]
    }

    #[test]
    fn what_is_over_has_its_time_and_what_moves_the_time_until_now() {
        let now = Timestamp::from_second(200).unwrap();
        assert_eq!(
            text_of(&three(), now, room(99, 22, true)),
            [
                "✓ eu-west-1  ▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰  3 ready  1m 52s",
                "✗ sa-east-1  ▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰  2 failed  1m 52s  no spot capacity in 3 zones",
                "◐ us-west-2  ▰▰▰▰▰▰▰▰▰▰▰▰▰▰▰▱▱▱▱▱  2 ready, 1 configuring  3m 20s",
            ]
        );
        let ascii = text_of(&three(), now, room(40, 22, false));
        assert_eq!(ascii[1], "x sa-east-1  ####################  2 fa~");
        assert!(ascii.iter().all(|line| line.is_ascii() && line.len() <= 40), "{ascii:?}");
    }

    #[test]
    fn without_room_for_all_what_is_done_is_left_out_first() {
        let told = text_of(&three(), BEGUN, room(79, 2, true));
        assert!(told[0].contains("sa-east-1"), "{told:?}");
        assert_eq!((told.len(), told[1].as_str()), (2, "  and 2 more"));
    }
}
