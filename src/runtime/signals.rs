//! The operating system's signals, as messages.

use std::future::poll_fn;
use std::io;
use std::process;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{self, SignalKind};

use super::alternate;
use super::tty::Event;
use crate::app::{Exit, Signal};

/// How long the program may take to end after it was told to.
const GRACE: Duration = Duration::from_secs(5);
/// The signals after which nobody is asked anything any more.
const END: [(SignalKind, Signal); 5] = [
    (SignalKind::hangup(), Signal::HangUp),
    (SignalKind::terminate(), Signal::Terminate),
    (SignalKind::quit(), Signal::Terminate),
    (SignalKind::user_defined1(), Signal::Terminate),
    (SignalKind::user_defined2(), Signal::Terminate),
];

/// A file that must not grow any more (`ulimit -f`) is an error of who writes it, and not the end of
/// a process that has instances to end: the system's own way with the signal is to kill.
pub(super) fn outlive_file_limits() -> io::Result<()> {
    // Nobody has to listen: what counts is that it is handled, and that stays so.
    unix::signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// The signals that end the program. All that could: one that nobody listens to kills on the spot,
/// and leaves a terminal in raw mode behind.
#[derive(Debug)]
pub(super) struct Signals(Vec<(unix::Signal, Signal)>);

impl Signals {
    /// From now on the signals come here and no longer kill the process.
    pub(super) fn listen() -> io::Result<Self> {
        tokio::spawn(insist(Self::of(&END)?));
        let interrupt = Self::of(&[(SignalKind::interrupt(), Signal::Interrupt)])?;
        Ok(Self(interrupt.0.into_iter().chain(Self::of(&END)?.0).collect()))
    }

    fn of(kinds: &[(SignalKind, Signal)]) -> io::Result<Self> {
        let listen = |(kind, message): &(SignalKind, Signal)| Ok((unix::signal(*kind)?, *message));
        kinds.iter().map(listen).collect::<io::Result<_>>().map(Self)
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let mut come = self.0.iter_mut().filter_map(|(signal, message)| {
                signal.poll_recv(context).is_ready().then_some(*message)
            });
            come.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals with which a shell stops its jobs and takes them up again. A command without a
/// screen does not listen to them: the system's own way is right for it.
#[derive(Debug)]
pub(super) struct JobControl {
    stop: unix::Signal,
    go_on: unix::Signal,
}

impl JobControl {
    /// From now on SIGTSTP stops nothing any more: whoever hears of it has to.
    pub(super) fn listen() -> io::Result<Self> {
        let stop = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
        let go_on = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self { stop: unix::signal(stop)?, go_on: unix::signal(go_on)? })
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Event {
        tokio::select! {
            // Whoever stopped its own group hears of that only when it goes on: it must not take
            // it for a new wish.
            biased;
            _ = self.stop.recv() => Event::Stop,
            _ = self.go_on.recv() => Event::Continued,
        }
    }
}

/// Ends the process when the loop does not: it may hang on a disk or a terminal that is gone, and
/// the journal holds what matters.
async fn insist(mut end: Signals) {
    end.next().await;
    tokio::time::sleep(GRACE).await;
    alternate::leave();
    process::exit(Exit::Interrupted.code().into());
}
