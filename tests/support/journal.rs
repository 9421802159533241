//! A journal for stories that do not look at one.

use spot_tui::aws::network::{NetworkCall, RecordIntent};

/// A journal that keeps nothing.
pub(crate) struct Unrecorded;

impl RecordIntent for Unrecorded {
    type Entry = ();

    async fn open(&self, _: NetworkCall) -> Result<(), String> {
        Ok(())
    }

    async fn close(&self, (): ()) -> Result<(), String> {
        Ok(())
    }
}
