//! The edge of a headless command: signals in, lines out, and what only the user knows asked for on
//! the terminal.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use tokio::task::spawn_blocking;

use super::colour;
use super::event_loop::Edge;
use super::signals::Signals;
use super::stdout::Stdout;
use crate::app::{Effect, Message, Model, Signal};
use crate::fleet::Secret;
use crate::headless::{Format, Printer};

/// A printer in front of a loop.
#[derive(Debug)]
pub(super) struct Lines {
    /// Where everything is told.
    pub printer: Printer<Stdout>,
    signals: Signals,
    answers: VecDeque<Message>,
}

impl Lines {
    /// From now on the system's signals are heard here. Needs a runtime around it.
    pub(super) fn listen(format: Format) -> io::Result<Self> {
        Ok(Self {
            printer: Printer::new(Stdout, format).in_colours(colour::on(&io::stdout())),
            signals: Signals::listen()?,
            answers: VecDeque::new(),
        })
    }

    /// The next signal, while the loop stands. Cancel-safe.
    pub(super) async fn signal(&mut self) -> Signal {
        self.signals.next().await
    }
}

impl Edge for Lines {
    async fn input(&mut self) -> Message {
        match self.answers.pop_front() {
            Some(answer) => answer,
            None => Message::Signal(self.signals.next().await),
        }
    }

    fn show(&mut self, _: &mut Model) -> io::Result<()> {
        // It was all printed as it came.
        Ok(())
    }

    async fn act(&mut self, effect: Effect, _: &Model) -> io::Result<()> {
        if let Effect::Ask(question) = effect {
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
