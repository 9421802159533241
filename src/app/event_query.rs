//! The words by which events are looked for, `since:1h kind:reclaimed region:us-west-2 docker -i-0a`,
//! and the lines by which they outlive the process.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::log::LogLine;
use super::query::{contains, length};
use crate::fleet::Region;
use crate::fleet::text::clean;

/// The longest word that is repeated, in bytes.
const LONGEST: usize = 64;

/// An event as a line of the file that outlives the process; `None` for what need not.
pub fn kept_line(line: &LogLine) -> Option<String> {
    line.kind.is_kept().then(|| serde_json::to_string(line).ok()).flatten()
}

/// Reads such lines again. What is none of ours is passed over.
pub fn read_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<LogLine> {
    lines.into_iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Those of these events that are looked for with such words, at this moment. The error is for the
/// user: where nothing more is typed, a time that cannot be read is none on its way to one.
pub fn matching(lines: Vec<LogLine>, typed: &str, now: Timestamp) -> Result<Vec<LogLine>, String> {
    for word in typed.split_whitespace() {
        let said = word.strip_prefix('-').unwrap_or(word).split_once(':');
        if let Some(("since" | "until", when)) = said
            && moment(when, now).is_none()
        {
            return Err(format!(
                "{}: that is no time: so long ago as 90s, 15m, 1h or 2d, a day such as \
                 2026-11-01, or a timestamp",
                clean(word, LONGEST)
            ));
        }
    }
    let query = EventQuery::parse(typed, now);
    Ok(lines.into_iter().filter(|line| query.passes(line)).collect())
}

/// What an event has to be to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct EventQuery<'a> {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    terms: Vec<Term<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term<'a> {
    of: Of,
    word: &'a str,
    /// Whether an event must not be so.
    not: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Anything,
    Kind,
    Level,
    Region,
}

impl<'a> EventQuery<'a> {
    /// Reads what was typed, at this moment.
    pub(super) fn parse(typed: &'a str, now: Timestamp) -> Self {
        let mut query = Self::default();
        for typed in typed.split_whitespace() {
            let (not, word) = match typed.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (true, rest),
                _ => (false, typed),
            };
            match word.split_once(':') {
                Some(("since", when)) => query.since = moment(when, now).or(query.since),
                Some(("until", when)) => query.until = moment(when, now).or(query.until),
                Some(("kind", word)) => query.terms.push(Term { of: Of::Kind, word, not }),
                Some(("level", word)) => query.terms.push(Term { of: Of::Level, word, not }),
                Some(("region", word)) => query.terms.push(Term { of: Of::Region, word, not }),
                _ => query.terms.push(Term { of: Of::Anything, word, not }),
            }
        }
        query
    }

    /// Whether an event is like that.
    pub(super) fn passes(&self, line: &LogLine) -> bool {
        self.since.is_none_or(|since| line.at >= since)
            && self.until.is_none_or(|until| line.at < until)
            && self.terms.iter().all(|term| term.is_said(line) != term.not)
    }

    /// The first word of a text that is looked for, to be seen in the lines.
    pub(super) fn word(&self) -> Option<&'a str> {
        self.terms.iter().find(|term| term.of == Of::Anything && !term.not).map(|term| term.word)
    }
}

impl Term<'_> {
    fn is_said(&self, line: &LogLine) -> bool {
        let region = || line.origin.as_ref().and_then(|origin| origin.region.as_ref());
        match self.of {
            Of::Anything => {
                contains(&line.text, self.word)
                    || contains(&line.about, self.word)
                    || contains(line.level.word(), self.word)
            }
            Of::Kind => contains(line.kind.word(), self.word),
            Of::Level => contains(line.level.word(), self.word),
            Of::Region => contains(region().map_or(&line.about, Region::as_str), self.word),
        }
    }
}

/// A moment as it is typed: so long ago (`90s`, `15m`, `1h`, `2d`), a day, or a whole timestamp.
fn moment(typed: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(length) = length(typed) {
        return now.checked_sub(length).ok();
    }
    let day = || typed.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok();
    typed.parse().ok().or_else(|| day().map(|day| day.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::event::{EventKind, Origin};
    use crate::fleet::Level;

    fn line(second: i64, kind: EventKind, text: &str) -> LogLine {
        let at = Timestamp::from_second(second).unwrap();
        let region = Some("us-west-2".into());
        let origin = Some(Box::new(Origin { region, ..Origin::default() }));
        let about = "i-0a".to_owned();
        LogLine { number: 0, at, level: Level::Warning, kind, about, origin, text: text.to_owned() }
    }

    #[test]
    fn events_are_found_by_time_kind_and_place() {
        let now = Timestamp::from_second(10_000).unwrap();
        let passes = |typed: &str| {
            EventQuery::parse(typed, now).passes(&line(7_000, EventKind::Reclaimed, "Gone"))
        };
        for typed in [
            "",
            "since:1h kind:reclaimed",
            "kind:recl region:us-west GONE",
            "until:10m -docker level:warn",
            "since:1970-01-01 since:",
            "i-0a -kind:phase",
        ] {
            assert!(passes(typed), "{typed}");
        }
        for typed in ["since:49m", "until:1h", "kind:ready", "region:eu", "-gone", "level:error"] {
            assert!(!passes(typed), "{typed}");
        }
        assert_eq!(EventQuery::parse("since:1h -a b", now).word(), Some("b"));
    }

    #[test]
    fn a_command_refuses_a_time_that_it_cannot_read() {
        let now = Timestamp::from_second(10_000).unwrap();
        for typed in ["since:yesterday", "docker since:1hour", "until:99", "-since:", "until:"] {
            let why = matching(Vec::new(), typed, now).unwrap_err();
            assert!(why.contains("no time"), "{why}");
        }
        let kept = vec![line(7_000, EventKind::Reclaimed, "Gone")];
        assert_eq!(matching(kept.clone(), "since:1h until:2026-01-01", now), Ok(kept));
    }

    #[test]
    fn an_event_is_read_again_and_nonsense_is_passed_over() {
        let said = line(7, EventKind::Reclaimed, "Gone");
        let text = kept_line(&said).unwrap();
        assert_eq!(read_lines(["", "{", "\u{0}", "{\"at\":1}", &text, "[]"]), [said]);
        assert_eq!(kept_line(&line(7, EventKind::Found, "found by its tags")), None);
    }
}
