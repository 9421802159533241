//! A trap in the proxy: it says when a call is at a certain point, and holds the call there until
//! whoever sent it is dead.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Where in its life a call is caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Moment {
    /// It was written by the program and never reaches EC2.
    Unsent,
    /// It takes effect, and the answer never comes.
    Unanswered,
    /// It is answered.
    Answered,
    /// It takes effect only after the program has been started again.
    Late,
    /// It is held up for a while and then goes its way.
    Held,
}

impl Moment {
    /// Those at which to kill.
    pub(crate) const ALL: [Self; 4] = [Self::Unsent, Self::Unanswered, Self::Answered, Self::Late];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Unsent => "before it is sent",
            Self::Unanswered => "before the answer",
            Self::Answered => "after the answer",
            Self::Late => "in flight, done later",
            Self::Held => "held up",
        }
    }
}

/// A door that opens once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits until it is open, at most half a minute.
    pub(crate) fn pass(&self) {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(open, Duration::from_secs(30), |open| !*open);
        drop(waited);
    }
}

/// What the proxy keeps of a trap.
#[derive(Debug, Clone)]
pub(super) struct Set {
    /// The action; any that changes something where it is left out.
    pub(super) action: Option<String>,
    /// Which call of these, from 1.
    pub(super) nth: usize,
    pub(super) moment: Moment,
    sprung: Sender<()>,
    gate: Gate,
}

/// What the test keeps of it.
#[derive(Debug)]
pub(crate) struct Trap {
    /// Says when a call is in it.
    pub(crate) sprung: Receiver<()>,
    /// Lets the call go.
    pub(crate) gate: Gate,
}

impl Set {
    pub(super) fn new(action: Option<String>, nth: usize, moment: Moment) -> (Self, Trap) {
        let (sender, sprung) = channel();
        let gate = Gate::default();
        let set = Self { action, nth, moment, sprung: sender, gate: gate.clone() };
        (set, Trap { sprung, gate })
    }

    /// Counts a call of this action; true when it is the one.
    pub(super) fn counts(&mut self, action: &str, is_mutating: bool) -> bool {
        let is_meant = self.action.as_ref().map_or(is_mutating, |wanted| wanted == action);
        if !is_meant || self.nth == 0 {
            return false;
        }
        self.nth -= 1;
        self.nth == 0
    }

    /// Says that the call is here.
    pub(super) fn spring(&self) {
        // The test may have gone on to its next story.
        let _ = self.sprung.send(());
    }

    /// Holds the call.
    pub(super) fn hold(&self) {
        self.gate.pass();
    }
}
