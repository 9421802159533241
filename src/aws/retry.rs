//! Retry with backoff: what is right but too early is tried again. How long is the caller's to
//! say.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::class::Class;
use super::error::AwsError;

/// The pause after the first refusal; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// Does something until it works, fails for good, or the deadline has come. `worth` says which
/// refusals time can mend.
pub async fn retry_until<T, Fut>(
    deadline: Instant,
    worth: fn(Class) -> bool,
    mut act: impl FnMut() -> Fut,
) -> Result<T, AwsError>
where
    Fut: Future<Output = Result<T, AwsError>>,
{
    let mut pause = FIRST;
    loop {
        match act().await {
            Err(error) if worth(error.class) && Instant::now() + pause <= deadline => {
                tracing::debug!(%error, "trying again in {} ms", pause.as_millis());
                sleep_until(Instant::now() + pause).await;
                pause = (pause * 2).min(LONGEST);
            }
            done => return done,
        }
    }
}
