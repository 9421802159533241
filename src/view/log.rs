//! The log panel: tui-logger's ring of what was traced, in our own line.
//!
//! It only draws. Whoever draws frames calls `tui_logger::move_events` before, for there is no
//! thread that does it.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

use super::text;
use super::{HitMap, Painter, Theme, Tone};
use crate::app::{Command, Model, Panel, PanelsCommand, clean};

/// Draws it: a rule that says where in the log one is, and the lines.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    hits.add(area, Command::Panels(PanelsCommand::Focus(Panel::Log)));
    let focused = model.focus() == Panel::Log;
    let remark = if model.log_panel.follows() { "following" } else { "scrolled, G follows" };
    painter.rule(area, 0, (if focused { Tone::Accent } else { Tone::Dim }, "log"), remark);
    let lines = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    TuiLoggerWidget::default()
        .formatter(Box::new(Formatter {
            theme: painter.theme.clone(),
            whole: model.panels.whole == Some(Panel::Log),
        }))
        .state(model.log_panel.widget())
        .render(lines.intersection(painter.buffer.area), painter.buffer);
}

/// Time, whom it is about, what was said. What went wrong is told on as many lines as it takes, the
/// rest is cut at the edge.
struct Formatter {
    theme: Theme,
    /// Whether everything is told whole.
    whole: bool,
}

/// The columns of the time and what is around it.
const TIME: usize = 11;
/// The columns of `i-0a1b2c3d @ 255.255.255.255`.
const ABOUT: usize = 28;
/// The columns of `ap-southeast-2`, and of an instance without its address.
const NARROW_ABOUT: usize = 14;
/// From how many columns on there is room for addresses: the table has them too.
const WIDE: usize = 110;
/// The most lines that a message in the panel takes.
const MOST: usize = 3;

/// The longest line that is looked at, in bytes.
const LINE: usize = 1024;

impl LogFormatter for Formatter {
    fn min_width(&self) -> u16 {
        20
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let (at, message) = moment(record);
        let time = text::clock(at);
        let message = clean(message, LINE);
        let (about, level, said) = parts(&message, record);
        let tone = match level {
            "ERROR" => Tone::Bad,
            "WARN" | "WARNING" => Tone::Waiting,
            "SUCCESS" => Tone::Good,
            _ => Tone::Plain,
        };
        let sign = self.theme.glyphs.cut;
        let wide = width >= WIDE;
        let column = if wide { ABOUT } else { NARROW_ABOUT };
        let about = text::cut(&text::label(about, wide), column, sign).into_owned();
        let pad = " ".repeat(column - text::width(&about));
        let loud = if tone == Tone::Plain { String::new() } else { format!("{level} ") };
        let indent = TIME + column + 2;
        let room = width.saturating_sub(indent + 1);
        let said = self.lines(&format!("{loud}{said}"), room, tone);
        let mut said = said.into_iter();
        let first = said.next().unwrap_or_default();
        let rest = first.strip_prefix(&loud).unwrap_or(&first).to_owned();
        let mut lines = vec![Line::from(vec![
            Span::styled(format!(" {time}  "), self.theme.style(Tone::Dim)),
            Span::styled(format!("{about}{pad}  "), Style::new()),
            Span::styled(loud, self.theme.style(tone)),
            Span::styled(rest, Style::new()),
        ])];
        lines.extend(said.map(|line| Line::from(format!("{}{line}", " ".repeat(indent)))));
        lines
    }
}

impl Formatter {
    /// A message on one line, or where it matters on several.
    fn lines(&self, said: &str, room: usize, tone: Tone) -> Vec<String> {
        let sign = self.theme.glyphs.cut;
        if !self.whole && !matches!(tone, Tone::Bad | Tone::Waiting) {
            return vec![text::cut(said, room, sign).into_owned()];
        }
        let mut lines = text::wrap(said, room);
        if !self.whole && lines.len() > MOST {
            lines.truncate(MOST);
            if let Some(last) = lines.last_mut() {
                *last = text::cut(&format!("{last}{sign}"), room, sign).into_owned();
            }
        }
        lines
    }
}

/// When it was said, by the clock of the program; what others trace has the time of its record.
fn moment(record: &ExtLogRecord) -> (Timestamp, &str) {
    let message = record.msg().trim_start();
    let told = message.strip_prefix("at: ").and_then(|rest| {
        let (at, said) = rest.split_once(' ')?;
        Some((at.parse().ok()?, said.trim_start()))
    });
    told.unwrap_or_else(|| (record.timestamp.timestamp(), message))
}

/// Takes `[about] LEVEL: text` apart, as [`crate::app::LogLine`] writes it. What others trace is
/// about its target.
fn parts<'a>(message: &'a str, record: &'a ExtLogRecord) -> (&'a str, &'a str, &'a str) {
    let ours = message.strip_prefix('[').and_then(|rest| {
        let (about, rest) = rest.split_once("] ")?;
        let (level, said) = rest.split_once(": ")?;
        level.chars().all(|letter| letter.is_ascii_uppercase()).then_some((about, level, said))
    });
    ours.unwrap_or((record.target(), record.level.as_str(), message))
}
