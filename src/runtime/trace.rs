//! Where log lines go: the log panel, and a file under the platform's state directory.
//!
//! `tui-logger`'s own thread, which wakes a hundred times a second, is never started: the loop
//! moves its events when a frame is due.

use std::path::PathBuf;

use directories::ProjectDirs;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::log_file::LogFile;

/// The target of the lines that people read: what jobs say. The log panel shows it alone.
pub(super) const STORY: &str = "story";

/// How many lines may wait for the file; more are dropped. The room is made at the start, and the
/// crate's own limit takes 4 MB and 2 ms.
const LINES: usize = 8192;

/// Lives as long as log lines are to reach the file.
#[derive(Debug, Default)]
pub(super) struct Trace {
    _file: Option<WorkerGuard>,
}

/// Starts logging. `debug` is SPOT_DEBUG=1: then we tell more, and the crates below us what they do,
/// such as asking for credentials; else only what is wrong. The log panel's room, 1.5 MB, is made where
/// there is one. Without a writable state directory there is no file, nor where nothing may be written: that
/// is no reason not to start.
pub(super) fn start(debug: bool, has_panel: bool, has_file: bool) -> Trace {
    let ours = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    let theirs = if debug { LevelFilter::INFO } else { LevelFilter::WARN };
    let level = Targets::new()
        .with_default(theirs)
        .with_targets([(env!("CARGO_CRATE_NAME"), ours), (STORY, ours)]);
    let panel = has_panel.then(|| {
        tui_logger::set_default_level(log::LevelFilter::Trace);
        // What the SDK warns of in its own words, a job tells in ours.
        let shown =
            if debug { level.clone() } else { level.clone().with_default(LevelFilter::OFF) };
        tui_logger::TuiTracingSubscriberLayer.with_filter(shown)
    });
    let folder = state_folder().filter(|_| has_file);
    let file = folder.and_then(|folder| LogFile::open(&folder).ok());
    let (file, guard) = match file {
        Some(file) => {
            let (writer, guard) =
                NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(file);
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(writer)
                .with_filter(level);
            (Some(layer), Some(guard))
        }
        None => (None, None),
    };
    let subscriber = tracing_subscriber::registry().with(panel).with(file);
    // A second start in one process (tests) keeps the first one's sinks.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Trace { _file: guard }
}

/// Where log files and the remembered layout lie.
pub(super) fn state_folder() -> Option<PathBuf> {
    let project = ProjectDirs::from("", "", "spot-tui")?;
    Some(project.state_dir().unwrap_or_else(|| project.data_local_dir()).to_owned())
}
