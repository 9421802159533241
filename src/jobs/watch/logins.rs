//! Tells when the login has ended under what runs, and when it goes on: once each, whatever number of
//! calls wait.

use std::sync::Arc;

use crate::fleet::{JobNews, Step};
use crate::jobs::context::Context;
use crate::jobs::context::reporter::Reporter;

/// Tells until cancelled.
pub(super) async fn tell_of_logins(context: Arc<Context>, reporter: Reporter) {
    let mut changes = context.access.logins.changes();
    let mut is_ended = false;
    loop {
        let ended = changes.borrow_and_update().clone();
        if ended.is_some() != is_ended {
            is_ended = ended.is_some();
            let why = ended.map(|error| error.failure(Step::Account));
            reporter.job_news(JobNews::LoginEnded(why)).await;
        }
        // It lives as long as the context.
        drop(changes.changed().await);
    }
}
