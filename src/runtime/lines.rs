//! The edge of a headless command: signals in, lines out, and what only the user knows asked for on
//! the terminal.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::time::Duration;

use tokio::task::spawn_blocking;

use jiff::Timestamp;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::above::Above;
use super::colour;
use super::dashboard::ability;
use super::event_loop::Edge;
use super::signals::Signals;
use crate::app::{Effect, Message, Model, Signal};
use crate::config::ThemeName;
use crate::fleet::Secret;
use crate::headless::{Detail, Format, Printer, RegionLine, RegionLines, Room, text_of};
use crate::view::{Glyphs, Theme};

/// How often what moves is drawn anew while nothing happens: its times count seconds.
const TURN: Duration = Duration::from_secs(1);
/// Where a terminal does not tell its size.
const SIZE: (u16, u16) = (80, 24);

/// A printer in front of a loop.
#[derive(Debug)]
pub(super) struct Lines {
    /// Where everything is told.
    pub printer: Printer<Above>,
    signals: Signals,
    answers: VecDeque<Message>,
    moving: Option<Moving>,
}

/// How regions go on, on a terminal.
#[derive(Debug)]
struct Moving {
    regions: RegionLines,
    /// How they stood when the loop showed that, by its own clock and by ours.
    lines: Vec<RegionLine>,
    shown: (Timestamp, Instant),
    turn: Interval,
    glyphs: &'static Glyphs,
    has_colours: bool,
}

impl Moving {
    fn new(has_colours: bool) -> Self {
        let mut turn = interval(TURN);
        turn.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self {
            regions: RegionLines::default(),
            lines: Vec::new(),
            shown: (Timestamp::UNIX_EPOCH, Instant::now()),
            turn,
            glyphs: Theme::named(ThemeName::Auto, ability()).glyphs,
            has_colours,
        }
    }

    fn see(&mut self, model: &Model) {
        self.regions.note(model);
        (self.lines, self.shown) = (self.regions.lines(model), (model.now, Instant::now()));
    }

    fn draw(&self, above: &mut Above) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let (now, at) = self.shown;
        let now = now.checked_add(at.elapsed()).unwrap_or(now);
        let (columns, lines) = crossterm::terminal::size().unwrap_or(SIZE);
        let room = Room {
            // A line that is full breaks on some terminals.
            columns: usize::from(columns).saturating_sub(1),
            lines: usize::from(lines).saturating_sub(2),
            glyphs: self.glyphs,
            has_colours: self.has_colours,
        };
        above.draw(text_of(&self.lines, now, room), columns)
    }
}

impl Lines {
    /// From now on the system's signals are heard here. Needs a runtime around it.
    pub(super) fn listen(format: Format) -> io::Result<Self> {
        let has_colours = colour::on(&io::stdout());
        let is_moving = format == Format::Lines(Detail::Moving);
        Ok(Self {
            printer: Printer::new(Above::default(), format).in_colours(has_colours),
            signals: Signals::listen()?,
            answers: VecDeque::new(),
            moving: is_moving.then(|| Moving::new(has_colours)),
        })
    }

    /// What moved stays as it is at the end.
    pub(super) fn settle(&mut self, model: &Model) -> io::Result<()> {
        if let Some(moving) = &mut self.moving {
            moving.see(model);
            moving.draw(self.printer.out())?;
            self.printer.out().leave();
        }
        Ok(())
    }

    /// Draws what moves while nothing happens.
    async fn turn(moving: &mut Option<Moving>, printer: &mut Printer<Above>) -> Infallible {
        let Some(moving) = moving else { return pending().await };
        loop {
            moving.turn.tick().await;
            if moving.lines.iter().any(RegionLine::is_moving) && moving.draw(printer.out()).is_err()
            {
                return pending().await;
            }
        }
    }

    /// The next signal, while the loop stands. Cancel-safe.
    pub(super) async fn signal(&mut self) -> Signal {
        self.signals.next().await
    }
}

impl Edge for Lines {
    async fn input(&mut self) -> Message {
        if let Some(answer) = self.answers.pop_front() {
            return answer;
        }
        tokio::select! {
            signal = self.signals.next() => Message::Signal(signal),
            never = Self::turn(&mut self.moving, &mut self.printer) => match never {},
        }
    }

    fn show(&mut self, model: &mut Model) -> io::Result<()> {
        // All else was printed as it came.
        if let Some(moving) = &mut self.moving {
            moving.see(model);
            moving.draw(self.printer.out())?;
        }
        Ok(())
    }

    async fn act(&mut self, effect: Effect, _: &Model) -> io::Result<()> {
        if let Effect::Ask(question) = effect {
            self.printer.out().leave();
            // Whoever types a secret is not to read other lines meanwhile: the loop waits.
            let asked = spawn_blocking(move || ask_secret(&question.text)).await;
            self.answers.push_back(Message::Answered(question.id, asked.ok().flatten()));
        }
        Ok(())
    }

    fn before(&mut self, model: &Model, message: &Message) {
        self.printer.noted(model, message);
    }

    fn after(&mut self, model: &Model) {
        self.printer.changed(model);
    }
}

/// Asks for a secret on the terminal; `None` where there is none, or nobody answers.
pub(super) fn ask_secret(text: &str) -> Option<Secret> {
    if !io::stdin().is_terminal() {
        return None;
    }
    rpassword::prompt_password(format!("{text}: ")).ok().map(Secret::new)
}
