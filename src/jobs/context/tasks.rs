//! Many tasks at once, and the chance in their pauses.

use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

/// Waits for all of these and gives back what each came to. One that panics is `lost` and stops no
/// other, as [`JoinSet::join_all`] would.
pub(in crate::jobs) async fn together<T: 'static>(
    mut tasks: JoinSet<T>,
    lost: impl Fn() -> T,
) -> Vec<T> {
    let mut all = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        // The panic's text was logged by the hook.
        all.push(ended.unwrap_or_else(|_| lost()));
    }
    all
}

/// A pause of half to one and a half times this length, so that what was refused together does
/// not come back together.
pub(in crate::jobs) fn jitter(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    pause / 2 + pause.mul_f64(f64::from(nanos.subsec_nanos() % 1000) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_panics_stops_no_other() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("a bug") });
        tasks.spawn(async {
            tokio::task::yield_now().await;
            2
        });
        let mut all = together(tasks, || 1).await;
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    }
}
