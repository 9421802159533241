//! The one event loop. It owns the engine and the tick; an [`Edge`] gives it input and shows its
//! model: the screen, the printer of a headless command, or a test's. Nobody else has a loop.
//!
//! Input comes first; messages are taken up in batches, and drawn at most once in 16 ms, the last
//! frame of a burst always. Nothing wakes the process when nothing moves but the tick, and that
//! only while the model needs it.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use super::engine::Engine;
use crate::app::{Effect, Left, Message, Model};

/// The least time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(16);
/// Between two ticks.
const TICK: Duration = Duration::from_secs(1);
/// Messages taken up between two looks at the keyboard.
const BATCH: usize = 256;

/// What drives a loop, and what the loop shows its model on.
pub trait Edge {
    /// The next thing that comes from this side: a key, a signal, the end of what the terminal
    /// was lent to. Cancel-safe: the loop drops it whenever something else comes first.
    fn input(&mut self) -> impl Future<Output = Message>;

    /// Shows how things stand.
    fn show(&mut self, model: &mut Model) -> io::Result<()>;

    /// Carries out what only this side can do. What comes of it is its next [`Self::input`].
    /// Whoever waits here holds up everything else.
    fn act(&mut self, effect: Effect, model: &Model) -> impl Future<Output = io::Result<()>>;

    /// Sees a message before the model takes it up.
    fn before(&mut self, _model: &Model, _message: &Message) {}

    /// Sees the model after it took that message up.
    fn after(&mut self, _model: &Model) {}
}

/// An engine that is driven from one edge.
#[derive(Debug)]
pub struct EventLoop<E> {
    /// The model and what works on it.
    pub engine: Engine,
    /// Where input comes from, and where the model is shown.
    pub edge: E,
    tick: Interval,
    /// When the newest frame was shown.
    shown: Instant,
    /// When the next one is due; `None` while the newest one tells all.
    due: Option<Instant>,
}

impl<E: Edge> EventLoop<E> {
    /// A loop that has shown nothing yet. Needs a runtime around it.
    pub fn new(engine: Engine, edge: E) -> Self {
        let now = Instant::now();
        let (tick, due) = (ticking(TICK), Some(now));
        Self { engine, edge, tick, shown: now, due }
    }

    /// The same with another tick than one a second, for stories of days.
    #[must_use]
    pub fn ticking(self, every: Duration) -> Self {
        Self { tick: ticking(every), ..self }
    }

    /// Runs until the model asks to leave.
    pub async fn run(&mut self) -> io::Result<Left> {
        loop {
            if let Some(left) = self.step().await? {
                return Ok(left);
            }
        }
    }

    /// Shows a frame, or takes up the next message and those that wait behind it. `Some` when the
    /// model asks to leave. Dropped while it waits, it has taken nothing.
    pub async fn step(&mut self) -> io::Result<Option<Left>> {
        let needs_tick = self.engine.model.needs_tick();
        let (due, is_due) = (self.due.unwrap_or(self.shown), self.due.is_some());
        let message = tokio::select! {
            // The tick comes before everything that may come without end: lifetimes, held
            // replacements and countdowns go on under any burst of keys or reports. It is due
            // once a second, so it holds nobody up.
            biased;
            _ = self.tick.tick(), if needs_tick => Message::Clock,
            message = self.edge.input() => message,
            () = sleep_until(due), if is_due => {
                self.show()?;
                return Ok(None);
            }
            message = self.engine.next() => message,
        };
        // Reports can wait for the next frame; whoever pressed a key waits for its answer.
        let at_once = !matches!(message, Message::Report(_) | Message::Stored(_));
        if let Some(left) = self.take_up(message).await? {
            return Ok(Some(left));
        }
        for _ in 0..BATCH {
            let Some(message) = self.engine.try_next() else { break };
            if let Some(left) = self.take_up(message).await? {
                return Ok(Some(left));
            }
        }
        if let Some(message) = self.engine.dropped() {
            self.take_up(message).await?;
        }
        if at_once {
            self.show()?;
        } else {
            self.due.get_or_insert(self.shown + FRAME);
        }
        Ok(None)
    }

    /// Takes one message through the model and carries out what follows. `Some` when that is to
    /// leave.
    pub async fn take_up(&mut self, message: Message) -> io::Result<Option<Left>> {
        self.edge.before(&self.engine.model, &message);
        let effects = self.engine.handle(message);
        self.edge.after(&self.engine.model);
        for effect in effects {
            match effect {
                Effect::Quit(exit) => return Ok(Some(Left::Exit(exit))),
                Effect::Turn(turn) => return Ok(Some(Left::Turn(turn))),
                for_the_edge => self.edge.act(for_the_edge, &self.engine.model).await?,
            }
        }
        Ok(None)
    }

    fn show(&mut self) -> io::Result<()> {
        self.edge.show(&mut self.engine.model)?;
        (self.shown, self.due) = (Instant::now(), None);
        Ok(())
    }
}

/// A tick that was missed is not made up for: the model looks at the time, it does not count.
fn ticking(every: Duration) -> Interval {
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick
}
