//! The operating system's signals, as messages.

use std::io;
use std::process;
use std::time::Duration;

use tokio::signal::unix::{self, SignalKind};

use super::terminal;
use crate::app::{Exit, Signal};

/// How long the program may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(5);

/// The signals that end the program.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// From now on the signals come here and no longer kill the process.
    pub(super) fn listen() -> io::Result<Self> {
        tokio::spawn(insist(
            unix::signal(SignalKind::terminate())?,
            unix::signal(SignalKind::hangup())?,
        ));
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
        }
    }
}

/// Ends the process when the loop does not: it may hang on a disk or a terminal that is gone, and
/// the journal holds what matters.
async fn insist(mut terminate: unix::Signal, mut hang_up: unix::Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    tokio::time::sleep(GRACE).await;
    terminal::leave();
    process::exit(Exit::Interrupted.code().into());
}
