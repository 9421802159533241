//! How lines are read that grow while one reads: following the newest, or standing still on a line
//! by its number, with a search.

use jiff::Timestamp;

use super::event_query::EventQuery;
use super::log::{LogLine, Ring};
use super::{Motion, TextField};

/// Where a reader stands, and what he looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reader {
    /// The number of the first line in the window; `None` follows the newest.
    top: Option<u64>,
    /// What is looked for.
    pub needle: TextField,
    /// Whether lines without it are left out.
    pub only: bool,
    /// Whether it is being typed.
    pub typing: bool,
}

impl Reader {
    /// A reader that shows only what is looked for.
    pub(super) fn filtering() -> Self {
        Self { only: true, ..Self::default() }
    }

    /// Whether the newest line is shown.
    pub fn follows(&self) -> bool {
        self.top.is_none()
    }

    /// What is looked for, at this moment.
    fn query(&self, now: Timestamp) -> EventQuery<'_> {
        EventQuery::parse(self.needle.text(), now)
    }

    /// The word that is looked for in the lines, where it is one.
    pub fn word(&self) -> Option<&str> {
        self.query(Timestamp::UNIX_EPOCH).word()
    }

    /// Whether a line has what is looked for. Nothing has nothing.
    pub fn finds(&self, line: &LogLine, now: Timestamp) -> bool {
        !self.needle.is_empty() && self.query(now).passes(line)
    }

    /// The lines that are not left out, oldest first.
    pub fn lines<'a>(&self, ring: &'a Ring, now: Timestamp) -> Vec<&'a LogLine> {
        let all = self.needle.is_empty() || !self.only;
        let query = self.query(now);
        ring.lines().filter(|line| all || query.passes(line)).collect()
    }

    /// The lines in a window of so many.
    pub fn window<'a>(&self, ring: &'a Ring, height: usize, now: Timestamp) -> Vec<&'a LogLine> {
        let lines = self.lines(ring, now);
        let first = self.first(&lines, height);
        lines.into_iter().skip(first).take(height).collect()
    }

    /// The place of the first line in the window. It never shows less than it could.
    fn first(&self, lines: &[&LogLine], height: usize) -> usize {
        let last = lines.len().saturating_sub(height);
        let top = self.top.map_or(last, |top| lines.partition_point(|line| line.number < top));
        top.min(last)
    }

    /// Moves the window. At its end it follows again.
    pub(super) fn step(&mut self, ring: &Ring, motion: Motion, height: usize, now: Timestamp) {
        let lines = self.lines(ring, now);
        let last = lines.len().saturating_sub(height);
        let at = self.first(&lines, height);
        let to = motion.from(at, last + 1, height);
        let down = matches!(motion, Motion::Down | Motion::PageDown | Motion::Last);
        self.top =
            lines.get(to).filter(|_| last > 0 && (to < last || !down)).map(|line| line.number);
    }

    /// Follows the newest line again.
    pub(super) fn follow(&mut self) {
        self.top = None;
    }

    /// Goes to the next line that has what is looked for, or the one before; from the last to the
    /// first. Says whether there is any.
    pub(super) fn seek(&mut self, ring: &Ring, back: bool, height: usize, now: Timestamp) -> bool {
        let lines = self.lines(ring, now);
        let at = self.first(&lines, height);
        let found: Vec<usize> = (0..lines.len()).filter(|at| self.finds(lines[*at], now)).collect();
        let next = if back {
            found.iter().rev().find(|place| **place < at).or(found.last())
        } else {
            found.iter().find(|place| **place > at).or(found.first())
        };
        if let Some(place) = next {
            self.top = Some(lines[*place].number);
        }
        next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Log;
    use crate::fleet::{InstanceKey, Level};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn log(lines: usize) -> Log {
        let mut log = Log::default();
        for number in 0..lines {
            let text = format!("line-{number}");
            log.print(&key(), Timestamp::UNIX_EPOCH, Level::Info, &text);
        }
        log
    }

    fn key() -> InstanceKey {
        "a".into()
    }

    fn shown(reader: &Reader, log: &Log) -> Vec<u64> {
        let window = reader.window(log.of(&key()).unwrap(), 3, NOW);
        window.iter().map(|line| line.number).collect()
    }

    #[test]
    fn it_follows_and_stands_still_once_scrolled_back() {
        let mut log = log(10);
        let mut reader = Reader::default();
        assert_eq!(shown(&reader, &log), [7, 8, 9]);
        reader.step(log.of(&key()).unwrap(), Motion::PageUp, 3, NOW);
        assert_eq!(shown(&reader, &log), [4, 5, 6]);
        log.print(&key(), Timestamp::UNIX_EPOCH, Level::Info, "new");
        assert_eq!(shown(&reader, &log), [4, 5, 6]);
        reader.step(log.of(&key()).unwrap(), Motion::Last, 3, NOW);
        assert!(reader.follows());
        assert_eq!(shown(&reader, &log), [8, 9, 10]);
    }

    #[test]
    fn a_search_goes_round_and_can_leave_the_rest_out() {
        let log = log(25);
        let ring = log.of(&key()).unwrap();
        let mut reader = Reader { needle: TextField::of("LINE-2"), ..Reader::default() };
        reader.step(ring, Motion::First, 3, NOW);
        assert!(reader.seek(ring, false, 3, NOW));
        assert_eq!(shown(&reader, &log), [2, 3, 4]);
        assert!(reader.seek(ring, false, 3, NOW));
        assert_eq!(shown(&reader, &log), [20, 21, 22]);
        assert!(reader.seek(ring, true, 3, NOW));
        assert_eq!(shown(&reader, &log), [2, 3, 4]);
        reader.only = true;
        assert_eq!(shown(&reader, &log), [2, 20, 21]);
        reader.needle = TextField::of("nothing");
        assert!(!reader.seek(ring, false, 3, NOW));
        assert!(shown(&reader, &log).is_empty());
    }
}
