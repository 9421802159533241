//! Writes down what happened, beside the loop: one write at a time, whatever has come since the last
//! one. That it fails stops nothing; it is said once, in the log file.

use std::io;

use futures_util::FutureExt;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use crate::app::{LogLine, kept_line};
use crate::store::EventFile;

/// The most lines that wait.
const WAITING: usize = 4_000;

/// The writer of one file of events; without a file it writes nothing.
#[derive(Debug)]
pub(super) struct EventWriter {
    file: Option<EventFile>,
    waiting: Vec<String>,
    writing: Option<JoinHandle<io::Result<()>>>,
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
        if let Some(ended) = self.writing.as_mut().and_then(FutureExt::now_or_never) {
            self.ended(ended);
        }
        let Some(file) = &self.file else { return };
        let is_at_work = self.writing.is_some();
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
        if let Some(writing) = &mut self.writing {
            let ended = writing.await;
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<io::Result<()>, JoinError>) {
        self.writing = None;
        if let Ok(Err(error)) = ended
            && !self.is_said
        {
            self.is_said = true;
            tracing::warn!(%error, "the events were not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::read_lines;
    use crate::store::Paths;

    fn line(text: &str) -> LogLine {
        let line = format!(
            r#"{{"at":"2026-11-28T17:00:00Z","level":"info","about":"a","text":"{text}"}}"#
        );
        read_lines([line.as_str()]).remove(0)
    }

    #[tokio::test]
    async fn what_happened_is_written_once_there_are_instances() {
        let folder = tempfile::tempdir().unwrap();
        let file = EventFile::new(&Paths::new(folder.path().join("instances.json")));
        let mut writer = EventWriter::new(Some(file.clone()));
        writer.note(&line("one"));
        writer.begin(false);
        writer.finish(false).await;
        assert!(!file.exists(), "who only looks around leaves no file");
        writer.note(&line("two"));
        writer.begin(true);
        writer.note(&line("three"));
        writer.finish(true).await;
        let read = file.read();
        let read = read_lines(read.iter().map(String::as_str));
        let said: Vec<&str> = read.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(said, ["one", "two", "three"]);
    }
}
