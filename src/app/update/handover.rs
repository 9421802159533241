//! Handing over the state to another process of the same user, and asking for it. The runtime carries
//! it; here is when.

use jiff::SignedDuration;

use crate::app::{Effect, Model, Turn};
use crate::fleet::Level;

/// How long what is under way may go on before it is left to who takes over: the journal tells them.
const GRACE: SignedDuration = SignedDuration::from_secs(20);
const STATE: &str = "state";

/// Somebody asks for it: nothing new is begun, and what is under way may come to its end.
pub(super) fn wanted(model: &mut Model, by: &str) -> Vec<Effect> {
    if model.yields_at.is_none() {
        model.yields_at = Some(model.now + GRACE);
        model.tell(Level::Info, STATE, format!("{by} asks for the state: it is handed over"));
    }
    yield_if_due(model)
}

/// Lets go once nothing changes anything any more, or when that takes too long.
pub(super) fn yield_if_due(model: &Model) -> Vec<Effect> {
    match model.yields_at {
        Some(at) if model.now >= at || model.changing().next().is_none() => {
            model.persist().into_iter().chain([Effect::Turn(Turn::Reopen)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Asks who holds the state to hand it over.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    match (&model.read_only, &model.holder) {
        (None, _) => {
            model.flash(Level::Info, STATE, "this process holds the state already");
            Vec::new()
        }
        (Some(_), Some(holder)) => {
            let text = format!("{holder} is asked to hand it over; it ends what it is at");
            model.flash(Level::Info, STATE, text);
            vec![Effect::TakeOver]
        }
        (Some(why), None) => {
            let text = format!("nobody can hand it over: {why}");
            model.flash(Level::Warning, STATE, text);
            Vec::new()
        }
    }
}

/// What came of asking: it is free, and who opens anew has it.
pub(super) fn given(model: &mut Model, given: Result<(), String>) -> Vec<Effect> {
    match given {
        Ok(()) => vec![Effect::Turn(Turn::Reopen)],
        Err(why) => {
            model.flash(Level::Warning, STATE, why);
            Vec::new()
        }
    }
}
