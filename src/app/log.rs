//! What was said: one ring of sentences for all, and one of raw lines for each instance.
//!
//! Both are bounded in lines and in bytes, and say how much they let go. Lines carry a number, so
//! that a reader who comes back later can ask for what is new.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tui_logger::{TuiWidgetEvent, TuiWidgetState};

use super::event::{EventKind, Origin};
use crate::fleet::text;
use crate::fleet::{InstanceId, InstanceKey, Level, Phase};

/// The longest line that is kept, in bytes.
const LINE: usize = 8 * 1024;
/// Sentences kept for all, and their bytes.
const EVENTS: (usize, usize) = (2_000, 512 * 1024);
/// Lines kept of one instance, and their bytes.
const OUTPUT: (usize, usize) = (200, 16 * 1024);
/// The longest name that is read from a file, in bytes.
const ABOUT: usize = 256;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number, counted from 0 and never used again.
    #[serde(skip)]
    pub number: u64,
    /// When it was said.
    pub at: Timestamp,
    /// How serious it is.
    pub level: Level,
    /// What kind of event it is.
    #[serde(default)]
    pub kind: EventKind,
    /// Whom it is about: an instance's label, a region, a job's verb.
    pub about: String,
    /// The same for who looks for it: a row, a region. Boxed, for most lines are a node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<Origin>>,
    /// What was said, on one line and without control characters.
    pub text: String,
}

impl LogLine {
    /// Whether it says what no row does: what went wrong, and how a job ended.
    pub fn is_telling(&self) -> bool {
        match self.level {
            Level::Info => false,
            Level::Success => !self.is_of_row(),
            Level::Warning | Level::Error => true,
        }
    }

    /// Whether it is about a row of the table, which shows how it goes on there.
    fn is_of_row(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.row.is_some())
    }

    /// Whether it says the same as another one, of the same region or job, or of whatever row.
    fn repeats(&self, other: &Self) -> bool {
        let is_alike = self.about == other.about || self.is_of_row() && other.is_of_row();
        is_alike && self.level == other.level && self.text == other.text
    }
}

/// `[i-0a1b... @ 52.34.56.78] SUCCESS: Ready`, as the headless commands print it.
impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.about, self.level.word(), self.text)
    }
}

/// The newest lines, up to a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    lines: VecDeque<LogLine>,
    bytes: usize,
    bound: (usize, usize),
    next: u64,
    dropped: u64,
}

impl Ring {
    /// For what one instance prints.
    pub(super) fn of_one() -> Self {
        Self::new(OUTPUT)
    }

    fn new(bound: (usize, usize)) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, bound, next: 0, dropped: 0 }
    }

    /// Takes down what a node printed.
    pub(super) fn print(&mut self, at: Timestamp, level: Level, said: &str) {
        let (kind, about, text) = (EventKind::Said, String::new(), said.to_owned());
        self.push(LogLine { number: 0, at, level, kind, about, origin: None, text });
    }

    /// Takes down a line, under the next number.
    fn push(&mut self, line: LogLine) {
        let text = text::clean(&line.text, LINE);
        self.bytes += text.len() + line.about.len();
        self.lines.push_back(LogLine { number: self.next, text, ..line });
        self.next += 1;
        while self.lines.len() > self.bound.0 || self.bytes > self.bound.1 {
            let Some(old) = self.lines.pop_front() else { break };
            self.bytes -= old.text.len() + old.about.len();
            self.dropped += 1;
        }
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> + ExactSizeIterator {
        self.lines.iter()
    }

    /// The lines from number `from` on. A reader keeps [`Ring::next`] and asks with it again.
    pub fn since(&self, from: u64) -> impl Iterator<Item = &LogLine> {
        let first = self.next - self.lines.len() as u64;
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        self.lines.iter().skip(skip)
    }

    /// The number that the next line will get.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many lines it let go to stay within its bounds.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Everything that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    events: Ring,
    /// What each instance printed; `None` where there is no pane to read it in.
    output: Option<BTreeMap<InstanceKey, Ring>>,
    /// The number of the first event of this run.
    begun: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { events: Ring::new(EVENTS), output: Some(BTreeMap::new()), begun: 0 }
    }
}

impl Log {
    /// A log that begins with what an earlier run took down.
    pub(super) fn recall(past: Vec<LogLine>) -> Self {
        let mut log = Self::default();
        for line in past {
            let about = text::clean(&line.about, ABOUT);
            let id = line.origin.as_ref().and_then(|origin| origin.instance.clone());
            if let Some(id) = id {
                log.print(&InstanceKey::adopted(&id), line.at, line.level, &line.text);
            }
            log.events.push(LogLine { about, ..line });
        }
        log.begun = log.events.next();
        log
    }

    /// The same for who has no pane to read in what each instance prints: of hundreds that is more
    /// than all else that is known of them.
    pub(super) fn without_output(self) -> Self {
        Self { output: None, ..self }
    }

    /// The number of the first event of this run.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// When an earlier run took down its last event.
    pub fn last_past(&self) -> Option<Timestamp> {
        self.events.lines().rev().find(|line| line.number < self.begun).map(|line| line.at)
    }

    /// The phases of each instance that are taken down, the oldest first: those of its row from
    /// before it had an id, too.
    pub fn timelines(&self) -> BTreeMap<InstanceId, Vec<(Timestamp, Phase)>> {
        let origins = || self.events.lines().filter_map(|line| Some((line, line.origin.as_ref()?)));
        let ids: BTreeMap<&InstanceKey, &InstanceId> = origins()
            .filter_map(|(_, origin)| Some((origin.row.as_ref()?, origin.instance.as_ref()?)))
            .collect();
        let mut timelines: BTreeMap<InstanceId, Vec<(Timestamp, Phase)>> = BTreeMap::new();
        for (line, origin) in origins() {
            let of_row = || ids.get(origin.row.as_ref()?).copied();
            let id = origin.instance.as_ref().or_else(of_row);
            if let (Some(id), Some(phase)) = (id, &origin.phase) {
                timelines.entry(id.clone()).or_default().push((line.at, phase.clone()));
            }
        }
        timelines
    }

    /// The sentences about all.
    pub fn events(&self) -> &Ring {
        &self.events
    }

    /// What one instance printed and what was said of it.
    pub fn of(&self, key: &InstanceKey) -> Option<&Ring> {
        self.output.as_ref()?.get(key)
    }

    /// Takes down a sentence.
    pub(super) fn write(&mut self, at: Timestamp, level: Level, about: &str, said: &str) {
        self.tell(at, level, EventKind::Said, about, said);
    }

    /// Takes down a sentence of this kind.
    pub(super) fn tell(
        &mut self,
        at: Timestamp,
        level: Level,
        kind: EventKind,
        about: &str,
        said: &str,
    ) {
        let (about, text) = (about.to_owned(), said.to_owned());
        self.events.push(LogLine { number: 0, at, level, kind, about, origin: None, text });
    }

    /// The newest of what no row of the table says, the oldest first: so many without the `skipped`
    /// newest ones, and how often each was said in a row. What an earlier run said is past.
    pub fn telling(&self, count: usize, skipped: usize) -> Vec<(&LogLine, usize)> {
        let mut told: Vec<(&LogLine, usize)> = Vec::new();
        let news = self.events.lines().rev().take_while(|line| line.number >= self.begun);
        for line in news.filter(|line| line.is_telling()) {
            if let Some((newer, times)) = told.last_mut()
                && line.repeats(newer)
            {
                *times += 1;
            } else if told.len() == count + skipped {
                break;
            } else {
                told.push((line, 1));
            }
        }
        told.into_iter().skip(skipped).rev().collect()
    }

    /// Takes down a sentence about an instance, in both places.
    pub(super) fn say_of(
        &mut self,
        origin: Origin,
        (at, level, kind): (Timestamp, Level, EventKind),
        about: &str,
        said: &str,
    ) {
        if let Some(key) = origin.row.clone() {
            self.print(&key, at, level, said);
        }
        let (about, text) = (about.to_owned(), said.to_owned());
        let origin = Some(Box::new(origin));
        self.events.push(LogLine { number: 0, at, level, kind, about, origin, text });
    }

    /// Takes down a line that an instance printed.
    pub(super) fn print(&mut self, key: &InstanceKey, at: Timestamp, level: Level, line: &str) {
        if let Some(output) = &mut self.output {
            output.entry(key.clone()).or_insert_with(Ring::of_one).print(at, level, line);
        }
    }

    /// Forgets what an instance printed.
    pub(super) fn forget(&mut self, key: &InstanceKey) {
        if let Some(output) = &mut self.output {
            output.remove(key);
        }
    }
}

/// Where the log panel stands: it follows, or is some pages back.
///
/// tui-logger finds the page borders while it draws and keeps them behind this state, so the
/// model only hands it on.
#[derive(Default)]
pub struct LogPanel {
    widget: TuiWidgetState,
    pages: usize,
}

impl fmt::Debug for LogPanel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogPanel").field("pages", &self.pages).finish_non_exhaustive()
    }
}

impl LogPanel {
    /// A panel with its own choice of levels and targets.
    pub fn new(widget: TuiWidgetState) -> Self {
        Self { widget, pages: 0 }
    }

    /// The widget's own state.
    pub fn widget(&self) -> &TuiWidgetState {
        &self.widget
    }

    /// Whether the newest line is shown.
    pub fn follows(&self) -> bool {
        self.pages == 0
    }

    /// How many pages it is back.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// One page into the past.
    pub(super) fn back(&mut self) {
        self.pages += 1;
        self.widget.transition(TuiWidgetEvent::PrevPageKey);
    }

    /// One page towards the present.
    pub(super) fn forward(&mut self) {
        self.pages = self.pages.saturating_sub(1);
        let event =
            if self.follows() { TuiWidgetEvent::EscapeKey } else { TuiWidgetEvent::NextPageKey };
        self.widget.transition(event);
    }

    /// Back to the newest line.
    pub(super) fn follow(&mut self) {
        self.pages = 0;
        self.widget.transition(TuiWidgetEvent::EscapeKey);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(log: &mut Log, text: &str) {
        log.write(Timestamp::UNIX_EPOCH, Level::Info, "a", text);
    }

    #[test]
    fn the_ring_is_bounded_in_lines_and_says_what_it_dropped() {
        let mut log = Log::default();
        for number in 0..EVENTS.0 + 10 {
            say(&mut log, &number.to_string());
        }
        assert_eq!(log.events().lines().len(), EVENTS.0);
        assert_eq!(log.events().dropped(), 10);
        assert_eq!(log.events().lines().next().unwrap().text, "10");
    }

    #[test]
    fn the_ring_is_bounded_in_bytes() {
        let mut log = Log::default();
        let key = InstanceKey::from("a");
        for _ in 0..100 {
            log.print(&key, Timestamp::UNIX_EPOCH, Level::Info, &"x".repeat(20_000));
        }
        let kept: usize = log.of(&key).unwrap().lines().map(|line| line.text.len()).sum();
        assert!(kept <= OUTPUT.1, "{kept}");
        assert!(log.of(&key).unwrap().dropped() > 0);
    }

    #[test]
    fn where_no_pane_shows_what_instances_print_only_the_sentences_stay() {
        let mut log = Log::default().without_output();
        let key = InstanceKey::from("a");
        log.print(&key, Timestamp::UNIX_EPOCH, Level::Info, "a line");
        say(&mut log, "a sentence");
        assert_eq!((log.of(&key), log.events().lines().len()), (None, 1));
    }

    #[test]
    fn a_reader_gets_each_line_once() {
        let mut log = Log::default();
        say(&mut log, "one");
        let seen = log.events().next();
        say(&mut log, "two");
        let new: Vec<_> = log.events().since(seen).map(|line| line.text.as_str()).collect();
        assert_eq!(new, ["two"]);
        assert_eq!(log.events().since(99).count(), 0);
    }

    #[test]
    fn the_panel_tells_what_no_row_does_and_repeats_once() {
        let mut log = Log::default();
        let now = Timestamp::UNIX_EPOCH;
        let origin = || Origin { row: Some("a".into()), ..Origin::default() };
        for _ in 0..3 {
            let of = (now, Level::Warning, EventKind::Refused);
            log.say_of(origin(), of, "i-1", "no spot capacity");
        }
        log.say_of(origin(), (now, Level::Success, EventKind::Ready), "i-1", "Ready");
        log.write(now, Level::Info, "us-west-2", "network: being built");
        log.write(now, Level::Success, "create", "done");
        let told = |count, skipped| -> Vec<(String, usize)> {
            let told = log.telling(count, skipped).into_iter();
            told.map(|(line, times)| (line.text.clone(), times)).collect()
        };
        assert_eq!(told(5, 0), [("no spot capacity".to_owned(), 3), ("done".to_owned(), 1)]);
        assert_eq!(told(1, 0), [("done".to_owned(), 1)]);
        assert_eq!(told(1, 1), [("no spot capacity".to_owned(), 3)]);
        log.write(now, Level::Success, "lock", "done");
        log.write(now, Level::Success, "lock", "done");
        let lines = log.telling(2, 0);
        let lines: Vec<_> = lines.iter().map(|(it, times)| (it.about.as_str(), *times)).collect();
        assert_eq!(lines, [("create", 1), ("lock", 2)], "each job by itself");
    }

    #[test]
    fn what_an_earlier_run_said_is_read_and_is_no_news() {
        let mut earlier = Log::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let row = |instance: Option<&str>, phase| Origin {
            row: Some("us-west-2/a#0".into()),
            instance: instance.map(Into::into),
            phase: Some(phase),
            ..Origin::default()
        };
        for (second, id, phase) in [
            (1, None, Phase::Requesting),
            (2, Some("i-1"), Phase::Pending),
            (9, None, Phase::Ready),
        ] {
            let of = (at(second), Level::Warning, EventKind::Phase);
            earlier.say_of(row(id, phase), of, "i-1\u{1b}[31m", "said");
        }
        let mut log = Log::recall(earlier.events().lines().cloned().collect());
        assert_eq!((log.last_past(), log.begun()), (Some(at(9)), 3));
        assert!(log.telling(5, 0).is_empty());
        assert_eq!(log.events().lines().next().unwrap().about, "i-1", "a file may be garbled");
        let timelines = log.timelines();
        let phases = [(at(1), Phase::Requesting), (at(2), Phase::Pending), (at(9), Phase::Ready)];
        assert_eq!(timelines[&InstanceId::from("i-1")], phases);
        log.write(at(10), Level::Error, "create", "failed");
        assert_eq!(log.telling(5, 0).len(), 1);
        let printed = log.of(&"i-1".into()).unwrap().lines().len();
        assert_eq!(printed, 1, "what was said once it had an id");
    }

    #[test]
    fn a_line_reads_as_the_headless_commands_print_it() {
        let mut log = Log::default();
        log.write(Timestamp::UNIX_EPOCH, Level::Success, "i-1 @ 192.0.2.1", "Rea\x1b[31mdy\nnow");
        let line = log.events().lines().next().unwrap().to_string();
        assert_eq!(line, "[i-1 @ 192.0.2.1] SUCCESS: Ready now");
    }
}
