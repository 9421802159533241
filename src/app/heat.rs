//! The fleet as cells, one an instance, grouped by region: what each shows, and how the cursor goes
//! among them.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use strum::{IntoStaticStr, VariantArray};

use super::command::Motion;
use super::field::birth;
use crate::fleet::{Fleet, Health, Instance, InstanceKey, Region};

/// What the cells show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum HeatBy {
    /// How it is.
    #[default]
    State,
    /// The work of its processors.
    Cpu,
    /// What it costs an hour, beside the dearest one.
    Price,
    /// How old it is, beside the oldest one.
    Age,
}

impl HeatBy {
    /// The word for it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The one after it, from the last to the first.
    pub(super) fn next(self) -> Self {
        let at = Self::VARIANTS.iter().position(|it| *it == self).map_or(0, |at| at + 1);
        Self::VARIANTS[at % Self::VARIANTS.len()]
    }

    /// How much of it there is on one instance; nothing where nobody knows, and for a state.
    fn amount(self, row: &Instance, now: Timestamp) -> Option<f64> {
        match self {
            Self::State => None,
            Self::Cpu => row.cpu.last().map(|percent| f64::from(*percent)),
            Self::Price => Some(row.cost.hourly.usd).filter(|usd| *usd > 0.0),
            Self::Age => Some(now.duration_since(birth(row)).as_secs_f64().max(0.0)),
        }
    }
}

/// One instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatCell {
    /// Its place in the table's order.
    pub at: usize,
    /// How it is.
    pub health: Health,
    /// How much there is of what the cells show, beside the most; nothing where that is a state.
    pub share: Option<f64>,
}

/// One line of cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeatLine {
    /// The group that it is of.
    pub group: usize,
    /// The cells of that group.
    pub cells: Range<usize>,
}

/// The columns of a region's name and count before its cells.
pub const HEAT_LABEL: u16 = 22;

/// The cells by region. They are made when the fleet changes, never while a frame is drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heat {
    groups: Vec<(Region, Vec<HeatCell>)>,
    by: HeatBy,
}

impl Heat {
    /// The regions and their cells.
    pub fn groups(&self) -> &[(Region, Vec<HeatCell>)] {
        &self.groups
    }

    /// What the cells show.
    pub fn by(&self) -> HeatBy {
        self.by
    }

    pub(super) fn show_next(&mut self) {
        self.by = self.by.next();
    }

    /// Makes the cells of these instances.
    pub(super) fn arrange(&mut self, fleet: &Fleet, keys: &[InstanceKey], now: Timestamp) {
        let mut groups: BTreeMap<&Region, Vec<HeatCell>> = BTreeMap::new();
        let mut most: f64 = if self.by == HeatBy::Cpu { 100.0 } else { 0.0 };
        for (at, row) in keys.iter().enumerate().filter_map(|(at, key)| Some((at, fleet.get(key)?)))
        {
            let share = self.by.amount(row, now);
            most = most.max(share.unwrap_or_default());
            let health = row.phase.health();
            groups.entry(&row.region).or_default().push(HeatCell { at, health, share });
        }
        self.groups = groups.into_iter().map(|(region, cells)| (region.clone(), cells)).collect();
        for cell in self.groups.iter_mut().flat_map(|(_, cells)| cells) {
            cell.share = cell.share.map(|share| if most > 0.0 { share / most } else { 0.0 });
        }
    }

    /// The lines on a screen of such a width, and how many columns a cell has: two where all of
    /// them have room then.
    pub fn lines(&self, width: u16, height: u16) -> (Vec<HeatLine>, u16) {
        let room = usize::from(width.saturating_sub(HEAT_LABEL)).max(1);
        let wide = self.dealt(room / 2);
        if wide.len() <= height.into() { (wide, 2) } else { (self.dealt(room), 1) }
    }

    fn dealt(&self, per_line: usize) -> Vec<HeatLine> {
        let per_line = per_line.max(1);
        let of_group = |(group, (_, cells)): (usize, &(Region, Vec<HeatCell>))| {
            let count = cells.len();
            (0..count)
                .step_by(per_line)
                .map(move |from| HeatLine { group, cells: from..count.min(from + per_line) })
        };
        self.groups.iter().enumerate().flat_map(of_group).collect()
    }

    /// The line and the column of the cell at a place in the table's order.
    pub fn find(&self, lines: &[HeatLine], at: usize) -> Option<(usize, usize)> {
        lines.iter().enumerate().find_map(|(line, HeatLine { group, cells })| {
            let of_line = &self.groups[*group].1[cells.clone()];
            Some((line, of_line.iter().position(|cell| cell.at == at)?))
        })
    }

    /// Where a move from one place in the table's order leads to.
    pub(super) fn step(&self, motion: Motion, at: usize, size: (u16, u16)) -> Option<usize> {
        let (lines, _) = self.lines(size.0, size.1);
        let (line, column) = self.find(&lines, at).unwrap_or_default();
        let cell = |line: usize, column: usize| {
            let HeatLine { group, cells } = lines.get(line)?;
            let last = cells.end.checked_sub(1)?;
            Some(self.groups[*group].1[last.min(cells.start + column)].at)
        };
        match motion {
            Motion::Left if column == 0 => cell(line.checked_sub(1)?, usize::MAX / 2),
            Motion::Left => cell(line, column - 1),
            Motion::Right if column + 1 >= lines.get(line)?.cells.len() => cell(line + 1, 0),
            Motion::Right => cell(line, column + 1),
            Motion::First => cell(0, 0),
            Motion::Last => cell(lines.len().checked_sub(1)?, usize::MAX / 2),
            upright => cell(upright.from(line, lines.len(), size.1.into()), column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Phase;

    fn heat(counts: &[(&str, usize)]) -> Heat {
        let mut fleet = Fleet::default();
        let mut keys = Vec::new();
        let now = Timestamp::UNIX_EPOCH;
        for (region, count) in counts {
            for number in 0..*count {
                let key = InstanceKey::from(format!("{region}/{number:03}").as_str());
                let row = Instance::planned(key.clone(), (*region).into(), "spot-1".into(), now);
                fleet.insert(Instance { phase: Phase::Ready, ..row });
                keys.push(key);
            }
        }
        let mut heat = Heat::default();
        heat.arrange(&fleet, &keys, now);
        heat
    }

    #[test]
    fn a_region_begins_on_a_line_of_its_own() {
        let heat = heat(&[("a", 5), ("b", 2)]);
        let (lines, cell) = heat.lines(HEAT_LABEL + 8, 9);
        let said: Vec<(usize, Range<usize>)> =
            lines.into_iter().map(|line| (line.group, line.cells)).collect();
        assert_eq!((said, cell), (vec![(0, 0..4), (0, 4..5), (1, 0..2)], 2));
        let (lines, cell) = heat.lines(HEAT_LABEL + 8, 2);
        assert_eq!((lines.len(), cell), (2, 1), "narrower, where there is no room for all");
    }

    #[test]
    fn the_cursor_walks_the_cells_in_all_directions() {
        let heat = heat(&[("a", 5), ("b", 2)]);
        let size = (HEAT_LABEL + 8, 9);
        let step = |motion, at| heat.step(motion, at, size);
        assert_eq!(step(Motion::Right, 3), Some(4), "onto the next line");
        assert_eq!(step(Motion::Left, 4), Some(3));
        assert_eq!(step(Motion::Left, 0), None);
        assert_eq!(step(Motion::Right, 6), None);
        assert_eq!(step(Motion::Down, 2), Some(4), "the line below is shorter");
        assert_eq!(step(Motion::Down, 4), Some(5));
        assert_eq!(step(Motion::Up, 6), Some(4));
        assert_eq!((step(Motion::First, 4), step(Motion::Last, 0)), (Some(0), Some(6)));
    }
}
