//! Where log lines go: the log panel, and a file under the platform's state directory.
//!
//! `tui-logger`'s own thread, which wakes a hundred times a second, is never started: the loop
//! moves its events when a frame is due.

use std::fs;
use std::path::PathBuf;

use directories::ProjectDirs;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

/// The target of the lines that people read: what jobs say. The log panel shows it alone.
pub(super) const STORY: &str = "story";

/// How many days of log files are kept.
const DAYS: usize = 7;

/// How many lines may wait for the file; more are dropped. The room is made at the start, and the
/// crate's own limit takes 4 MB and 2 ms.
const LINES: usize = 8192;

/// Lives as long as log lines are to reach the file.
#[derive(Debug, Default)]
pub(super) struct Trace {
    _file: Option<WorkerGuard>,
}

/// Starts logging. `debug` is SPOT_DEBUG=1. Without a writable state directory there is no file:
/// that is no reason not to start.
pub(super) fn start(debug: bool) -> Trace {
    let level = if debug { LevelFilter::DEBUG } else { LevelFilter::INFO };
    tui_logger::set_default_level(log::LevelFilter::Trace);
    let panel = tui_logger::TuiTracingSubscriberLayer.with_filter(level);
    let folder = state_folder();
    let appender = folder.as_ref().and_then(|folder| {
        fs::create_dir_all(folder).ok()?;
        Builder::new()
            .rotation(Rotation::DAILY)
            .filename_prefix("spot-tui")
            .filename_suffix("log")
            .max_log_files(DAYS)
            .build(folder)
            .ok()
    });
    let (file, guard) = match appender {
        Some(appender) => {
            let (writer, guard) =
                NonBlockingBuilder::default().buffered_lines_limit(LINES).finish(appender);
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
