//! Standard output of a headless command. Work goes on when nothing can be written; that it could
//! not is told at the end, and is a failure.

use std::io::{self, Write};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::time::sleep;

use super::exit_code::ExitCode;
use super::stderr;

/// Why something was not written.
static LOST: OnceLock<String> = OnceLock::new();

/// Whether its reader went away.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Between two looks whether there is still a reader.
const GLANCE: Duration = Duration::from_secs(1);

/// Standard output. A reader that went away is no failure.
#[derive(Debug)]
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        noted(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        noted(io::stdout().flush())
    }
}

fn noted<T>(written: io::Result<T>) -> io::Result<T> {
    let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if written.as_ref().is_err_and(is_closed) {
        CLOSED.store(true, Ordering::Relaxed);
    }
    if let Err(error) = &written
        && !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted)
    {
        // The first one is told.
        let _ = LOST.set(error.to_string());
    }
    written
}

/// Whether its reader went away: who prints again and again may stop.
pub(super) fn is_closed() -> bool {
    CLOSED.load(Ordering::Relaxed)
}

/// Waits until its reader goes away, of whom one hears else only by writing: for who may have nothing
/// to write for long. What has no reader, a file, is never left by one.
pub(super) async fn closed() {
    while !has_lost_reader(io::stdout().as_fd()) {
        sleep(GLANCE).await;
    }
    CLOSED.store(true, Ordering::Relaxed);
}

/// Whether nobody can read any more what is written to a pipe or a socket (poll(2): an error of a pipe, a
/// hang-up of a socket).
fn has_lost_reader(output: BorrowedFd<'_>) -> bool {
    let mut output = [PollFd::from_borrowed_fd(output, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::ERR | PollFlags::HUP;
    poll(&mut output, Some(&at_once)).is_ok() && output[0].revents().intersects(gone)
}

/// Prints a line, or several. A reader that went away is no reason to stop.
pub(super) fn print(text: &str) {
    let _ = writeln!(Stdout, "{text}");
}

/// Writes a text as it is.
pub(super) fn write(text: &str) {
    let _ = Stdout.write_all(text.as_bytes());
}

/// The exit code, once all that was written has arrived.
pub(super) fn finish(code: ExitCode) -> ExitCode {
    let _ = Stdout.flush();
    match LOST.get() {
        Some(why) => {
            stderr::print(&format!("spot-tui: standard output: {why}"));
            code.max(ExitCode::FAILED)
        }
        None => code,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_reader_that_went_away_is_noticed_without_a_word_to_it() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(!has_lost_reader(writer.as_fd()));
        drop(reader);
        assert!(has_lost_reader(writer.as_fd()));
        let (reader, writer) = UnixStream::pair().unwrap();
        assert!(!has_lost_reader(writer.as_fd()));
        drop(reader);
        assert!(has_lost_reader(writer.as_fd()));
        let file = tempfile::tempfile().unwrap();
        assert!(!has_lost_reader(file.as_fd()), "what is written to it stays");
    }
}
