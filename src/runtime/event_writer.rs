//! Writes down what happened, beside the loop: one write at a time, whatever has come since the last
//! one. That it fails stops nothing; it is said once, in the log file.

use tokio::task::{JoinHandle, spawn_blocking};

use crate::app::{LogLine, kept_line};
use crate::store::EventFile;

/// The most lines that wait.
const WAITING: usize = 4_000;

/// The writer of one file of events; without a file it writes nothing.
#[derive(Debug)]
pub(super) struct EventWriter {
    file: Option<EventFile>,
    waiting: Vec<String>,
    writing: Option<JoinHandle<std::io::Result<()>>>,
    /// Whether it was said that nothing can be written.
    is_said: bool,
}

impl EventWriter {
    /// A writer for this file.
    pub(super) fn new(file: Option<EventFile>) -> Self {
        Self { file, waiting: Vec::new(), writing: None, is_said: false }
    }

    /// Takes a line up.
    pub(super) fn note(&mut self, line: &LogLine) {
        if self.file.is_some()
            && self.waiting.len() < WAITING
            && let Some(line) = kept_line(line)
        {
            self.waiting.push(line);
        }
    }

    /// Begins a write, if there is something to write and none is under way. Who only looks around
    /// leaves no file: it is made once there are instances.
    pub(super) fn begin(&mut self, has_instances: bool) {
        let Some(file) = &self.file else { return };
        let is_at_work = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        if self.waiting.is_empty() || is_at_work || !(has_instances || file.exists()) {
            return;
        }
        let (file, lines) = (file.clone(), std::mem::take(&mut self.waiting));
        self.writing = Some(spawn_blocking(move || file.append(&lines)));
    }

    /// Brings the file up to date before the program ends.
    pub(super) async fn finish(&mut self, has_instances: bool) {
        self.end().await;
        self.begin(has_instances);
        self.end().await;
    }

    async fn end(&mut self) {
        let Some(writing) = self.writing.take() else { return };
        if let Ok(Err(error)) = writing.await
            && !self.is_said
        {
            self.is_said = true;
            tracing::warn!(%error, "the events were not written");
        }
    }
}
