//! Writes the ledger beside the loop: one write at a time, and every line in its order.

use std::future;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::fleet::LedgerLine;
use crate::store::{LedgerFile, StoreError};

/// A write under way: it has the file, and the lines that go into it.
type Writing = JoinHandle<(LedgerFile, Vec<LedgerLine>, Result<(), StoreError>)>;

/// The writer of one ledger; without a file it writes nothing (read-only).
#[derive(Debug, Default)]
pub(super) struct Bookkeeper {
    file: Option<LedgerFile>,
    waiting: Vec<LedgerLine>,
    writing: Option<Writing>,
    has_failed: bool,
}

impl Bookkeeper {
    /// From now on lines are written to this file.
    pub(super) fn keep(&mut self, file: LedgerFile) {
        self.file = Some(file);
    }

    /// Writes these, behind those that wait already. What could not be written is tried again with
    /// them.
    pub(super) fn post(&mut self, lines: Vec<LedgerLine>) {
        if self.file.is_none() && self.writing.is_none() {
            return;
        }
        self.waiting.extend(lines);
        self.begin();
    }

    fn begin(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if let Some(mut file) = self.file.take() {
            let lines = std::mem::take(&mut self.waiting);
            self.writing = Some(spawn_blocking(move || {
                let written = file.append(&lines);
                (file, lines, written)
            }));
        }
    }

    /// Whether a write is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }

    /// Waits for the end of a write, and tells what is worth telling: that it failed, or that one
    /// goes well again. Cancel-safe. Pends while nothing is written.
    pub(super) async fn next(&mut self) -> Option<Result<(), String>> {
        if self.writing.is_none() {
            return future::pending().await;
        }
        let had_failed = self.has_failed;
        let written = self.written().await;
        (written.is_err() || had_failed).then_some(written)
    }

    /// Waits for the write that is under way, and begins the next one if that went well.
    async fn written(&mut self) -> Result<(), String> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let ended = writing.await;
        self.writing = None;
        let written = match ended {
            Ok((file, lines, written)) => {
                self.file = Some(file);
                if written.is_err() {
                    self.waiting.splice(..0, lines);
                }
                written.map_err(|error| error.failure().to_string())
            }
            Err(panic) => Err(panic.to_string()),
        };
        self.has_failed = written.is_err();
        if written.is_ok() {
            self.begin();
        }
        written
    }

    /// Brings the file up to date before the program ends.
    pub(super) async fn finish(&mut self, lines: Vec<LedgerLine>) -> Result<(), String> {
        self.post(lines);
        while self.writing.is_some() {
            self.written().await?;
        }
        Ok(())
    }
}
