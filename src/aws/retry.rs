//! Retry with backoff: what is right but too early is tried again. How long is the caller's to
//! say.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::error::AwsError;
use crate::retry::{DEPENDENT, DEPENDENT_ATTEMPTS};

/// Does something until it works, fails for good, or the deadline has come. `worth` says which
/// refusals time can mend.
pub async fn retry_until<T, Fut>(
    deadline: Instant,
    worth: fn(&AwsError) -> bool,
    act: impl FnMut() -> Fut,
) -> Result<T, AwsError>
where
    Fut: Future<Output = Result<T, AwsError>>,
{
    retry(1, deadline, worth, act).await
}

/// The same within so long, and [`DEPENDENT_ATTEMPTS`] times at the least: where each answer takes as
/// long as all of them may, nothing would be asked for again.
pub(super) async fn retry_within<T, Fut>(
    window: Duration,
    worth: fn(&AwsError) -> bool,
    act: impl FnMut() -> Fut,
) -> Result<T, AwsError>
where
    Fut: Future<Output = Result<T, AwsError>>,
{
    retry(DEPENDENT_ATTEMPTS, Instant::now() + window, worth, act).await
}

async fn retry<T, Fut>(
    at_least: usize,
    deadline: Instant,
    worth: fn(&AwsError) -> bool,
    mut act: impl FnMut() -> Fut,
) -> Result<T, AwsError>
where
    Fut: Future<Output = Result<T, AwsError>>,
{
    let mut backoff = DEPENDENT.backoff();
    let mut pause = backoff.pause();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let goes_on = |pause| attempts < at_least || Instant::now() + pause <= deadline;
        match act().await {
            Err(error) if worth(&error) && goes_on(pause) => {
                tracing::debug!(%error, "trying again in {} ms", pause.as_millis());
                sleep_until(Instant::now() + pause).await;
                pause = backoff.pause();
            }
            done => return done,
        }
    }
}
