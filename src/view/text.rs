//! Text in columns of the terminal: measured by width, cut between graphemes, never in one.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning and the sign that something was cut.
pub fn cut<'a>(text: &'a str, room: usize, sign: &str) -> Cow<'a, str> {
    if width(text) <= room {
        return Cow::Borrowed(text);
    }
    let Some(room) = room.checked_sub(width(sign)) else { return Cow::Borrowed("") };
    let mut used = 0;
    let end = text
        .grapheme_indices(true)
        .find(|(_, grapheme)| {
            used += width(grapheme);
            used > room
        })
        .map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}{sign}", text[..end].trim_end()))
}

/// As much of the text as fits into so many columns.
pub fn head(text: &str, room: usize) -> &str {
    &text[..text.len() - skip(text, room).len()]
}

/// The text without so many columns of its beginning.
pub fn skip(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let at = text.grapheme_indices(true).find(|(_, grapheme)| {
        used += width(grapheme);
        used > columns
    });
    at.map_or("", |(at, _)| &text[at..])
}

/// The columns of a needle with its sign before it and space behind; none where nothing is typed.
pub fn needle(typed: &str) -> u16 {
    let columns = if typed.is_empty() { 0 } else { width(typed) + 4 };
    u16::try_from(columns).unwrap_or(u16::MAX)
}

/// The text on lines of at most `room` columns, broken between words where that is possible.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    if room == 0 {
        return lines;
    }
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| width(line));
        if line > 0 && line + 1 + width(word) > room {
            lines.push(String::new());
        } else if let Some(line) = lines.last_mut().filter(|line| !line.is_empty()) {
            line.push(' ');
        }
        for grapheme in word.graphemes(true) {
            if lines.last().is_some_and(|line| width(line) + width(grapheme) > room) {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(grapheme);
            }
        }
    }
    lines
}

/// A sign whose width terminals do not agree on, by one of the same width that they do: an emoji
/// without what is joined to it or chooses its colour, a flag by its letters, a sign that a selector
/// made wide by the narrow one and a blank. `None` for all others.
///
/// Terminals that are older than a sign, or take it apart, draw what stands behind it elsewhere, and
/// leave pieces of it behind when it goes (UAX #11 and UTS #51 leave the width to them).
pub fn steady(sign: &str) -> Option<String> {
    const FLAG: std::ops::RangeInclusive<char> = '\u{1f1e6}'..='\u{1f1ff}';
    let is_loose = |it: char| {
        matches!(it,
            '\u{200d}' | '\u{20e3}' | '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}'
            | '\u{e0020}'..='\u{e007f}')
            || FLAG.contains(&it)
    };
    // Nearly all that is ever shown.
    if sign.is_ascii() || !sign.contains(is_loose) {
        return None;
    }
    let letter = |it: char| match u32::from(it).checked_sub(u32::from(*FLAG.start())) {
        Some(at) if FLAG.contains(&it) => char::from_u32(u32::from('A') + at).unwrap_or(it),
        _ => it,
    };
    let first = sign.chars().next()?;
    let kept: String = sign.chars().take_while(|it| FLAG.contains(it)).map(letter).collect();
    let mut kept = if kept.is_empty() { first.to_string() } else { kept };
    let missing = width(sign).saturating_sub(width(&kept));
    kept.push_str(&" ".repeat(missing));
    Some(kept)
}

/// The text with every sign in columns that all terminals agree on, and blanks up to so many.
pub fn padded(text: &str, columns: usize) -> String {
    let signs =
        text.graphemes(true).map(|sign| steady(sign).map_or(Cow::Borrowed(sign), Cow::Owned));
    let blanks = " ".repeat(columns.saturating_sub(width(text)));
    signs.collect::<String>() + &blanks
}

/// A line that a node printed, without the moment that the node put before it: the line has one
/// already.
pub fn unstamped(line: &str) -> &str {
    match line.split_once(' ') {
        Some((stamp, rest)) if stamp.parse::<Timestamp>().is_ok() => rest,
        _ => line,
    }
}

/// The step of a deployment that a line tells of, as `deploy_services.sh` writes them; another line
/// as it is. `well` is the sign of a step that is done.
pub fn step(line: &str, well: &str) -> String {
    let line = unstamped(line);
    match (line.strip_prefix("STEP "), line.strip_prefix("OK ")) {
        (Some(step), _) => step.to_owned(),
        (_, Some(done)) => format!("{well} {done}"),
        _ => line.to_owned(),
    }
}

/// Traffic in the units of network cards' makers, `1.2 MB/s`.
pub fn per_second(bytes: f64) -> String {
    match bytes {
        b if b < 1e3 => format!("{b:.0} B/s"),
        b if b < 1e6 => format!("{:.1} kB/s", b / 1e3),
        b if b < 1e9 => format!("{:.1} MB/s", b / 1e6),
        b => format!("{:.1} GB/s", b / 1e9),
    }
}

/// A number as it is read: `1,011`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<&str> = groups.filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// A length of time in its largest unit: `42s`, `12m`, `3h`, `9d`.
pub fn span(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A length of time in two units: `42s`, `3m 05s`, `2h 07m`, `9d 04h`.
pub fn span_exactly(length: SignedDuration) -> String {
    let seconds = length.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A countdown: `1:42`.
pub fn countdown(left: SignedDuration) -> String {
    let seconds = left.as_secs().max(0);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The time of day in UTC: `09:41:07`.
pub fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// The same of today; of another day that day and the minute: `Fri 09:41`, `3 Nov`.
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    if day(at) == day(now) {
        return clock(at);
    }
    let is_near = now.duration_since(at) < SignedDuration::from_hours(6 * 24);
    at.strftime(if is_near { "%a %H:%M" } else { "%-d %b" }).to_string()
}

/// How a row is called: an instance by its label, and of what is only planned its region and which of
/// the region's it is.
pub fn named(label: &str) -> Cow<'_, str> {
    let Some((region, row)) = label.split_once('/') else { return Cow::Borrowed(label) };
    match row.rsplit_once('#').and_then(|(_, number)| number.parse::<u64>().ok()) {
        Some(number) => Cow::Owned(format!("{region} #{}", number + 1)),
        None => Cow::Borrowed(label),
    }
}

/// The same with the short form of an id; where that has no room an instance without its address,
/// and what is only planned by its region alone.
pub fn label(about: &str, wide: bool) -> Cow<'_, str> {
    match about.split_once(" @ ").filter(|(id, _)| id.starts_with("i-")) {
        Some((id, address)) => {
            let id = id.get(..10).unwrap_or(id);
            if wide { Cow::Owned(format!("{id} @ {address}")) } else { Cow::Borrowed(id) }
        }
        None if wide => named(about),
        None => Cow::Borrowed(about.split('/').next().unwrap_or(about)),
    }
}

/// `1 instance`, `2 instances`.
pub fn count(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{} {word}s", thousands(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_never_splits_a_wide_or_joined_character() {
        assert_eq!(cut("us-west-2", 9, "…"), "us-west-2");
        assert_eq!(cut("us-west-2", 6, "…"), "us-we…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2, "…"), "e\u{301}…");
        assert_eq!(cut("abc", 0, "…"), "");
        assert_eq!((head("日本語", 3), skip("日本語", 3)), ("日", "本語"));
        assert_eq!((head("abc", 9), skip("abc", 3)), ("abc", ""));
    }

    #[test]
    fn what_terminals_draw_differently_is_drawn_alike_in_the_same_columns() {
        for (sign, steadied) in [
            ("⚠\u{fe0f}", "⚠ "),
            ("♻\u{fe0f}", "♻ "),
            ("1\u{fe0f}\u{20e3}", "1 "),
            ("👩\u{200d}💻", "👩"),
            ("👍\u{1f3fd}", "👍"),
            ("🇩🇪", "DE"),
            ("🏴\u{e0067}\u{e0062}\u{e007f}", "🏴"),
        ] {
            assert_eq!(steady(sign).as_deref(), Some(steadied), "{sign}");
            assert_eq!(width(steadied), width(sign), "{sign}");
        }
        for sign in ["a", "é", "e\u{301}", "日", "●", "…", "👍", "⚠", "ก็"] {
            assert_eq!(steady(sign), None, "{sign}");
        }
        assert_eq!(padded("日⚠\u{fe0f}x", 7), "日⚠ x  ");
    }

    #[test]
    fn a_label_says_what_one_can_tell_it_by() {
        let both = |about| [label(about, true), label(about, false)];
        let id = "i-0a1b2c3d4e5f67805 @ 192.0.2.1";
        assert_eq!(both(id), ["i-0a1b2c3d @ 192.0.2.1", "i-0a1b2c3d"]);
        assert_eq!(both("us-east-1/spot-7f3a-mwor0dc2#1"), ["us-east-1 #2", "us-east-1"]);
        assert_eq!(named("us-east-1/spot-7f3a-mwor0dc2#1"), "us-east-1 #2");
        assert_eq!(named(id), id);
        assert_eq!(both("eu-west-1"), ["eu-west-1"; 2]);
        assert_eq!(both("jump @ 192.0.2.1"), ["jump @ 192.0.2.1"; 2]);
    }

    #[test]
    fn lines_break_between_words_and_in_words_that_are_too_long() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日本語", 1).concat(), "日本語");
        assert_eq!(wrap("a", 0), [""]);
    }

    #[test]
    fn lengths_of_time_read_well() {
        let seconds = SignedDuration::from_secs;
        assert_eq!(span(seconds(-3)), "0s");
        assert_eq!(span(seconds(3_599)), "59m");
        assert_eq!(span(seconds(90_000)), "1d");
        assert_eq!(span_exactly(seconds(185)), "3m 05s");
        assert_eq!(countdown(seconds(102)), "1:42");
        let now = Timestamp::from_second(864_000 + 3_600).unwrap();
        let ago = |hours| moment(now - SignedDuration::from_hours(hours), now);
        assert_eq!([ago(1), ago(2), ago(200)], ["00:00:00", "Sat 23:00", "2 Jan"]);
    }
}
