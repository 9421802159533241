//! How a message gets to somebody: in the words of their service, by one request or one run of a
//! program. Knows nothing of queues: when to try again, and when to give up, is its caller's to
//! decide, by the [`Attempt`] that comes of it.
//!
//! A webhook's URL is a secret, and nothing here repeats it: what is told names the host.

mod attempt;
mod body;
mod command;
mod signature;
mod webhook;

use std::time::Duration;

pub use attempt::Attempt;
pub use body::event;
use jiff::Timestamp;
pub use signature::{Key, WrongKey};
pub use webhook::{Webhook, WrongUrl};

use crate::fleet::Digest;

/// Somewhere to deliver messages to.
#[derive(Debug, Clone)]
pub enum Target {
    /// By an HTTP request.
    Webhook(Webhook),
    /// To a program of this machine, with its arguments.
    Command(Vec<String>),
    /// It was configured, and cannot be used for this reason.
    Unusable(String),
}

impl Target {
    /// Where it is, as people may read it.
    pub fn place(&self) -> String {
        match self {
            Self::Webhook(webhook) => webhook.host().to_owned(),
            Self::Command(words) => words.first().cloned().unwrap_or_default(),
            Self::Unusable(why) => why.clone(),
        }
    }

    /// Tries once. `now` is the moment of this try; a request has `limit`, a program twice as long.
    pub async fn deliver(&self, digest: &Digest, now: Timestamp, limit: Duration) -> Attempt {
        match self {
            Self::Webhook(webhook) => webhook.post(digest, now, limit).await,
            Self::Command(words) => command::run(words, &event(digest), limit * 2).await,
            Self::Unusable(why) => Attempt::Later(why.clone(), None),
        }
    }
}
