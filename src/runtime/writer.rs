//! Writes the state file beside the loop: one write at a time, and always the newest state.

use std::future;

use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::app::Model;
use crate::fleet::Phase;
use crate::store::{State, StateFile, StoreError, StoredInstance};

/// The writer of one state file; without a file it writes nothing (read-only).
#[derive(Debug)]
pub(super) struct Writer {
    file: Option<StateFile>,
    unsaved: bool,
    writing: Option<JoinHandle<Result<(), StoreError>>>,
    /// Who waits until the newest state is on the disk.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Writer {
    /// A writer for this file.
    pub(super) fn new(file: Option<StateFile>) -> Self {
        Self { file, unsaved: false, writing: None, waiting: Vec::new() }
    }

    /// Notes that the model holds more than the file.
    pub(super) fn request(&mut self) {
        self.unsaved = self.file.is_some();
    }

    /// What is ready as soon as a write of all that was requested so far has been tried: its end, be
    /// that an error, for whoever waits decides itself what to do without a disk. `None` where
    /// there is nothing to wait for.
    pub(super) fn saved(&mut self) -> Option<oneshot::Receiver<()>> {
        if !self.unsaved {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(sender);
        Some(receiver)
    }

    /// Begins a write if one is wanted and none is under way. While the deployment's id is only
    /// made up it is not written: the next process would take it for ours and ask no tags.
    pub(super) fn begin(&mut self, model: &Model, is_provisional: bool) {
        let Some(file) = &self.file else { return };
        if !self.unsaved || self.writing.is_some() {
            return;
        }
        self.unsaved = false;
        let file = file.clone();
        let gone = model.fleet.gone();
        let entries = model
            .fleet
            .instances()
            .filter(|instance| instance.phase != Phase::Terminated)
            .filter_map(StoredInstance::of)
            .collect();
        let deployment = (!is_provisional).then(|| model.deployment.clone());
        let spent = model.fleet.spent_for_good();
        let account = model.account.as_ref().map(|account| account.id.clone());
        let upkeep = Some(model.upkeep.clone());
        let state = State { deployment, account, entries, spent, upkeep };
        self.writing = Some(spawn_blocking(move || file.write(&state, &gone)));
    }

    /// Waits for the write that is under way. Cancel-safe. Pends while there is none.
    pub(super) async fn next(&mut self) -> Result<(), String> {
        let Some(writing) = &mut self.writing else { return future::pending().await };
        let written = writing.await;
        self.writing = None;
        if !self.unsaved {
            // Each of them waits for its own drop.
            self.waiting.clear();
        }
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.failure().to_string()),
            Err(panic) => Err(panic.to_string()),
        }
    }

    /// Brings the file up to date before the program ends. A write that failed is tried once more.
    pub(super) async fn finish(
        &mut self,
        model: &Model,
        is_provisional: bool,
    ) -> Result<(), String> {
        let mut outcome = Ok(());
        if model.unsaved.is_some() {
            self.request();
        }
        loop {
            if self.writing.is_some() {
                outcome = self.next().await;
            }
            self.begin(model, is_provisional);
            if self.writing.is_none() {
                return outcome;
            }
        }
    }
}
