//! The log panel: below the table the newest of what the table cannot say, and on the whole screen
//! tui-logger's ring of all that was traced, in our own line.
//!
//! It only draws. Whoever draws frames calls `tui_logger::move_events` before, for there is no
//! thread that does it.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget};

use super::text;
use super::{HitMap, Painter, Theme, Tone};
use crate::app::keymap::Context;
use crate::app::{Command, Model, Panel, PanelsCommand, clean};
use crate::fleet::Level;

/// Draws it: a rule that says where in the log one is, and the lines.
pub(super) fn draw(model: &Model, painter: &mut Painter<'_>, hits: &mut HitMap, area: Rect) {
    hits.add(area, Command::Panels(PanelsCommand::Focus(Panel::Log)));
    let focused = model.focus() == Panel::Log;
    let remark = if model.log_panel.follows() { "following" } else { "scrolled, G follows" };
    painter.rule(area, 0, (if focused { Tone::Accent } else { Tone::Dim }, "log"), remark);
    if model.layout().whole.is_none() {
        hits.edge(Rect { height: 1, ..area }, Panel::Log);
    }
    let lines = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let lines = lines.intersection(painter.buffer.area);
    if model.panels.whole == Some(Panel::Log) {
        TuiLoggerWidget::default()
            .formatter(Box::new(Formatter { theme: painter.theme.clone() }))
            .state(model.log_panel.widget())
            .render(lines, painter.buffer);
    } else {
        news(model, painter, lines);
    }
}

/// The columns of an instance, or of a region, in the panel.
const WHOM: usize = 14;

/// What no row of the table says, the newest at the bottom.
fn news(model: &Model, painter: &mut Painter<'_>, area: Rect) {
    let height = usize::from(area.height);
    let told = model.log.telling(height, model.log_panel.pages() * height);
    if told.is_empty() {
        let all = Command::Panels(PanelsCommand::ZoomLog);
        let key = model.keymap.key_for(Context::Table, &all).unwrap_or_default();
        let said = format!("Nothing went wrong so far. {key}: everything that was said.");
        painter.text(area, 1, 0, Tone::Dim, &said);
    }
    for ((line, times), at) in told.into_iter().zip(0..) {
        let about = text::label(&line.about, false);
        let about = text::cut(&about, WHOM, painter.theme.glyphs.cut).into_owned();
        let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
        let x = painter.text(area, 1, at, Tone::Dim, &text::clock(line.at)) + 2;
        let sign = painter.theme.glyphs.level(line.level);
        painter.text(area, x, at, line.level.into(), sign);
        painter.text(area, x + 2, at, Tone::Plain, &text::padded(&about, WHOM));
        let said = u16::try_from(WHOM).unwrap_or(0) + x + 4;
        painter.text(area, said, at, Tone::Plain, &format!("{}{times}", line.text));
    }
}

/// Time, whom it is about, how serious it is, and all that was said on as many lines as it takes.
struct Formatter {
    theme: Theme,
}

/// The columns of the time and what is around it.
const TIME: usize = 11;
/// The columns of `i-0a1b2c3d @ 255.255.255.255`.
const ABOUT: usize = 28;
/// From how many columns on there is room for addresses: the table has them too.
const WIDE: usize = 110;

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
        let level = match level {
            "ERROR" => Level::Error,
            "WARN" | "WARNING" => Level::Warning,
            "SUCCESS" => Level::Success,
            _ => Level::Info,
        };
        let wide = width >= WIDE;
        let column = if wide { ABOUT } else { WHOM };
        let about =
            text::cut(&text::label(about, wide), column, self.theme.glyphs.cut).into_owned();
        let about = text::padded(&about, column);
        let indent = TIME + 2 + column + 2;
        let mut said = text::wrap(said, width.saturating_sub(indent + 1)).into_iter();
        let mut lines = vec![Line::from(vec![
            Span::styled(format!(" {time}  "), self.theme.style(Tone::Dim)),
            Span::styled(self.theme.glyphs.level(level), self.theme.style(level.into())),
            Span::raw(format!(" {about}  {}", said.next().unwrap_or_default())),
        ])];
        lines.extend(said.map(|line| Line::from(format!("{}{line}", " ".repeat(indent)))));
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
