//! Retry with backoff: what is right but too early is tried again. How long is the caller's to
//! say.

use tokio::time::{Instant, sleep_until};

use super::error::AwsError;
use crate::retry::DEPENDENT;

/// Does something until it works, fails for good, or the deadline has come. `worth` says which
/// refusals time can mend.
pub async fn retry_until<T, Fut>(
    deadline: Instant,
    worth: fn(&AwsError) -> bool,
    mut act: impl FnMut() -> Fut,
) -> Result<T, AwsError>
where
    Fut: Future<Output = Result<T, AwsError>>,
{
    let mut backoff = DEPENDENT.backoff();
    let mut pause = backoff.pause();
    loop {
        match act().await {
            Err(error) if worth(&error) && Instant::now() + pause <= deadline => {
                tracing::debug!(%error, "trying again in {} ms", pause.as_millis());
                sleep_until(Instant::now() + pause).await;
                pause = backoff.pause();
            }
            done => return done,
        }
    }
}
