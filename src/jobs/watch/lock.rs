//! Tells how this process stands to the lock between machines: each change of it, and who has it where
//! another one does.

use std::sync::Arc;

use tokio::time::sleep;

use crate::fleet::JobNews;
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// Tells until cancelled.
pub(super) async fn tell_of_lock(context: Arc<Context>, reporter: Reporter) {
    let mut standings = context.launch_lock().changes();
    drop(context.look_at_lock().await);
    loop {
        let standing = standings.borrow_and_update().clone();
        reporter.job_news(JobNews::Lock(standing)).await;
        tokio::select! {
            // It lives as long as the context.
            changed = standings.changed() => drop(changed),
            () = sleep(context.pace.health) => drop(context.look_at_lock().await),
        }
    }
}
